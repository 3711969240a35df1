"""Laying out a kit from locks: every file at its place, the locks as the kit's own, and kit.yml."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from builder.errors import BuildError
from builder.lock.files import read_lock, write_lock
from builder.lock.model import LockedBase, LockedFile, LockedInstaller, LockSet
from builder.lock.stale import stale_reasons
from builder.spec.model import ImageSpec
from builder.store.cache import hash_file
from builder.store.kit import SCHEME, Kit, locked_base
from builder.store.kitdir import asked_for
from builder.store.kitfile import KitBase, KitFile, KitInstaller, Manifest, write_locked
from builder.store.pack import checked

SaveBase = Callable[[LockedBase, Path], str]
_FOLDERS = {".conda": "channel", ".bz2": "channel", ".whl": "wheels", ".deb": "apt"}


@dataclass(frozen=True, slots=True)
class Part:
    """One image of a kit: its definition, and the lock that is collected."""

    spec: ImageSpec
    lock: LockSet


@dataclass(frozen=True)
class Writer:
    """Lays one kit out in `folder`.

    origin: the kit that the locks are from; None for the upstreams. save_base: writes a registry's base as an archive
    and returns its image's id. tick: told the bytes of every piece written.
    """

    folder: Path
    parts: Sequence[Part]
    origin: Kit | None
    save_base: SaveBase
    tick: Callable[[int], None]

    def write(self, paths: Mapping[str, Path]) -> Kit:
        """Write everything. paths: every file of the locks by sha256. Raises BuildError for a file that is not what
        its lock names, OSError when the disk does not take it."""
        places = places_of(self.parts)
        bases, saved = self._bases()
        rows = saved + [self._copy(file, paths[file.sha256], place) for place, file in sorted(places.items())]
        by_sha256 = {file.sha256: place for place, file in places.items()}
        manifest = Manifest(
            id="",
            stand_in=any(part.lock.installer.stand_in for part in self.parts),
            platform=self.parts[0].lock.platform,
            python=self._python(),
            images={part.spec.ref: asked_for(part.spec) for part in self._ordered()},
            bases=tuple(bases.values()),
            installers=tuple(self._installers(by_sha256)),
            files=tuple(sorted(rows, key=lambda row: row.path)),
            locks=locks_of(self._ordered()),
        )
        manifest = write_locked(
            self.folder, manifest, lambda blank: self._write_locks(Kit(self.folder, blank), bases)
        )
        return Kit(self.folder, manifest)

    def _ordered(self) -> list[Part]:
        return sorted(self.parts, key=lambda part: part.spec.ref)

    def _python(self) -> str:
        versions = {one.python for part in self.parts for one in part.lock.environments}
        return versions.pop() if len(versions) == 1 else ""

    def _copy(self, file: LockedFile, path: Path, place: str) -> KitFile:
        target = self.folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        size = 0
        with target.open("wb") as stream:
            for piece in checked(file, path):
                stream.write(piece)
                size += len(piece)
                self.tick(len(piece))
        return KitFile(path=place, sha256=file.sha256, size=size)

    def _bases(self) -> tuple[dict[LockedBase, KitBase], list[KitFile]]:
        """The row for every different base, and the files that were written for them."""
        firsts = {part.lock.base: part for part in reversed(self._ordered())}
        wanted = sorted(firsts, key=lambda base: (base.key, base.ref))
        rows: dict[LockedBase, KitBase] = {}
        files: list[KitFile] = []
        for base in wanted:
            same_key = [other for other in wanted if other.key == base.key]
            if base.tar is not None:
                row = self._row_of_origin(base)
            else:
                number = same_key.index(base)
                row, file = self._saved(
                    firsts[base], f"base/{base.key}{f'-{number + 1}' if number else ''}.tar"
                )
                files.append(file)
            images = self._images(base) if len(same_key) > 1 else ()
            rows[base] = row.model_copy(update={"images": images})
        return rows, files

    def _saved(self, part: Part, place: str) -> tuple[KitBase, KitFile]:
        base, target = part.lock.base, self.folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        image_id = self.save_base(base, target)
        sha256, size = hash_file(target)
        row = KitBase(
            key=base.key,
            suite=part.spec.base.suite,
            glibc=base.glibc,
            path=place,
            packages={},
            ref=base.ref,
            image_id=image_id,
        )
        return row, KitFile(path=place, sha256=sha256, size=size)

    def _row_of_origin(self, base: LockedBase) -> KitBase:
        held = self.origin.manifest.bases if self.origin else ()
        path = base.tar.url.removeprefix(SCHEME) if base.tar else ""
        row = next((row for row in held if (row.key, row.path) == (base.key, path)), None)
        if row is None:
            raise BuildError(
                f"no kit at hand has the base {base.ref}", fix="name the kit it is from with --kit"
            )
        return row

    def _installers(self, places: Mapping[str, str]) -> Iterator[KitInstaller]:
        wanted = {part.lock.installer for part in self.parts}
        for one in sorted(wanted, key=lambda one: (one.kind, one.version, one.url, one.sha256)):
            same = [other for other in wanted if (other.kind, other.version) == (one.kind, one.version)]
            images = self._images(one) if len(same) > 1 else ()
            place = places[one.sha256]
            yield KitInstaller(kind=one.kind, version=one.version, path=place, locked=one, images=images)

    def _images(self, held: LockedBase | LockedInstaller) -> tuple[str, ...]:
        return tuple(
            part.spec.ref for part in self._ordered() if held in (part.lock.base, part.lock.installer)
        )

    def _write_locks(self, kit: Kit, bases: Mapping[LockedBase, KitBase]) -> None:
        """The locks again, with the kit as where they come from; their URLs stay."""
        files = {file.path: file for file in kit.manifest.files}
        for part in self.parts:
            row = bases[part.lock.base]
            tar = LockedFile(url=SCHEME + row.path, sha256=files[row.path].sha256, size=files[row.path].size)
            lock = part.lock.model_copy(update={"source": kit.id, "base": locked_base(row, tar)})
            write_lock(lock, kit.lock_folder(part.spec), part.spec)


def locks_of(parts: Sequence[Part]) -> dict[str, str]:
    """The digests that kit.yml keeps: which lock of each image was collected."""
    return {part.spec.ref: part.lock.digest for part in parts}


def places_of(parts: Sequence[Part]) -> dict[str, LockedFile]:
    """Every file of the locks by its path in the kit: where a kit's URL says, else in a folder of its kind.

    Two files of one name (of two channels, or of two locks) do not meet: the second has a folder of its own.
    """
    places: dict[str, LockedFile] = {}
    found = {file.sha256: file for part in parts for file in part.lock.files}
    for file in sorted(
        found.values(), key=lambda file: (not file.url.startswith(SCHEME), file.url, file.sha256)
    ):
        place = _place(file, parts)
        if place in places:
            folder, _, name = place.rpartition("/")
            place = f"{folder}/{file.sha256[:12]}/{name}"
        places[place] = file
    return places


def _place(file: LockedFile, parts: Sequence[Part]) -> str:
    if file.url.startswith(SCHEME):
        return unquote(file.url.removeprefix(SCHEME))
    if any(file.sha256 == part.lock.installer.sha256 for part in parts):
        return f"installer/{file.filename}"
    folder = _FOLDERS.get(Path(file.filename).suffix, "files")
    subdir = f"{file.url.split('/')[-2]}/" if folder == "channel" else ""
    return f"{folder}/{subdir}{file.filename}"


def check_complete(kit: Kit, parts: Sequence[Part]) -> None:
    """Raise BuildError when an image could not be built from this kit alone."""
    for part in parts:
        kit.check_locks(part.spec)
        lock = read_lock(part.spec, part.lock.platform, kit.lock_folder(part.spec))
        reasons = list(stale_reasons(part.spec, lock, kit))
        reasons += [f"{file.filename} is not in it" for file in lock.files if kit.local(file) is None]
        if reasons:
            raise BuildError(
                f"the kit would not build {part.spec.ref}: {reasons[0]}",
                where=str(kit.root),
                fix="make its lock again, and then the kit",
                detail="\n".join(reasons),
            )
