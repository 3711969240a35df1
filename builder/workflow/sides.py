"""The two sides of a comparison: a lock of the working tree, of a git revision, of a kit, or any file."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder import proc
from builder.errors import LockError, UsageError
from builder.lock.bare import bare_spec, page_alone, read_place
from builder.lock.compare import LockDiff, compare_all
from builder.lock.files import read_locks
from builder.lock.model import LockSet
from builder.spec.load import load_image
from builder.spec.model import Platform
from builder.spec.project import Project
from builder.userpath import user_path
from builder.verify.compare import ImageFacts

_REF = r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:@[A-Za-z0-9_][A-Za-z0-9_.-]*)?"
_FORMS = "write ENV, REV:ENV, kit:DIR:ENV, image:NAME, or the path of a conda-lock.yml"


@dataclass(frozen=True, slots=True)
class Side:
    """label: what it was asked for as. page_only: nothing is known but the packages of one environment. image: what an
    image says of itself beside its lock."""

    label: str
    locks: Mapping[Platform, LockSet]
    page_only: bool = False
    image: ImageFacts | None = None


def two_sides(
    project: Project, old: str, new: str | None, kit: str | None, prefix: str = "imgbuild"
) -> tuple[Side, Side]:
    """Both sides. With one only, it is an image: the lock of HEAD beside that of the working tree.

    kit: the folder of the kit that plain names mean. Raises UsageError for what is no side, LockError where there is
    no lock or it cannot be read.
    """
    if new is not None:
        return side(project, old, kit, prefix), side(project, new, kit, prefix)
    if not re.fullmatch(_REF, old):
        raise UsageError("name the second one", where=old, fix="a single ENV is compared with HEAD")
    after = side(project, old, kit, prefix)
    return Side(f"HEAD:{old}", _of_revision(project, "HEAD", old)), after


def side(project: Project, text: str, kit: str | None, prefix: str = "imgbuild") -> Side:
    """One side by its name."""
    if _may_be_image(text):
        from builder.workflow.imagesides import image_side

        found_image = image_side(project, text, kit=kit, prefix=prefix)
        if found_image is not None:
            facts, lock = found_image
            return Side(text, {lock.platform: lock}, image=facts)
    if found := re.fullmatch(rf"kit:(.+):({_REF})", text):
        return Side(text, _of_kit(Path(found[1]), found[2]))
    if found := re.fullmatch(rf"([^:]+):({_REF})", text):
        locks = _of_revision(project, found[1], found[2])
        if not locks:
            raise LockError(
                f"{found[2]} has no lock in {found[1]}",
                where=text,
                fix="name a revision with its imgbuild.lock.json (`git log -- envs/ENV` shows which)",
            )
        return Side(text, locks)
    if re.fullmatch(_REF, text) and (text.partition("@")[0] in project.names() or not Path(text).exists()):
        return Side(text, _of_kit(Path(kit), text) if kit else _of_project(project, text))
    path = user_path(text)
    if not path.exists():
        raise UsageError("there is no such file or folder", where=text, fix=_FORMS)
    locks, page_only = read_place(path)
    return Side(text, locks, page_only)


def _may_be_image(text: str) -> bool:
    """Before an engine or a registry is asked: names of environments, kits and files are none."""
    return text.startswith(("image:", "sha256:")) or (
        "/" in text and not text.startswith(("kit:", ".", "/", "~"))
    )


def compared(old: Side, new: Side, platforms: tuple[Platform, ...]) -> tuple[LockDiff, ...]:
    """The comparison of all platforms, or of some. Raises UsageError where neither side has one of them."""
    pages = old.page_only or new.page_only
    locks = [
        {
            platform: page_alone(lock) if pages else lock
            for platform, lock in one.locks.items()
            if not platforms or platform in platforms
        }
        for one in (old, new)
    ]
    if not (locks[0] or locks[1]):
        known = ", ".join(sorted({*old.locks, *new.locks}))
        raise UsageError(f"no lock for {', '.join(platforms)}", where=new.label, fix=f"there is: {known}")
    return compare_all(*locks)


def _of_project(project: Project, ref: str) -> dict[Platform, LockSet]:
    name, _, variant = ref.partition("@")
    if name not in project.names():
        load_image(project, ref)  # says which names there are
    found = read_locks(bare_spec(name, variant or None, project.envs / name), project.envs / name)
    if not found:
        load_image(project, ref)
        raise _no_lock(ref, str(project.envs / name))
    return found


def _of_kit(root: Path, ref: str) -> dict[Platform, LockSet]:
    from builder.store.kit import Kit

    opened = Kit.open(root)
    name, _, variant = ref.partition("@")
    spec = bare_spec(name, variant or None, root)
    opened.check_locks(spec)
    found = read_locks(spec, opened.lock_folder(spec))
    if not found:
        raise _no_lock(ref, str(root))
    return found


def _of_revision(project: Project, revision: str, ref: str) -> dict[Platform, LockSet]:
    """The locks as git has them; empty where that revision holds none of the image."""
    name, _, variant = ref.partition("@")
    commit = _git(
        project, revision, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}"
    ).strip()
    inside = project.label(project.envs / name)
    listed = _git(project, revision, "ls-tree", "-z", "--name-only", commit, "--", f"./{inside}/")
    middle = f".{variant}" if variant else ""
    wanted = re.compile(
        rf"conda-lock{re.escape(middle)}(--[^/]+)?\.yml|imgbuild\.lock{re.escape(middle)}\.json"
    )
    names = [Path(path).name for path in listed.split("\0") if wanted.fullmatch(Path(path).name)]
    with tempfile.TemporaryDirectory(prefix="imgbuild-diff-") as folder:
        for one in names:
            text = _git(project, revision, "show", f"{commit}:./{inside}/{one}")
            (Path(folder) / one).write_text(text, encoding="utf-8", newline="")
        try:
            return read_locks(bare_spec(name, variant or None, Path(folder)), Path(folder))
        except LockError as error:
            fix = "compare with another revision"
            raise LockError(error.what, where=f"{revision}:{inside}", fix=fix, detail=error.detail) from error


def _git(project: Project, revision: str, *words: str) -> str:
    try:
        return proc.run(["git", *words], cwd=project.root).stdout
    except FileNotFoundError as error:
        raise UsageError("git is not installed", where=revision, fix="install it, or name files") from error
    except proc.CommandFailed as error:
        said = (error.result.stderr.strip().splitlines() or ["git said nothing"])[-1]
        raise UsageError(
            f"git cannot read the revision {revision!r}: {said.removeprefix('fatal: ')}",
            where=str(project.root),
            fix="name one that `git log` shows (a shallow clone lacks most: `git fetch --unshallow`), or two files",
        ) from error


def _no_lock(ref: str, where: str) -> LockError:
    return LockError(f"{ref} has no lock there", where=where, fix=f"run `imgbuild lock {ref}`")
