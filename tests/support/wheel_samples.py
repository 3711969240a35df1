"""Small wheels, written with the names, files and metadata that a test asks for."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

WHEN = (2024, 5, 6, 7, 8, 10)


def record_line(name: str, data: bytes) -> tuple[str, str, str]:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
    return name, f"sha256={digest}", str(len(data))


def write_wheel(
    folder: Path,
    name: str = "sample",
    version: str = "1.2",
    *,
    tag: str = "py3-none-any",
    files: Mapping[str, bytes] | None = None,
    metadata: Sequence[str] = (),
    entry_points: str = "",
    extra_records: Sequence[tuple[str, str, str]] = (),
    executable: Sequence[str] = (),
) -> Path:
    """A wheel in folder; `files` are paths inside it, dist-info and RECORD are made to fit them."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    pure = "true" if tag.endswith("-any") else "false"
    head = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *metadata]
    content = {
        f"{name.replace('-', '_')}/__init__.py": b"VALUE = 7\n",
        **(files or {}),
        f"{info}/METADATA": ("\n".join(head) + "\n").encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: {pure}\nTag: {tag}\n".encode(),
    }
    if entry_points:
        content[f"{info}/entry_points.txt"] = entry_points.encode()
    records = [record_line(path, data) for path, data in content.items()]
    records += [*extra_records, (f"{info}/RECORD", "", "")]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(records)
    content[f"{info}/RECORD"] = text.getvalue().encode()
    path = folder / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in content.items():
            entry = zipfile.ZipInfo(member, WHEN)
            entry.external_attr = (0o100755 if member in executable else 0o100644) << 16
            archive.writestr(entry, data)
    return path
