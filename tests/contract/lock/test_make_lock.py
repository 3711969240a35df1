"""Real rattler and real uv against a channel and a wheelhouse on this machine; no network."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from builder.errors import LockError
from builder.lock.apt.packages import AptPackages
from builder.lock.files import read_lock, write_lock
from builder.lock.make import make_lock
from builder.lock.model import LockedBase, LockSet, SourceId
from builder.lock.stale import stale_reasons
from builder.progress import Event, StepFinished, StepStarted, silent
from builder.spec.model import CondaEnvironment, ImageSpec, Platform
from tests.support.local_channel import add_conda, add_wheel, index
from tests.support.lock_samples import (
    APT_RELEASE,
    BASE,
    LOCKED_BASE,
    SampleSource,
    apt_package,
    conda_environment,
    image_spec,
    sha,
)
from tests.support.web import serve

KIT = SourceId(kind="kit", kit=sha("kit"))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("a kit +1")  # blanks and signs, as a user's folder may have
    _fill_channel(root / "channel")
    wheels = root / "wheels"
    add_wheel(wheels, "tabulate", "0.9.0")
    add_wheel(wheels, "tabulate", "0.10.0", needs=["numpy>=2", "helper ; python_version < '3.12'"])
    add_wheel(wheels, "helper", "1.0+local")
    for version in ("1.26.4", "2.4.6", "9.9.9"):  # none of them may be taken in place of conda's
        add_wheel(wheels, "numpy", version, needs=["helper"])
    for tag in ("cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-manylinux_2_28_x86_64", "py3-none-any"):
        add_wheel(wheels, "native", "2.0", tag=tag)
    add_wheel(wheels, "foreign", "1.0", tag="cp311-cp311-win_amd64")
    add_wheel(wheels, "needs-old-numpy", "1.0", needs=["numpy<2"])
    add_wheel(wheels, "needs-odd", "1.0", needs=["odd"])
    add_wheel(wheels, "odd", "1.0")
    add_wheel(wheels, "uv", "0.0.1", tag="py3-none-manylinux_2_17_x86_64")
    return root


def _fill_channel(channel: Path) -> None:
    add_conda(channel, "zlib", "1.3", "h1_0", subdir="linux-64")
    for version in ("3.11.2", "3.12.1"):
        needs = ["pip", "zlib >=1.2,<2", "__glibc >=2.17,<3"]
        add_conda(channel, "python", version, subdir="linux-64", depends=needs)
    add_conda(channel, "pip", "24.0", depends=["python >=3.8", "setuptools"])
    add_conda(channel, "setuptools", "70.0", depends=["python >=3.8"])
    add_conda(channel, "numpy", "2.4.6", "py311_0", subdir="linux-64", depends=["python >=3.11,<3.12.0a0"])
    add_conda(channel, "odd", "2024x_1", depends=["python"])
    add_conda(channel, "needs-more", "1.0", depends=["python", "missing >=2"])
    add_conda(channel, "on-gpu", "1.0", depends=["__cuda >=12"])
    add_conda(channel, "on-new-glibc", "1.0", depends=["__glibc >=2.40"])
    index(channel)


@pytest.fixture
def source(root: Path) -> SampleSource:
    return SampleSource(root=root, id=KIT)


def lock(source: SampleSource, *environments: CondaEnvironment, **changes: object) -> LockSet:
    return make_lock(spec_of(*environments, **changes), "linux/amd64", source, silent)


def spec_of(*environments: CondaEnvironment, **changes: object) -> ImageSpec:
    return image_spec(*environments, **changes)


def refused(source: SampleSource, *environments: CondaEnvironment, **changes: object) -> LockError:
    with pytest.raises(LockError) as caught:
        lock(source, *environments, **changes)
    assert caught.value.fix
    assert caught.value.where
    return caught.value


PLAIN = conda_environment(conda=("numpy", "python=3.11"))


def test_conda_packages_are_solved_with_canonical_urls_and_every_hash(source: SampleSource) -> None:
    made = lock(source, PLAIN)
    packages = {package.name: package for package in made.environments[0].conda}
    assert sorted(packages) == ["numpy", "pip", "python", "setuptools", "zlib"]
    assert packages["numpy"].url == "kit:///channel/linux-64/numpy-2.4.6-py311_0.conda"
    assert packages["pip"].channel == "kit:///channel"
    assert packages["pip"].subdir == "noarch"
    assert packages["python"].version == "3.11.2"
    assert packages["python"].depends == ("pip", "zlib >=1.2,<2", "__glibc >=2.17,<3")
    assert all(len(package.sha256) == 64 and len(package.md5) == 32 for package in packages.values())
    assert all(package.size for package in packages.values())
    assert made.environments[0].channels == ("kit:///channel",)
    assert made.uv is None


def test_the_link_order_has_dependencies_first_and_python_before_pip(source: SampleSource) -> None:
    order = [package.name for package in lock(source, PLAIN).environments[0].conda]
    assert order.index("zlib") < order.index("python") < order.index("setuptools") < order.index("pip")
    assert order.index("python") < order.index("numpy")


def test_solving_twice_gives_the_same_lock(source: SampleSource) -> None:
    pip = PLAIN.model_copy(update={"pip": ("tabulate", "native")})
    assert lock(source, pip).digest == lock(source, pip).digest


def test_pip_is_resolved_around_what_conda_brings(source: SampleSource) -> None:
    made = lock(source, PLAIN.model_copy(update={"pip": ("tabulate", "numpy>=2", "native")}))
    wheels = {wheel.name: wheel for wheel in made.environments[0].pip}
    assert {name: wheel.version for name, wheel in wheels.items()} == {
        "helper": "1.0+local",
        "native": "2.0",
        "tabulate": "0.10.0",
    }
    assert "numpy" not in wheels
    assert wheels["tabulate"].url == "kit:///wheels/tabulate-0.10.0-py3-none-any.whl"
    assert wheels["native"].filename == "native-2.0-cp311-cp311-manylinux_2_28_x86_64.whl"
    assert wheels["helper"].filename == "helper-1.0+local-py3-none-any.whl"
    assert wheels["tabulate"].depends == ("helper==1.0+local", "numpy==2.4.6")
    assert wheels["helper"].depends == wheels["native"].depends == ()
    for wheel in wheels.values():
        path = source.root / "wheels" / wheel.filename
        assert (wheel.sha256, wheel.size) == (sha256(path), path.stat().st_size)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_conda_s_package_would_need_from_the_index_is_not_brought(source: SampleSource) -> None:
    made = lock(source, PLAIN.model_copy(update={"pip": ("numpy", "native")}))
    assert [wheel.name for wheel in made.environments[0].pip] == ["native"]


def test_the_pip_section_is_resolved_for_the_environment_s_python(source: SampleSource) -> None:
    made = lock(source, conda_environment(conda=("python=3.12",), pip=("tabulate<0.10",)))
    assert [wheel.name for wheel in made.environments[0].pip] == ["tabulate"]


def test_uv_is_locked_where_there_are_wheels(source: SampleSource) -> None:
    made = lock(source, PLAIN, conda_environment("tools", pip=("native",)))
    assert made.uv is not None
    assert made.uv.url == "kit:///wheels/uv-0.0.1-py3-none-manylinux_2_17_x86_64.whl"


def test_a_lock_goes_through_its_files_and_is_fresh(source: SampleSource, tmp_path: Path) -> None:
    spec = spec_of(PLAIN.model_copy(update={"pip": ("tabulate",)}), conda_environment("tools"))
    made = make_lock(spec, "linux/amd64", source, silent)
    write_lock(made, tmp_path / "lock", spec)
    assert read_lock(spec, "linux/amd64", tmp_path / "lock") == made
    assert stale_reasons(spec, made, source) == ()


def test_steps_are_told_also_when_one_fails(source: SampleSource) -> None:
    events: list[Event] = []
    spec = spec_of(PLAIN, conda_environment("tools", conda=("nosuch",)))
    with pytest.raises(LockError):
        make_lock(spec, "linux/amd64", source, events.append)
    started = [event.key for event in events if isinstance(event, StepStarted)]
    finished = {event.key: event.error for event in events if isinstance(event, StepFinished)}
    assert started == ["solve:regression", "solve:tools"]
    assert finished["solve:regression"] == ""
    assert "nothing satisfies the environment tools" in finished["solve:tools"]


@pytest.mark.parametrize(
    ("spec", "what", "fix"),
    [
        ("nosuch", "`nosuch` is not the name of a package that the kit holds", "make the kit anew"),
        ("numpy>=3", "`numpy>=3` asks for a version that is not there", "make the kit anew"),
        ("needs-more", "`needs-more` needs missing >=2, which is not to be had", "make the kit anew"),
        ("on-gpu", "`on-gpu` cannot be had on the machine", 'declare cuda: "12.0" in image.yml'),
        ("on-new-glibc", "`on-new-glibc` cannot be had on the machine", "leave out `on-new-glibc`"),
        ("numpy >=2,<", "'numpy >=2,<' is not a conda spec", "name>=1.2,<2"),
        ("$(id)", "'$(id)' is not a conda spec", "name=1.2"),
    ],
)
def test_what_cannot_be_solved(source: SampleSource, spec: str, what: str, fix: str) -> None:
    error = refused(source, conda_environment(conda=("python=3.11", spec)))
    assert what in error.what
    assert fix in error.fix
    assert "\n" not in error.what


def test_the_reason_is_told_in_words(source: SampleSource) -> None:
    detail = refused(source, conda_environment(conda=("needs-more",))).detail
    assert "needs-more 1.0 needs missing >=2" in detail
    assert "The kit holds no missing for linux-64." in detail


def test_cuda_is_there_where_it_is_declared(source: SampleSource) -> None:
    made = lock(source, conda_environment(conda=("on-gpu",)), cuda="12.6")
    assert [package.name for package in made.environments[0].conda] == ["on-gpu"]


def test_a_spec_may_name_its_channel(source: SampleSource) -> None:
    made = lock(source, conda_environment(conda=("forge::numpy=2.4.*=py311*",)))
    assert "numpy" in [package.name for package in made.environments[0].conda]


class _TwoChannels(SampleSource):
    def channel_url(self, channel: str) -> str:
        return (self.root / channel).as_uri()


@pytest.mark.parametrize("asked", ["thing=2.0", "thing>=1.5"])
def test_a_version_that_only_a_lower_channel_has_is_refused(tmp_path: Path, asked: str) -> None:
    for channel, version in (("upper", "1.0"), ("lower", "2.0")):
        add_conda(tmp_path / channel, "thing", version)
        index(tmp_path / channel)
    source = _TwoChannels(root=tmp_path)
    spec = conda_environment(channels=("upper", "lower"), conda=(asked,))
    error = refused(source, spec)
    assert "upper" in error.detail
    assert "lower" in error.detail
    named = spec.model_copy(update={"conda": ("lower::thing=2.0",)})
    assert lock(source, named).environments[0].conda[0].version == "2.0"


def test_a_server_whose_304_names_no_file_is_asked_past_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's own server answers so, and rattler cannot use its cached shard index then."""
    monkeypatch.setenv("IMGBUILD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("IMGBUILD_RETRY_PAUSE", "0.01")
    add_conda(tmp_path / "channel", "thing", "1.0")
    index(tmp_path / "channel")
    with serve({"channel": tmp_path / "channel"}) as web:

        class Served(SampleSource):
            def channel_url(self, channel: str) -> str:
                return f"{web.url}/channel"

        source, asked = Served(root=tmp_path), conda_environment(conda=("thing",))
        assert lock(source, asked) == lock(source, asked) == lock(source, asked)
        error = refused(source, conda_environment(conda=("thing=2",)))
    assert "thing 1.0" in error.detail


def test_a_channel_that_is_not_there(tmp_path: Path) -> None:
    error = refused(SampleSource(root=tmp_path / "nowhere"), PLAIN)
    assert error.what == f"there is no channel at {(tmp_path / 'nowhere' / 'channel').as_uri()}/"
    assert error.fix == "check its name"
    assert error.detail


def test_an_index_without_md5_is_refused(tmp_path: Path) -> None:
    channel = tmp_path / "channel"
    add_conda(channel, "thing", "1.0")
    index(channel)
    page = channel / "noarch" / "repodata.json"
    data: dict[str, Any] = json.loads(page.read_text())
    for package in data["packages.conda"].values():
        del package["md5"]
    for path in (*channel.glob("*/repodata*"), *channel.glob("*/shards/*")):
        path.unlink()
    for subdir in ("noarch", "linux-64"):
        (channel / subdir).mkdir(exist_ok=True)
        text = json.dumps(data) if subdir == "noarch" else '{"packages": {}, "packages.conda": {}}'
        (channel / subdir / "repodata.json").write_text(text)
    error = refused(SampleSource(root=tmp_path, id=KIT), conda_environment(conda=("thing",)))
    assert error.what == "the channel's index has no md5 for thing-1.0-0.conda"


def test_an_empty_environment_is_refused(source: SampleSource) -> None:
    assert "is empty" in refused(source, conda_environment(conda=())).what


def test_a_pip_section_needs_python(source: SampleSource) -> None:
    assert "brings no python" in refused(source, conda_environment(conda=("zlib",), pip=("tabulate",))).what


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("nosuch", "no package is called nosuch"),
        ("foreign", "foreign has no wheel for linux/amd64, Python 3.11.2 and glibc 2.36"),
        ("numpy<2", "nothing satisfies the pip section"),
        ("needs-old-numpy", "nothing satisfies the pip section"),
        ("needs-odd", "the pip section needs odd, and conda brings odd=2024x_1"),
        ("numpy[extra]", "asks for extras of a package that conda brings (numpy=2.4.6)"),
        ("-r other.txt", "is not a requirement"),
        ("--index-url https://x.example.org", "is not a requirement"),
        ("x @ https://x.example.org/x-1-py3-none-any.whl", "names a URL"),
    ],
)
def test_what_cannot_be_resolved(source: SampleSource, line: str, what: str) -> None:
    conda = ("numpy", "odd", "python=3.11") if "odd" in line else PLAIN.conda
    error = refused(source, PLAIN.model_copy(update={"conda": conda, "pip": (line,)}))
    assert what in error.what


def test_apt_beyond_the_base_needs_somebody_to_ask(source: SampleSource) -> None:
    error = refused(source, PLAIN, apt=("gcc", "bash", "libc6-dev"))
    assert error.what.startswith("nobody can be asked for the OS packages bash, gcc, libc6-dev")
    assert source.asked == []
    source.packages = frozenset({"bash"})
    assert lock(source, PLAIN, apt=("bash",)).apt_inputs == ("apt bash",)
    assert "OS packages gcc" in refused(source, PLAIN, apt=("bash", "gcc")).what


def test_apt_is_asked_with_the_base_that_is_locked(source: SampleSource) -> None:
    asked = []

    def ask(spec: ImageSpec, platform: Platform, base: LockedBase) -> AptPackages:
        asked.append((spec.apt, platform, base))
        return AptPackages(packages=(apt_package(),), releases=(APT_RELEASE,))

    spec = image_spec(PLAIN, apt=("make", "file"))
    made = make_lock(spec, "linux/amd64", source, silent, resolve_apt=ask)
    assert asked == [(("make", "file"), "linux/amd64", LOCKED_BASE)]
    assert (made.apt, made.apt_inputs) == ((apt_package(),), ("apt file", "apt make"))
    assert made.apt_releases == (APT_RELEASE,)
    plain = image_spec(PLAIN)
    assert make_lock(plain, "linux/amd64", source, silent, resolve_apt=ask).apt == ()
    assert len(asked) == 1


def test_terms_are_asked_before_anything_is_fetched(source: SampleSource) -> None:
    environment = PLAIN.model_copy(update={"channels": ("defaults",)})
    assert "terms of service" in refused(source, environment).what
    assert source.asked == []
    assert lock(source, environment, accept_anaconda_terms=True).environments


def test_an_image_without_an_installer_is_refused(source: SampleSource) -> None:
    assert "without a conda installer is not supported yet" in refused(source, PLAIN, installer=None).what


def test_a_base_that_is_not_what_its_row_says(source: SampleSource) -> None:
    source.locked_base = LOCKED_BASE.model_copy(update={"glibc": "2.31"})
    assert refused(source, PLAIN).what == "the base debian-bookworm has glibc 2.31, and its row says 2.36"
    assert BASE.glibc == "2.36"


def test_a_source_that_gives_no_canonical_url_is_found_out(source: SampleSource) -> None:
    class Local(SampleSource):
        def canonical(self, url: str) -> str:
            return url

    error = refused(Local(root=source.root, id=KIT), PLAIN)
    assert "cannot be locked" in error.what
    assert "file://" in error.detail
