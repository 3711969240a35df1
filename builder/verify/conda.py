"""What conda makes of a package in a prefix, worked out from the archive.

Sources: conda/core/portability.py (prefixes), conda/core/path_actions.py and conda/gateways/disk/create.py (console
scripts, noarch), conda-build's docs on paths.json.
"""

from __future__ import annotations

import json
import re
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import zstandard

from builder.audit.archives import ARCHIVE_FAULTS
from builder.errors import BuildError
from builder.lock.model import CondaPackage
from builder.verify.archives import Expected, Held, Place, any_of, hashed, sha256, shebang

_PLACEHOLDER = "/opt/anaconda1anaconda2anaconda3"  # of packages that do not say one
_SHEBANG = re.compile(rb"\A(#!\s*)((?:/(?:\\ |[^ \n\r\t])*)+)([^\n\r]*)")
_LONGEST_SHEBANG = (127, 512)  # which of both it is depends on conda's version
_FAULTS = (*ARCHIVE_FAULTS, KeyError, TypeError, AttributeError)  # the last three of odd metadata
_SCRIPTS = (
    # conda since 4.6, and before
    """\
# -*- coding: utf-8 -*-
import re
import sys

from {module} import {imported}

if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])
    sys.exit({function}())
""",
    """\
if __name__ == '__main__':
    import sys
    import {module}

    sys.exit({module}.{function}())
""",
)


def hold_conda(package: CondaPackage, archive: Path, held: Held) -> None:
    """Add every file of a package. Raises BuildError for an archive that cannot be read."""
    try:
        info = _info(archive)
        _hold(package, archive, info, held)
    except _FAULTS as error:
        what = f"{package.filename} cannot be read: {error}"
        fix = "remove it from the store, and run the command again"
        raise BuildError(what, where=str(archive), fix=fix) from error


def label(package: CondaPackage, place: Place) -> str:
    """How a package is named in a drift."""
    return f"{package.name} {package.version} (conda, {place.name})"


def _hold(package: CondaPackage, archive: Path, info: Mapping[str, bytes], held: Held) -> None:
    whose, place = label(package, held.place), held.place
    paths = _paths(info)
    made: dict[str, Expected] = {}
    for member, stream in _contents(archive):
        name = member.name.removeprefix("./")
        if name not in paths:  # conda links what is listed, and nothing else
            continue
        first = made.get(member.linkname.removeprefix("./")) if member.islnk() else None
        made[name] = first or _expected(whose, member, stream, paths[name], place)
    free = json.loads(info.get("index.json", b"{}")).get("noarch") == "python"
    for name, row in paths.items():
        if row.get("path_type") != "directory":
            held.add(_linked(name, place) if free else name, made.get(name) or Expected(whose))
    if free:
        for script in _scripts(info):
            _console(script, whose, held)
    if any(re.fullmatch(r"bin/\.[^/]+-(?:post|pre)-link\.sh", name) for name in paths):
        held.scripted.append(whose)
    dist = package.filename.removesuffix(".conda").removesuffix(".tar.bz2")
    held.records[f"{place.prefix}/conda-meta/{dist}.json"] = whose


def _paths(info: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    """What conda links, by path: of paths.json, or of the older two files."""
    if "paths.json" in info:
        return {str(row["_path"]): row for row in json.loads(info["paths.json"])["paths"]}
    prefixes = {}
    for line in info.get("has_prefix", b"").decode().splitlines():
        words = line.split(maxsplit=2)
        placeholder, mode, path = words if len(words) == 3 else (_PLACEHOLDER, "text", line.strip())
        row = {"prefix_placeholder": placeholder.strip("\"'"), "file_mode": mode}
        prefixes[path.strip("\"'")] = row
    names = (line.strip() for line in info["files"].decode().splitlines())
    return {name: prefixes.get(name, {}) for name in names if name}


def _scripts(info: Mapping[str, bytes]) -> list[str]:
    """`f2py = numpy.f2py:main`, of a package for any Python."""
    noarch = json.loads(info.get("link.json", b"{}")).get("noarch") or {}
    return [str(one) for one in noarch.get("entry_points") or ()]


def _expected(
    whose: str, member: tarfile.TarInfo, stream: IO[bytes] | None, row: Mapping[str, Any], place: Place
) -> Expected:
    if stream is None:
        return Expected(whose, "link", target=member.linkname)
    placeholder, runs = str(row.get("prefix_placeholder") or ""), bool(member.mode & 0o100)
    if not placeholder:
        return Expected(whose, hashes=frozenset((hashed(stream),)), runs=runs)
    data, old, new = stream.read(), placeholder.encode(), place.prefix.encode()
    if row.get("file_mode") == "binary":
        written = {in_binary(data, old, new)}
    else:
        written = {short_shebang(data.replace(old, new), longest) for longest in _LONGEST_SHEBANG}
    return Expected(whose, hashes=frozenset(sha256(one) for one in written), runs=runs)


def in_binary(data: bytes, old: bytes, new: bytes) -> bytes:
    """Every NUL-terminated string that holds the placeholder, padded at its end to its old length."""

    def padded(match: re.Match[bytes]) -> bytes:
        return match[0].replace(old, new) + b"\0" * (match[0].count(old) * (len(old) - len(new)))

    return re.sub(re.escape(old) + rb"[^\0]*?(?=\0)", padded, data)


def short_shebang(data: bytes, longest: int) -> bytes:
    """A first line that Linux would cut finds its interpreter on PATH instead."""
    match = _SHEBANG.match(data)
    if match is None or (len(match[0]) <= longest and b"\\ " not in match[2]):
        return data
    return b"#!/usr/bin/env " + match[2].rsplit(b"/", 1)[-1] + match[3] + data[match.end() :]


def _linked(name: str, place: Place) -> str:
    """Where a member goes: packages for any Python keep theirs at the top."""
    if name.startswith("site-packages/"):
        return f"{place.site}/{name.removeprefix('site-packages/')}"
    return f"bin/{name.removeprefix('python-scripts/')}" if name.startswith("python-scripts/") else name


def _console(script: str, whose: str, held: Held) -> None:
    name, _, target = (part.strip() for part in script.partition("="))
    module, _, function = (part.strip() for part in target.partition(":"))
    values = {"module": module, "imported": function.partition(".")[0], "function": function}
    bodies = [text.format(**values) for text in _SCRIPTS]
    heads = [shebang(python) for python in held.place.pythons]
    texts = any_of(head + body for head in heads for body in bodies)
    held.add(f"bin/{name}", Expected(whose, hashes=texts, runs=True))


def _info(archive: Path) -> dict[str, bytes]:
    """The files below info/ that say how a package is linked."""
    wanted = {f"info/{name}" for name in ("index.json", "paths.json", "link.json", "files", "has_prefix")}
    found = {}
    for tar in _tars(archive, "info-"):
        for member in tar:
            name = member.name.removeprefix("./")
            if name in wanted and (stream := tar.extractfile(member)) is not None:
                found[name.removeprefix("info/")] = stream.read()
    return found


def _contents(archive: Path) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Every file and link of a package, each to be read before the next one is asked for."""
    for tar in _tars(archive, "pkg-"):
        for member in tar:
            if not member.isdir():
                yield member, tar.extractfile(member) if member.isreg() else None


def _tars(archive: Path, half: str) -> Iterator[tarfile.TarFile]:
    """One half of a .conda, or all of a .tar.bz2; what a store's path is called says nothing of its kind."""
    if not zipfile.is_zipfile(archive):
        with tarfile.open(archive, "r|*") as tar:
            yield tar
        return
    with zipfile.ZipFile(archive) as outer:
        for name in outer.namelist():
            if name.startswith(half) and name.endswith(".tar.zst"):
                with (
                    outer.open(name) as packed,
                    zstandard.ZstdDecompressor().stream_reader(packed) as plain,
                    tarfile.open(fileobj=plain, mode="r|") as tar,
                ):
                    yield tar
