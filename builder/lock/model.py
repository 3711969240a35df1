"""The set that gets installed: (source, platform, lock of each environment), with the hash of every byte.

A lock names canonical URLs only. Where the bytes really come from is the source's business.
"""

from typing import ClassVar, Literal
from urllib.parse import unquote

from builder.spec.model import Platform
from builder.values import Grown, Value, digest_of


class LockedFile(Value):
    """One file to fetch: canonical URL, hex sha256, size in bytes (None where nobody told it)."""

    url: str
    sha256: str
    size: int | None = None

    @property
    def filename(self) -> str:
        """Last part of the URL, with `%2B` and the like decoded: `numpy-2.4.6-py311_0.conda`."""
        return unquote(self.url.rsplit("/", 1)[-1])


class CondaPackage(LockedFile):
    """A conda package. channel is the canonical channel URL without the subdir; md5 is what conda reads."""

    name: str
    version: str
    build: str
    subdir: str
    channel: str
    md5: str
    depends: tuple[str, ...] = ()


class PipPackage(LockedFile):
    """A wheel. name is normalised (PEP 503); depends: what it needs of the set, `numpy==2.4.6`, also of conda's."""

    name: str
    version: str
    depends: tuple[str, ...] = ()


class AptPackage(LockedFile):
    """A package of the base's own system. version with its epoch, as dpkg says it; architecture may be `all`."""

    name: str
    version: str
    architecture: str


class AptRelease(Value):
    """Which state of an archive was looked at: its signed release file. date as the file says it."""

    uri: str
    suite: str
    date: str
    sha256: str


class EnvironmentLock(Value):
    """One named environment, solved for one platform. conda is in link order, pip sorted by name.

    channels are canonical URLs in priority order. input_digest: of what was asked for (channels, specs,
    virtual packages), never of the environment's name; inputs: the same as lines, `conda numpy>=2`.
    """

    name: str
    channels: tuple[str, ...]
    conda: tuple[CondaPackage, ...]
    pip: tuple[PipPackage, ...] = ()
    variables: dict[str, str] = {}
    input_digest: str
    inputs: tuple[str, ...] = ()

    @property
    def python(self) -> str:
        """Full version of the environment's python, `3.11.2`; empty where it has none."""
        return next((package.version for package in self.conda if package.name == "python"), "")


class LockedBase(Grown):
    """What FROM names. ref: a pullable `name@sha256:...`, or the tag a kit's base is brought in under.

    tar is set for a kit's base. A root file system is imported, and ref is `imgbuild/base:<sha256 of the tar>`.
    An image with its layers and configuration, as a registry has it, is loaded: then image_id is `sha256:...` of
    its configuration, and ref is `imgbuild/base:` with those digits, which the archive itself says.
    """

    later: ClassVar[tuple[str, ...]] = ("image_id",)

    key: str
    ref: str
    glibc: str
    tar: LockedFile | None = None
    image_id: str = ""


class LockedInstaller(LockedFile):
    """The conda distribution. kind and version as the definition asks for them; stand_in for a kit's own.

    given: `--installer` named it in place of the shipped table; then the URL may be `installer:///FILENAME`.
    """

    kind: str
    version: str
    stand_in: bool = False
    given: bool = False


class SourceId(Value):
    """Where a lock set comes from: the committed files, or a kit named by the sha256 of its kit.yml."""

    kind: Literal["upstream", "kit"] = "upstream"
    kit: str | None = None

    @property
    def label(self) -> str:
        """`upstream` or `kit:<sha256>`: the value of the image's label io.imgbuild.source."""
        return f"kit:{self.kit}" if self.kind == "kit" else "upstream"


class LockSet(Value):
    """All that one image installs on one platform. uv installs the wheels; None without wheels.

    apt: what `apt:` adds to the base, sorted by name; apt_inputs: what was asked for, as lines (`apt git`);
    apt_releases: the release files whose signatures the base's own apt checked.
    """

    image: str
    platform: Platform
    source: SourceId
    base: LockedBase
    installer: LockedInstaller
    environments: tuple[EnvironmentLock, ...]
    uv: LockedFile | None = None
    apt: tuple[AptPackage, ...] = ()
    apt_inputs: tuple[str, ...] = ()
    apt_releases: tuple[AptRelease, ...] = ()

    @property
    def files(self) -> tuple[LockedFile, ...]:
        """Every file to have at hand before the build, each once, ordered by sha256."""
        wanted: dict[str, LockedFile] = {self.installer.sha256: self.installer}
        for extra in (self.base.tar, self.uv):
            if extra is not None:
                wanted[extra.sha256] = extra
        for environment in self.environments:
            wanted.update({package.sha256: package for package in (*environment.conda, *environment.pip)})
        wanted.update({package.sha256: package for package in self.apt})
        return tuple(wanted[sha] for sha in sorted(wanted))

    @property
    def digest(self) -> str:
        """Hex sha256 over everything but the image's name and the archives' state when it was made."""
        data = self.model_dump(mode="json", exclude={"image", "apt_releases"})
        for name in ("apt", "apt_inputs"):
            if not data[name]:  # the same for locks from before there were any
                del data[name]
        if not self.installer.given:  # locks from before there was such an installer keep their digest
            del data["installer"]["given"]
        return digest_of(data)
