"""Locks without the definition they were made for: of another revision, another place, or a page alone."""

from __future__ import annotations

import re
from pathlib import Path

from builder.errors import LockError
from builder.lock import condalock
from builder.lock.document import Extra, conda_package, wheel
from builder.lock.files import lock_names, read_locks
from builder.lock.model import EnvironmentLock, LockedBase, LockedInstaller, LockSet, SourceId
from builder.spec.model import CONDA_SUBDIR, Base, CondaEnvironment, ImageSpec, Platform

_NAME = re.compile(
    r"conda-lock(?:\.(?P<page>[A-Za-z0-9][A-Za-z0-9._-]*?))?(?:--.+)?\.yml|"
    r"imgbuild\.lock(?:\.(?P<json>[A-Za-z0-9][A-Za-z0-9._-]*))?\.json"
)
_NO_BASE = LockedBase(key="", ref="", glibc="")
_NO_INSTALLER = LockedInstaller(kind="", version="", url="", sha256="")


def bare_spec(name: str, variant: str | None, folder: Path) -> ImageSpec:
    """As much of a definition as reading its lock files takes: the names."""
    environment = CondaEnvironment(name=name, channels=(), conda=(), file=folder / "environment.yml")
    base = Base(key="", ref="", family="debian", suite="", glibc="", platforms=())
    return ImageSpec(
        name=name, variant=variant, folder=folder, base=base, installer=None, environments=(environment,)
    )


def variant_of(filename: str) -> str | None:
    """The variant that a lock file's name says."""
    found = _NAME.fullmatch(filename)
    return (found["page"] or found["json"]) if found else None


def read_place(path: Path) -> tuple[dict[Platform, LockSet], bool]:
    """The locks in a folder or beside and in one file, and whether that is a page alone.

    A page without its JSON file has no sizes, no base and no installer. Raises LockError for what cannot be read.
    """
    folder, variant = (path, None) if path.is_dir() else (path.parent, variant_of(path.name))
    spec = bare_spec(path.resolve().name if path.is_dir() else folder.resolve().name, variant, folder)
    page_only = path.is_file() and path.suffix in {".yml", ".yaml"} and not _belongs(path, spec)
    if page_only:
        return _read_page(path), True
    found = read_locks(spec, folder)
    if not found:
        raise LockError(
            "there is no lock", where=str(path), fix="name a conda-lock.yml or a folder that holds one"
        )
    return found, False


def _belongs(path: Path, spec: ImageSpec) -> bool:
    """Whether the page is one that the JSON file beside it is about."""
    return _NAME.fullmatch(path.name) is not None and (path.parent / lock_names(spec)[1]).exists()


def _read_page(path: Path) -> dict[Platform, LockSet]:
    try:
        parts = condalock.read_page(path.read_text(encoding="utf-8"))
    except (condalock.Unreadable, UnicodeDecodeError, OSError) as error:
        raise LockError(
            f"the page cannot be read: {error}", where=str(path), fix="name a page in conda-lock's format, v1"
        ) from error
    platforms: dict[str, Platform] = {"linux-64": "linux/amd64", "linux-aarch64": "linux/arm64"}
    return {
        platforms[subdir]: _lock(path, platforms[subdir], part)
        for subdir, part in parts.items()
        if subdir in platforms
    }


def _lock(path: Path, platform: Platform, part: condalock.Part) -> LockSet:
    none = Extra()
    environment = EnvironmentLock(
        name=path.parent.name,
        channels=part.channels,
        conda=tuple(conda_package(one, none) for one in part.entries if one.manager == "conda"),
        pip=tuple(wheel(one, none) for one in part.entries if one.manager == "pip"),
        input_digest=part.digest,
    )
    return _of(environment, path.parent.name, platform)


def page_alone(lock: LockSet) -> LockSet:
    """A lock with no more than its first page says, to compare it with such a page."""
    first = lock.environments[0]
    subdir = CONDA_SUBDIR[lock.platform]
    part = condalock.part_of(first, subdir)
    none = Extra()
    environment = first.model_copy(
        update={
            "conda": tuple(conda_package(one, none) for one in part.entries if one.manager == "conda"),
            "pip": tuple(wheel(one, none) for one in part.entries if one.manager == "pip"),
            "variables": {},
            "inputs": (),
        }
    )
    return _of(environment, lock.image, lock.platform)


def _of(environment: EnvironmentLock, image: str, platform: Platform) -> LockSet:
    return LockSet(
        image=image,
        platform=platform,
        source=SourceId(),
        base=_NO_BASE,
        installer=_NO_INSTALLER,
        environments=(environment,),
    )
