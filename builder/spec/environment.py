"""environment.yml, read as other people's format: a problem is only what cannot be honoured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from builder.problems import Problem
from builder.spec.document import Document, Keys, Odd, printable
from builder.spec.files import EnvironmentFile
from builder.spec.filtered import honour_keys, one_platform, read_filtered
from builder.spec.model import CondaEnvironment, Platform
from builder.spec.piplines import pip_name
from builder.spec.pipsection import read_pip, within
from builder.spec.reqfiles import Find, Line
from builder.spec.requirements import conda_name, needs_anaconda_terms, spec_channel, wheel_name
from builder.spec.translate import near_or_all, read_model

DEFAULT_CHANNELS = ("conda-forge",)
NO_DEFAULTS = "nodefaults"
_KNOWN = tuple(EnvironmentFile.model_fields)


@dataclass(frozen=True, slots=True)
class EnvironmentRead:
    """One environment file. channels is None where it names none. problems holds warnings as well.

    pip: with the lines of included files, which stand in `included` with their places. only: lines that hold on some
    platforms, by their text. terms: places that need Anaconda's terms accepted, with what stands there.
    dropped: lines of the file (from 1) that hold on no platform of ours.
    """

    path: Path
    document: Document
    channels: tuple[str, ...] | None = None
    conda: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    included: tuple[Line, ...] = ()
    only: Mapping[str, frozenset[Platform]] = field(default_factory=dict)
    dropped: tuple[int, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    terms: tuple[tuple[Keys, str], ...] = ()
    problems: tuple[Problem, ...] = ()


def read_environment(
    path: Path, label: str, name: str, *, find: Find | None = None, text: str | None = None
) -> EnvironmentRead:
    """Read one file. name is what imgbuild will call the environment; another in the file is a warning.

    find: where included requirements files are looked for; default: below the file's folder. text: the content, where
    it is known already.
    """
    document, filtered = read_filtered(path, label, text)
    if document.broken:
        return EnvironmentRead(path, document, problems=tuple(document.problems))
    dropped = filtered.dropped + honour_keys(document)
    problems = [*document.problems, *_lenient(document)]
    unknown = [key for key in document.data if key not in _KNOWN]
    file, faults = read_model(document, EnvironmentFile, ignore=[*unknown, "prefix", "platforms", "category"])
    problems += [*faults, *_warnings(document, unknown, name), *_pip_problems(document)]
    pip = read_pip(document, path, find or within(path.parent))
    only, misplaced = one_platform(document, filtered)
    return EnvironmentRead(
        path,
        document,
        channels=tuple(dict.fromkeys(channel for channel in file.channels if channel != NO_DEFAULTS)) or None,
        conda=tuple(entry for entry in file.dependencies if isinstance(entry, str)),
        pip=tuple(line.text for line in pip.lines),
        included=tuple(line for line in pip.lines if line.file != document.file),
        only=only,
        dropped=tuple(sorted(dropped)),
        variables=file.variables,
        terms=tuple(_terms(document)),
        problems=(*problems, *pip.problems, *misplaced),
    )


def for_platforms(
    read: EnvironmentRead, platforms: Sequence[Platform]
) -> tuple[EnvironmentRead, list[Problem]]:
    """The file as it holds on an image's platforms; a problem for each line that holds on some of several."""
    if not read.only:
        return read, []
    left = {text for text, on in read.only.items() if not on & set(platforms)}
    mixed = {text: on for text, on in read.only.items() if text not in left and not on >= set(platforms)}
    problems = [
        read.document.problem(
            keys,
            f"`{printable(text)}` is for {' and '.join(sorted(mixed[text]))} alone, and the image for "
            + " and ".join(platforms),
            "name one of them in `platforms:` of image.yml, or use a variant",
        )
        for keys, place in read.document.places.items()
        if keys[:1] == ("dependencies",) and (text := place.text or "") in mixed
    ]
    kept = replace(
        read,
        conda=tuple(line for line in read.conda if line not in left),
        pip=tuple(line for line in read.pip if line not in left),
    )
    return kept, problems


def _lenient(document: Document) -> list[Problem]:
    """Take what other tools take: empty sections, and variables that YAML reads as numbers."""
    data = document.data
    for key in ("name", "channels", "dependencies", "variables"):
        if key in data and data[key] is None:
            del data[key]
    for entry in _mappings(data.get("dependencies")):
        if "pip" in entry and entry["pip"] is None:
            entry["pip"] = []
    found = []
    if isinstance(data.get("name"), Odd | int):
        data["name"] = document.places["name",].text
    variables: Any = data.get("variables")
    for key, value in variables.items() if isinstance(variables, dict) else ():
        text = document.places["variables", key].text
        if isinstance(value, Odd | int) and text is not None:
            variables[key] = text
            fix = f'put it in quotes: "{text}"'
            found.append(
                document.problem(("variables", key), f"is taken as the text `{text}`", fix, warning=True)
            )
    return found


def _mappings(entries: object) -> list[dict[str, object]]:
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _warnings(document: Document, unknown: list[str], name: str) -> list[Problem]:
    found = [
        document.problem(
            (key,), "is not known and has no effect", near_or_all(key, _KNOWN[:4]), key=True, warning=True
        )
        for key in unknown
    ]
    told = {
        "prefix": "remove it: the image has its own place for environments",
        "platforms": "say `platforms:` in image.yml",
        "category": "remove it",
    }
    found += [
        document.problem((key,), "has no effect", fix, key=True, warning=True)
        for key, fix in told.items()
        if key in document.data
    ]
    variables = document.data.get("variables")
    quoted = (
        [key for key, value in variables.items() if "'" in str(value)] if isinstance(variables, dict) else []
    )
    what = (
        "`conda activate` cannot set a value with an apostrophe (it does not quote it), the image's ENV can"
    )
    found += [
        document.problem(
            ("variables", key), what, "leave it out, or write it as `env:` in image.yml", warning=True
        )
        for key in quoted
    ]
    written = document.data.get("name")
    if isinstance(written, str) and written != name:
        what = f"the environment is called `{name}` in the image"
        found.append(document.problem(("name",), what, f"write `name: {name}`, or remove it", warning=True))
    return found


def _pip_problems(document: Document) -> list[Problem]:
    """A second pip section, and packages that conda and pip both bring."""
    entries = document.data.get("dependencies")
    sections = [
        at
        for at, entry in enumerate(entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and "pip" in entry
    ]
    found = [
        document.problem(("dependencies", at), "is a second pip section", "move its lines into the first")
        for at in sections[1:]
    ]
    if not isinstance(entries, list):
        return found
    conda = {wheel_name(entry) for entry in entries if isinstance(entry, str)}
    for at in sections:
        lines = entries[at]["pip"]
        for row, line in enumerate(lines if isinstance(lines, list) else []):
            if isinstance(line, str) and pip_name(line) in conda:
                what = f"`{pip_name(line)}` is asked of conda and of pip"
                fix = "keep one of them"
                found.append(document.problem(("dependencies", at, "pip", row), what, fix, warning=True))
    return found


def _terms(document: Document) -> list[tuple[Keys, str]]:
    """Of the file as written, because a fault beside it takes nothing from a channel."""
    found: list[tuple[Keys, str]] = []
    for key, channel_of in (("channels", str), ("dependencies", spec_channel)):
        entries = document.data.get(key)
        for at, entry in enumerate(entries if isinstance(entries, list) else []):
            if isinstance(entry, str) and needs_anaconda_terms(channel := channel_of(entry)):
                found.append(((key, at), channel))
    return found


def terms_problems(read: EnvironmentRead) -> list[Problem]:
    """Problems for an image that did not accept Anaconda's terms."""
    fix = "use conda-forge, or write `accept_anaconda_terms: true` in image.yml"
    return [
        read.document.problem(keys, f"Anaconda's terms of service govern `{channel}`", fix)
        for keys, channel in read.terms
    ]


def merge_environments(name: str, reads: list[EnvironmentRead]) -> CondaEnvironment:
    """One environment from a lineage, the oldest first; a child's spec for a package replaces the parent's.

    That holds across conda and pip as well. A child's channels replace the parent's as a whole, so that their
    order stays what somebody wrote.
    """
    channels: tuple[str, ...] = DEFAULT_CHANNELS
    conda: list[str] = []
    pip: list[str] = []
    variables: dict[str, str] = {}
    for read in reads:
        from_conda = {conda_name(spec) for spec in read.conda}
        from_pip = {pip_name(line) for line in read.pip}
        conda = [
            spec for spec in conda if conda_name(spec) not in from_conda and wheel_name(spec) not in from_pip
        ]
        pip = [
            line for line in pip if pip_name(line) not in from_pip | {wheel_name(spec) for spec in read.conda}
        ]
        conda += [spec for spec in read.conda if spec not in conda]
        pip += [line for line in read.pip if line not in pip]
        variables |= read.variables
        channels = read.channels or channels
    return CondaEnvironment(
        name=name,
        channels=channels,
        conda=tuple(conda),
        pip=tuple(pip),
        variables=variables,
        file=reads[-1].path,
    )
