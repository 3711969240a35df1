"""A page as its steps: what an instruction does, and everything of the context that it reads."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator

from builder.render.model import Rendered
from builder.values import Value

LAYERS = frozenset(("RUN", "COPY", "ADD", "WORKDIR"))
"""Instructions that make a layer."""
_TITLE = re.compile(r"\s*: '((?:[^']|'\"'\"')*)';")
_MOUNT = re.compile(r"--mount=type=bind,source=([^,\s]+),")
_IMAGE = re.compile(r"from=imgbuild/pkg:([0-9a-f]{64})")


class Step(Value):
    """One instruction. title: as progress calls it. text: hex sha256 of the instruction. reads: hash of each file of
    the context that it reads, by path; groups: digests of the package groups that it mounts."""

    title: str
    text: str
    reads: dict[str, str] = {}
    groups: tuple[str, ...] = ()


def steps(rendered: Rendered) -> tuple[Step, ...]:
    """Every instruction of a page that makes a layer or starts it; what only says something is one step at the end."""
    found: list[Step] = []
    said: list[str] = []
    for word, text in instructions(rendered.dockerfile):
        if word in {"LABEL", "CMD", "ENTRYPOINT", "USER"}:
            said.append(f"{word} {text}")
        else:
            found.append(_step(word, text, rendered))
    return (*found, Step(title="labels and start", text=_hash("\n".join(said).encode())))


def _step(word: str, text: str, rendered: Rendered) -> Step:
    folders = _MOUNT.findall(text) if word == "RUN" else _copied(text) if word in {"COPY", "ADD"} else []
    reads = {
        name: _hash(file.content + str(file.mode).encode())
        for name, file in rendered.files.items()
        if any(name == folder or name.startswith(f"{folder.rstrip('/')}/") for folder in folders)
    }
    bare = re.sub(r"(?:--mount=\S+\s+)*", "", text) if word == "RUN" else text
    title = _TITLE.match(bare)
    named = title[1].replace("'\"'\"'", "'") if title else _named(word, text)
    groups = tuple(_IMAGE.findall(text))
    # the digests of mounted groups are told for themselves
    return Step(title=named, text=_hash(_IMAGE.sub("", text).encode()), reads=reads, groups=groups)


def _named(word: str, text: str) -> str:
    if word == "ENV":
        names = re.findall(r"(?:^|\s)([A-Za-z_][A-Za-z0-9_]*)=", text)
        return f"ENV {' '.join(names[:3])}{' ...' if len(names) > 3 else ''}"
    if word == "FROM":
        return f"base {re.sub(r'([0-9a-f]{12})[0-9a-f]{52}', lambda found: found[1], text)}"
    return f"{word} {' '.join(text.split())[:60]}"


def _copied(text: str) -> list[str]:
    try:
        words = json.loads(text)
    except ValueError:
        words = text.split()
    return [str(word) for word in words[:-1]]


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def instructions(page: str) -> Iterator[tuple[str, str]]:
    """Each instruction's word in capitals and its text, lines that go on put together, without comments."""
    parts: list[str] = []
    for line in page.splitlines():
        if line.lstrip().startswith("#") or not (line.strip() or parts):
            continue
        bare = line.rstrip()
        goes_on = bare.endswith("\\")
        parts.append(bare[:-1] if goes_on else line)
        if not goes_on and line.strip():
            text = "".join(parts).strip()
            parts = []
            word, _, rest = text.partition(" ")
            yield word.upper(), rest.strip()
