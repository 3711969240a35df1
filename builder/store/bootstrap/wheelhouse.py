"""Wheels for a kit: resolved by uv, fetched into the store, copied under their own names, made packages."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from builder.errors import LockError
from builder.lock.model import LockedFile, PipPackage
from builder.lock.resolve import resolve_wheels
from builder.progress import Observer
from builder.spec.model import CondaEnvironment
from builder.store.bootstrap.metadata import WheelFacts, read_facts
from builder.store.bootstrap.names import Asked, aliases, conda_names
from builder.store.bootstrap.package import Head, write_package
from builder.store.bootstrap.target import Target
from builder.store.bootstrap.wheels import Converter
from builder.store.cache import Store
from builder.store.fetch import fetch
from builder.store.upstream import Upstream

TOOLS = ("pip", "setuptools", "wheel", "zstandard")
"""In every channel: what conda's python comes with, and what the stand-in unpacks packages with."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The conda part of one environment, without python."""

    environment: CondaEnvironment
    asked: tuple[Asked, ...]


def resolve(wanted: Sequence[Wanted], target: Target) -> tuple[PipPackage, ...]:
    """Wheels for all environments, each resolved for itself: two may need different versions of one package.

    Raises LockError when nothing satisfies an environment, a wheel is lacking, or the index does not answer.
    """
    found: dict[str, PipPackage] = {}
    lines: list[tuple[Path, tuple[str, ...]]] = [(Path("the kit's own tools"), TOOLS)]
    lines += [(one.environment.file, tuple(row.requirement for row in one.asked)) for one in wanted]
    for file, requirements in lines:
        environment = CondaEnvironment(name="kit", channels=(), conda=(), pip=requirements, file=file)
        if requirements:
            found.update({wheel.sha256: wheel for wheel in _resolved(environment, target)})
    return tuple(found[sha256] for sha256 in sorted(found))


def _resolved(environment: CondaEnvironment, target: Target) -> Sequence[PipPackage]:
    try:
        return resolve_wheels(environment, (), target.for_wheels(), Upstream())
    except LockError as error:
        what = error.what.replace("the pip section", "the conda part")
        fix = f"{error.fix} (a bootstrapped kit holds what that index has as wheels, and nothing else)"
        raise LockError(what, where=error.where, fix=fix, detail=error.detail) from error


def gather(files: Iterable[LockedFile], folder: Path, store: Store, observer: Observer) -> dict[str, Path]:
    """Fetch wheels, checked, and put copies with their own names into folder; returns them by sha256."""
    files = list(files)
    at = fetch(files, Upstream(), store, observer)
    folder.mkdir(parents=True, exist_ok=True)
    return {file.sha256: Path(shutil.copyfile(at[file.sha256], folder / local_name(file))) for file in files}


def local_name(file: LockedFile) -> str:
    """The wheel's file name, as it is called on a disk: `+` and not `%2B`."""
    from urllib.parse import unquote  # noqa: PLC0415

    return unquote(file.filename)


def convert_all(
    wheels: Sequence[PipPackage],
    asked: Sequence[Asked],
    channel: Path,
    target: Target,
    *,
    store: Store,
    cache: Path,
    observer: Observer,
    advance: Callable[[int, int], None],
) -> None:
    """Put every wheel into the channel as a conda package, under the names that were asked for."""
    names = conda_names(asked)
    with tempfile.TemporaryDirectory(prefix="imgbuild-wheels-") as scratch, warnings.catch_warnings():
        # `installer` warns about bytecode in wheels and leaves it out, as it should be.
        warnings.simplefilter("ignore", RuntimeWarning)
        paths = gather(wheels, Path(scratch), store, observer)
        facts = {sha256: read_facts(path) for sha256, path in paths.items()}
        by_name: dict[str, WheelFacts] = {
            one.name: one for one in sorted(facts.values(), key=lambda one: one.version)
        }
        converter = Converter(channel, target, names, by_name.get, cache)
        with ThreadPoolExecutor(2) as workers:
            work = [workers.submit(converter.convert, path, sha256) for sha256, path in paths.items()]
            try:
                for number, one in enumerate(work, 1):
                    one.result()
                    advance(number, len(work))
            finally:
                workers.shutdown(wait=True, cancel_futures=True)
    _write_aliases(asked, names, facts.values(), channel, target)


def _write_aliases(
    asked: Sequence[Asked],
    names: Mapping[str, str],
    facts: Iterable[WheelFacts],
    channel: Path,
    target: Target,
) -> None:
    """Empty packages for further names of one distribution (`matplotlib-base` beside `matplotlib`)."""
    versions = {(one.name, one.version) for one in facts}
    for alias, distribution in sorted(aliases(asked, names).items()):
        for version in sorted(version for name, version in versions if name == distribution):
            depends = (f"{names[distribution]} =={version}",)
            head = Head(alias, version, "0", target.subdir, depends, noarch="generic", license="none")
            write_package(channel / "noarch", head, ())
