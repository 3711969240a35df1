"""The files of a proven image as one list: what lies beside it in a registry, and what `verify` holds others against.

Archives say what they bring. What installers make of that (bytecode, conda's own folder, what scripts of OS packages
did) only the image itself says, once: when it was proven. Times are not in the list, so that it is the same for the
same files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from builder.verify.tree import Entry, Kind

FORMAT = 1
_KINDS: frozenset[Kind] = frozenset(("file", "link", "folder", "other"))
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Installed:
    """Every path of one image. image_id: of its configuration; plan_digest: of the plan that made it."""

    image: str
    image_id: str
    plan_digest: str
    entries: Mapping[str, Entry]


def write_installed(installed: Installed) -> bytes:
    """A JSON document with a line for each path, in the order of the paths. Equal lists give equal bytes."""
    head = {"format": FORMAT, "image": installed.image, "image_id": installed.image_id,
            "plan_digest": installed.plan_digest}  # fmt: skip
    rows = (_text(_row(path, entry)) for path, entry in sorted(installed.entries.items()))
    return (_text(head)[:-1] + ', "files": [\n' + ",\n".join(rows) + "\n]}\n").encode()


def read_installed(body: bytes) -> Installed:
    """The list of a document. Raises ValueError for what is none: anybody may lay something beside an image."""
    try:
        document = json.loads(body)
        if document["format"] != FORMAT:
            raise ValueError(f"a list of files in format {document['format']}")
        entries = dict(_entry(row) for row in document["files"])
        image, image_id, plan = (document[name] for name in ("image", "image_id", "plan_digest"))
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"no list of files ({type(error).__name__})") from error
    if not all(isinstance(text, str) for text in (image, image_id, plan)):
        raise ValueError("no list of files (it names no image)")
    return Installed(image, image_id, plan, entries)


def _text(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=True)  # names that are no text (surrogates) survive it


def _row(path: str, entry: Entry) -> dict[str, Any]:
    row: dict[str, Any] = {"path": path, "kind": entry.kind}
    if entry.kind == "link":
        return {**row, "target": entry.target}
    row |= {"mode": f"{entry.mode:o}"}
    if (entry.uid, entry.gid) != (0, 0):
        row |= {"uid": entry.uid, "gid": entry.gid}
    if entry.rights:
        row |= {"rights": list(entry.rights)}
    return {**row, "size": entry.size, "sha256": entry.sha256} if entry.kind == "file" else row


def _entry(row: Mapping[str, Any]) -> tuple[str, Entry]:
    path, kind, digest = row["path"], row["kind"], row.get("sha256", "")
    target, rights = row.get("target", ""), row.get("rights", ())
    numbers = (int(row.get("mode", "777"), 8), row.get("uid", 0), row.get("gid", 0), row.get("size", 0))
    texts = (path, target, *rights)
    if kind not in _KINDS or not all(isinstance(one, str) for one in texts):
        raise ValueError(f"no row of a list of files: {path!r}")
    if not all(type(one) is int for one in numbers) or (kind == "file") != bool(_HASH.fullmatch(digest)):
        raise ValueError(f"no row of a list of files: {path!r}")
    return path, Entry(kind, *numbers, digest, target, 0, tuple(rights))


def same(entry: Entry, listed: Entry) -> bool:
    """Whether a path is what the list says; a link has no rights of its own."""
    if entry.kind == "link":
        return (entry.kind, entry.target) == (listed.kind, listed.target)
    here = (entry.kind, entry.mode, entry.uid, entry.gid, entry.sha256, entry.rights)
    return here == (listed.kind, listed.mode, listed.uid, listed.gid, listed.sha256, listed.rights)


def gone(installed: Installed, there: Mapping[str, Entry]) -> Iterator[tuple[str, Entry]]:
    """What the list has and an image has not, in the order of the paths; folders do not count."""
    for path, listed in sorted(installed.entries.items()):
        if listed.kind != "folder" and path not in there:
            yield path, listed
