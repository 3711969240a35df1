"""The page that other tools read: conda-lock v1 (CEP 37), one environment, one or more platforms.

Only what the format has a place for stands here; the rest is in imgbuild.lock.json (`builder.lock.files`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import yaml
from pydantic import ConfigDict, ValidationError

from builder.lock.depends import name_and_constraint
from builder.lock.model import CondaPackage, EnvironmentLock, PipPackage
from builder.lock.yamltext import dumped
from builder.values import Value

_HEAD = """\
# Made by `imgbuild lock`: do not edit, `imgbuild lock` makes it anew.
# conda-lock v1 (CEP 37): `conda-lock install`, conda 26.5 or newer and micromamba install from it as well.
"""
# Everything stays text: no value is guessed to be a number or a date. The C reader is twenty times as fast.
_READER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_DEEPEST = 10  # levels; a page has five


class Unreadable(Exception):  # noqa: N818  (callers say which file it is and what to do)
    """The page is not what this program writes; says what is wrong with it."""


class _Hashes(Value):
    md5: str = ""
    sha256: str


class Entry(Value):
    """One line of the page's package list, as it stands there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    manager: Literal["conda", "pip"]
    platform: str
    dependencies: dict[str, str]
    url: str
    hash: _Hashes
    category: Literal["main"]
    optional: Literal["false"]


class _Channel(Value):
    url: str
    used_env_vars: tuple[str, ...]


class _Metadata(Value):
    content_hash: dict[str, str]
    channels: tuple[_Channel, ...]
    platforms: tuple[str, ...]
    sources: tuple[str, ...]


class _Page(Value):
    version: Literal["1"]
    metadata: _Metadata
    package: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One platform of a page. digest: what conda-lock calls the content hash."""

    digest: str
    channels: tuple[str, ...]
    entries: tuple[Entry, ...]


Parts: TypeAlias = Mapping[str, Part]  # by conda subdir, `linux-64`


def part_of(environment: EnvironmentLock, subdir: str) -> Part:
    """An environment as its part of a page."""
    entries = [_conda_entry(package, subdir) for package in environment.conda]
    entries += [_pip_entry(wheel, subdir) for wheel in environment.pip]
    return Part(environment.input_digest, environment.channels, tuple(entries))


def write_page(parts: Parts, source: str) -> str:
    """The page's text, the same bytes for the same parts. source: name of the file that was asked from."""
    subdirs = sorted(parts)
    channels = dict.fromkeys(channel for subdir in subdirs for channel in parts[subdir].channels)
    page = {
        "version": 1,
        "metadata": {
            "content_hash": {subdir: parts[subdir].digest for subdir in subdirs},
            "channels": [{"url": channel, "used_env_vars": []} for channel in channels],
            "platforms": subdirs,
            "sources": [source],
        },
        "package": [_plain(entry) for subdir in subdirs for entry in parts[subdir].entries],
    }
    return _HEAD + dumped(page)


def read_page(text: str) -> Parts:
    """The parts of a page. Raises Unreadable for anything this program would not have written."""
    try:
        _refuse_deep(text)
        page = _Page.model_validate(yaml.load(text, Loader=_READER))  # noqa: S506  (makes text only)
    except (yaml.YAMLError, ValueError) as error:
        raise Unreadable(_first(error)) from error
    known = page.metadata.platforms
    if sorted(page.metadata.content_hash) != sorted(known):
        raise Unreadable("metadata: content_hash and platforms do not name the same platforms")
    if stray := {entry.platform for entry in page.package} - set(known):
        raise Unreadable(f"package: {sorted(stray)[0]!r} is not among the platforms")
    channels = tuple(channel.url for channel in page.metadata.channels)
    return {
        subdir: Part(
            page.metadata.content_hash[subdir],
            channels,
            tuple(entry for entry in page.package if entry.platform == subdir),
        )
        for subdir in known
    }


def _refuse_deep(text: str) -> None:
    # The C reader builds nested values by recursion without a limit, and would take the process down with it.
    depth = 0
    for event in yaml.parse(text, Loader=_READER):
        if isinstance(event, yaml.AliasEvent):
            raise Unreadable("it holds an alias (*name), which a lock has no use for")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise Unreadable("it is nested far deeper than a lock")


def _conda_entry(package: CondaPackage, subdir: str) -> Entry:
    return Entry(
        name=package.name,
        version=package.version,
        manager="conda",
        platform=subdir,
        dependencies=_dependencies(package.depends),
        url=package.url,
        hash=_Hashes(md5=package.md5, sha256=package.sha256),
        category="main",
        optional="false",
    )


def _pip_entry(wheel: PipPackage, subdir: str) -> Entry:
    return Entry(
        name=wheel.name,
        version=wheel.version,
        manager="pip",
        platform=subdir,
        dependencies={},
        url=wheel.url,
        hash=_Hashes(sha256=wheel.sha256),
        category="main",
        optional="false",
    )


def _dependencies(lines: Iterable[str]) -> dict[str, str]:
    """Names and constraints. The machine's own (`__glibc`) are no packages; conda-lock has none of them."""
    found: dict[str, list[str]] = {}
    for line in lines:
        name, constraint = name_and_constraint(line)
        if name and not name.startswith("__"):
            found.setdefault(name, []).append(constraint)
    return {name: ",".join(filter(None, constraints)) for name, constraints in sorted(found.items())}


def _plain(entry: Entry) -> dict[str, Any]:
    data = entry.model_dump(mode="json")
    if not entry.hash.md5:
        del data["hash"]["md5"]
    return {**data, "optional": False}


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        found = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(str(part) for part in found['loc']) or 'page'}: {found['msg']}"
    return (str(error) or type(error).__name__).splitlines()[0]
