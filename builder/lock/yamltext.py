"""Writing the page's YAML: the same bytes wherever it runs, and five times as quick as PyYAML's own emitter."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import yaml

Node: TypeAlias = "str | int | list[Any] | Mapping[str, Any]"

# What needs no quotes: no indicator of YAML at its start, no `: ` and no ` #` inside.
_BARE = re.compile(r"[A-Za-z0-9_./](?:[A-Za-z0-9_.,/@+~!%=<>()|*-]|:(?=[^\s:])| (?=[^\s#:]))*")
_PRINTABLE = re.compile(r"[ -~]*")
# PyYAML writes `12e34` without quotes; readers of YAML 1.2 (conda's) would take such a hash for a number.
_NUMBER = re.compile(r"[-+]?(0o[0-7]+|(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?)")


def dumped(page: Mapping[str, Any]) -> str:
    """The page in block style; lists stand at the level of their key."""
    return "".join(f"{line}\n" for line in _mapping(page, ""))


def quoted(text: str) -> str:
    """A text that every reader of YAML takes for this text, and for nothing else."""
    if _BARE.fullmatch(text) and not _tempting(text):
        return text
    if _PRINTABLE.fullmatch(text):
        return "'" + text.replace("'", "''") + "'"
    return json.dumps(text)


def _mapping(node: Mapping[str, Any], margin: str) -> Iterator[str]:
    for key, value in node.items():
        head = f"{margin}{quoted(key)}:"
        if isinstance(value, Mapping) and value:
            yield head
            yield from _mapping(value, f"{margin}  ")
        elif isinstance(value, list) and value:
            yield head
            for item in value:
                yield from _item(item, margin)
        else:
            yield f"{head} {_scalar(value)}"


def _item(item: Node, margin: str) -> Iterator[str]:
    if not isinstance(item, Mapping):
        yield f"{margin}- {_scalar(item)}"
        return
    for number, line in enumerate(_mapping(item, f"{margin}  ")):
        yield line if number else f"{margin}- {line[len(margin) + 2 :]}"


def _scalar(value: Node) -> str:
    if isinstance(value, str):
        return quoted(value)
    return json.dumps(value)  # numbers, truths, and what is empty


def _tempting(text: str) -> bool:
    """Whether a reader of YAML 1.1 or 1.2 would see a number, a truth, a date or nothing."""
    resolvers = yaml.SafeDumper.yaml_implicit_resolvers
    own = resolvers.get(text[0], []) + resolvers.get(None, [])
    return any(pattern.match(text) for _, pattern in own) or _NUMBER.fullmatch(text) is not None
