"""Wheels that hold a name and a version only, in place of what conda brings.

uv is told that each such distribution is this very file, so it neither looks for it on an index nor lets
another version in, and says so when a requirement does not agree with conda's version.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

from builder.lock.mapping import Provided

_WHEEL = "Wheel-Version: 1.0\nGenerator: imgbuild\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def write_constraints(distributions: Iterable[Provided], folder: Path) -> Path:
    """Write a stub for each distribution and the constraints file that binds their names to them."""
    lines = [
        f"{one.name} @ {_write_stub(one.name, one.version, folder).as_uri()}\n"
        for one in distributions
        if one.version is not None
    ]
    constraints = folder / "constraints.txt"
    constraints.write_text("".join(sorted(lines)), encoding="utf-8")
    return constraints


def _write_stub(name: str, version: str, folder: Path) -> Path:
    stem = f"{name.replace('-', '_')}-{version}"
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        info = f"{stem}.dist-info"
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", _WHEEL)
        wheel.writestr(f"{info}/RECORD", "")
    return path
