"""The CUDA truth check where it belongs: after a real solve and a real resolve, and whenever a lock is read."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from builder.errors import LockError
from builder.lock.files import write_lock
from builder.lock.make import make_lock
from builder.lock.model import LockSet, SourceId
from builder.progress import Event, Note, silent
from builder.spec.model import Allowance, CondaEnvironment
from builder.workflow.locking import current_lock
from tests.support import workshop
from tests.support.local_channel import add_conda, add_wheel, index
from tests.support.lock_samples import SampleSource, conda_environment, image_spec, sha
from tests.support.workshop import REPOSITORY, Ran

KIT = SourceId(kind="kit", kit=sha("kit"))
CUDA_RUNTIME = "nvidia-cuda-runtime-cu12"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("kit")
    _fill_channel(root / "channel")
    wheels = root / "wheels"
    add_wheel(wheels, "torch", "9.9.9")  # must never be taken in place of conda's
    add_wheel(wheels, "torch", "2.9.1", needs=[f"{CUDA_RUNTIME}==12.8.90"])
    add_wheel(wheels, "torch", "2.8.0+cpu")
    add_wheel(wheels, CUDA_RUNTIME, "12.8.90")
    add_wheel(wheels, "trainer", "1.0", needs=["torch>=2"])
    add_wheel(wheels, "augment", "1.0", needs=["opencv-python-headless>=4.9"])
    add_wheel(wheels, "opencv-python-headless", "9.9")
    add_wheel(wheels, "opencv-contrib-python", "4.13")
    add_wheel(wheels, "uv", "0.0.1", tag="py3-none-manylinux_2_17_x86_64")
    return root


def _fill_channel(channel: Path) -> None:
    add_conda(channel, "python", "3.12.9", subdir="linux-64", depends=["__glibc >=2.17,<3"])
    python, cuda = "python >=3.12,<3.13.0a0", "cuda-version >=12.9,<13"
    builds = {"cuda129_mkl_py312_h55ea3d5_302": ["__cuda", cuda], "cpu_mkl_py312_hca44ed5_102": []}
    for build, needs in builds.items():
        add_conda(channel, "pytorch", "2.13.0", build, subdir="linux-64", depends=[python, *needs])
    add_conda(channel, "cuda-version", "12.9", "h4f385c5_3")
    add_conda(channel, "xgboost", "3.3.0", "cpu_pyhb06c54e_0", subdir="linux-64", depends=[python])
    add_conda(channel, "py-opencv", "4.10.0", "qt6_py312h_4", subdir="linux-64", depends=[python])
    index(channel)


@pytest.fixture
def source(root: Path) -> SampleSource:
    return SampleSource(root=root, id=KIT)


def environment(*conda: str, pip: tuple[str, ...] = ()) -> CondaEnvironment:
    return conda_environment(conda=("python=3.12", *conda), pip=pip)


def lock(source: SampleSource, asked: CondaEnvironment, cuda: str | None, *allow: Allowance) -> LockSet:
    return make_lock(image_spec(asked, cuda=cuda, allow=allow), "linux/amd64", source, silent)


def refused(source: SampleSource, asked: CondaEnvironment, cuda: str | None) -> str:
    with pytest.raises(LockError, match="are not what is declared") as caught:
        lock(source, asked, cuda)
    assert caught.value.where == "/project/envs/regression/image.yml"
    return caught.value.detail


def names(made: LockSet) -> dict[str, str]:
    return {wheel.name: wheel.version for wheel in made.environments[0].pip}


def test_a_cuda_build_of_conda_s_is_locked(source: SampleSource) -> None:
    made = lock(source, environment("pytorch=*=cuda*"), "12.9")
    assert "cuda129_mkl_py312_h55ea3d5_302" in [package.build for package in made.environments[0].conda]


def test_a_build_of_conda_s_for_the_cpu_is_refused(source: SampleSource) -> None:
    detail = refused(source, environment("pytorch=*=cpu*"), "12.9")
    assert detail.splitlines() == [
        "cpu-build   torch: pytorch 2.13.0 (conda) is a build for the CPU, and CUDA 12.9 is declared",
        "            why: its build is cpu_mkl_py312_hca44ed5_102; the environment asks for pytorch=*=cpu*",
        "            fix: ask for `pytorch=*=cuda*` or for pytorch-gpu",
    ]
    assert lock(source, environment("pytorch=*=cpu*"), None)


def test_another_line_of_conda_s_is_refused(source: SampleSource) -> None:
    detail = refused(source, environment("pytorch=*=cuda*"), "12.6")
    assert "pytorch 2.13.0 (conda) is built for CUDA 12.9, and 12.6 is declared" in detail
    assert 'fix: declare cuda: "12.9", or add `cuda-version=12.6` to dependencies:' in detail


def test_wheels_are_judged_by_what_they_need(source: SampleSource) -> None:
    made = lock(source, environment(pip=("torch==2.9.1",)), "12.8")
    assert made.environments[0].pip[1].depends == (f"{CUDA_RUNTIME}==12.8.90",)
    assert "is built for CUDA 12.8" in refused(source, environment(pip=("torch==2.9.1",)), "13.0")
    assert "its version is 2.8.0+cpu" in refused(source, environment(pip=("torch==2.8.0+cpu",)), "12.8")
    assert "needs no CUDA library" in refused(source, environment(pip=("torch==9.9.9",)), "12.8")


def test_pip_does_not_replace_what_conda_brings_under_another_name(source: SampleSource) -> None:
    assert names(lock(source, environment("pytorch=*=cuda*", pip=("trainer",)), "12.9")) == {"trainer": "1.0"}
    made = lock(source, environment("py-opencv", pip=("augment",)), None)
    assert names(made) == {"augment": "1.0"}
    detail = refused(source, environment("py-opencv", pip=("opencv-contrib-python",)), None)
    assert "opencv-contrib-python 4.13 (pip) and py-opencv=4.10.0 (conda) both bring the module cv2" in detail


ALLOWED = Allowance(check="cpu-build", package="xgboost", reason="trained on the CPU on purpose")


class OwnLocks(SampleSource):
    """The same source with its locks in a folder of the test."""

    folder: Path

    def lock_folder(self, spec: object) -> Path:
        return self.folder


def test_what_is_allowed_is_locked_until_it_is_no_longer_allowed(root: Path, tmp_path: Path) -> None:
    source = OwnLocks(root=root, id=KIT)
    source.folder = tmp_path / "locks"
    spec = image_spec(environment("xgboost"), cuda="12.9", allow=(ALLOWED,))
    events: list[Event] = []
    made = make_lock(spec, "linux/amd64", source, events.append)
    assert [event.text for event in events if isinstance(event, Note)] == [
        (
            "regression: allowed (cpu-build): xgboost 3.3.0 (conda) is a build for the CPU, and CUDA 12.9 is declared. "
            "Reason: trained on the CPU on purpose"
        )
    ]
    write_lock(made, source.folder, spec)
    assert current_lock(spec, "linux/amd64", source, locked=True, observer=silent) == made
    strict = spec.model_copy(update={"allow": ()})
    with pytest.raises(LockError, match="xgboost 3.3.0 .* is a build for the CPU"):
        current_lock(strict, "linux/amd64", source, locked=True, observer=silent)


PROJECT = {
    "imgbuild.yml": "mirrors: {{'https://conda.anaconda.org/conda-forge': '{channel}'}}\n",
    "envs/_bases.yml": (
        "debian-bookworm: {{ref: 'docker.io/library/debian:bookworm-slim@sha256:{digest}', family: debian, "
        "suite: bookworm, glibc: '2.36', platforms: [linux/amd64]}}\n"
    ),
    "envs/tune/environment.yml": "dependencies: [python=3.12, xgboost, 'pytorch=*=cuda*']\n",
    "envs/tune/image.yml": "cuda: '12.9'\n",
}
ALLOW = "allow: [{check: cpu-build, package: xgboost, reason: trained on the CPU on purpose}]\n"


@pytest.fixture
def project(root: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for name, text in PROJECT.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(channel=(root / "channel").as_uri(), digest=sha("base")))
    return folder


def imgbuild(project: Path, *words: str) -> Ran:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("IMGBUILD_")}
    environ = {
        **clean,
        "PYTHONPATH": str(REPOSITORY),
        "IMGBUILD_SETTINGS": "none",
        "XDG_CACHE_HOME": str(project),
    }
    return workshop.imgbuild([*words, "-C", str(project)], project, environ)


def test_the_command_refuses_tells_and_takes_an_allowance(project: Path) -> None:
    refusal = imgbuild(project, "lock", "tune")
    assert refusal.code == 3
    assert "xgboost 3.3.0 (conda) is a build for the CPU, and CUDA 12.9 is declared" in refusal.err
    assert "fix: ask for `libxgboost=*=cuda*`" in refusal.err
    assert not list(project.glob("envs/tune/*lock*"))
    document = json.loads(imgbuild(project, "lock", "tune", "--json").out)["error"]
    assert (document["exit_code"], document["where"]) == (3, str(project / "envs/tune/image.yml"))
    image = project / "envs/tune/image.yml"
    image.write_text("cuda: '12.9'\n" + ALLOW)
    allowed = imgbuild(project, "lock", "tune")
    assert allowed.code == 0, allowed.err
    assert "Reason: trained on the CPU on purpose" in allowed.err
    (step,) = json.loads(imgbuild(project, "plan", "tune", "--json").out)["images"]
    assert [(one["check"], one["package"], one["reason"]) for one in step["allowed"]] == [
        ("cpu-build", "xgboost", "trained on the CPU on purpose")
    ]
    assert imgbuild(project, "lock", "tune", "--check").code == 0
    image.write_text("cuda: '12.9'\n")
    again = imgbuild(project, "lock", "tune", "--check")
    assert again.code == 3
    assert "is a build for the CPU" in again.out
    (row,) = json.loads(imgbuild(project, "list", "--json").out)["images"]
    assert row["lock"].startswith("refused: ")
