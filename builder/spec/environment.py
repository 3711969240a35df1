"""environment.yml, read as other people's format: a problem is only what cannot be honoured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builder.problems import Problem
from builder.spec.document import Document, Keys, Odd, read_document
from builder.spec.files import EnvironmentFile, PipSection
from builder.spec.model import CondaEnvironment
from builder.spec.requirements import conda_name, needs_anaconda_terms, pip_name, spec_channel, wheel_name
from builder.spec.translate import near_or_all, read_model

DEFAULT_CHANNELS = ("conda-forge",)
NO_DEFAULTS = "nodefaults"
_KNOWN = tuple(EnvironmentFile.model_fields)


@dataclass(frozen=True, slots=True)
class EnvironmentRead:
    """One environment file. channels is None where it names none. problems holds warnings as well.

    terms: places that need Anaconda's terms accepted, with what stands there.
    """

    path: Path
    document: Document
    channels: tuple[str, ...] | None = None
    conda: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    terms: tuple[tuple[Keys, str], ...] = ()
    problems: tuple[Problem, ...] = ()


def read_environment(path: Path, label: str, name: str) -> EnvironmentRead:
    """Read one file. name is what imgbuild will call the environment; another in the file is a warning."""
    document = read_document(path, label)
    if document.broken:
        return EnvironmentRead(path, document, problems=tuple(document.problems))
    problems = [*document.problems, *_lenient(document)]
    unknown = [key for key in document.data if key not in _KNOWN]
    file, faults = read_model(document, EnvironmentFile, ignore=[*unknown, "prefix", "platforms", "category"])
    problems += [*faults, *_warnings(document, unknown, name), *_pip_problems(document)]
    return EnvironmentRead(
        path,
        document,
        channels=tuple(dict.fromkeys(channel for channel in file.channels if channel != NO_DEFAULTS)) or None,
        conda=tuple(entry for entry in file.dependencies if isinstance(entry, str)),
        pip=tuple(line for entry in file.dependencies if isinstance(entry, PipSection) for line in entry.pip),
        variables=file.variables,
        terms=tuple(_terms(file)),
        problems=tuple(problems),
    )


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


def _terms(file: EnvironmentFile) -> list[tuple[Keys, str]]:
    found: list[tuple[Keys, str]] = [
        (("channels", at), channel)
        for at, channel in enumerate(file.channels)
        if needs_anaconda_terms(channel)
    ]
    for at, entry in enumerate(file.dependencies):
        if isinstance(entry, str) and needs_anaconda_terms(channel := spec_channel(entry)):
            found.append((("dependencies", at), channel))
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
