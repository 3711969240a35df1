"""An image as its definition says it, after `extends` and the variant were merged in.

These are the values the rest of the program works on; how they are written in YAML is `builder.spec.files`.
"""

from pathlib import Path
from typing import Literal, TypeAlias

from builder.values import CONDA_SUBDIR, Platform, Value

__all__ = [
    "CONDA_SUBDIR",
    "Allowance",
    "AuditCheck",
    "Base",
    "Check",
    "CondaEnvironment",
    "CopiedFile",
    "FitCheck",
    "ImageSpec",
    "Installer",
    "LicenceCheck",
    "LicencePolicy",
    "LockCheck",
    "PackageKind",
    "Platform",
    "SmokeTest",
    "Targets",
    "User",
]


DEFAULT_PLATFORMS: tuple[Platform, ...] = ("linux/amd64",)

LockCheck: TypeAlias = Literal["cpu-build", "two-majors", "replaced", "other-line"]
"""What is held against the definition after solving (`builder.lock.cuda`), and can be allowed."""

FitCheck: TypeAlias = Literal["gpu", "driver", "python", "two-cudas"]
"""What is held against `targets:` before anything is fetched (`builder.fit`), and can be allowed."""

AuditCheck: TypeAlias = Literal[
    "no-kernel", "missing-library", "other-cuda", "torch-abi", "floor", "cpu-torch", "label"
]
"""What is read from compiled files (`builder.audit`), and can be allowed."""

LicenceCheck: TypeAlias = Literal["licence"]
"""What is read of licences in an image (`builder.sbom`), and can be allowed."""

Check: TypeAlias = Literal[LockCheck, FitCheck, AuditCheck, LicenceCheck]

PackageKind: TypeAlias = Literal["conda", "pypi", "deb"]


class Allowance(Value):
    """`allow:` of image.yml: a finding that is meant, of one check and package, with the reason."""

    check: Check
    package: str
    reason: str


class LicencePolicy(Value):
    """`licences:` of image.yml. allow: names of SPDX's list, or families `BSD-*`; empty allows all that is not denied.

    kinds: of packages that it is about.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    kinds: tuple[PackageKind, ...] = ("conda", "pypi", "deb")

    @property
    def says_something(self) -> bool:
        """Whether there is anything to hold an image against."""
        return bool(self.allow or self.deny)


class CondaEnvironment(Value):
    """One named conda environment: what was asked for, not what was solved.

    channels: in priority order, as written, without `nodefaults`. conda: match specs, `python=3.12`.
    pip: requirement lines. variables: set on activation. file: where it was read from, for messages.
    """

    name: str
    channels: tuple[str, ...]
    conda: tuple[str, ...]
    pip: tuple[str, ...] = ()
    variables: dict[str, str] = {}
    file: Path


class Base(Value):
    """A row of envs/_bases.yml: what the image starts from.

    ref: a registry reference, a tag or a digest (`docker.io/library/debian:bookworm-slim`). suite: what
    `kit bootstrap` asks debootstrap for. glibc: the base's C library, for solving and for the floor check.
    """

    key: str
    ref: str
    family: Literal["debian", "ubuntu"]
    suite: str
    glibc: str
    platforms: tuple[Platform, ...]


class Installer(Value):
    """A conda distribution's installer: `kind=version`, found in builder/data."""

    kind: Literal["miniconda", "miniforge"]
    version: str


class User(Value):
    """The account the image runs as; gid 0, so that any other UID works as well."""

    name: str = "app"
    uid: int = 1000


class SmokeTest(Value):
    """One proof. A built-in has a name only; an own script is a file below the image's folder.

    timeout in seconds. needs: `gpu` when it proves nothing without one. environment: None runs in every one.
    """

    name: str
    script: Path | None = None
    timeout: int = 300
    needs: Literal["gpu"] | None = None
    environment: str | None = None


class CopiedFile(Value):
    """`files:` of image.yml: source below the image's folder, absolute destination in the image."""

    source: Path
    to: str


class Targets(Value):
    """The hardware an image is meant for: GPU names as people use them, and the lowest host driver."""

    gpus: tuple[str, ...] = ()
    driver: str | None = None


class ImageSpec(Value):
    """One image to bake: `ENV` or `ENV@VARIANT`.

    lineage: names merged in through `extends`, nearest parent first. environments: the first is active.
    cuda: the CUDA line (`13.0`) or None. budget_bytes: the size the image may not pass, or None.
    """

    name: str
    variant: str | None = None
    folder: Path
    lineage: tuple[str, ...] = ()
    summary: str = ""
    base: Base
    installer: Installer | None
    platforms: tuple[Platform, ...] = DEFAULT_PLATFORMS
    environments: tuple[CondaEnvironment, ...]
    apt: tuple[str, ...] = ()
    files: tuple[CopiedFile, ...] = ()
    snippets: dict[Literal["after_os", "after_environments", "end"], Path] = {}
    cuda: str | None = None
    targets: Targets = Targets()
    env: dict[str, str] = {}
    user: User = User()
    workdir: str = "/work"
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ("bash",)
    labels: dict[str, str] = {}
    budget_bytes: int | None = None
    smoke: tuple[SmokeTest, ...] = ()
    accept_anaconda_terms: bool = False
    allow: tuple[Allowance, ...] = ()
    licences: LicencePolicy = LicencePolicy()

    @property
    def ref(self) -> str:
        """How a person names it on the command line."""
        return f"{self.name}@{self.variant}" if self.variant else self.name

    def tag(self, prefix: str = "imgbuild") -> str:
        """Its name in the engine: `imgbuild/ENV:latest` or `imgbuild/ENV:VARIANT`."""
        return f"{prefix}/{self.name}:{self.variant or 'latest'}"

    def unproven_tag(self, prefix: str = "imgbuild") -> str:
        """The name of an image that was built and did not pass, for a look inside."""
        return f"{prefix}/{self.name}:{f'{self.variant}-' if self.variant else ''}unproven"
