"""Explicit files (CEP 23): addresses with hashes, no solver."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.store.bootstrap.standin.cache import Spec
from builder.store.bootstrap.standin.errors import CondaValueError, ParseError, PluginError, SpecNotFound

MARK = "@EXPLICIT"
EXPLICIT_NAME = "explicit.txt"  # by this name conda takes a file for an explicit one, before it reads it
PACKAGE = re.compile(
    r"(?P<url>(?:.+/)?[^/\\#]+(?:\.tar\.bz2|\.conda))"
    r"(?:#(?:(?P<md5>[0-9a-f]{32})|(?:sha256:)?(?P<sha256>[0-9a-f]{64})))?\Z"
)
OTHER_FORMATS = (".yml", ".yaml", ".json", ".lock", ".toml")


@dataclass(frozen=True)
class Wanted:
    """What `create` was asked for: packages by address, or specs that need a solver."""

    packages: tuple[Spec, ...] = ()
    specs: tuple[str, ...] = ()


def read_wanted(arguments: Sequence[str], files: Sequence[Path], defaults: Sequence[str] = ()) -> Wanted:
    """What the arguments and the files ask for. Raises SpecNotFound, ParseError, CondaValueError."""
    addresses = [argument for argument in arguments if PACKAGE.match(argument)]
    if addresses and len(addresses) != len(arguments):
        raise CondaValueError("cannot mix specifications with conda package filenames")
    lines = [line for file in files for line in _lines(file)]
    nameless = next((file for file in files if file.name == EXPLICIT_NAME), None)
    if nameless is not None and MARK not in lines:
        raise PluginError(
            f"Failed to parse environment specification from file: {nameless} is not an explicit file. "
            "Missing the explicit marker."
        )
    if MARK in lines and not arguments and not defaults:
        return Wanted(packages=tuple(parse_line(line) for line in lines if line != MARK))
    if addresses and not files and not defaults:
        return Wanted(packages=tuple(parse_line(address) for address in addresses))
    return Wanted(specs=tuple(line for line in [*arguments, *lines, *defaults] if line != MARK))


def _lines(file: Path) -> list[str]:
    if file.suffix in OTHER_FORMATS:
        raise SpecNotFound(
            f"The imgbuild stand-in reads explicit files only, not {file.name}: others need a solver or a plugin."
        )
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise SpecNotFound(
            f"Can't process without a name: the file {file} cannot be read: {error}"
        ) from error
    stripped = (line.strip() for line in text.splitlines())
    return [line for line in stripped if line and not line.startswith("#")]


def parse_line(line: str) -> Spec:
    """One address with its hash. A path becomes a file:// address. Raises ParseError."""
    match = PACKAGE.match(line)
    if match is None:
        raise ParseError(f"Could not parse explicit URL: {line}")
    url = match["url"]
    if "://" not in url:
        url = f"file://{Path(url).expanduser().absolute()}"
    return Spec(url, match["md5"], match["sha256"])
