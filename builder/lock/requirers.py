"""Who needs whom among the wheels that were resolved: what uv's pylock does not say.

uv is asked once more, with everything pinned to what it found, for the format that names the requirers.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from builder.lock.mapping import Provided
from builder.lock.model import PipPackage
from builder.lock.source import Source
from builder.lock.stubs import write_constraints
from builder.lock.target import Target
from builder.lock.uv import compile_listing

_LINE = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*(?:==|@)\s*\S.*?\s+# via (?P<via>.+)")


def with_requirements(
    packages: Sequence[PipPackage],
    lines: Sequence[str],
    held: Mapping[str, Provided],
    target: Target,
    source: Source,
    where: str,
) -> tuple[PipPackage, ...]:
    """The wheels with `depends` filled in: `nvidia-cublas-cu12==12.8.4.1`, each with the version that is there.

    lines: the pip section they were resolved from; held: what conda brings. Raises LockError as resolving does.
    """
    if len(packages) < 2 and not held:
        return tuple(packages)
    text = _listing(packages, lines, held, target, source, where)
    versions = {name: one.version for name, one in held.items() if one.version is not None}
    versions |= {package.name: package.version for package in packages}
    needs: dict[str, set[str]] = {}
    for name, requirers in annotated(text):
        for requirer in requirers if name in versions else ():
            needs.setdefault(requirer, set()).add(f"{name}=={versions[name]}")
    return tuple(
        package.model_copy(update={"depends": tuple(sorted(needs.get(package.name, ())))})
        for package in packages
    )


def annotated(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each package of uv's listing with the distributions that need it; files that ask for it are left out."""
    for line in text.splitlines():
        found = _LINE.fullmatch(line.strip())
        if found:
            via = [part.strip() for part in found["via"].split(",")]
            requirers = tuple(canonicalize_name(part) for part in via if not part.startswith("-"))
            yield canonicalize_name(found["name"]), requirers


def _listing(
    packages: Sequence[PipPackage],
    lines: Sequence[str],
    held: Mapping[str, Provided],
    target: Target,
    source: Source,
    where: str,
) -> str:
    with tempfile.TemporaryDirectory(prefix="imgbuild-lock-") as name:
        folder = Path(name).resolve()
        constraints = write_constraints(held.values(), folder)
        with constraints.open("a", encoding="utf-8") as stream:
            stream.writelines(f"{package.name}=={package.version}\n" for package in packages)
        return compile_listing(
            lines, target, index=source.wheel_index(), constraints=constraints, folder=folder, where=where
        )
