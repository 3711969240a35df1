"""Lists of exact packages: `@EXPLICIT`, `conda list --export`, conda-lock.yml. Each package is pinned by its build.

Nobody knows any more what was asked for, so every package is. Hashes are not carried over: a lock of ours has its own,
of the same archives.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

from builder.problems import Problem
from builder.spec.document import printable
from builder.spec.fault import Fault
from builder.spec.model import Platform
from builder.spec.piplines import check_pip
from builder.spec.requirements import check_channel, check_conda, needs_anaconda_terms
from builder.start.model import Draft, Found, Given, Wish, terms_problem
from builder.values import CONDA_SUBDIR

SUBDIRS: dict[str, Platform] = {subdir: platform for platform, subdir in CONDA_SUBDIR.items()}  # type: ignore[misc]
_FILE = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)-(?P<version>[^-/]+)-(?P<build>[^-/]+)\.(?:conda|tar\.bz2)")
_EXPLICIT = re.compile(r"(?P<url>[^#\s]+)(?:#(?P<hash>[A-Za-z0-9:]+))?")
_HASH = re.compile(r"[0-9a-fA-F]{32}|(?:sha256:)?[0-9a-fA-F]{64}")
_ON = re.compile(r"#\s*platform:\s*(?P<subdir>[a-z0-9-]+)\s*")
_PUBLIC = "https://conda.anaconda.org/"
_ANACONDA = "https://repo.anaconda.com/"
_EXPORTED = "export it on Linux, or take `conda env export --from-history`"


@dataclass(frozen=True, slots=True)
class Package:
    """One conda package of a list, from a line of it."""

    line: int
    channel: str
    subdir: str
    name: str
    version: str
    build: str


@dataclass(slots=True)
class Pinned:
    """Packages of one list. channels: in the order of their priority, where the list says it."""

    packages: list[Package] = field(default_factory=list)
    pip: list[str] = field(default_factory=list)
    channels: tuple[str, ...] = ()


def read_explicit(given: Given, wish: Wish) -> Found:
    """`conda list --explicit`, and what conda-lock and pixi render as such."""
    found = Found("explicit")
    pinned = Pinned()
    hashed = 0
    for number, line in enumerate(given.text.splitlines(), 1):
        said = line.strip()
        if not said or said.startswith("#") or said == "@EXPLICIT":
            if told := _elsewhere(given, number, said):
                found.problems.append(told)
            continue
        parts = _EXPLICIT.fullmatch(said)
        if parts and parts["hash"] and not _HASH.fullmatch(parts["hash"]):
            found.problems.append(
                given.problem(number, "has no md5 or sha256 behind `#`", "mend or remove it")
            )
            continue
        hashed += bool(parts and parts["hash"])
        package = package_of(given, number, parts["url"] if parts else said, found)
        if package:
            pinned.packages.append(package)
    subdirs = {package.subdir for package in pinned.packages} - {"noarch"}
    found.platforms = tuple(sorted(SUBDIRS[subdir] for subdir in subdirs))
    if len(subdirs) > 1:
        found.problems.append(given.problem(0, "is for several platforms at once", _EXPORTED))
    if hashed:
        _hashes(found, given, hashed)
    found.drafts.append(draft_of(pinned, found, given, wish))
    return found


def read_exported(given: Given, wish: Wish) -> Found:
    """`conda list --export`: `name=version=build`, channels unsaid, wheels as `pypi_0`."""
    found = Found("list")
    pinned = Pinned()
    for number, line in enumerate(given.text.splitlines(), 1):
        said = line.strip()
        if told := _elsewhere(given, number, said):
            found.problems.append(told)
        if not said or said.startswith("#"):
            on = _ON.fullmatch(said)
            found.platforms = (SUBDIRS[on["subdir"]],) if on and on["subdir"] in SUBDIRS else found.platforms
            continue
        name, _, rest = said.partition("=")
        version, _, build = rest.partition("=")
        if build in {"pypi_0", "<pip>", "pypi", "dev_0"}:
            pinned.pip += pip_pin(given, number, name, version, found)
        else:
            pinned.packages.append(Package(number, "", "", name, version, build))
    if not wish.channels:
        what = "names no channels: conda-forge is taken"
        found.notes.append(given.problem(0, what, "say which with --channel", warning=True))
    found.drafts.append(draft_of(pinned, found, given, wish))
    return found


def _elsewhere(given: Given, number: int, said: str) -> Problem | None:
    on = _ON.fullmatch(said)
    if on is None or on["subdir"] in {*SUBDIRS, "noarch"}:
        return None
    return given.problem(number, f"was made on {on['subdir']}, and Linux has other packages", _EXPORTED)


def package_of(given: Given, number: int, url: str, found: Found) -> Package | None:
    """The package behind a URL; None, with a problem, where it cannot be asked for by name."""
    place, _, file = url.rpartition("/")
    channel, _, subdir = place.rpartition("/")
    parts = _FILE.fullmatch(unquote(file))
    if parts is None or not channel:
        found.problems.append(
            given.problem(
                number, "is not the URL of a conda package", "write it as CHANNEL/SUBDIR/FILE.conda"
            )
        )
        return None
    try:
        check_channel(channel)
    except Fault as fault:
        shown = "the channel" if fault.private else f"the channel `{printable(channel)}`"
        found.problems.append(given.problem(number, f"{shown} {fault.what}", fault.fix))
        return None
    if subdir not in {*SUBDIRS, "noarch"}:
        what = f"`{parts['name']}` is for {printable(subdir)}, and images are for Linux"
        found.problems.append(given.problem(number, what, _EXPORTED))
        return None
    return Package(number, _named(channel), subdir, parts["name"], parts["version"], parts["build"])


def _named(channel: str) -> str:
    """The channel by its name, where it has one that everybody knows."""
    for prefix in (_PUBLIC, _ANACONDA):
        if channel.startswith(prefix):
            return channel.removeprefix(prefix)
    return channel


def pip_pin(given: Given, number: int, name: str, version: str, found: Found) -> list[str]:
    """A wheel by its version; none, with a problem, where that is no requirement."""
    line = f"{name}=={version}"
    try:
        return [check_pip(line)]
    except Fault as fault:
        found.problems.append(given.problem(number, f"`{printable(line)}` {fault.what}", fault.fix))
        return []


def draft_of(pinned: Pinned, found: Found, given: Given, wish: Wish) -> Draft:
    """The environment of a list. A package that is not from the first channel says which it is from."""
    channels = wish.channels or pinned.channels or _by_weight(pinned.packages)
    _terms(pinned, found, given, wish)
    conda = []
    for package in pinned.packages:
        own = f"{package.channel}::" if package.channel and package.channel != channels[0] else ""
        own = "" if wish.channels else own
        spec = f"{own}{package.name}={package.version}={package.build}"
        try:
            conda.append(check_conda(spec))
        except Fault as fault:
            what = f"`{printable(spec)}` {fault.what}"
            found.problems.append(given.problem(package.line, what, fault.fix))
    if wish.python:
        what = "Python is pinned by the list, and --python changes nothing"
        found.problems.append(given.problem(0, what, "leave --python out"))
    return Draft(channels=channels, conda=tuple(dict.fromkeys(conda)), pip=tuple(dict.fromkeys(pinned.pip)))


def _by_weight(packages: Iterable[Package]) -> tuple[str, ...]:
    counted = Counter(package.channel for package in packages if package.channel)
    return tuple(sorted(counted, key=lambda channel: (-counted[channel], channel)))


def _terms(pinned: Pinned, found: Found, given: Given, wish: Wish) -> None:
    if wish.channels:
        return
    first = {package.channel: package.line for package in reversed(pinned.packages)}
    governed = [channel for channel in first if needs_anaconda_terms(channel)]
    found.terms = bool(governed) and wish.accept_anaconda_terms
    if not wish.accept_anaconda_terms:
        found.problems += [
            terms_problem(given.problem(first[channel], ""), channel) for channel in sorted(governed)
        ]


def _hashes(found: Found, given: Given, count: int) -> None:
    what = f"the hashes of {count} package{'s' if count != 1 else ''} are not carried over"
    fix = "nothing to do: a lock holds those that the channel's index has"
    found.notes.append(given.problem(0, what, fix, warning=True))
