"""What uv makes of a wheel in a prefix, worked out from the archive.

Sources: PyPA's binary distribution format; uv's crates/uv-install-wheel (wheel.rs, script.rs).
"""

from __future__ import annotations

import configparser
import posixpath
import re
import zipfile
from pathlib import Path
from typing import IO

from builder.audit.archives import ARCHIVE_FAULTS
from builder.errors import BuildError
from builder.lock.model import PipPackage
from builder.verify.archives import Expected, Held, Place, any_of, hashed, sha256, shebang

_FAULTS = (*ARCHIVE_FAULTS, KeyError, configparser.Error)
_OWN_SHEBANG = re.compile(rb"\A#!pythonw?[^\n]*\n")
_SCRIPT = """\
# -*- coding: utf-8 -*-
import sys
from {module} import {imported}
if __name__ == "__main__":
    if sys.argv[0].endswith("-script.pyw"):
        sys.argv[0] = sys.argv[0][:-11]
    elif sys.argv[0].endswith(".exe"):
        sys.argv[0] = sys.argv[0][:-4]
    sys.exit({function}())
"""
_EMPTY = sha256(b"")
# What an installer adds to a distribution's metadata, with the contents that it may have. RECORD is judged by its rows.
_ADDED = {"INSTALLER": frozenset((sha256(b"uv"), sha256(b"uv\n"))), "REQUESTED": frozenset((_EMPTY,))}


def hold_wheel(package: PipPackage, archive: Path, held: Held) -> None:
    """Add every file of a wheel. Raises BuildError for an archive that cannot be read."""
    whose = label(package, held.place)
    try:
        with zipfile.ZipFile(archive) as wheel:
            for entry in wheel.infolist():
                if not entry.is_dir():
                    with wheel.open(entry) as stream:
                        _member(entry, stream, whose, held)
    except _FAULTS as error:
        what = f"{package.filename} cannot be read: {error}"
        fix = "remove it from the store, and run the command again"
        raise BuildError(what, where=str(archive), fix=fix) from error


def label(package: PipPackage, place: Place) -> str:
    """How a wheel is named in a drift."""
    return f"{package.name} {package.version} (pip, {place.name})"


def _member(entry: zipfile.ZipInfo, stream: IO[bytes], whose: str, held: Held) -> None:
    site = held.place.site
    folder, _, name = entry.filename.rpartition("/")
    runs = bool(entry.external_attr >> 16 & 0o111)
    if folder.endswith(".dist-info") and "/" not in folder and name in {"RECORD", "RECORD.jws", "RECORD.p7s"}:
        if name == "RECORD":
            held.records[f"{held.place.prefix}/{site}/{folder}/RECORD"] = whose
            for added, hashes in _ADDED.items():
                held.add(f"{site}/{folder}/{added}", Expected(whose, hashes=hashes))
        return
    if folder.endswith(".dist-info") and name == "entry_points.txt":
        data = stream.read()
        held.add(f"{site}/{entry.filename}", Expected(whose, hashes=frozenset((sha256(data),)), runs=runs))
        _console(data.decode(), whose, held)
        return
    place, kind = _in_prefix(entry.filename, held.place)
    hashes = _script(stream.read(), held.place) if kind == "scripts" else frozenset((hashed(stream),))
    held.add(place, Expected(whose, hashes=hashes, runs=True if kind == "scripts" else runs))


def _in_prefix(name: str, place: Place) -> tuple[str, str]:
    """Where a member goes, below the prefix, and of which kind it is (`scripts`, ...; empty for the package itself)."""
    head, _, rest = name.partition("/")
    kind, _, inner = rest.partition("/")
    if not head.endswith(".data") or not inner:
        return f"{place.site}/{name}", ""
    headers = f"include/python{place.minor}/{head.partition('-')[0]}"
    places = {"purelib": place.site, "platlib": place.site, "scripts": "bin", "headers": headers, "data": ""}
    return posixpath.join(places.get(kind, kind), inner), kind


def _script(data: bytes, place: Place) -> frozenset[str]:
    """A script of the wheel's own: `#!python` becomes the environment's interpreter."""
    match = _OWN_SHEBANG.match(data)
    if match is None:
        return frozenset((sha256(data),))
    body = data[match.end() :]
    return frozenset(sha256(shebang(python).encode() + body) for python in place.pythons)


def _console(text: str, whose: str, held: Held) -> None:
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    for section in ("console_scripts", "gui_scripts"):
        for name, target in parser.items(section) if parser.has_section(section) else ():
            module, _, rest = target.partition(":")
            function = rest.partition("[")[0].strip()
            values = {"module": module.strip(), "imported": function.partition(".")[0], "function": function}
            texts = any_of(shebang(python) + _SCRIPT.format(**values) for python in held.place.pythons)
            held.add(f"bin/{name.strip()}", Expected(whose, hashes=texts, runs=True))
