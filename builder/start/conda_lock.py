"""conda-lock.yml (v1, CEP 37) as exact packages, of one platform."""

from __future__ import annotations

from typing import Any

import yaml

from builder.spec.document import printable
from builder.start.model import Found, Given, Wish
from builder.start.pinned import SUBDIRS, Package, Pinned, draft_of, package_of, pip_pin
from builder.values import CONDA_SUBDIR

_READER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_DEEPEST = 12  # levels; a page has five
_MAIN = frozenset({"main", ""})


def read_conda_lock(given: Given, wish: Wish) -> Found:
    """The packages that the lock has for the platform that was asked for, or for the first that an image can have."""
    found = Found("conda-lock")
    page = _page(given, found)
    if page is None:
        return found
    version = _text(page.get("version"))
    if version != "1":
        what = f"is version `{printable(version) or 'none'}` of conda-lock's format, and 1 is what is read"
        found.problems.append(given.problem(_line(page.get("version")), what, "make it anew with conda-lock"))
        return found
    rows = [dict(_pairs(node)) for node in _items(page.get("package"))]
    subdir = _platform(given, rows, wish, found)
    pinned = Pinned(channels=wish.channels or _channels(page))
    if subdir:
        for row in rows:
            if _text(row.get("platform")) == subdir:
                _take(given, row, pinned, found)
        found.platforms = (SUBDIRS[subdir],)
        pinned.channels = tuple(dict.fromkeys((*pinned.channels, *_others(pinned))))
        found.drafts.append(draft_of(pinned, found, given, wish))
    return found


def _others(pinned: Pinned) -> list[str]:
    return [package.channel for package in pinned.packages]


def _page(given: Given, found: Found) -> dict[str, Any] | None:
    """The top of the page, as nodes with their places; None, with a problem, for anything that is none."""
    try:
        depth = 0
        for event in yaml.parse(given.text, Loader=_READER):
            # The reader builds nested values by recursion without a limit.
            if isinstance(event, yaml.AliasEvent):
                found.problems.append(
                    given.problem(
                        _line(event), f"`*{printable(str(event.anchor))}` is an alias", "write the value out"
                    )
                )
                return None
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                found.problems.append(given.problem(0, "is nested far deeper than a lock", "this is no lock"))
                return None
        node = yaml.compose(given.text, Loader=_READER)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        said = printable(getattr(error, "problem", None) or type(error).__name__)
        found.problems.append(given.problem(line, f"is not YAML: {said}", "mend it", column=column))
        return None
    return dict(_pairs(node))


def _pairs(node: Any) -> list[tuple[str, Any]]:
    if not isinstance(node, yaml.MappingNode):
        return []
    return [(key.value, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)]


def _items(node: Any) -> list[Any]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _text(node: Any) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def _line(node: Any) -> int:
    mark = getattr(node, "start_mark", None)
    return mark.line + 1 if mark is not None else 0


def _platform(given: Given, rows: list[dict[str, Any]], wish: Wish, found: Found) -> str:
    """The subdir to take; empty, with a problem, where the lock has none for an image."""
    has = dict.fromkeys(_text(row.get("platform")) for row in rows)
    asked = [CONDA_SUBDIR[wish.platform]] if wish.platform else list(SUBDIRS)
    subdir = next((one for one in asked if one in has), "")
    if not subdir:
        what = f"has no packages for {' or '.join(asked)}"
        fix = f"lock it for that as well; it has {', '.join(map(printable, has)) or 'none'}"
        found.problems.append(given.problem(0, what, fix))
        return ""
    others = [printable(one) for one in has if one != subdir]
    if others:
        what = f"{', '.join(others)} is left out: exact packages are those of one platform"
        fix = "choose with --platform" if any(one in SUBDIRS for one in others) else ""
        found.notes.append(given.problem(0, what, fix, warning=True))
    return subdir


def _channels(page: dict[str, Any]) -> tuple[str, ...]:
    metadata = dict(_pairs(page.get("metadata")))
    urls = [_text(dict(_pairs(node)).get("url")) for node in _items(metadata.get("channels"))]
    names = [url.removeprefix("https://conda.anaconda.org/").rstrip("/") for url in urls]
    return tuple(dict.fromkeys(name for name in names if name and name != "nodefaults"))


def _take(given: Given, row: dict[str, Any], pinned: Pinned, found: Found) -> None:
    line = _line(row.get("name")) or _line(row.get("url"))
    name, version = _text(row.get("name")), _text(row.get("version"))
    if _text(row.get("category")) not in _MAIN or _text(row.get("optional")).lower() == "true":
        what = f"`{printable(name)}` is left out: it is of the category `{printable(_text(row.get('category')))}`"
        found.notes.append(given.problem(line, what, warning=True))
    elif _text(row.get("manager")) == "pip":
        _wheel(given, row, pinned, found)
    elif _text(row.get("manager")) == "conda":
        package = package_of(given, _line(row.get("url")), _text(row.get("url")), found)
        if package is not None:
            named = Package(
                line, package.channel, package.subdir, package.name, package.version, package.build
            )
            pinned.packages.append(named)
    else:
        what = f"`{printable(name)}` {printable(version)} is of no manager that is known"
        found.problems.append(given.problem(line, what, "write `manager: conda` or `manager: pip`"))


def _wheel(given: Given, row: dict[str, Any], pinned: Pinned, found: Found) -> None:
    line, name, version = _line(row.get("name")), _text(row.get("name")), _text(row.get("version"))
    url = _text(row.get("url"))
    if url.startswith(("git+", "file:")) or _pairs(row.get("source")):
        what = f"`{printable(name)}` is not from an index"
        found.problems.append(given.problem(line, what, "name a released version of it"))
        return
    pinned.pip += pip_pin(given, line, name, version, found)
