"""Every setting with its value and where it came from, and the one place where files speak to the program.

What stands nearer to the command wins: flag, environment variable, the project's file, the user's file, default. Flags
and variables are read where they always were; what only a file says is put into the variable of that setting before
the command begins (`in_force`), so that nothing else has to know of files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import NamedTuple

from builder.errors import DefinitionError
from builder.problems import Problem
from builder.settings.file import SettingsFile
from builder.settings.places import NONE, located, places
from builder.settings.read import read_file
from builder.spec.document import Document
from builder.values import Value

# Setting -> its variables, the strongest first. The first one is ours, or what every tool reads.
VARIABLES = {
    "wheel_index": ("IMGBUILD_WHEEL_INDEX",),
    "cpu_wheel_index": ("IMGBUILD_CPU_WHEEL_INDEX",),
    "store": ("IMGBUILD_CACHE",),
    "engine": ("IMGBUILD_ENGINE", "DOCKER_HOST", "DOCKER_CONTEXT"),
    "ca": ("SSL_CERT_FILE",),
    "platform": ("IMGBUILD_PLATFORM",),
    "prefix": ("IMGBUILD_PREFIX",),
    "kit": ("IMGBUILD_KIT",),
}
MAPS = {"mirrors": "IMGBUILD_MIRRORS", "channels": "IMGBUILD_CHANNELS"}
THROUGH_VARIABLES = ("store", "engine", "ca", "platform", "prefix", "kit")
PATHS = frozenset({"store", "ca", "kit"})
DEFAULTS = {
    "wheel_index": "what uv is configured for",
    "cpu_wheel_index": "none",
    "engine": "what the docker command would use",
    "ca": "what this machine trusts",
    "platform": "this machine's",
    "prefix": "imgbuild",
    "kit": "none",
}


class Given(NamedTuple):
    """What one place says. name: `store`, or `mirrors` and the prefix. origin: a variable, `FILE:LINE`, `default`."""

    name: str
    value: str
    origin: str


class Setting(Value):
    """One setting in force. shadowed: what weaker places say, strongest first, each as (value, origin)."""

    name: str
    value: str
    origin: str
    shadowed: tuple[tuple[str, str], ...] = ()


def trace(root: Path, environ: Mapping[str, str]) -> tuple[Setting, ...]:
    """All settings of a project with their origins. Raises DefinitionError with every problem of the files."""
    said: dict[str, list[Given]] = {}
    for one in [*_variables(environ), *_files(root, environ), *_defaults(environ)]:
        said.setdefault(one.name, []).append(one)
    order = [*MAPS, *VARIABLES]
    return tuple(
        Setting(
            name=name,
            value=first.value,
            origin=first.origin,
            shadowed=tuple((one.value, one.origin) for one in rest if one.origin != "default"),
        )
        for name, (first, *rest) in sorted(said.items(), key=lambda item: order.index(item[0].split(" ")[0]))
    )


def in_force(root: Path, environ: MutableMapping[str, str]) -> list[str]:
    """Put what only the files say into the variables of this process; returns the variables that were set.

    Raises DefinitionError with every problem of the files; nothing is set then.
    """
    before = dict(environ)
    changed = []
    for one in _files(root, before):
        if one.name in THROUGH_VARIABLES and not any(environ.get(name) for name in VARIABLES[one.name]):
            environ[VARIABLES[one.name][0]] = one.value
            changed.append(VARIABLES[one.name][0])
    return changed


def _variables(environ: Mapping[str, str]) -> Iterator[Given]:
    for name, variable in MAPS.items():
        for word in environ.get(variable, "").split():
            key, _, value = word.partition("=")
            yield Given(f"{name} {_key(name, key)}", _entry(name, value), variable)
    for name, variables in VARIABLES.items():
        yield from (Given(name, environ[one], one) for one in variables if environ.get(one))


def _files(root: Path, environ: Mapping[str, str]) -> list[Given]:
    problems: list[Problem] = []
    found: list[Given] = []
    for path, label in places(root, environ):
        document, file = read_file(path, label, problems)
        found += _said(path, document, file)
    if any(not problem.warning for problem in problems):
        raise DefinitionError(sorted(set(problems)))
    return found


def _said(path: Path, document: Document, file: SettingsFile) -> Iterator[Given]:
    for name in MAPS:
        for key, value in getattr(file, name).items():
            yield Given(f"{name} {_key(name, key)}", _entry(name, value), _place(document, (name, key)))
    for name in VARIABLES:
        value = getattr(file, name)
        if value is not None:
            local = name in PATHS and not (name == "kit" and value == NONE)
            yield Given(name, str(located(value, path)) if local else value, _place(document, (name,)))


def _place(document: Document, keys: tuple[str, ...]) -> str:
    place = document.places.get(keys)
    return f"{document.file}:{place.key_line}" if place else document.file


def _defaults(environ: Mapping[str, str]) -> Iterator[Given]:
    from builder.network.cache import default_root  # noqa: PLC0415  (looks the user's folder up)

    yield from (Given(name, value, "default") for name, value in DEFAULTS.items())
    yield Given("store", str(default_root({**environ, "IMGBUILD_CACHE": ""})), "default")


def _key(name: str, key: str) -> str:
    return key.rstrip("/") + "/" if name == "mirrors" else key


def _entry(name: str, value: str) -> str:
    return value.rstrip("/") + ("/" if name == "mirrors" else "")
