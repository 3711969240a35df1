"""Write a package's file with the prefix it was built for replaced by the one it is installed into."""

from __future__ import annotations

import re
from pathlib import Path

from builder.store.bootstrap.standin.errors import PaddingError

LONGEST_SHEBANG = 127
SHEBANG = re.compile(rb"\A(#!\s*)((?:/(?:\\ |[^ \n\r\t])*)+)([^\n\r]*)")


def replace_prefix(data: bytes, placeholder: str, prefix: str, *, binary: bool, path: str) -> bytes:
    """The file's bytes for its new place. A binary keeps its length. Raises PaddingError when the room is too small."""
    old, new = placeholder.encode(), prefix.encode()
    if binary:
        return _in_binary(data, old, new, path)
    return short_shebang(data.replace(old, new))


def _in_binary(data: bytes, old: bytes, new: bytes, path: str) -> bytes:
    """Every NUL-terminated string that holds the placeholder, padded at its end."""

    def padded(match: re.Match[bytes]) -> bytes:
        spare = match[0].count(old) * (len(old) - len(new))
        if spare < 0:
            raise PaddingError(
                f"Placeholder of length '{len(old)}' too short in package file {path}.\n"
                "The package must be rebuilt with conda-build > 2.0."
            )
        return match[0].replace(old, new) + b"\0" * spare

    return re.sub(re.escape(old) + rb"[^\0]*?(?=\0)", padded, data)


def short_shebang(data: bytes) -> bytes:
    """A first line that Linux would cut, or whose path has a blank, finds its interpreter on PATH instead."""
    match = SHEBANG.match(data)
    if match is None or (len(match[0]) <= LONGEST_SHEBANG and b"\\ " not in match[2]):
        return data
    interpreter = match[2].rsplit(b"/", 1)[-1]
    return b"#!/usr/bin/env " + interpreter + match[3] + data[match.end() :]


def python_shebang(prefix: Path, python: str) -> str:
    """The first lines of a console script."""
    interpreter = f"{prefix}/bin/{python}"
    if len(interpreter) + 2 <= LONGEST_SHEBANG and " " not in interpreter:
        return f"#!{interpreter}\n"
    return f"#!/bin/sh\n'''exec' \"{interpreter}\" \"$0\" \"$@\"\n' '''\n"
