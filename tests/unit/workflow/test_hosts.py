"""check-host: which image is meant, who tells of it, and what of this machine counts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from builder.engine import connect
from builder.engine.port import EngineInfo, ImageInfo
from builder.errors import EngineError, RegistryError, UsageError
from builder.network import redact
from builder.progress import Event, silent
from builder.spec.project import Project, find_project
from builder.workflow.hosts import Checked, Question, check_host, engine_facts
from tests.support.fake_engine import FakeEngine
from tests.support.fake_registry import fake_registry
from tests.support.made_host import CTK, MadeHost

CUDA = {
    "io.imgbuild.image": "train",
    "io.imgbuild.cuda": "13.0",
    "io.imgbuild.driver": "580",
    "io.imgbuild.gpus": "sm_80 sm_90",
    "io.imgbuild.torch": "2.13.0",
}
H100 = "NVIDIA H100 80GB HBM3, GPU-bc5610b9-79c8-fedd-8899-07539c7f868a, 580.95.05, 9.0"
REF = "lab.example.org/team/train:1"


class GpuEngine(FakeEngine):
    """A fake with the runtimes that a test gives it."""

    runtimes: tuple[str, ...] = ("runc",)
    here: bool = True

    def info(self) -> EngineInfo:
        plain = super().info()
        return EngineInfo(plain.version, plain.api_version, plain.platform, True, plain.endpoint, "overlay2",
                          here=self.here, runtimes=self.runtimes)  # fmt: skip

    def hold(self, tag: str, labels: Mapping[str, str], env: Mapping[str, str] | None = None) -> None:
        image = ImageInfo(f"sha256:{len(self.images):064d}", (), labels, 1, "linux/amd64", env=env or {})
        self.images[image.id] = image
        self.tags[tag] = image.id


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> GpuEngine:
    made = GpuEngine()
    monkeypatch.setattr(connect, "connect", lambda: made)
    return made


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise EngineError("no container engine answers")

    monkeypatch.setattr(connect, "connect", refuse)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(redact, "_known", set())
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def made(tmp_path: Path) -> MadeHost:
    """A machine with an H100 and the toolkit."""
    host = MadeHost(tmp_path / "made")
    host.smi(H100)
    host.program("nvidia-ctk", CTK)
    return host


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "project/envs/train"
    folder.mkdir(parents=True)
    (folder / "environment.yml").write_text("dependencies: [python]\n")
    (folder / "image.yml").write_text("variants:\n  old: {environment: environment.yml}\n")
    return find_project(tmp_path / "project")


def check(project: Project, name: str, made: MadeHost, **more: object) -> Checked:
    return check_host(project, name, Question(machine=made.machine, platform="linux/amd64", **more), silent)  # type: ignore[arg-type]


def answers(found: Checked) -> dict[str, str]:
    return {point.what: point.fits for point in found.points}


def test_it_fits(engine: GpuEngine, project: Project, made: MadeHost) -> None:
    engine.runtimes = ("nvidia", "runc")
    engine.hold("imgbuild/train:latest", CUDA)
    found = check(project, "train", made)
    assert found.fits == "yes"
    assert set(answers(found)) == {"platform", "driver", "GPU", "container toolkit"}
    assert found.subject is not None
    assert found.subject.place == "engine"


def test_an_engine_without_the_runtime(engine: GpuEngine, project: Project, made: MadeHost) -> None:
    engine.hold("imgbuild/train:latest", CUDA)
    found = check(project, "train", made)
    assert (found.fits, answers(found)["container toolkit"]) == ("no", "no")
    assert "imgbuild doctor" in found.points[-1].fix


def test_an_engine_elsewhere_is_not_known(engine: GpuEngine, project: Project, made: MadeHost) -> None:
    engine.here, engine.runtimes = False, ("nvidia", "runc")
    engine.hold("imgbuild/train:latest", CUDA)
    assert check(project, "train", made).fits == "unknown"
    made.write(
        "/usr/lib/wsl/lib/libcuda.so.1", ""
    )  # Docker Desktop's machine shares the GPUs of Linux within Windows
    assert check(project, "train", made).fits == "yes"


def test_a_variant_has_its_own_image(engine: GpuEngine, project: Project, made: MadeHost) -> None:
    engine.hold("imgbuild/train:old", {**CUDA, "io.imgbuild.gpus": "sm_60"})
    assert check(project, "train@old", made).fits == "no"
    with pytest.raises(UsageError, match="no image imgbuild/train:latest"):
        check(project, "train", made)


def test_any_image_of_the_engine(engine: GpuEngine, project: Project, made: MadeHost) -> None:
    engine.hold(REF, {}, {"CUDA_VERSION": "12.4.1"})
    found = check(project, REF, made)
    assert (found.said, found.fits) == ("variables", "no")


def test_another_machine_is_not_this_one(engine: GpuEngine, project: Project, made: MadeHost) -> None:
    engine.hold("imgbuild/train:latest", CUDA)
    found = check(project, "train", made, gpus=("a100", "h100"), driver="580")
    assert found.fits == "yes"
    assert found.host.asked
    assert found.host.looked == ()
    assert check(project, "train", made, gpus=("v100",), driver="580").fits == "no"
    assert check(project, "train", made, gpus=("a100",), driver="535").fits == "no"
    assert check(project, "train", made, gpus=("a100",)).fits == "unknown"


def test_wrong_words_are_told_before_anything_is_asked(
    engine: GpuEngine, project: Project, made: MadeHost
) -> None:
    for more in ({"gpus": ("h1000",)}, {"driver": "new"}):
        with pytest.raises(UsageError):
            check(project, "train", made, **more)
    assert engine.calls == []


def test_the_registry_is_asked_where_the_engine_has_nothing(
    engine: GpuEngine, project: Project, made: MadeHost
) -> None:
    events: list[Event] = []
    with fake_registry() as site:
        digest = site.image("train", "1", Labels=CUDA, Env=["A=b"])
        question = Question(machine=made.machine, platform="linux/amd64", gpus=("h100",), driver="580")
        found = check_host(project, f"{site.host}/train:1", question, events.append)
    assert found.fits == "yes"
    assert found.subject is not None
    assert (found.subject.place, found.subject.id) == ("registry", digest)
    assert "the engine does not have it" in str(events[0])
    assert "pull" not in engine.calls


@pytest.mark.usefixtures("no_engine")
def test_the_registry_is_asked_without_an_engine(project: Project, made: MadeHost) -> None:
    with fake_registry() as site:
        site.image("train", "1", Labels=CUDA)
        found = check(project, f"{site.host}/train:1", made)
    assert answers(found)["container toolkit"] == "unknown"  # nobody to ask for its runtimes
    assert found.fits == "unknown"


def test_from_the_registry_although_the_engine_has_one(
    engine: GpuEngine, project: Project, made: MadeHost
) -> None:
    with fake_registry() as site:
        site.image("train", "1", Labels={"io.imgbuild.image": "cpu"})
        engine.hold(f"{site.host}/train:1", CUDA)
        assert check(project, f"{site.host}/train:1", made, source="registry").said == "cpu"
        assert check(project, f"{site.host}/train:1", made).said == "labels"


def test_an_index_without_this_platform_does_not_fit(
    engine: GpuEngine, project: Project, made: MadeHost
) -> None:
    with fake_registry() as site:
        site.index("train", "1", {"linux/arm64": site.image("train")})
        found = check(project, f"{site.host}/train:1", made)
    assert (found.fits, answers(found)) == ("no", {"platform": "no"})


@pytest.mark.usefixtures("no_engine")
def test_who_cannot_be_asked(project: Project, made: MadeHost) -> None:
    with pytest.raises(EngineError, match="no container engine"):
        check(project, "train", made)
    with pytest.raises(EngineError, match="no container engine"):
        check(project, REF, made, source="engine")
    with pytest.raises(RegistryError):
        check(project, "127.0.0.1:1/a:1", made)
    with pytest.raises(UsageError, match="no registry knows"):
        check(project, "train", made, source="registry")
    with pytest.raises(UsageError, match="no repository"):
        check(project, "Not An Image", made)


@pytest.mark.parametrize(
    ("endpoint", "rootless"),
    [("unix:///var/run/docker.sock", False), ("unix:///run/user/1000/docker.sock", True)],
)
def test_a_rootless_engine(endpoint: str, rootless: bool) -> None:
    found = engine_facts(EngineInfo("28.0", "1.48", "linux/amd64", True, endpoint, "overlay2"))
    assert found is not None
    assert found.rootless is rootless


@pytest.mark.usefixtures("no_engine")
def test_a_slip_does_not_ask_docker_hub(project: Project, made: MadeHost) -> None:
    with pytest.raises(UsageError) as caught:
        check(project, "trian", made)
    assert "did you mean train" in caught.value.fix


def test_the_engines_own_image_is_no_slip(engine: GpuEngine, project: Project, made: MadeHost) -> None:
    engine.hold("trian:latest", CUDA)
    assert check(project, "trian", made).said == "labels"


@pytest.mark.parametrize("name", ["Train", "x y", "", "a:b:c", "http://lab.test/x", "x\x1b[31m"])
def test_what_can_be_no_image(engine: GpuEngine, project: Project, made: MadeHost, name: str) -> None:
    with pytest.raises(UsageError):
        check(project, name, made)
    assert "find" not in engine.calls
