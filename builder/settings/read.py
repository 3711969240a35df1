"""Settings out of files, variables and options; what stands nearer to the command wins.

The files are `imgbuild.yml` beside envs/ and the user's `settings.yml`; the variables IMGBUILD_MIRRORS,
IMGBUILD_CHANNELS, IMGBUILD_WHEEL_INDEX and IMGBUILD_CPU_WHEEL_INDEX.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from builder.errors import DefinitionError, UsageError
from builder.problems import Problem
from builder.settings.file import (
    USERS_ONLY,
    Address,
    ChannelName,
    EngineName,
    ImagePrefix,
    Mirrored,
    Prefix,
    SettingsFile,
)
from builder.settings.model import Settings
from builder.settings.places import USER_FILE, located, places
from builder.spec.document import Document, read_document
from builder.spec.fault import Fault
from builder.spec.patterns import Rule
from builder.spec.project import SETTINGS_FILE
from builder.spec.translate import read_model
from builder.userpath import user_path
from builder.values import CONDA_SUBDIR


def read_settings(
    root: Path, given: Settings | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """All settings that hold in a project: given (options), then the environment, the project, the user.

    Raises DefinitionError with every problem of the files, UsageError for a variable that cannot be read.
    """
    environ = os.environ if environ is None else environ
    problems: list[Problem] = []
    files = [_read(path, label, problems) for path, label in places(root, environ)]
    if any(not problem.warning for problem in problems):
        raise DefinitionError(sorted(set(problems)))
    merged = (given or Settings()).over(_from_variables(environ))
    for one in files:
        merged = merged.over(one)
    fault = next(_clashes(merged.mirrors), None)
    if fault is not None:
        raise UsageError(fault[1], where=f"mirrors, {fault[0]}", fix=fault[2])
    return merged


def settings_problems(root: Path, environ: Mapping[str, str] | None = None) -> list[Problem]:
    """What is wrong in the settings files, for `imgbuild check`."""
    problems: list[Problem] = []
    for path, label in places(root, os.environ if environ is None else environ):
        _read(path, label, problems)
    return sorted(set(problems))


def _read(path: Path, label: str, problems: list[Problem]) -> Settings:
    document, file = read_file(path, label, problems)
    if document.broken:
        return Settings()
    return Settings(
        mirrors={_prefix(key): _prefix(value) for key, value in file.mirrors.items()},
        channels={name: url.rstrip("/") for name, url in file.channels.items()},
        wheel_index=file.wheel_index or "",
        cpu_wheel_index=file.cpu_wheel_index or "",
    )


def read_file(path: Path, label: str, problems: list[Problem]) -> tuple[Document, SettingsFile]:
    """A settings file with the places of its keys; what is wrong in it goes into problems."""
    document = read_document(path, label)
    file, faults = read_model(document, SettingsFile)
    problems += [*document.problems, *faults]
    if not document.broken:
        problems += [*_mirror_problems(document, file), *_place_problems(document, file, path)]
    return document, file


def _place_problems(document: Document, file: SettingsFile, path: Path) -> Iterator[Problem]:
    """What a file may not say because of whose it is, and files that it names and that are not there."""
    if document.file == SETTINGS_FILE:
        for key in sorted(USERS_ONLY & file.model_fields_set):
            fix = (
                f"write it into your own {USER_FILE}: a project that you got from somebody must not choose it"
            )
            yield document.problem((key,), "cannot be set by a project", fix, key=True)
    for key in ("store", "ca", "kit"):
        written = getattr(file, key) or ""
        if written.startswith("~") and str(user_path(written)) == os.path.normpath(written):
            yield document.problem((key,), "is the home of nobody here", "write `~/` for your own")
    if document.file != SETTINGS_FILE and file.ca and not located(file.ca, path).is_file():
        yield document.problem(("ca",), "there is no such file", "name a PEM file with certificates")


def _mirror_problems(document: Document, file: SettingsFile) -> Iterator[Problem]:
    written = {_prefix(key): key for key in file.mirrors}
    for key, what, fix in _clashes({_prefix(key): _prefix(value) for key, value in file.mirrors.items()}):
        yield document.problem(("mirrors", written[key]), what, fix)


def _clashes(mirrors: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Mirrors that cannot be mapped back: (canonical prefix, what, fix)."""
    for prefix, place in mirrors.items():
        for other, held in mirrors.items():
            if place.startswith(other):
                yield (
                    prefix,
                    f"is mirrored at `{place}`, which is mirrored itself",
                    "name the last place directly",
                )
            elif prefix != other and place.startswith(held):
                yield (
                    prefix,
                    f"is mirrored at `{place}`, which the mirror of `{other}` holds as well",
                    "give each its own folder, so that a URL can be mapped back",
                )


def _prefix(url: str) -> str:
    return url.rstrip("/") + "/"


def _from_variables(environ: Mapping[str, str]) -> Settings:
    cpu = environ.get("IMGBUILD_CPU_WHEEL_INDEX", "")
    if cpu:
        _require(Prefix, cpu, "IMGBUILD_CPU_WHEEL_INDEX")
    words = from_words(
        environ.get("IMGBUILD_MIRRORS", "").split(),
        environ.get("IMGBUILD_CHANNELS", "").split(),
        environ.get("IMGBUILD_WHEEL_INDEX", ""),
        names=("IMGBUILD_MIRRORS", "IMGBUILD_CHANNELS", "IMGBUILD_WHEEL_INDEX"),
    )
    return replace(words, cpu_wheel_index=cpu)


def check_variables(environ: Mapping[str, str]) -> None:
    """Raise UsageError for the first variable that a command would refuse."""
    _from_variables(environ)
    for name, kind in (("IMGBUILD_PREFIX", ImagePrefix), ("IMGBUILD_ENGINE", EngineName)):
        if environ.get(name):
            _require(kind, environ[name], name)
    platform = environ.get("IMGBUILD_PLATFORM")
    if platform and platform not in CONDA_SUBDIR:
        raise UsageError(
            f"`{platform}` is no platform",
            where="IMGBUILD_PLATFORM",
            fix=f"choose {' or '.join(CONDA_SUBDIR)}",
        )


def from_words(
    mirrors: Iterable[str] = (),
    channels: Iterable[str] = (),
    wheel_index: str = "",
    *,
    names: tuple[str, str, str] = ("--mirror", "--channel", "--wheel-index"),
) -> Settings:
    """Settings from `FROM=TO` words. Raises UsageError that names the option or variable they come from."""
    pairs = [_pair(word, names[0]) for word in mirrors]
    named = [_pair(word, names[1]) for word in channels]
    for prefix, place in pairs:
        _require(Mirrored, prefix, names[0])
        _require(Address, place, names[0])
    for name, url in named:
        _require(ChannelName, name, names[1])
        _require(Prefix, url, names[1])
    if wheel_index:
        _require(Prefix, wheel_index, names[2])
    return Settings(
        mirrors={_prefix(prefix): _prefix(place) for prefix, place in pairs},
        channels={name: url.rstrip("/") for name, url in named},
        wheel_index=wheel_index,
    )


def _pair(word: str, where: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals or not value:
        raise UsageError("holds a word that is not FROM=TO", where=where, fix="write it as FROM=TO")
    return name, value


def _require(kind: object, text: str, where: str) -> None:
    """Check a text by the rule of an annotated type above."""
    rule = next(one for one in getattr(kind, "__metadata__", ()) if isinstance(one, Rule))
    try:
        rule.require(text)
    except Fault as fault:
        what = fault.what if fault.private else f"`{re.sub(r'[^ -~]', '?', text)}` {fault.what}"
        raise UsageError(what, where=where, fix=fault.fix) from fault
