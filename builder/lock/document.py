"""imgbuild.lock.json: what the conda-lock format has no place for, as values."""

from collections.abc import Iterable
from typing import Literal
from urllib.parse import unquote

from builder.lock.condalock import Entry
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
from builder.spec.model import Platform
from builder.values import Value


class Extra(Value):
    """Of one package, by its URL."""

    size: int | None = None
    depends: tuple[str, ...] = ()


class HeldEnvironment(Value):
    """name is None for the first environment, which is called as the definition calls it."""

    name: str | None
    file: str
    channels: tuple[str, ...]
    variables: dict[str, str]
    inputs: tuple[str, ...]
    packages: dict[str, Extra]


class HeldApt(Value):
    """Of the base's own packages: what was asked for, what it comes to, and which release files said so."""

    inputs: tuple[str, ...]
    packages: tuple[AptPackage, ...]
    releases: tuple[AptRelease, ...]


class HeldPlatform(Value):
    """Of one platform: all but the package list. environments: the first is the active one."""

    source: SourceId
    base: LockedBase
    installer: LockedInstaller
    uv: LockedFile | None
    apt: HeldApt | None = None
    environments: tuple[HeldEnvironment, ...]


class Document(Value):
    """The JSON file. files: sha256 of every conda-lock page by its name."""

    version: Literal[1] = 1
    files: dict[str, str]
    platforms: dict[Platform, HeldPlatform]


def page_name(first: str, name: str | None) -> str:
    """The file of an environment: the first has the plain name, a further one its name behind two dashes."""
    return first if name is None else f"{first.removesuffix('.yml')}--{name}.yml"


def held_platform(lock: LockSet, names: Iterable[str]) -> HeldPlatform:
    """A lock as the JSON file holds it. names: the environments' files in their order."""
    return HeldPlatform(
        source=lock.source,
        base=lock.base,
        installer=lock.installer,
        uv=lock.uv,
        apt=HeldApt(inputs=lock.apt_inputs, packages=lock.apt, releases=lock.apt_releases)
        if lock.apt_inputs
        else None,
        environments=tuple(
            HeldEnvironment(
                name=environment.name if number else None,
                file=file,
                channels=environment.channels,
                variables=dict(sorted(environment.variables.items())),
                inputs=environment.inputs,
                packages=_extras(environment),
            )
            for number, (file, environment) in enumerate(zip(names, lock.environments, strict=True))
        ),
    )


def _extras(environment: EnvironmentLock) -> dict[str, Extra]:
    packages: list[CondaPackage | PipPackage] = [*environment.conda, *environment.pip]
    return {
        package.url: Extra(size=package.size, depends=package.depends)
        for package in sorted(packages, key=lambda one: one.url)
    }


def conda_package(entry: Entry, extra: Extra) -> CondaPackage:
    """A package from its two halves; what the URL says is read from it."""
    # Padded, so that a URL without a path comes apart as well and is refused afterwards with its reason.
    channel, subdir, filename = f"//{entry.url}".rsplit("/", 2)
    stem = (
        unquote(filename).removesuffix(".conda").removesuffix(".tar.bz2")
    )  # `1!2.0` may stand there as `1%212.0`
    return CondaPackage(
        url=entry.url,
        sha256=entry.hash.sha256,
        size=extra.size,
        name=entry.name,
        version=entry.version,
        build=stem.removeprefix(f"{entry.name}-{entry.version}-"),
        subdir=subdir,
        channel=channel.removeprefix("//"),
        md5=entry.hash.md5,
        depends=extra.depends,
    )


def wheel(entry: Entry, extra: Extra) -> PipPackage:
    """A wheel from its two halves."""
    return PipPackage(
        url=entry.url,
        sha256=entry.hash.sha256,
        size=extra.size,
        name=entry.name,
        version=entry.version,
        depends=extra.depends,
    )
