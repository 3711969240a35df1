"""What a rendered page makes of its base: configuration and number of layers, read from the page as BuildKit reads it.

Sources: BuildKit's frontend/dockerfile (parser, shell lexer, dispatch of instructions).
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from builder.render.steps import LAYERS, instructions

_SETS = frozenset(
    ("ENV", "LABEL", "USER", "WORKDIR", "ENTRYPOINT", "CMD", "STOPSIGNAL", "EXPOSE", "VOLUME", "SHELL")
)
_NOT_READ = frozenset(("HEALTHCHECK", "ONBUILD"))
_PATH = (
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # what BuildKit gives a base without one
)
_VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?::([-+])([^}]*))?\})")


@dataclass
class Config:
    """How an image starts, as far as a page can say it. layers: how many there are above the base's."""

    env: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    user: str = ""
    workdir: str = ""
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    stop_signal: str = ""
    healthcheck: str = ""
    shell: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()
    layers: int = 0
    not_read: tuple[str, ...] = ()


def config_of(document: Mapping[str, Any]) -> Config:
    """Of the JSON document of an image (`docker inspect`, or the blob in a registry): its part called `config`."""
    pairs = (str(entry).partition("=") for entry in document.get("Env") or ())
    health = document.get("Healthcheck")
    return Config(
        env={name: value for name, _, value in pairs},
        labels={str(name): str(value) for name, value in (document.get("Labels") or {}).items()},
        user=str(document.get("User") or ""),
        workdir=str(document.get("WorkingDir") or ""),
        entrypoint=tuple(map(str, document.get("Entrypoint") or ())),
        cmd=tuple(map(str, document.get("Cmd") or ())),
        ports=tuple(sorted(map(str, document.get("ExposedPorts") or ()))),
        volumes=tuple(sorted(map(str, document.get("Volumes") or ()))),
        stop_signal=str(document.get("StopSignal") or ""),
        healthcheck=json.dumps(health, sort_keys=True) if health else "",
        shell=tuple(map(str, document.get("Shell") or ())),
        triggers=tuple(map(str, document.get("OnBuild") or ())),
    )


def above(base: Config, page: str) -> Config:
    """What the page makes of its base's configuration."""
    made = Config(
        **{**vars(base), "env": dict(base.env), "labels": dict(base.labels), "layers": 0, "triggers": ()}
    )
    made.env.setdefault("PATH", _PATH)
    arguments: dict[str, str] = {}
    unread: list[str] = []
    for word, rest in instructions(page):
        made.layers += word in LAYERS
        if word == "ARG":
            name, _, value = rest.partition("=")
            arguments[name.strip()] = _words(value, {**arguments, **made.env})[0] if value else ""
        elif word in _SETS:
            _set(made, word, rest, {**arguments, **made.env})
        elif word in _NOT_READ:
            unread.append(word)
    made.not_read = tuple(unread)
    return made


def _set(made: Config, word: str, rest: str, known: Mapping[str, str]) -> None:
    if word in {"ENV", "LABEL"}:
        pairs = dict(_pairs(rest, known))
        (made.env if word == "ENV" else made.labels).update(pairs)
    elif word == "USER":
        made.user = _words(rest, known)[0]
    elif word == "WORKDIR":
        made.workdir = posixpath.join(made.workdir or "/", _words(rest, known)[0])
    elif word == "STOPSIGNAL":
        made.stop_signal = _words(rest, known)[0]
    elif word == "EXPOSE":
        ports = (port if "/" in port else f"{port}/tcp" for port in _words(rest, known))
        made.ports = tuple(sorted({*made.ports, *ports}))
    elif word == "VOLUME":
        made.volumes = tuple(sorted({*made.volumes, *(_array(rest) or _words(rest, known))}))
    else:
        started = _array(rest)
        given = started if started is not None else (*(made.shell or ("/bin/sh", "-c")), rest)
        name = {"ENTRYPOINT": "entrypoint", "CMD": "cmd", "SHELL": "shell"}[word]
        setattr(made, name, given)


def _array(text: str) -> tuple[str, ...] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return tuple(map(str, found)) if isinstance(found, list) else None


def _pairs(text: str, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    words = list(_split(text))
    if words and "=" not in words[0]:  # `ENV NAME the rest of the line`
        name, _, value = text.partition(" ")
        yield name, "".join(_words(value.strip(), known, whole=True))
        return
    for word in words:
        name, _, value = word.partition("=")
        yield _bare(name, known), _bare(value, known)


def _words(text: str, known: Mapping[str, str], *, whole: bool = False) -> list[str]:
    return [_bare(text, known)] if whole else [_bare(word, known) for word in _split(text)] or [""]


def _split(text: str) -> Iterator[str]:
    """Words with their quotes and escapes still in them."""
    word, quote, at = "", "", 0
    while at < len(text):
        sign = text[at]
        if sign == "\\" and quote != "'" and at + 1 < len(text):
            word += text[at : at + 2]
            at += 2
            continue
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign.isspace():
            if word:
                yield word
            word = ""
            at += 1
            continue
        word += sign
        at += 1
    if word:
        yield word


def _bare(word: str, known: Mapping[str, str]) -> str:
    """A word without its quotes and escapes, variables put in."""
    out, quote, at = "", "", 0
    while at < len(word):
        sign = word[at]
        if sign == "\\" and quote != "'" and at + 1 < len(word):
            # in double quotes a backslash before anything but these stays
            keeps = quote == '"' and word[at + 1] not in '"$\\'
            out += word[at : at + 2] if keeps else word[at + 1]
            at += 2
        elif sign in "'\"" and quote in {"", sign}:
            quote = "" if quote else sign
            at += 1
        elif sign == "$" and quote != "'" and (match := _VARIABLE.match(word, at)):
            out += _value(match, known)
            at = match.end()
        else:
            out += sign
            at += 1
    return out


def _value(match: re.Match[str], known: Mapping[str, str]) -> str:
    name, way, other = match[1] or match[2], match[3], match[4] or ""
    value = known.get(name, "")
    if way == "-":
        return value or other
    if way == "+":
        return other if value else ""
    return value
