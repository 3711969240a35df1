"""Small specs, locks and a source, made of plain values."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from builder.lock.inputs import digest_of_lines, input_lines
from builder.lock.model import (
    AptPackage,
    AptRelease,
    CondaPackage,
    EnvironmentLock,
    LockedBase,
    LockedFile,
    LockedInstaller,
    LockSet,
    PipPackage,
    SourceId,
)
from builder.spec.model import CONDA_SUBDIR, Base, CondaEnvironment, ImageSpec, Installer, Platform

CHANNEL = "https://conda.example.org/forge"
BASE = Base(
    key="debian-bookworm",
    ref="docker.io/library/debian:bookworm-slim",
    family="debian",
    suite="bookworm",
    glibc="2.36",
    platforms=("linux/amd64", "linux/arm64"),
)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def conda_environment(name: str = "regression", **changes: object) -> CondaEnvironment:
    plain = CondaEnvironment(
        name=name,
        channels=("forge",),
        conda=("python=3.11",),
        file=Path("/project/envs/regression/environment.yml"),
    )
    return plain.model_copy(update=changes)


def image_spec(*environments: CondaEnvironment, **changes: object) -> ImageSpec:
    plain = ImageSpec(
        name="regression",
        folder=Path("/project/envs/regression"),
        base=BASE,
        installer=Installer(kind="miniconda", version="26.5.3-1"),
        environments=environments or (conda_environment(),),
        platforms=("linux/amd64", "linux/arm64"),
    )
    return plain.model_copy(update=changes)


def conda_package(
    name: str = "python", version: str = "3.11.2", build: str = "0", **changes: object
) -> CondaPackage:
    subdir = str(changes.pop("subdir", "linux-64"))
    url = f"{CHANNEL}/{subdir}/{name}-{version}-{build}.conda"
    plain = CondaPackage(
        url=url,
        sha256=sha(url),
        md5=hashlib.md5(url.encode()).hexdigest(),
        size=1000,
        name=name,
        version=version,
        build=build,
        subdir=subdir,
        channel=CHANNEL,
        depends=("__glibc >=2.17", "zlib"),
    )
    return plain.model_copy(update=changes)


def pip_package(name: str = "tabulate", version: str = "0.10.0", **changes: object) -> PipPackage:
    url = f"https://wheels.example.org/packages/aa/bb/{name}-{version}-py3-none-any.whl"
    plain = PipPackage(url=url, sha256=sha(url), size=39814, name=name, version=version)
    return plain.model_copy(update=changes)


INSTALLER = LockedInstaller(
    url="https://installers.example.org/miniconda/Miniconda3-py311_26.5.3-1-Linux-x86_64.sh",
    sha256=sha("installer"),
    kind="miniconda",
    version="26.5.3-1",
)
LOCKED_BASE = LockedBase(
    key="debian-bookworm", ref=f"docker.io/library/debian@sha256:{sha('base')}", glibc="2.36"
)
UV = LockedFile(
    url="https://wheels.example.org/packages/cc/uv-0.13.9-py3-none-manylinux_2_17_x86_64.whl",
    sha256=sha("uv"),
)


def environment_lock(
    environment: CondaEnvironment, spec: ImageSpec, platform: Platform = "linux/amd64"
) -> EnvironmentLock:
    lines = input_lines(environment, spec, platform)
    subdir = CONDA_SUBDIR[platform]
    return EnvironmentLock(
        name=environment.name,
        channels=(CHANNEL,),
        conda=(
            conda_package("zlib", "1.3", "h1_0", subdir=subdir, depends=()),
            conda_package(subdir=subdir),
            conda_package("tzdata", "2024a", subdir="noarch", depends=()),
        ),
        pip=(pip_package(),),
        input_digest=digest_of_lines(lines),
        inputs=lines,
    )


def lock_set(spec: ImageSpec, platform: Platform = "linux/amd64", **changes: object) -> LockSet:
    plain = LockSet(
        image=spec.ref,
        platform=platform,
        source=SourceId(),
        base=LOCKED_BASE,
        installer=INSTALLER,
        environments=tuple(environment_lock(one, spec, platform) for one in spec.environments),
        uv=UV,
    )
    return plain.model_copy(update=changes)


APT_RELEASE = AptRelease(
    uri="http://archive.example.org/debian",
    suite="bookworm",
    date="Sat, 11 Jul 2026 10:16:37 UTC",
    sha256="7" * 64,
)


def apt_package(name: str = "make", version: str = "4.3-4.1", **changes: object) -> AptPackage:
    stem = f"{name}_{version.partition(':')[2] or version}"  # file names have no epoch
    plain = AptPackage(
        url=f"http://archive.example.org/debian/pool/main/{name[0]}/{name}/{stem}_amd64.deb",
        sha256=hashlib.sha256(f"{name} {version}".encode()).hexdigest(),
        size=1000,
        name=name,
        version=version,
        architecture="amd64",
    )
    return plain.model_copy(update=changes)


@dataclass
class SampleSource:
    """A source over a folder with `channel/` and `wheels/`; it records what it was asked."""

    root: Path = Path("/nowhere")
    id: SourceId = field(default_factory=SourceId)
    packages: frozenset[str] = frozenset()
    locked_base: LockedBase = LOCKED_BASE
    locked_installer: LockedInstaller = INSTALLER
    asked: list[str] = field(default_factory=list)

    def lock_folder(self, spec: ImageSpec) -> Path:
        return self.root / "locks" / spec.name

    def check_locks(self, spec: ImageSpec) -> None:
        del spec

    def channel_url(self, channel: str) -> str:
        self.asked.append(channel)
        return (self.root / "channel").as_uri()

    def canonical(self, url: str) -> str:
        root = self.root.as_uri()
        return f"kit://{url.removeprefix(root)}" if url.startswith(root) else url

    def address(self, url: str) -> str:
        return url

    def wheel_index(self) -> tuple[str, ...]:
        return ("--no-index", "--find-links", str(self.root / "wheels"))

    def on_cpu(self) -> SampleSource:
        return self

    def local(self, file: LockedFile) -> Path | None:
        path = self.root / file.url.removeprefix("kit:///")
        return path if path.is_file() else None

    def base_packages(self, spec: ImageSpec, platform: Platform) -> frozenset[str]:
        return self.packages

    def base(self, spec: ImageSpec, platform: Platform) -> LockedBase:
        self.asked.append("base")
        return self.locked_base

    def installer(self, spec: ImageSpec, platform: Platform) -> LockedInstaller:
        return self.locked_installer
