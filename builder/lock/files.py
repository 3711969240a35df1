"""Reading and writing the lock files of an image.

`conda-lock[.VARIANT].yml` for the first environment, `conda-lock[.VARIANT]--NAME.yml` for each further one,
and `imgbuild.lock[.VARIANT].json` for what that format has no place for. It holds the sha256 of the others,
so that an edit by hand or half a merge is noticed.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import overload

from pydantic import ValidationError

from builder.errors import LockError
from builder.lock import condalock
from builder.lock.atomic import write_all
from builder.lock.check import NAME, faults
from builder.lock.condalock import Part, Parts
from builder.lock.document import (
    Document,
    HeldEnvironment,
    HeldPlatform,
    conda_package,
    held_platform,
    page_name,
    wheel,
)
from builder.lock.inputs import digest_of_lines
from builder.lock.model import EnvironmentLock, LockSet
from builder.spec.model import CONDA_SUBDIR, ImageSpec, Platform

_LARGEST = 64 << 20  # bytes; a real lock has some hundred kilobytes


def lock_names(spec: ImageSpec) -> tuple[str, str]:
    """File names of the conda-lock page of the first environment, and of the JSON file."""
    variant = f".{spec.variant}" if spec.variant else ""
    return f"conda-lock{variant}.yml", f"imgbuild.lock{variant}.json"


def write_lock(lock: LockSet, folder: Path, spec: ImageSpec) -> tuple[Path, ...]:
    """Write the files of one platform, as `write_locks`."""
    return write_locks([lock], folder, spec)


def write_locks(locks: Sequence[LockSet], folder: Path, spec: ImageSpec) -> tuple[Path, ...]:
    """Write the files of an image's platforms and keep what they hold for others that it still declares.

    All files are replaced, or none; those that would be the same are left alone. Files that cannot be read or do not
    belong together are made anew for these platforms alone. Returns the paths, the JSON file last. Raises LockError
    for a lock or a folder that cannot be written.
    """
    for lock in locks:
        _refuse(list(faults(lock)), folder / lock_names(spec)[1], spec)
    made = {lock.platform: lock for lock in locks}
    kept, old = _others(set(made), folder, spec)
    texts = _texts({**kept, **made}, spec)
    obsolete = old - set(texts)
    if not obsolete and all(_holds(folder / name, text) for name, text in texts.items()):
        return tuple(folder / name for name in texts)
    return write_all(folder, texts, obsolete=obsolete)


def _texts(locks: Mapping[Platform, LockSet], spec: ImageSpec) -> dict[str, bytes]:
    """The files by name, the JSON file last; the same bytes for the same locks in whatever order."""
    pages: dict[str, dict[str, Part]] = {}
    for platform, locked in locks.items():
        for name, environment in _with_names(locked, spec):
            pages.setdefault(name, {})[CONDA_SUBDIR[platform]] = condalock.part_of(
                environment, CONDA_SUBDIR[platform]
            )
    source = spec.environments[0].file.name
    texts = {name: condalock.write_page(parts, source).encode() for name, parts in sorted(pages.items())}
    document = Document(
        files={name: hashlib.sha256(text).hexdigest() for name, text in texts.items()},
        platforms={
            platform: held_platform(locked, [name for name, _ in _with_names(locked, spec)])
            for platform, locked in sorted(locks.items())
        },
    )
    texts[lock_names(spec)[1]] = document.model_dump_json(indent=1, exclude_defaults=False).encode() + b"\n"
    return texts


def _holds(path: Path, text: bytes) -> bool:
    try:
        return path.read_bytes() == text
    except OSError:
        return False


@overload
def read_lock(spec: ImageSpec, platform: Platform, folder: Path) -> LockSet: ...


@overload
def read_lock(spec: ImageSpec, platform: Platform, folder: Path, *, missing_ok: bool) -> LockSet | None: ...


def read_lock(
    spec: ImageSpec, platform: Platform, folder: Path, *, missing_ok: bool = False
) -> LockSet | None:
    """The lock of one platform; None with missing_ok where there is none.

    Raises LockError when it is missing, and always when a file cannot be read, was changed, does not agree
    with the others, or names what a lock must not name.
    """
    found = read_locks(spec, folder)
    if platform in found:
        return found[platform]
    if missing_ok:
        return None
    held = f"; it has {', '.join(sorted(found))}" if found else ""
    raise LockError(
        f"{spec.ref} has no lock for {platform}{held}",
        where=str(folder / lock_names(spec)[0]),
        fix=f"run `imgbuild lock {spec.ref}` and commit the result",
    )


def read_locks(spec: ImageSpec, folder: Path) -> dict[Platform, LockSet]:
    """The locks of all platforms that the image's files hold; nothing where there are none. Raises as `read_lock`."""
    page, json = (folder / name for name in lock_names(spec))
    if not page.is_symlink() and not page.exists() and not json.is_symlink() and not json.exists():
        return {}
    document = _document(json, spec)
    parts = {name: _page(folder / name, sha256, spec) for name, sha256 in document.files.items()}
    return {
        platform: _lock(platform, held, parts, json, spec) for platform, held in document.platforms.items()
    }


def _others(
    made: AbstractSet[Platform], folder: Path, spec: ImageSpec
) -> tuple[dict[Platform, LockSet], set[str]]:
    """What the files hold for other declared platforms, and the names of the pages that are there now."""
    try:
        found = read_locks(spec, folder)
    except LockError:
        return {}, set()  # making the lock anew is the mend for files that cannot be read
    pages = {name for held in found.values() for name, _ in _with_names(held, spec)}
    others = set(spec.platforms) - made
    return {platform: held for platform, held in found.items() if platform in others}, pages


def _with_names(lock: LockSet, spec: ImageSpec) -> Iterator[tuple[str, EnvironmentLock]]:
    first = lock_names(spec)[0]
    for number, environment in enumerate(lock.environments):
        yield page_name(first, environment.name if number else None), environment


def _document(path: Path, spec: ImageSpec) -> Document:
    try:
        document = Document.model_validate_json(_bytes(path, spec))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in found["loc"])
        raise _broken(f"{place + ': ' if place else ''}{found['msg']}", path, spec) from error
    first = lock_names(spec)[0]
    named = {environment.file for held in document.platforms.values() for environment in held.environments}
    if named != set(document.files):
        raise _broken("it does not name the files that its environments are in", path, spec)
    for held in document.platforms.values():
        _check_names(held.environments, first, path, spec)
    return document


def _check_names(environments: tuple[HeldEnvironment, ...], first: str, path: Path, spec: ImageSpec) -> None:
    if not environments or environments[0].name is not None:
        raise _broken("the first environment is missing", path, spec)
    for environment in environments[1:]:
        # Names become names of files: nothing may lead out of the folder.
        if environment.name is None or not NAME.fullmatch(environment.name):
            raise _broken(f"an environment cannot be called {environment.name!r}", path, spec)
    names = [page_name(first, environment.name) for environment in environments]
    if [environment.file for environment in environments] != names or len(set(names)) != len(names):
        raise _broken("an environment is in a file of another name", path, spec)


def _page(path: Path, sha256: str, spec: ImageSpec) -> Parts:
    data = _bytes(path, spec)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise _broken(
            f"it was changed after it was made, or does not belong to {lock_names(spec)[1]}", path, spec
        )
    try:
        return condalock.read_page(data.decode())
    except (condalock.Unreadable, UnicodeDecodeError) as error:
        raise _broken(str(error), path, spec) from error


def _lock(
    platform: Platform, held: HeldPlatform, parts: Mapping[str, Parts], json: Path, spec: ImageSpec
) -> LockSet:
    subdir = CONDA_SUBDIR[platform]
    environments = []
    for environment in held.environments:
        part = parts[environment.file].get(subdir)
        if part is None:
            raise _broken(f"it has {platform} and {environment.file} has not", json, spec)
        environments.append(_environment_lock(environment, part, json, spec))
    lock = LockSet(
        image=spec.ref,
        platform=platform,
        source=held.source,
        base=held.base,
        installer=held.installer,
        environments=tuple(environments),
        uv=held.uv,
        apt=held.apt.packages if held.apt else (),
        apt_inputs=held.apt.inputs if held.apt else (),
        apt_releases=held.apt.releases if held.apt else (),
    )
    _refuse(list(itertools.islice(faults(lock), 5)), json, spec)
    return lock


def _environment_lock(
    environment: HeldEnvironment, part: Part, json: Path, spec: ImageSpec
) -> EnvironmentLock:
    urls = [entry.url for entry in part.entries]
    if sorted(urls) != sorted(environment.packages):
        raise _broken(f"it and {environment.file} do not hold the same packages", json, spec)
    if part.digest != digest_of_lines(environment.inputs):
        raise _broken(f"it and {environment.file} were not made from the same definition", json, spec)
    extras = environment.packages
    return EnvironmentLock(
        name=environment.name or spec.environments[0].name,
        channels=environment.channels,
        conda=tuple(conda_package(one, extras[one.url]) for one in part.entries if one.manager == "conda"),
        pip=tuple(wheel(one, extras[one.url]) for one in part.entries if one.manager == "pip"),
        variables=environment.variables,
        input_digest=part.digest,
        inputs=environment.inputs,
    )


def _bytes(path: Path, spec: ImageSpec) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except OSError as error:
        raise _broken(error.strerror or str(error), path, spec) from error
    if len(data) > _LARGEST:
        raise _broken("it is far too large for a lock", path, spec)
    return data


def _refuse(found: list[str], path: Path, spec: ImageSpec) -> None:
    if found:
        raise _broken(found[0], path, spec, detail="\n".join(found))


def _broken(what: str, path: Path, spec: ImageSpec, detail: str = "") -> LockError:
    return LockError(
        f"the lock of {spec.ref} cannot be used: {what}",
        where=str(path),
        fix=f"take the committed files back, or run `imgbuild lock {spec.ref}`",
        detail=detail,
    )
