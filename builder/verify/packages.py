"""Drifts of files, told as drifts of packages where a whole one was replaced, removed or added."""

from __future__ import annotations

import csv
import io
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.parser import BytesHeaderParser

from builder.verify.archives import Held
from builder.verify.model import Drift
from builder.verify.tree import Tree
from builder.verify.truth import Truth


@dataclass(frozen=True)
class Dist:
    """A Python distribution in an environment, as its metadata says it. folder: of the metadata."""

    name: str
    version: str
    folder: str

    @property
    def title(self) -> str:
        """`numpy 2.4.6`."""
        return f"{self.name} {self.version}".rstrip()


def with_packages(drifts: Sequence[Drift], truth: Truth, tree: Tree) -> tuple[Drift, ...]:
    """Whole packages first, then every file, each with the package that it belongs to."""
    owners: dict[str, str] = {}
    packages: list[Drift] = []
    for held in truth.held:
        for drift, owned in _of_environment(held, tree):
            packages.append(drift)
            for path in owned:
                owners[path] = drift.package
    files = [
        drift.model_copy(update={"package": owners[drift.name]})
        if drift.name in owners and not drift.package
        else drift
        for drift in drifts
    ]
    return (*packages, *files)


def _of_environment(held: Held, tree: Tree) -> Iterator[tuple[Drift, tuple[str, ...]]]:
    """Each package that is gone, replaced or new, with the files that it brought."""
    place = held.place
    locked = {one.name: (one, whose) for one, whose in _locked(held)}
    here = list(_dists(place.prefix, tree))
    new = [one for one in here if f"{one.folder}/METADATA" not in held.files]
    told = set()
    for dist in new:
        before, whose = locked.get(dist.name, (None, ""))
        gone = before is not None and f"{before.folder}/METADATA" not in tree.entries
        title = whose if gone else f"{dist.title} ({place.name})"
        told.add(title)
        yield (
            Drift(
                about="package",
                how="changed" if gone else "extra",
                name=dist.name,
                expected=whose if gone else "",
                found=f"{dist.title}{_installer(dist, tree)}",
                package=title,
            ),
            tuple(_listed(dist, tree)),
        )
    for whose in dict.fromkeys(one.package for one in held.files.values()):
        if whose in told:
            continue
        paths = [path for path, one in held.files.items() if one.package == whose]
        if whose and not any(path in tree.entries for path in paths):
            name = whose.partition(" ")[0]
            yield Drift(about="package", how="missing", name=name, expected=whose, package=whose), ()
        elif _half_gone(whose, held, tree, locked):
            name = whose.partition(" ")[0]
            why = "its metadata is gone: it was uninstalled"
            yield Drift(about="package", how="missing", name=name, expected=whose, package=whose, why=why), ()
    yield from _conda_extra(held, tree)


def _half_gone(whose: str, held: Held, tree: Tree, locked: Mapping[str, tuple[Dist, str]]) -> bool:
    """Uninstalled by pip, which leaves what it does not know of (bytecode, conda's own record)."""
    mine = [dist for dist, owner in locked.values() if owner == whose]
    return bool(mine) and all(f"{dist.folder}/METADATA" not in tree.entries for dist in mine)


def _conda_extra(held: Held, tree: Tree) -> Iterator[tuple[Drift, tuple[str, ...]]]:
    folder = f"{held.place.prefix}/conda-meta/"
    for path in tree.kept:
        if path.startswith(folder) and path.endswith(".json") and path not in held.records:
            name = path.removeprefix(folder).removesuffix(".json")
            title = f"{name} (conda, {held.place.name})"
            yield (
                Drift(about="package", how="extra", name=name.rsplit("-", 2)[0], found=title, package=title),
                (path,),
            )


def _locked(held: Held) -> Iterator[tuple[Dist, str]]:
    for path, expected in held.files.items():
        match = re.fullmatch(r"(.*/([^/]+)-([^/-]+)\.dist-info)/METADATA", path)
        if match:
            yield Dist(_normal(match[2]), match[3], match[1]), expected.package


def _dists(prefix: str, tree: Tree) -> Iterator[Dist]:
    for path, data in tree.kept.items():
        if path.startswith(f"{prefix}/") and path.endswith(".dist-info/METADATA"):
            header = BytesHeaderParser().parsebytes(data[: 1 << 20])
            name, version = str(header["Name"] or "?"), str(header["Version"] or "")
            yield Dist(_normal(name), version, posixpath.dirname(path))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _installer(dist: Dist, tree: Tree) -> str:
    said = tree.kept.get(f"{dist.folder}/INSTALLER", b"")[:40].decode(errors="replace").strip()
    return f" (installed by {said})" if said else ""


def _listed(dist: Dist, tree: Tree) -> Iterator[str]:
    """What a distribution says that it brought, which is believed only to sort drifts."""
    site = posixpath.dirname(dist.folder)
    text = tree.kept.get(f"{dist.folder}/RECORD", b"").decode(errors="replace")
    try:
        for row in csv.reader(io.StringIO(text)):
            if row:
                yield posixpath.normpath(posixpath.join(site, row[0]))
    except csv.Error:
        return
