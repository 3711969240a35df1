"""What kind of file it is, by its content."""

from __future__ import annotations

import re

from builder.errors import UsageError
from builder.start.model import Kind

_EXPORT = re.compile(r"[A-Za-z0-9_.-]+=[^=\s]+=[^=\s]+")
_TABLE = re.compile(r"\s*\[+[A-Za-z0-9_.\"' -]+\]+\s*(?:#.*)?")
_KEY = re.compile(r"(?P<key>[A-Za-z_@-]+):(?:\s|$)")

# What a first look can tell apart, and which file of the same project to take in its place.
_OTHERS: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(r"(?m)^# packages in environment at "), "a table of `conda list`",
     "take `conda env export --from-history`, or `conda list --explicit`"),
    (re.compile(r"(?m)^requires = .*\n(?:.*\n)*?\[\[package\]\]|^version = \d+\n(?:.*\n)*?\[\[package\]\]"),
     "a lock of uv", "take pyproject.toml, or `uv export --format requirements-txt`"),
    (re.compile(r"(?m)^\[\[package\]\]\n(?:.*\n)*?\[metadata\]"), "a lock of Poetry",
     "take `poetry export`, a requirements file"),
    (re.compile(r"(?m)^\[\[source\]\]\n(?:.*\n)*?\[packages\]"), "a Pipfile", "take `pipenv requirements`"),
    (re.compile(r"(?m)^lock-version = "), "a pylock.toml", "take the file that it was made from"),
    (re.compile(r"\A\s*\{\s*\""), "JSON", "take environment.yml, or `conda list --explicit`"),
    (re.compile(r"(?m)^FROM \S+"), "a Dockerfile", "name what it installs in environment.yml"),
    (re.compile(r"(?m)^(?:from|import) \w+.*\n(?:.*\n)*?.*\bsetup\("), "a setup.py",
     "take its requirements as a requirements file"),
)  # fmt: skip


def kind_of(text: str, where: str) -> Kind:
    """The kind; raises UsageError for a file that is known for something else."""
    lines = [line.rstrip() for line in text.splitlines()]
    said = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if any(line.strip() == "@EXPLICIT" for line in said):
        return "explicit"
    for pattern, what, fix in _OTHERS:
        if pattern.search(text):
            raise UsageError(f"is {what}, which is not read here", where=where, fix=fix)
    if said and all(_EXPORT.fullmatch(line.strip()) for line in said):
        return "list"
    if any(_TABLE.fullmatch(line) for line in said) and any("=" in line for line in said):
        return "pixi"
    return _yaml_kind(said, where)


def _yaml_kind(said: list[str], where: str) -> Kind:
    keys = {found["key"] for line in said if (found := _KEY.match(line))}
    if {"metadata", "package"} <= keys:
        return "conda-lock"
    if "packages" in keys and "version" in keys:
        raise UsageError("is pixi.lock, which is not read here", where=where, fix="take pixi.toml")
    if keys & {"dependencies", "channels", "prefix", "variables"} or (keys and "name" in keys):
        return "environment"
    if said and said[0].lstrip().startswith("{"):
        return "environment"
    return "requirements"
