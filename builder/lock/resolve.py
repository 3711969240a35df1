"""The pip section of one environment, resolved by uv around what conda brings."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from builder.errors import LockError
from builder.lock.keep_wheels import resolve_keeping
from builder.lock.kept import NOTHING_HELD, Held
from builder.lock.mapping import Provided, provided
from builder.lock.model import CondaPackage, LockedFile, PipPackage
from builder.lock.requirers import with_requirements
from builder.lock.source import Source
from builder.lock.stubs import write_constraints
from builder.lock.target import Target
from builder.lock.urls import recorded
from builder.lock.uv import UnresolvableError, compile_pylock
from builder.spec.model import CondaEnvironment

log = logging.getLogger(__name__)


def resolve_wheels(
    environment: CondaEnvironment,
    conda: Sequence[CondaPackage],
    target: Target,
    source: Source,
    wish: Held = NOTHING_HELD,
) -> tuple[PipPackage, ...]:
    """The wheels to install on top of the conda packages, sorted by name; what is held stays where it can.

    Names that conda brings hold conda's version and are not among them. Raises LockError for lines that
    cannot be locked, when nothing satisfies them, and for a package without a wheel for the target.
    """
    where = str(environment.file)
    held = provided(conda)
    for line in environment.pip:
        _check_line(line, held, where)
    packages = _resolve(environment.pip, held, target, source, where, wish)
    _refuse_twice(packages, held, where)
    return with_requirements(packages, environment.pip, held, target, source, where)


def resolve_uv(target: Target, source: Source, wish: Held = NOTHING_HELD) -> LockedFile:
    """The wheel of uv itself for the target: the held one, this machine's version, or else the newest."""
    where = "uv, the tool that installs wheels in the build"
    lines = (*_held_uv(wish), f"uv=={installed_version('uv')}")
    found = next((one for line in lines if (one := _tried_uv(line, target, source, where, wish))), None)
    return found or _uv("uv", target, source, where, wish)


def _held_uv(wish: Held) -> list[str]:
    return [f"uv=={wish.uv.filename.split('-')[1]}"] if wish.uv and not wish.moves("uv") else []


def _tried_uv(line: str, target: Target, source: Source, where: str, wish: Held) -> LockedFile | None:
    try:
        return _uv(line, target, source, where, wish)
    except LockError as error:
        log.debug("%s: %s", line, error)
        return None


def _uv(line: str, target: Target, source: Source, where: str, wish: Held) -> LockedFile:
    found = _resolve([line], {}, target, source, where, Held(refresh=wish.refresh))
    wheel = next(package for package in found if package.name == "uv")
    return LockedFile(url=wheel.url, sha256=wheel.sha256, size=wheel.size)


def _check_line(line: str, held: Mapping[str, Provided], where: str) -> None:
    try:
        requirement = Requirement(line)
    except InvalidRequirement as error:
        raise LockError(
            f"the pip line {line!r} is not a requirement: {str(error).splitlines()[0]}",
            where=where,
            fix="write name, name==1.2 or name[extra]>=1; options such as -r or -e cannot be locked",
        ) from error
    if requirement.url:
        raise LockError(
            f"the pip line {line!r} names a URL, which cannot be locked yet",
            where=where,
            fix="name a version that is on the index",
        )
    conda = held.get(canonicalize_name(requirement.name))
    if conda and requirement.extras:
        raise LockError(
            f"the pip line {line!r} asks for extras of a package that conda brings ({conda.conda})",
            where=where,
            fix="name the extras' packages themselves, or take the package out of the conda part",
        )


def _resolve(
    lines: Sequence[str],
    held: Mapping[str, Provided],
    target: Target,
    source: Source,
    where: str,
    wish: Held,
) -> tuple[PipPackage, ...]:
    with tempfile.TemporaryDirectory(prefix="imgbuild-lock-") as name:
        folder = Path(name).resolve()
        constraints = write_constraints(held.values(), folder)
        bounds = folder / "bounds.txt"
        index = (*source.wheel_index(), *_asked_again(wish), "--constraints", str(bounds))

        def ask(preferred: Sequence[PipPackage], pinned: Mapping[str, str]) -> Sequence[Mapping[str, Any]]:
            bounds.write_text("".join(f"{one}=={pinned[one]}\n" for one in sorted(pinned)), encoding="utf-8")
            return compile_pylock(
                lines,
                target,
                index=index,
                constraints=constraints,
                folder=folder,
                where=where,
                preferred=preferred,
            )

        mine = replace(wish, pip=tuple(wheel for wheel in wish.pip if wheel.name not in held))
        wanted = [one for one in resolve_keeping(ask, mine) if not _is_stub(one, held)]
        before = {wheel.name: wheel for wheel in mine.pip}
        return tuple(
            sorted((_package(one, target, source, folder, where, before) for one in wanted), key=_by_name)
        )


def _asked_again(wish: Held) -> tuple[str, ...]:
    """Arguments for uv that pass over what its cache holds of an index."""
    if wish.refresh:
        return ("--refresh",)
    return tuple(word for name in sorted(wish.moving) for word in ("--refresh-package", name))


def _is_stub(raw: Mapping[str, Any], held: Mapping[str, Provided]) -> bool:
    # Only stubs are asked for as files; a wheel of the index is not taken for one because of its name.
    return "archive" in raw and canonicalize_name(raw["name"]) in held


def _refuse_twice(packages: Sequence[PipPackage], held: Mapping[str, Provided], where: str) -> None:
    for package in packages:
        if package.name in held:
            raise LockError(
                f"the pip section needs {package.name}, and conda brings {held[package.name].conda}, "
                "a version that pip cannot compare",
                where=where,
                fix=f"take {package.name} from one of the two only",
            )


def _package(
    raw: Mapping[str, Any],
    target: Target,
    source: Source,
    folder: Path,
    where: str,
    before: Mapping[str, PipPackage],
) -> PipPackage:
    name, version = canonicalize_name(raw["name"]), str(raw.get("version", ""))
    urls = {_filename(url): (url, wheel) for wheel in raw.get("wheels", ()) if (url := _url(wheel, folder))}
    best = _held_file(before.get(name), urls, target) or target.best(urls)
    if best is None:
        raise UnresolvableError(
            f"{name} {version} has no wheel for {target}",
            where=where,
            fix="ask for a version that has one, or take the package from conda",
        )
    url, wheel = urls[best]
    sha256, size = _measured(url, wheel)
    if sha256 is None:
        raise LockError(
            f"the index gives no sha256 for {best}",
            where=where,
            fix="use an index that names hashes (PEP 503)",
        )
    return PipPackage(url=recorded(url, source), sha256=sha256, size=size, name=name, version=version)


def _held_file(wheel: PipPackage | None, filenames: Iterable[str], target: Target) -> str | None:
    """The wheel of the lock before, where it is still there and fits: a version may have got more wheels since."""
    there = wheel is not None and wheel.filename in filenames
    return target.best([wheel.filename]) if wheel is not None and there else None


def _url(wheel: Mapping[str, Any], folder: Path) -> str:
    if "url" in wheel:
        return str(wheel["url"])
    return (folder / str(wheel["path"])).resolve().as_uri() if "path" in wheel else ""


def _filename(url: str) -> str:
    return unquote(urlsplit(url).path.rsplit("/", 1)[-1])


def _measured(url: str, wheel: Mapping[str, Any]) -> tuple[str | None, int | None]:
    """Hash and size as the index says them; a file of this machine is measured itself."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return wheel.get("hashes", {}).get("sha256"), wheel.get("size")
    path = Path(unquote(parts.path))
    with path.open("rb") as stream:
        digest = hashlib.sha256()
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest(), path.stat().st_size


def _by_name(package: PipPackage) -> str:
    return package.name
