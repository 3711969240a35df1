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
from typing import Annotated

from pydantic import Field

from builder.errors import DefinitionError, UsageError
from builder.problems import Problem
from builder.settings.model import Settings
from builder.spec.document import Document, read_document
from builder.spec.fault import Fault
from builder.spec.files import FileModel
from builder.spec.patterns import Rule
from builder.spec.requirements import check_address
from builder.spec.translate import read_model

PROJECT_FILE = "imgbuild.yml"
USER_FILE = "settings.yml"
NONE = "none"  # IMGBUILD_SETTINGS=none: no file of the user
# Names that mean the same channel everywhere: what they are must not depend on a machine.
PUBLIC = frozenset(
    {"conda-forge", "bioconda", "nvidia", "pytorch", "defaults", "anaconda", "main", "r", "msys2"}
)


def _remote(url: str) -> str:
    return check_address(url, files=False)


def _mirrored(url: str) -> str:
    """A name, at which nobody is asked: package archives of distributions are called `http://`."""
    check_address(re.sub(r"^http://", "https://", url), files=False)
    return url


def _anywhere(url: str) -> str:
    return check_address(url, files=True)


def _own_name(name: str) -> str:
    if name.split("/", 1)[0] in PUBLIC | {"pkgs", "local"}:
        raise Fault("means the same channel everywhere", "use `mirrors:` to say where its packages are had")
    return name


_URL_RULE = ("https?://.+", "is not a URL", "write it as `https://HOST/PATH/`")
Prefix = Annotated[str, Field(max_length=500), Rule(*_URL_RULE, _remote)]
Mirrored = Annotated[str, Field(max_length=500), Rule(*_URL_RULE, _mirrored)]
Address = Annotated[
    str,
    Field(max_length=500),
    Rule(r"(?:https?://|file:///).+", "is not a URL", "write it as `https://HOST/PATH/`", _anywhere),
]
ChannelName = Annotated[
    str,
    Field(max_length=100),
    Rule(r"[A-Za-z0-9][A-Za-z0-9._-]*", "cannot name a channel", "use letters, digits and `._-`", _own_name),
]


class SettingsFile(FileModel):
    """A settings file as written. Every key is optional."""

    mirrors: dict[Mirrored, Address] = Field({}, description="Canonical prefix: the prefix to ask instead.")
    channels: dict[ChannelName, Prefix] = Field({}, description="Names for channels of your own.")
    wheel_index: Prefix | None = Field(None, description="The index that pip sections are resolved against.")
    cpu_wheel_index: Prefix | None = Field(
        None, description="An index of CPU builds, asked as well for images without `cuda:`."
    )


def read_settings(
    root: Path, given: Settings | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """All settings that hold in a project: given (options), then the environment, the project, the user.

    Raises DefinitionError with every problem of the files, UsageError for a variable that cannot be read.
    """
    environ = os.environ if environ is None else environ
    problems: list[Problem] = []
    files = [_read(path, label, problems) for path, label in _places(root, environ)]
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
    for path, label in _places(root, os.environ if environ is None else environ):
        _read(path, label, problems)
    return sorted(set(problems))


def _places(root: Path, environ: Mapping[str, str]) -> list[tuple[Path, str]]:
    """The files there are, the project's first, each with its name in messages."""
    project = root / PROJECT_FILE
    user = user_file(environ)
    found = [(project, PROJECT_FILE)] if os.path.lexists(project) else []
    if user is not None and (os.path.lexists(user) or environ.get("IMGBUILD_SETTINGS")):
        found.append((user, str(user)))
    return found


def user_file(environ: Mapping[str, str]) -> Path | None:
    """IMGBUILD_SETTINGS, else settings.yml in the user's configuration directory; None where it says `none`."""
    named = environ.get("IMGBUILD_SETTINGS")
    if named:
        return None if named == NONE else Path(named).expanduser()
    import platformdirs  # noqa: PLC0415  (only where the variable does not say it)

    return platformdirs.user_config_path("imgbuild") / USER_FILE


def _read(path: Path, label: str, problems: list[Problem]) -> Settings:
    document = read_document(path, label)
    file, faults = read_model(document, SettingsFile)
    problems += [*document.problems, *faults]
    if document.broken:
        return Settings()
    mirrors = {_prefix(key): _prefix(value) for key, value in file.mirrors.items()}
    problems += _mirror_problems(document, file)
    channels = {name: url.rstrip("/") for name, url in file.channels.items()}
    return Settings(
        mirrors=mirrors,
        channels=channels,
        wheel_index=file.wheel_index or "",
        cpu_wheel_index=file.cpu_wheel_index or "",
    )


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
