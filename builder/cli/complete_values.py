"""What a shell offers where a value is typed: environments, GPUs, doors, tests, tags, files.

Each function is a `shell_complete=` of click. They read what lies on this disk and nothing else: no engine, no network.
What cannot be read offers less, and is no fault: the command itself tells what is wrong.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import click
from click.shell_completion import CompletionItem

from builder.spec.project import IMAGE_FILE, Project, find_project
from builder.userpath import user_path

Items: TypeAlias = "list[CompletionItem[str]]"

# A shell splits at blanks and takes signs of its own: other names are not offered. `refs` have a host and a tag.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,400}")
_MOST_BYTES = 1_000_000


def environments(context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """`ENV` and `ENV@VARIANT` of the project that `-C` names, but for those that stand in the line."""
    given = context.params.get("names") or ()  # those that are there already
    return [item for item in _matching(_refs(_project(context)), incomplete) if item.value not in given]


def images(context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Environments, and the names under which they were built and pushed last."""
    project = _project(context)
    refs = dict(_refs(project))
    built = {name: f"built from {ref}" for ref in refs for name in _built(project, ref)}
    pushed = {name: f"pushed from {ref}" for ref in refs for name in _pushed(project, ref)}
    return _matching({**refs, **built, **pushed}.items(), incomplete)


def pushed_images(context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Names in registries, as they were pushed last."""
    project = _project(context)
    return _matching(
        ((name, f"pushed from {ref}") for ref, _ in _refs(project) for name in _pushed(project, ref)),
        incomplete,
    )


def repositories(context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Repositories that were pushed to."""
    project = _project(context)
    records = ((ref, _record(project, ref, "push.json")) for ref, _ in _refs(project))
    return _matching(((str(one.get("repository", "")), f"of {ref}") for ref, one in records), incomplete)


def tags(context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Tags that the image has got by its last push."""
    project, name = _project(context), _name(context)
    refs = [name] if name else [ref for ref, _ in _refs(project)]
    known = (_tags(_record(project, ref, "push.json")) for ref in refs)
    return _matching(((tag, "") for some in known for tag in some), incomplete)


def sides(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """What `diff` compares: images, and environments after `REV:`, `image:` or `kit:DIR:`."""
    head, colon, name = incomplete.rpartition(":")
    found = images(context, parameter, incomplete)
    if not colon:
        return found
    inner = _matching(_refs(_project(context)), name)
    return [*found, *(CompletionItem(f"{head}:{item.value}", help=item.help) for item in inner)]


def gpus(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """GPUs of the table, newest architecture first."""
    from builder.data.tables import read_table

    rows: dict[str, Any] = read_table("gpus.yml")
    told = ((key, f"{row['title']}, {row['compute']}") for key, row in reversed(rows.items()))
    return _matching(told, incomplete.lower())


def doors(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Ways into an image, and `all` of them."""
    from builder.smoke.doors import DOORS

    return _matching([("all", "every door"), *((door.name, door.shown) for door in DOORS)], incomplete)


def smoke_tests(context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """The tests of the image in the line, or those that come with imgbuild where it cannot be read."""
    from builder.errors import ImgbuildError
    from builder.smoke.builtin import BUILTINS, PYTHON
    from builder.spec.load import load_image

    try:
        spec = load_image(_project(context), _name(context))
    except ImgbuildError:
        return _matching(((name, "") for name in BUILTINS), incomplete)
    return _matching(((name, "") for name in (PYTHON, *(test.name for test in spec.smoke))), incomplete)


def refresh_tables(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Tables that an index tells."""
    from builder.workflow.refresh.run import TABLES

    return _matching(((table.name, table.file) for table in TABLES), incomplete)


def command_words(context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Commands, and those of a group behind its name."""
    root = context.find_root()
    group: click.Command | None = root.command
    for word in context.params.get("words") or ():
        group = group.get_command(root, word) if isinstance(group, click.Group) else None
    names = group.list_commands(root) if isinstance(group, click.Group) else []
    return _matching(((name, "") for name in names), incomplete)


def variables(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Names of variables that are set here, never their values."""
    return _matching(((name, "") for name in sorted(os.environ)), incomplete)


def directories(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Directories, as the shell finds them."""
    return [CompletionItem(incomplete, type="dir")]


def files(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
    """Files, as the shell finds them."""
    return [CompletionItem(incomplete, type="file")]


def kits(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Directories, and the word for the committed locks."""
    return [
        *directories(context, parameter, incomplete),
        *_matching([("none", "the committed locks")], incomplete),
    ]


def words(*known: str) -> Any:
    """A `shell_complete=` for a few words that an option takes beside others."""

    def offer(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> Items:
        return _matching(((word, "") for word in known), incomplete)

    return offer


def _matching(rows: Iterable[tuple[str, str]], incomplete: str) -> Items:
    found = {value: says for value, says in rows if value.startswith(incomplete) and _REF.fullmatch(value)}
    return [CompletionItem(value, help=_line(says) or None) for value, says in found.items()]


def _line(text: str) -> str:
    """One line for a terminal, whatever a definition says there."""
    return "".join(sign if sign.isprintable() else " " for sign in text)[:80]


def _project(context: click.Context) -> Project:
    said = context.params.get("directory")
    return find_project(user_path(os.path.expandvars(said)) if said else None)


def _name(context: click.Context) -> str:
    """ENV of the line, or nothing. Behind an option without its value, click has not come to the arguments yet."""
    return str(context.params.get("name") or next(iter(context.args), ""))


def _refs(project: Project) -> Iterator[tuple[str, str]]:
    """Every image with its summary. Read loosely: one definition with a fault hides no other, and not its name."""
    for name in project.names():
        if _NAME.fullmatch(name):
            image = _image_file(project.envs / name / IMAGE_FILE)
            yield name, str(image.get("summary") or "")
            variants = image.get("variants")
            for variant in variants if isinstance(variants, dict) else ():
                if isinstance(variant, str) and _NAME.fullmatch(variant):
                    yield f"{name}@{variant}", f"variant of {name}"


def _image_file(path: Path) -> Mapping[str, Any]:
    import yaml

    from builder.data.tables import load_yaml

    try:
        found = load_yaml(_text(path))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(path: Path) -> str:
    """A file that is one, and no larger than such files are. Raises OSError and ValueError."""
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        raise ValueError(path)
    return path.read_text(encoding="utf-8")


def _record(project: Project, ref: str, file: str) -> Mapping[str, Any]:
    from builder.workflow.records import folder

    try:
        found = json.loads(_text(folder(project, ref) / file))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _built(project: Project, ref: str) -> list[str]:
    tag = _record(project, ref, "record.json").get("tag")
    return [tag] if isinstance(tag, str) else []


def _pushed(project: Project, ref: str) -> list[str]:
    record = _record(project, ref, "push.json")
    return [f"{record.get('repository')}:{tag}" for tag in _tags(record)]


def _tags(record: Mapping[str, Any]) -> list[str]:
    known = record.get("tags")
    return [tag for tag in known if isinstance(tag, str)] if isinstance(known, dict) else []
