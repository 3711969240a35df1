"""A channel and definitions that cannot be solved, one for each kind of failure; tests and docs print them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.lock.model import LockedBase, SourceId
from builder.spec.load import load_image
from builder.spec.model import CONDA_SUBDIR, ImageSpec, Platform
from builder.spec.project import Project
from tests.support.local_channel import add_conda, add_wheel, index
from tests.support.lock_samples import LOCKED_BASE, SampleSource

HEAD = "channels: [{channels}]\ndependencies:\n"


@dataclass(frozen=True)
class Case:
    """One failure. pip: lines of the pip section. image: what stands in image.yml. kit: the source is a kit."""

    name: str
    shows: str
    conda: tuple[str, ...]
    pip: tuple[str, ...] = ()
    image: str = ""
    channels: str = "forge"
    platform: Platform = "linux/amd64"
    parent: tuple[str, ...] = ()
    kit: bool = False


class LocalSource(SampleSource):
    """Channels by name below root, and a folder of wheels."""

    def lock_folder(self, spec: ImageSpec) -> Path:
        return spec.folder

    def channel_url(self, channel: str) -> str:
        return (self.root / channel).as_uri()

    def base(self, spec: ImageSpec, platform: Platform) -> LockedBase:
        del platform
        return LOCKED_BASE.model_copy(update={"key": spec.base.key, "glibc": spec.base.glibc})


def local_source(root: Path, *, kit: bool = False) -> LocalSource:
    """The channels below root, as an upstream or as those of a kit."""
    return LocalSource(root=root, id=SourceId(kind="kit", kit="0" * 64) if kit else SourceId())


def write_project(root: Path, case: Case) -> ImageSpec:
    """The definition of a case on disk, as it was loaded."""
    envs = root / case.name / "envs"
    files: dict[str, str] = {"sample/environment.yml": _environment(case.channels, case.conda, case.pip)}
    image = case.image
    if case.parent:
        files["parent/environment.yml"] = _environment(case.channels, case.parent, ())
        image = f"extends: parent\n{image}"
    if image:
        files["sample/image.yml"] = image
    _write(envs, files)
    return load_image(Project(envs.parent, envs), "sample")


def _environment(channels: str, conda: tuple[str, ...], pip: tuple[str, ...]) -> str:
    lines = [f"  - {line}\n" for line in conda]
    lines += ["  - pip:\n", *(f"      - {line}\n" for line in pip)] if pip else []
    return HEAD.format(channels=channels) + "".join(lines)


def _write(envs: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = envs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def fill_channels(root: Path) -> None:
    """`forge` and `extra`, with what the cases ask for."""
    forge, extra = root / "forge", root / "extra"
    _pythons(forge)
    for version in ("1.26.4", "2.0.0", "2.4.6"):
        add_conda(forge, "numpy", version, depends=["python >=3.10"])
    add_conda(extra, "numpy", "2.5.0", depends=["python >=3.10"])
    add_conda(forge, "oldlib", "1.0", depends=["numpy <2"])
    add_conda(forge, "plots", "3.1", depends=["shapes >=2", "python"])
    add_conda(forge, "shapes", "2.2", depends=["oldlib"])
    add_conda(forge, "scikit-learn", "1.7.1", depends=["numpy >=1.26"])
    add_conda(
        forge, "pytorch", "2.9.1", "cpu_py312_0", subdir="linux-64", depends=["python >=3.12,<3.13.0a0"]
    )
    for line in ("12.6", "13.0"):
        build = f"cuda{line.replace('.', '')}_0"
        add_conda(forge, "gpulib", "2.0", build, subdir="linux-64", depends=[f"__cuda >={line}"])
    add_conda(forge, "newglibc", "1.0", subdir="linux-64", depends=["__glibc >=2.39,<3.0.a0"])
    add_conda(forge, "fastmath", "1.0", subdir="linux-64", depends=["__archspec 1 x86_64_v4"])
    add_conda(forge, "intelonly", "1.0", subdir="linux-64")
    add_conda(forge, "halfgone", "1.0", depends=["vanished >=2"])
    add_conda(forge, "needsnewnumpy", "1.0", depends=["numpy >=2.5"])
    for number in range(5):
        add_conda(forge, f"leaf{number}", "1.0")
    index(forge)
    index(extra)


def _pythons(forge: Path) -> None:
    for subdir in CONDA_SUBDIR.values():
        for version in ("3.11.9", "3.12.7", "3.13.1", "3.14.0"):
            add_conda(forge, "python", version, "h1_0_cpython", subdir=subdir)
    for minor in (11, 12, 13):
        needs = [f"python >=3.{minor},<3.{minor + 1}.0a0", "numpy"]
        add_conda(forge, "scipy", "1.16.0", f"py3{minor}_0", subdir="linux-64", depends=needs)


def fill_wheels(root: Path) -> None:
    """The folder of wheels that the pip cases look into."""
    wheels = root / "wheels"
    add_wheel(wheels, "oldpip", "1.0", needs=["numpy<2"])
    add_wheel(wheels, "oldpip", "2.0", needs=["numpy>=1.26"])
    add_wheel(wheels, "tool", "1.0", needs=["helper<2"])
    add_wheel(wheels, "other", "1.0", needs=["helper>=2"])
    add_wheel(wheels, "other", "0.9", needs=["helper"])
    for version in ("1.5", "2.1"):
        add_wheel(wheels, "helper", version)
    add_wheel(wheels, "windows", "1.0", tag="cp312-cp312-win_amd64")
    add_wheel(wheels, "oldpython", "1.4", tag="cp311-cp311-manylinux_2_17_x86_64")
    add_wheel(wheels, "newbase", "3.0", tag="cp312-cp312-manylinux_2_39_x86_64")
    add_wheel(wheels, "dropped", "1.4", tag="cp312-cp312-manylinux_2_17_x86_64")
    add_wheel(wheels, "dropped", "2.0", tag="cp312-cp312-macosx_11_0_arm64")
    for name in ("sourceonly", "leaf1"):
        (wheels / f"{name}-1.0.tar.gz").write_bytes(b"")


PIP_CASES = (
    Case(
        "pip-and-conda",
        "pip wants another version than conda brings.",
        ("python=3.12", "numpy>=2"),
        ("oldpip==1.0",),
    ),
    Case(
        "pip-line-and-conda",
        "The pip line itself wants another version.",
        ("python=3.12", "scikit-learn"),
        ("helper", "numpy<2"),
    ),
    Case(
        "pip-and-pip",
        "Two pip lines want different versions of a third package.",
        ("python=3.12",),
        ("helper>=1", "tool==1.0", "other==1.0"),
    ),
    Case("pip-misspelled", "A name that the index does not have.", ("python=3.12",), ("helpr",)),
    Case("pip-no-version", "A version that the index does not have.", ("python=3.12",), ("helper==9",)),
    Case("source-only", "A package without any wheel.", ("python=3.12",), ("sourceonly",)),
    Case("source-or-conda", "The same, and conda has it.", ("python=3.12",), ("leaf1",)),
    Case("other-system", "Wheels for another system only.", ("python=3.12",), ("windows",)),
    Case("other-python", "Wheels for another Python only.", ("python=3.12",), ("oldpython",)),
    Case("newer-glibc", "Wheels for a newer C library than the base's.", ("python=3.12",), ("newbase",)),
    Case("no-wheel-any-more", "An older version had a wheel.", ("python=3.12",), ("dropped>=2",)),
)

CONDA_CASES = (
    Case("two-lines", "Two lines want different versions of a third package.", ("numpy>=2", "oldlib")),
    Case("through-others", "One of them only wants it through others.", ("numpy>=2", "leaf1", "plots", "leaf2")),
    Case("misspelled", "A name that no channel has.", ("python=3.12", "scikit-lern>=1.5")),
    Case("name-of-pip", "A name that the package has on PyPI, and not in conda.", ("python=3.12", "torch")),
    Case("no-version", "A version that is not there.", ("python=3.12", "numpy=2.9")),
    Case("no-build", "A build string that does not match.", ("python=3.12", "scipy=1.16.0=py314_0")),
    Case("other-platform", "A package for another platform.", ("intelonly",), platform="linux/arm64",
         image="platforms: [linux/amd64, linux/arm64]\n"),
    Case("python-too-new", "No build for the python that is asked for.", ("python=3.14", "scipy")),
    Case("vanished", "A package needs something that is not there.", ("halfgone", "leaf1")),
    Case("later-channel", "What fits is in a channel that is listed later.", ("numpy", "needsnewnumpy"),
         channels="forge, extra"),
    Case("unlisted-channel", "A line names a channel that is not listed.", ("python=3.12", "extra::numpy")),
    Case("no-cuda", "A package for GPUs, and no cuda: in image.yml.", ("python=3.12", "gpulib")),
    Case("old-cuda", "An older CUDA line than the package needs.", ("gpulib",), image='cuda: "12.4"\n'),
    Case("glibc", "The base's C library is too old.", ("newglibc", "leaf0"), image="base: debian-bookworm\n"),
    Case("processor", "A build for newer processors only.", ("fastmath",)),
    Case("inherited", "One of the lines comes from a parent.", ("oldlib",), parent=("numpy>=2",)),
    Case("several", "Two things are wrong at once.", ("numpy>=2", "oldlib", "python=3.14", "scipy")),
    Case("kit", "The source is a kit.", ("python=3.12", "pandas"), kit=True),
)  # fmt: skip
