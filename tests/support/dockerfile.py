"""Read a Dockerfile back as BuildKit does: lines joined, words split, quotes and escapes undone, `$x` expanded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping


def instructions(text: str) -> list[tuple[str, str]]:
    """(INSTRUCTION, rest) in order: comments dropped, also between continued lines."""
    found: list[tuple[str, str]] = []
    pending = ""
    for line in text.split("\n"):
        if line.lstrip().startswith("#") or (not line.strip() and not pending):
            continue
        if line.rstrip(" \t").endswith("\\"):
            pending += line.rstrip(" \t")[:-1]
            continue
        name, _space, rest = (pending + line).strip().partition(" ")
        found.append((name, rest.strip()))
        pending = ""
    assert not pending, "the file ends inside an instruction"
    return found


def pairs(rest: str, env: Mapping[str, str]) -> dict[str, str]:
    """The `k=v k="v w"` of ENV and LABEL, expanded."""
    found: dict[str, str] = {}
    for word in split_words(rest):
        name, equals, value = word.partition("=")
        assert equals, word
        found[expand(name, env)] = expand(value, env)
    return found


def split_words(rest: str) -> Iterator[str]:
    """Words with quotes and escapes still in them (buildkit parser/line_parsers.go, parseWords)."""
    word, quote, position = "", "", 0
    while position < len(rest):
        char = rest[position]
        if char == "\\" and quote != "'" and position + 1 < len(rest):
            word += rest[position : position + 2]
            position += 2
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char.isspace():
            if word:
                yield word
            word = ""
            position += 1
            continue
        word += char
        position += 1
    assert not quote, rest
    if word:
        yield word


def expand(word: str, env: Mapping[str, str]) -> str:
    """Undo quotes and escapes and expand variables (buildkit shell/lex.go, processStopOn)."""
    out, quote, position = "", "", 0
    while position < len(word):
        char = word[position]
        position += 1
        if quote == "'":
            quote = "" if char == "'" else quote
            out += "" if char == "'" else char
        elif char == "\\" and position < len(word) and (not quote or word[position] in '"$\\'):
            out += word[position]
            position += 1
        elif char == "$":
            name = ""
            while position < len(word) and (word[position].isalnum() or word[position] == "_"):
                name += word[position]
                position += 1
            assert name, f"an expansion that the tests do not know: {word}"
            out += env.get(name, "")
        elif char == quote:
            quote = ""
        elif char in "'\"" and not quote:
            quote = char
        else:
            out += char
    return out


def array(rest: str) -> list[str]:
    """The exec form."""
    values = json.loads(rest)
    assert isinstance(values, list)
    return [str(value) for value in values]
