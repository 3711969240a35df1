"""Making an image's locks anew, for all its platforms together, around what the present ones hold."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.errors import ImgbuildError, LockError, UsageError
from builder.fit.judge import check_fit
from builder.lock.apt.packages import AptPackages, ResolveApt
from builder.lock.compare import LockDiff, compare
from builder.lock.files import read_locks, write_locks
from builder.lock.kept import Kept, moving
from builder.lock.model import LockedInstaller, LockSet
from builder.lock.source import Source
from builder.lock.terms import check_channels
from builder.network.offline import is_offline
from builder.progress import Note, Observer
from builder.shipped import is_packaged
from builder.spec.model import ImageSpec, Platform
from builder.spec.piplines import pip_name
from builder.spec.requirements import conda_name
from builder.store.cache import default_root
from builder.store.turns import turn
from builder.store.upstream import ResolveDigest, Upstream
from builder.workflow.fitting import names_index

OWN_PROJECT = "copy the environment's folder into envs/ of a project of your own and lock it there"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to move: nothing that need not, everything (`--upgrade`), or packages (`--upgrade-package`)."""

    everything: bool = False
    packages: tuple[str, ...] = ()

    def kept(self, lock: LockSet | None) -> Kept:
        """What the new lock holds on to of the one before."""
        if self.everything:
            return Kept(refresh=True)
        return Kept(lock, moving(self.packages))


NOTHING_MOVES = Wish()


@dataclass(frozen=True, slots=True)
class Relocked:
    """The lock of one platform, and the one before where there was one."""

    before: LockSet | None
    after: LockSet

    @property
    def diff(self) -> LockDiff:
        """What changed."""
        return compare(self.before, self.after)

    @property
    def status(self) -> str:
        """`new`, `unchanged` or `changed`."""
        if self.before is None:
            return "new"
        return "unchanged" if self.before.digest == self.after.digest else "changed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One image. failed: the platforms that could not be locked, none named where it is the image as a whole.

    Then nothing was written, and made holds what the others would have been.
    """

    spec: ImageSpec
    made: tuple[Relocked, ...]
    failed: tuple[tuple[str, ImgbuildError], ...] = ()


def relock(
    spec: ImageSpec, platforms: Sequence[Platform], source: Source, wish: Wish, observer: Observer
) -> Outcome:
    """Solve, resolve and write the locks of one image: those of all the platforms, or none.

    A platform that cannot be locked is in the outcome, so that all of them are told. Raises LockError where nothing
    of the image can be locked or written.
    """
    _refuse_packaged(spec, source)
    check_channels(spec, source)
    for platform in platforms:  # before a solver looks for what will not run
        check_fit(spec, None, platform, any_build=names_index(source))

    def waiting() -> None:
        observer(Note(f"another imgbuild locks {spec.ref}: waiting for it"))

    # What the files hold for other platforms is read and written back: nobody may write them in between.
    with turn(default_root(), f"lock {source.lock_folder(spec).resolve()}", waiting):
        return _relocked(spec, platforms, source, wish, observer)


def _relocked(
    spec: ImageSpec, platforms: Sequence[Platform], source: Source, wish: Wish, observer: Observer
) -> Outcome:
    folder = source.lock_folder(spec)
    before = _present(spec, folder, observer)
    made: list[Relocked] = []
    failed: list[tuple[str, ImgbuildError]] = []
    for platform in dict.fromkeys(platforms):
        held = before.get(platform)
        held = held if held and held.source == source.id else None
        try:
            made.append(Relocked(held, _made(spec, platform, source, wish, held, observer)))
        except ImgbuildError as error:
            failed.append((platform, error))
    if not failed:
        write_locks([one.after for one in made], folder, spec)
    return Outcome(spec, tuple(made), tuple(failed))


def _made(
    spec: ImageSpec,
    platform: Platform,
    source: Source,
    wish: Wish,
    held: LockSet | None,
    observer: Observer,
) -> LockSet:
    from builder.lock.make import make_lock

    if isinstance(source, Upstream):
        source = _ready(source, wish, held, observer)
    resolve_apt = _resolve_apt(source, observer) if spec.apt else None
    lock = make_lock(spec, platform, source, observer, kept=wish.kept(held), resolve_apt=resolve_apt)
    check_fit(spec, lock, observer=observer)
    installer = _kept_installer(source, wish, held, lock.installer)
    lock = lock.model_copy(update={"installer": installer})
    # The same set from an archive that was signed anew is the same lock, to the byte.
    return held if held is not None and held.digest == lock.digest else lock


def would_be(
    spec: ImageSpec, lock: LockSet, source: Source, resolve: ResolveDigest, observer: Observer
) -> LockSet:
    """What `lock --upgrade` would make of a lock; nothing is written, and no engine is asked.

    The OS packages stay as they are: only the base's own apt could tell. resolve: what tells the digest of the base.
    Raises LockError as a lock does.
    """
    from builder.lock.make import make_lock

    if isinstance(source, Upstream):
        source = dataclasses.replace(source, resolve_digest=resolve, observer=observer)
    check_channels(spec, source)
    check_fit(spec, None, lock.platform, any_build=names_index(source))
    held = AptPackages(packages=lock.apt, releases=lock.apt_releases)
    kept = Kept(refresh=not is_offline())
    found = make_lock(spec, lock.platform, source, observer, kept=kept, resolve_apt=lambda *_asked: held)
    check_fit(spec, found, observer=observer)
    return found


def _resolve_apt(source: Source, observer: Observer) -> ResolveApt:
    # What asks a base is slow to load, and few images need it.
    from builder.workflow.os_packages import resolving

    return resolving(source, observer)


def _kept_installer(
    source: Source, wish: Wish, held: LockSet | None, found: LockedInstaller
) -> LockedInstaller:
    """An installer that was given once stays while the definition asks for its version and no other is given."""
    if held is None or wish.everything or not held.installer.given:
        return found
    given = isinstance(source, Upstream) and source.given is not None
    same = (held.installer.kind, held.installer.version) == (found.kind, found.version)
    return held.installer if same and not given else found


def _ready(source: Upstream, wish: Wish, held: LockSet | None, observer: Observer) -> Upstream:
    """The upstream with a registry to ask for digests, and with the given installer at hand and checked."""
    from builder.workflow.registry import asking

    given = source.given
    if given is not None:  # what downloads is slow to load, and seldom needed here
        from builder.workflow.installers import bring_installer

        given = bring_installer(given, source, observer)
    resolve = asking(held.base.ref if held else "", observer, anew=wish.everything)
    return dataclasses.replace(source, given=given, resolve_digest=resolve, observer=observer)


def _present(spec: ImageSpec, folder: Path, observer: Observer) -> dict[Platform, LockSet]:
    try:
        return read_locks(spec, folder)
    except LockError as error:  # making it anew is the mend for a lock that cannot be read
        observer(Note(f"{spec.ref}: {error.what}, so nothing of it is kept"))
        return {}


def _refuse_packaged(spec: ImageSpec, source: Source) -> None:
    """The shipped environments of an installed imgbuild are nobody's to lock."""
    if source.id.kind != "kit" and is_packaged(spec.folder):
        raise LockError(
            f"{spec.ref} came with imgbuild and has no lock", where=str(spec.folder), fix=OWN_PROJECT
        )


def check_wish(wish: Wish, specs: Iterable[ImageSpec], source: Source) -> None:
    """Raise UsageError for a package to move that none of the images holds or asks for."""
    known: set[str] = set()
    for spec in specs if wish.packages else ():
        known |= _names(spec, source)
    for name in wish.packages:
        if moving([name]) - moving(known):
            near = difflib.get_close_matches(name, sorted(known), n=2, cutoff=0.6)
            raise UsageError(
                f"no package is called {name!r} in these environments and their locks",
                where="--upgrade-package",
                fix=f"did you mean {' or '.join(near)}?"
                if near
                else "`imgbuild diff` and the lock name them",
            )


def _names(spec: ImageSpec, source: Source) -> set[str]:
    asked = {conda_name(line) for one in spec.environments for line in one.conda}
    asked |= {pip_name(line) for one in spec.environments for line in one.pip}
    try:
        locks = read_locks(spec, source.lock_folder(spec))
    except LockError:
        return asked
    asked |= {package.name for lock in locks.values() for package in lock.apt}
    for held in (one for lock in locks.values() for one in lock.environments):
        asked |= {package.name for package in held.conda} | {wheel.name for wheel in held.pip}
    return asked
