"""Where the lines of a merged environment were written, for messages that come after the merge.

A merged ImageSpec says what is asked for and not where that stands: with `extends`, a variant or further
environments a line may come from any file of the lineage. The files are read anew, when a message needs them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from builder.errors import ImgbuildError
from builder.spec.bases import load_bases
from builder.spec.definition import read_definition
from builder.spec.document import Document, Keys
from builder.spec.environment import EnvironmentRead
from builder.spec.model import CondaEnvironment, ImageSpec
from builder.spec.parts import Part
from builder.spec.project import IMAGE_FILE, Project


@dataclass(frozen=True, slots=True)
class Origin:
    """A place in a file; line and column from 1, both 0 where only the file is known."""

    file: Path
    line: int = 0
    column: int = 0

    def shown(self, folder: Path) -> str:
        """`environment.yml:7` in the image's own folder, `../parent/environment.yml:7` in another."""
        name = Path(os.path.relpath(self.file, folder)).as_posix()
        return f"{name}:{self.line}" if self.line else name

    def __str__(self) -> str:
        place = f"{self.line}:{self.column}" if self.line and self.column else f"{self.line or ''}"
        return f"{self.file}:{place}".rstrip(":")


@dataclass(frozen=True, slots=True)
class Origins:
    """Where one environment of an image comes from.

    conda, pip: by the line as it stands in the merged environment. channels: by the channel as written.
    image: the keys of image.yml (`cuda`, `base`) that were written, in the youngest part that wrote them.
    """

    environment: CondaEnvironment
    folder: Path
    conda: Mapping[str, Origin] = field(default_factory=dict)
    pip: Mapping[str, Origin] = field(default_factory=dict)
    channels: Mapping[str, Origin] = field(default_factory=dict)
    image: Mapping[str, Origin] = field(default_factory=dict)

    def of_conda(self, line: str) -> Origin:
        """The place of a conda spec; the environment's file where it is not to be found any more."""
        return self.conda.get(line, Origin(self.environment.file))

    def of_pip(self, line: str) -> Origin:
        """The place of a requirement line, as `of_conda`."""
        return self.pip.get(line, Origin(self.environment.file))

    def of_image(self, key: str) -> Origin:
        """The place of a key of image.yml; the image's own file where nobody wrote it."""
        return self.image.get(key, Origin(self.folder / IMAGE_FILE))


def origins(spec: ImageSpec, environment: CondaEnvironment) -> Origins:
    """Where each line of this environment of the image was written.

    Nothing is raised for files that changed or went away since the spec was read: their lines have no place.
    """
    try:
        parts = _parts(spec)
    except (ImgbuildError, OSError):
        return Origins(environment, spec.folder)
    reads = _reads(spec, environment, parts)
    return Origins(
        environment,
        spec.folder,
        conda=_lines(reads, pip=False),
        pip=_lines(reads, pip=True),
        channels=_channels(reads, environment),
        image=_image_keys(parts),
    )


def _parts(spec: ImageSpec) -> list[Part]:
    """The parts that were merged, the oldest ancestor first, the image's variant last."""
    envs = spec.folder.parent
    project = Project(envs.parent, envs)
    bases, _ = load_bases(project)
    definitions = [
        read_definition(project, name, bases)
        for name in (*reversed(spec.lineage), spec.name)
        if (envs / name).is_dir()
    ]
    parts = [one.whole for one in definitions]
    if spec.variant is not None and definitions and spec.variant in definitions[-1].variants:
        parts.append(definitions[-1].variants[spec.variant])
    return parts


def _reads(spec: ImageSpec, environment: CondaEnvironment, parts: list[Part]) -> list[EnvironmentRead]:
    """The files of the environment; a variant's takes the place of its own image's, as in the merge."""
    main = environment.name == spec.name
    owned = {
        part.owner: read
        for part in parts
        if (read := part.main if main else part.further.get(environment.name)) is not None
    }
    return list(owned.values())


def _lines(reads: list[EnvironmentRead], *, pip: bool) -> dict[str, Origin]:
    found: dict[str, Origin] = {}
    for read in reads:  # the youngest file that holds a line is the one that asks for it
        own: dict[str, Origin] = {}
        for keys, text in _entries(read, pip=pip):
            own.setdefault(text, _at(read, keys))
        for line in read.included if pip else ():
            own.setdefault(line.text, Origin(line.path, line.line, line.column))
        found |= own
    return found


def _entries(read: EnvironmentRead, *, pip: bool) -> tuple[tuple[Keys, str], ...]:
    entries = read.document.data.get("dependencies")
    rows = list(enumerate(entries)) if isinstance(entries, list) else []
    if not pip:
        return tuple((("dependencies", at), entry) for at, entry in rows if isinstance(entry, str))
    return tuple(
        (("dependencies", at, "pip", row), line)
        for at, entry in rows
        if isinstance(entry, dict) and isinstance(entry.get("pip"), list)
        for row, line in enumerate(entry["pip"])
        if isinstance(line, str)
    )


def _channels(reads: list[EnvironmentRead], environment: CondaEnvironment) -> dict[str, Origin]:
    for read in reversed(reads):
        written = read.document.data.get("channels")
        if isinstance(written, list) and read.channels:
            places = {
                name: _at(read, ("channels", at)) for at, name in reversed(list(enumerate(written)))
            }  # reversed: the first of two counts
            return {name: places[name] for name in environment.channels if name in places}
    return {}


def _at(read: EnvironmentRead, keys: Keys) -> Origin:
    place = read.document.places.get(keys)
    return Origin(read.path, place.line, place.column) if place else Origin(read.path)


def _image_keys(parts: list[Part]) -> dict[str, Origin]:
    found: dict[str, Origin] = {}
    for part in parts:
        for key in _written(part.document, part.keys):
            path = (*part.keys, key)
            place = part.document.places[path]
            found[key] = Origin(part.folder / IMAGE_FILE, place.line, place.column)
    return found


def _written(document: Document, keys: Keys) -> list[str]:
    return [
        path[-1]
        for path in document.places
        if len(path) == len(keys) + 1 and path[: len(keys)] == keys and isinstance(path[-1], str)
    ]
