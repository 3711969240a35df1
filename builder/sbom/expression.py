"""SPDX licence expressions as trees: what is in them, and whether all that they ask for is permitted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

_TOKEN = re.compile(r"\(|\)|[^\s()]+")


@dataclass(frozen=True, slots=True)
class Group:
    """Several parts of which all hold (`and`), or of which one may be chosen (`or`)."""

    kind: Literal["and", "or"]
    parts: tuple[Node, ...]


Node: TypeAlias = "Group | str"
"""A group, or one licence: `MIT`, `GPL-2.0-only WITH Classpath-exception-2.0`, `LicenseRef-x`."""


def parse(expression: str) -> Node:
    """The expression as a tree. Raises ValueError for what is none."""
    tokens = _TOKEN.findall(expression)
    node, rest = _any_of(tokens)
    if rest:
        raise ValueError(f"no licence expression: {expression!r}")
    return node


def leaves(node: Node) -> Iterator[str]:
    """Every licence of a tree, in order."""
    if isinstance(node, str):
        yield node
    else:
        for part in node.parts:
            yield from leaves(part)


def holds(node: Node, permitted: Callable[[str], bool]) -> bool:
    """Whether one can live by the expression when these licences are permitted: one of an OR, and all of an AND."""
    if isinstance(node, str):
        return permitted(node)
    return (any if node.kind == "or" else all)(holds(part, permitted) for part in node.parts)


def both(expressions: Sequence[str]) -> str:
    """All of these at the same time; what has an OR in it stands in brackets."""
    parts = list(dict.fromkeys(expressions))
    if len(parts) == 1:
        return parts[0]
    return " AND ".join(f"({part})" if " OR " in part else part for part in parts)


def bare(licence: str) -> str:
    """The licence without its exception, and without `+`."""
    return licence.partition(" WITH ")[0].removesuffix("+")


def _any_of(tokens: list[str]) -> tuple[Node, list[str]]:
    return _row(tokens, "or", _all_of)


def _all_of(tokens: list[str]) -> tuple[Node, list[str]]:
    return _row(tokens, "and", _one)


def _row(
    tokens: list[str], kind: Literal["and", "or"], inner: Callable[[list[str]], tuple[Node, list[str]]]
) -> tuple[Node, list[str]]:
    first, rest = inner(tokens)
    parts = [first]
    while rest and rest[0].upper() == kind.upper():
        part, rest = inner(rest[1:])
        parts.append(part)
    return (parts[0] if len(parts) == 1 else Group(kind, tuple(parts))), rest


def _one(tokens: list[str]) -> tuple[Node, list[str]]:
    if not tokens or tokens[0] == ")" or tokens[0].upper() in {"AND", "OR", "WITH"}:
        raise ValueError("a licence is missing in the expression")
    if tokens[0] == "(":
        node, rest = _any_of(tokens[1:])
        if not rest or rest[0] != ")":
            raise ValueError("a bracket is not closed in the expression")
        return node, rest[1:]
    if len(tokens) > 2 and tokens[1].upper() == "WITH":
        return f"{tokens[0]} WITH {tokens[2]}", tokens[3:]
    return tokens[0], tokens[1:]
