"""kit.yml: what a kit holds, with the sha256 and size of every file."""

import hashlib
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar, Literal

import yaml
from pydantic import ValidationError

from builder.errors import BuildError, UsageError
from builder.lock.model import LockedInstaller
from builder.spec.model import Platform
from builder.store.cache import hash_file
from builder.values import Grown, Value, digest_of

NAME = "kit.yml"
LOCKS = "locks/"
BLANK = "0" * 64
_HEAD = "# Made by imgbuild, do not edit: everything in this directory is named here with its sha256.\n"
_SHA256 = re.compile(r"[0-9a-f]{64}")


class KitFile(Value):
    """One file: path below the kit with `/`, hex sha256, size in bytes."""

    path: str
    sha256: str
    size: int


class KitBase(Grown):
    """A base: key of envs/_bases.yml, its suite, C library, tar, and the OS packages in it with versions.

    ref, image_id: of a registry's image, whose tar is an archive of it. images: for which it is; all when empty.
    """

    later: ClassVar[tuple[str, ...]] = ("ref", "image_id", "images")

    key: str
    suite: str
    glibc: str
    path: str
    packages: dict[str, str]
    ref: str = ""
    image_id: str = ""
    images: tuple[str, ...] = ()


class KitInstaller(Grown):
    """An installer: which `kind=version` of an image.yml it answers.

    locked: what the upstream's locks say of it, where it is theirs. images: for which it is; all when empty.
    """

    later: ClassVar[tuple[str, ...]] = ("locked", "images")

    kind: str
    version: str
    path: str
    locked: LockedInstaller | None = None
    images: tuple[str, ...] = ()


class Manifest(Grown):
    """The whole of kit.yml.

    id: names the kit: a digest over all of this. The rows of the lock files are left out, because a lock records the
    id of its kit; seals stand for them: by path the sha256 of a lock file with BLANK in the place of the id.
    stand_in: base, python and installer are stand-ins for those of the upstreams. images: ref to the digest
    of what was asked for. python: full version of the channel's python; empty where there is no one such.
    locks: ref to the digest of the lock that was collected, for a kit that was created.
    """

    later: ClassVar[tuple[str, ...]] = ("locks", "seals")

    format: Literal[1] = 1
    id: str
    stand_in: bool
    platform: Platform
    python: str
    images: dict[str, str]
    bases: tuple[KitBase, ...]
    installers: tuple[KitInstaller, ...]
    files: tuple[KitFile, ...]
    locks: dict[str, str] = {}
    seals: dict[str, str] = {}

    def content_id(self) -> str:
        """Hex sha256 that `id` has to be."""
        data = self.model_dump(mode="json", exclude={"id"})
        data["files"] = [row for row in data["files"] if not row["path"].startswith(LOCKS)]
        return digest_of(data)


def sealed(data: bytes, kit: str) -> str:
    """What `seals` says of a lock file that records this kit's id."""
    return hashlib.sha256(data.replace(kit.encode(), BLANK.encode())).hexdigest()


def write_locked(root: Path, manifest: Manifest, write_locks: Callable[[Manifest], None]) -> Manifest:
    """Write the locks and kit.yml of a kit whose other files lie there and are named in the manifest.

    write_locks writes them below root, for the kit that the manifest it is given names.
    """
    others = tuple(file for file in manifest.files if not file.path.startswith(LOCKS))
    blank = manifest.model_copy(update={"id": BLANK, "files": others, "seals": {}})
    write_locks(blank)
    # The id covers what the locks say, and they say the id: it is put in when it is known.
    blank = blank.model_copy(update={"seals": {row.path: row.sha256 for row in list_files(root, LOCKS)}})
    kit = blank.content_id()
    for path in blank.seals:
        (root / path).write_bytes((root / path).read_bytes().replace(BLANK.encode(), kit.encode()))
    files = sorted((*others, *list_files(root, LOCKS)), key=lambda row: row.path)
    return write_manifest(root, blank.model_copy(update={"files": tuple(files)}))


def list_files(root: Path, below: str = "") -> tuple[KitFile, ...]:
    """Every file below root, or one folder of it, but kit.yml: measured, by path. Raises BuildError for links."""
    found = []
    for path in sorted((root / below).rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            raise BuildError("a kit holds no symbolic links", where=name, fix="put the file itself there")
        if path.is_file() and name != NAME:
            sha256, size = hash_file(path)
            found.append(KitFile(path=name, sha256=sha256, size=size))
    return tuple(found)


def write_manifest(root: Path, manifest: Manifest) -> Manifest:
    """Write kit.yml with the id that belongs to its content, and return it so."""
    named = manifest.model_copy(update={"id": manifest.content_id()})
    text = yaml.safe_dump(named.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=200)
    (root / NAME).write_text(_HEAD + text, encoding="utf-8")
    return named


def read_manifest(root: Path) -> Manifest:
    """Read kit.yml strictly.

    Raises UsageError when root is no kit or was made by another version, BuildError when kit.yml was changed.
    """
    path = root / NAME
    try:
        data = _load(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        what = "not a kit: it has no kit.yml"
        fix = "make one with `imgbuild kit create ENV... -o DIR`, or name another directory"
        raise UsageError(what, where=str(root), fix=fix) from error
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UsageError(f"cannot be read: {error}", where=str(path), fix="make the kit again") from error
    try:
        manifest = Manifest.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        what = f"this kit.yml is not one that this version reads: {place}: {first['msg']}"
        raise UsageError(what, where=str(path), fix="make the kit again with this version") from error
    _check_text(manifest.files, path)
    if manifest.id != manifest.content_id():
        raise BuildError(
            "kit.yml was changed after the kit was made", where=str(path), fix="make the kit again"
        )
    return manifest


def _load(text: str) -> Any:
    # The C loader where PyYAML has it: a kit names hundreds of files, and every build reads them.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(text, Loader=loader)  # noqa: S506  (one of the two safe loaders)


def _check_text(files: Iterable[KitFile], where: Path) -> None:
    """Paths stay inside the kit, each once, and hashes are hashes."""
    seen = set()
    for file in files:
        parts = file.path.split("/")
        bad = (
            any(part in {"", ".", ".."} for part in parts) or "\\" in file.path or not file.path.isprintable()
        )
        if bad or file.path in seen or not _SHA256.fullmatch(file.sha256):
            raise BuildError(f"{file.path!r} cannot be in a kit", where=str(where), fix="make the kit again")
        seen.add(file.path)
