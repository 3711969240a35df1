"""`init`: a new environment of the project, from a template or from what somebody has already.

Everything is read and checked before anything is written. A new folder appears at once, with all its files; in one
that is there, files are replaced together.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from builder.errors import DefinitionError, LockError, UsageError
from builder.lock.atomic import write_all
from builder.problems import Problem
from builder.spec.load import check_staged
from builder.spec.project import ENVIRONMENT_FILE, IMAGE_FILE, Project
from builder.start.model import Draft, Found, Given, Kind, Wish
from builder.start.read import read_found
from builder.start.text import environment_text, image_text

TEMPLATE = Draft(conda=("python>=3.11",))
_HEAD = (
    "What goes into the image: a plain conda file, which any conda tool reads.",
    "Packages of conda come first; what only a Python index has stands below `- pip:`.",
)


@dataclass(frozen=True, slots=True)
class Ask:
    """What to make. given: the file to start from, or None. kind: None finds it by the content."""

    name: str
    given: Given | None = None
    kind: Kind | None = None
    wish: Wish = field(default_factory=Wish)
    cuda: str = ""
    extends: str = ""
    leave_out: bool = False
    force: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """What was written. files: name to text, in the order they were written; replaced: those that were there."""

    folder: Path
    files: Mapping[str, str]
    drafts: tuple[Draft, ...]
    kind: Kind | None = None
    replaced: tuple[str, ...] = ()
    notes: tuple[Problem, ...] = ()
    left: tuple[Problem, ...] = field(default=())


def home_of(project: Project, start: Path) -> Project:
    """The project that a new environment goes into: the one around `start`, else a new one in `start` itself."""
    here = start.absolute()
    own = project.envs.parent == project.root  # not the shipped ones, under settings of this folder
    return project if own and project.root in (here, *here.parents) else Project(here, here / "envs")


def init(project: Project, ask: Ask) -> Made:
    """Make the environment. Raises DefinitionError with every problem, UsageError where it is there already."""
    _refuse_name(project, ask)
    found = _found(ask)
    if found.problems:
        raise DefinitionError(sorted(set(found.problems)))
    files = _files(ask, found)
    folder = project.envs / ask.name
    replaced = tuple(name for name in files if os.path.lexists(folder / name))
    with _staged(project, ask.name, files) as stage:
        problems = check_staged(project, stage)
        faults = [problem for problem in problems if not problem.warning]
        if faults:
            raise DefinitionError(faults)
        if not ask.dry_run:
            _place(stage, folder, files)
    notes = (*sorted(set(found.notes)), *(problem for problem in problems if _tells_more(problem, found)))
    return Made(
        folder,
        files,
        tuple(found.drafts),
        found.kind if ask.given else None,
        replaced,
        notes,
        tuple(found.left),
    )


def _refuse_name(project: Project, ask: Ask) -> None:
    from builder.spec.fault import Fault
    from builder.spec.patterns import IMAGE_NAME

    try:
        IMAGE_NAME.require(ask.name)
    except Fault as fault:
        raise UsageError(f"`{ask.name}` {fault.what}", fix=fault.fix) from fault
    if len(ask.name) > 64:
        raise UsageError("the name is too long", fix="use at most 64 characters")
    folder = project.envs / ask.name
    there = [name for name in (ENVIRONMENT_FILE, IMAGE_FILE) if os.path.lexists(folder / name)]
    if there and not ask.force:
        fix = "choose another name, or replace its files with --force"
        raise UsageError(f"there is an environment `{ask.name}` already", where=str(folder), fix=fix)
    if os.path.lexists(folder) and not folder.is_dir():
        raise UsageError("is no folder", where=str(folder), fix="choose another name, or remove it")


def _found(ask: Ask) -> Found:
    if ask.given is not None:
        found = read_found(ask.given, ask.kind, ask.name, ask.wish, leave_out=ask.leave_out)
        if not found.problems and not ask.extends and not (found.drafts and found.drafts[0].conda):
            found.problems.append(ask.given.problem(0, "names no conda package", "name at least `python`"))
        return found
    python = f"python={ask.wish.python}" if ask.wish.python else TEMPLATE.conda[0]
    conda = (python,) if not ask.extends or ask.wish.python else ()
    return Found("environment", [Draft(channels=ask.wish.channels, conda=conda)])


def _files(ask: Ask, found: Found) -> dict[str, str]:
    """Every file by its name; environment.yml comes last, so that a folder is a definition when all of it is there."""
    files: dict[str, str] = {}
    further: dict[str, str] = {}
    for draft in found.drafts[1:]:
        name = f"environment.{draft.name}.yml"
        further[draft.name] = name
        files[name] = environment_text(draft, draft.name)
    platforms = (ask.wish.platform,) if ask.wish.platform else found.platforms
    image = image_text(
        extends=ask.extends,
        platforms=platforms if platforms != ("linux/amd64",) else (),
        accept_anaconda_terms=found.terms,
        environments=further,
        cuda=ask.cuda or found.cuda,
    )
    if image:
        files[IMAGE_FILE] = image
    main = found.drafts[0] if found.drafts else Draft()
    if main.text or main.conda or main.pip or not ask.extends:
        head = () if ask.given else _HEAD
        files[ENVIRONMENT_FILE] = main.text or environment_text(main, ask.name, head)
    return files


@contextmanager
def _staged(project: Project, name: str, files: Mapping[str, str]) -> Iterator[Path]:
    """The folder with its files, beside the place it will have, and gone when that did not come to be."""
    made_envs = not project.envs.exists()
    try:
        project.envs.mkdir(parents=True, exist_ok=True)
        top = Path(tempfile.mkdtemp(prefix=".imgbuild-init-", dir=project.envs))
    except OSError as error:
        raise UsageError(
            f"cannot be written: {error.strerror}", where=str(project.envs), fix="check its rights"
        ) from error
    try:
        stage = top / "envs" / name
        try:
            stage.mkdir(parents=True)
            for file, text in files.items():
                (stage / file).write_bytes(text.encode())
        except OSError as error:
            fix = "check that the disk has room"
            raise UsageError(f"cannot be written: {error.strerror}", where=str(stage), fix=fix) from error
        yield stage
    finally:
        shutil.rmtree(top, ignore_errors=True)
        if made_envs and not any(project.envs.iterdir()):
            project.envs.rmdir()


def _place(stage: Path, folder: Path, files: Mapping[str, str]) -> None:
    try:
        if not folder.exists():
            stage.rename(folder)
            return
        write_all(folder, {name: text.encode() for name, text in files.items()})
    except (OSError, LockError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"cannot be written: {said}", where=str(folder), fix="check its rights") from error


def _tells_more(problem: Problem, found: Found) -> bool:
    """Whether a warning of the result was not told already, of the file it was made from."""
    return problem.what not in {note.what for note in found.notes}
