"""One folder of envs/ as read from disk: its files, the parts they make, and everything wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from builder.problems import Problem
from builder.spec.document import Document, read_document
from builder.spec.environment import EnvironmentRead, read_environment
from builder.spec.fault import Fault
from builder.spec.files import ImageFile, Settings
from builder.spec.model import Base
from builder.spec.parts import Part, fill, named_file
from builder.spec.paths import inside
from builder.spec.patterns import IMAGE_NAME
from builder.spec.project import ENVIRONMENT_FILE, IMAGE_FILE, Project
from builder.spec.translate import read_model


@dataclass(slots=True)
class Definition:
    """A folder. problems holds warnings as well; broken: too little could be read to go on."""

    name: str
    folder: Path
    label: str
    extends: str
    whole: Part
    variants: dict[str, Part] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    broken: bool = False


def read_definition(project: Project, name: str, bases: Mapping[str, Base]) -> Definition:
    """Read envs/NAME. Nothing is raised: what is wrong stands in `problems`."""
    folder = project.envs / name
    label = project.label(folder)
    document, problems = _image_document(folder, label)
    image, faults = read_model(document, ImageFile)
    whole = Part(name, folder, document)
    found = Definition(name, folder, label, image.extends, whole, broken=document.broken)
    found.problems += [*_folder_problems(project, folder, name), *problems, *document.problems, *faults]
    reader = _Environments(folder, label, name)
    whole.main = reader.main(ENVIRONMENT_FILE, found) if _is_there(folder / ENVIRONMENT_FILE) else None
    _fill(whole, image, bases, reader)
    for variant, settings in image.variants.items():
        part = Part(name, folder, document, ("variants", variant))
        if settings.environment:
            part.main = reader.named(part, ("environment",), settings.environment, name)
        _fill(part, settings, bases, reader)
        found.variants[variant] = part
    if whole.main is None and not image.extends and not found.broken:
        found.broken = True
        found.problems.append(
            Problem(label, 0, 0, "", "has no environment.yml", "write one, or `extends:` another")
        )
    _gather(found)
    return found


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _image_document(folder: Path, label: str) -> tuple[Document, list[Problem]]:
    document = Document(f"{label}/{IMAGE_FILE}")
    if not _is_there(folder / IMAGE_FILE):
        return document, []
    try:
        return read_document(inside(folder, IMAGE_FILE, "file"), document.file), []
    except Fault as fault:
        document.broken = True
        return document, [Problem(label, 0, 0, "", fault.what, fault.fix)]


def _folder_problems(project: Project, folder: Path, name: str) -> list[Problem]:
    found = []
    label = project.label(folder)
    if len(name) > 64:
        found.append(Problem(label, 0, 0, "", "the folder's name is too long", "use at most 64 characters"))
    try:
        IMAGE_NAME.require(name)
    except Fault as fault:
        found.append(Problem(label, 0, 0, "", f"the folder's name {fault.what}", fault.fix))
    if not folder.resolve().is_relative_to(project.envs.resolve()):
        found.append(Problem(label, 0, 0, "", "the folder leads out of envs/", "copy it here"))
    for right in (ENVIRONMENT_FILE, IMAGE_FILE):
        wrong = folder / right.replace(".yml", ".yaml")
        if wrong.exists() and not (folder / right).exists():
            found.append(
                Problem(project.label(wrong), 0, 0, "", "is not read", f"call it {right}", warning=True)
            )
    return found


def _fill(part: Part, settings: Settings, bases: Mapping[str, Base], reader: _Environments) -> None:
    fill(part, settings, bases)
    for at, entry in enumerate(settings.environments):
        named = named_file(entry)
        if named.name in part.further or named.name == part.owner:
            part.fault(
                ("environments", at), f"a second environment is called `{named.name}`", "rename one of them"
            )
            continue
        read = reader.named(part, ("environments", at), named.file, named.name)
        if read is not None:
            part.further[named.name] = read


def _gather(found: Definition) -> None:
    """All problems of the parts and of the environments they read."""
    for part in (found.whole, *found.variants.values()):
        found.problems += part.problems
        for read in (part.main, *part.further.values()):
            if read is not None:
                found.problems += read.problems
                found.broken = found.broken or read.document.broken


class _Environments:
    """Reads environment files of one folder, each once."""

    def __init__(self, folder: Path, label: str, image: str) -> None:
        self.folder = folder
        self.label = label
        self.image = image
        self.known: dict[tuple[str, str], EnvironmentRead] = {}

    def main(self, file: str, found: Definition) -> EnvironmentRead | None:
        """environment.yml itself; a problem of the folder where it cannot be used."""
        try:
            return self._read(file, self.image)
        except Fault as fault:
            found.problems.append(Problem(self.label, 0, 0, "", fault.what, fault.fix))
            found.broken = True
            return None

    def named(self, part: Part, keys: tuple[str | int, ...], file: str, name: str) -> EnvironmentRead | None:
        """A file that image.yml names; a problem at that place where it cannot be used."""
        try:
            return self._read(file, name)
        except Fault as fault:
            part.fault(keys, fault.what, fault.fix)
            return None

    def _read(self, file: str, name: str) -> EnvironmentRead:
        if (file, name) not in self.known:
            path = inside(self.folder, file, "file")
            self.known[file, name] = read_environment(path, f"{self.label}/{file}", name)
        return self.known[file, name]
