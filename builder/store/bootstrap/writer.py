"""Bootstrap a kit: base, channel, installer, wheels, locks; made beside its place and moved there whole."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from builder.errors import BuildError, LockError, UsageError
from builder.lock.apt.packages import DEBIAN_ARCHITECTURE, ResolveApt
from builder.lock.model import LockedFile, PipPackage
from builder.lock.terms import check_channels
from builder.progress import Note, Observer, silent
from builder.spec.model import CondaEnvironment, ImageSpec, Platform
from builder.store.bootstrap import apt as machine
from builder.store.bootstrap import base, channel, debs, python, wheelhouse
from builder.store.bootstrap.names import read_specs
from builder.store.bootstrap.steps import Serial, step
from builder.store.bootstrap.target import Target
from builder.store.cache import Store, default_root
from builder.store.kit import Kit
from builder.store.kitdir import asked_for, beside, kit_turn, present
from builder.store.kitfile import KitBase, KitInstaller, Manifest, list_files, write_locked
from builder.store.turns import turn
from builder.store.upstream import Upstream
from builder.userpath import user_path

_PLATFORMS = {debian: platform for platform, debian in DEBIAN_ARCHITECTURE.items()}
_CARRIED = ("python", *wheelhouse.TOOLS)


@dataclass(frozen=True, slots=True)
class _Work:
    """What all parts of one bootstrap share."""

    folder: Path
    specs: tuple[ImageSpec, ...]
    apt: machine.Apt
    python: python.PythonSource
    cache: Path
    observer: Serial
    ask_apt: debs.AskApt | None

    @property
    def platform(self) -> Platform:
        return _PLATFORMS[self.apt.architecture]

    @property
    def channel(self) -> Path:
        return self.folder / "channel"

    @property
    def store(self) -> Store:
        return Store(default_root())

    def target(self, glibc: str) -> Target:
        return Target(self.python.version, self.platform, glibc)


def bootstrap_kit(
    directory: Path,
    specs: Sequence[ImageSpec],
    observer: Observer = silent,
    ask_apt: debs.AskApt | None = None,
) -> Kit:
    """Make a kit for these images in `directory`, or return the one there when it is the same and whole.

    Takes the machine's own package sources and Python package index. ask_apt: who resolves `apt:` inside the new
    base, for images that ask for more than it holds. Nothing is left behind when it fails.
    Raises UsageError when something else is there, LockError when the images cannot be had from there,
    BuildError when a source does not answer or a right or tool is missing.
    """
    directory = user_path(directory).absolute()
    if not specs:
        raise UsageError("no environment was named", fix="say which ones: imgbuild kit bootstrap DIR ENV...")

    def waiting() -> None:
        observer(Note("another bootstrap is running: waiting for it"))

    # One at a time uses the cache, as apt and debootstrap need it.
    with turn(default_root(), "bootstrap", waiting), kit_turn(directory, observer):
        here = present(directory, {spec.ref: asked_for(spec) for spec in specs}, observer)
        if here is not None:
            return here
        with beside(directory) as folder:
            _make(_prepare(folder, tuple(specs), Serial(observer), ask_apt))
    return Kit.open(directory)


def _prepare(
    folder: Path, specs: tuple[ImageSpec, ...], observer: Serial, ask_apt: debs.AskApt | None
) -> _Work:
    """Look at the definitions and the machine before anything large is done."""
    for spec in specs:
        check_channels(spec)
        if spec.installer is None:
            raise LockError("an image without a conda installer is not supported yet", where=spec.ref,
                            fix="name one, such as installer: miniconda=26.5.3-1")  # fmt: skip
    cache = default_root() / "bootstrap"
    with step(observer, "apt", "Read the machine's package lists"):
        suites = sorted({spec.base.suite for spec in specs})
        sources = [machine.machine_apt(suite, cache / "apt") for suite in suites]
        sources[0].update()
        found = python.find_python(sources[0])
    work = _Work(folder, specs, sources[0], found, cache, observer, ask_apt)
    for spec in specs:
        if work.platform not in spec.platforms:
            what = f"{spec.ref} is not made for {work.platform}, which is what this machine is"
            raise BuildError(what, where=str(spec.folder), fix="run this on a machine of its platform")
    return work


def _make(work: _Work) -> None:
    wanted = _wanted(work)
    wheels = _resolve(work, wanted)  # first, because it is quick and says what cannot be had
    with ThreadPoolExecutor(1) as aside:
        filling = aside.submit(_fill_channel, work, wanted, wheels)
        with work.observer.stopped_by_errors():
            bases, glibc = _base(work)  # dpkg works in one core, and the rest in the other
            filling.result()
    manifest = Manifest(
        id="",
        stand_in=True,
        platform=work.platform,
        python=work.python.version,
        images={spec.ref: asked_for(spec) for spec in work.specs},
        bases=bases,
        installers=_installers(work),
        files=list_files(work.folder),
    )
    kit = Kit(work.folder, manifest)
    _add_wheels(work, kit, work.target(glibc))
    resolve_apt = debs.add(work.specs, work.platform, kit, work.apt, work.ask_apt, work.observer)
    manifest = manifest.model_copy(update={"files": list_files(work.folder)})
    write_locked(work.folder, manifest, lambda blank: _add_locks(work, Kit(work.folder, blank), resolve_apt))


def _wanted(work: _Work) -> list[wheelhouse.Wanted]:
    """Every different conda part; refuses by name what the suite's Python cannot answer."""
    parts = {one.conda: one for spec in work.specs for one in spec.environments}
    return [wheelhouse.Wanted(one, read_specs(one, work.python.version)) for one in parts.values()]


def _base(work: _Work) -> tuple[tuple[KitBase, ...], str]:
    keys = {spec.base.key: spec.base for spec in work.specs}
    rows = []
    with step(work.observer, "base", f"Base of {work.apt.suite} with debootstrap") as running:
        for key, definition in sorted(keys.items()):
            made = base.make_base(definition, work.apt, work.cache / "bases")
            path = f"base/{definition.suite}.tar" if len(keys) == 1 else f"base/{key}.tar"
            (work.folder / "base").mkdir(exist_ok=True)
            shutil.copyfile(made.tar, work.folder / path)
            running.cached = made.reused
            held = dict(made.packages)
            rows.append(KitBase(key=key, suite=definition.suite, glibc=made.glibc, path=path, packages=held))
    return tuple(rows), rows[0].glibc


def _resolve(work: _Work, wanted: Sequence[wheelhouse.Wanted]) -> tuple[PipPackage, ...]:
    with step(work.observer, "resolve", "Resolve the environments against the Python package index"):
        return wheelhouse.resolve(wanted, work.target(work.specs[0].base.glibc))


def _fill_channel(work: _Work, wanted: Sequence[wheelhouse.Wanted], wheels: Sequence[PipPackage]) -> None:
    target = work.target(work.specs[0].base.glibc)
    asked = sorted({row for one in wanted for row in one.asked}, key=lambda row: row.conda)
    with step(work.observer, "python", f"Package python {work.python.version}") as running:
        made, running.cached = python.make_python(work.python, work.apt, target.subdir, work.cache / "python")
        (work.channel / target.subdir).mkdir(parents=True)
        shutil.copyfile(made, work.channel / target.subdir / made.name)
    with step(work.observer, "convert", f"Convert {len(wheels)} wheels to conda packages") as running:
        wheelhouse.convert_all(
            wheels,
            asked,
            work.channel,
            target,
            store=work.store,
            cache=work.cache / "packages",
            observer=work.observer,
            advance=running.advance,
        )
    with step(work.observer, "index", "Index the channel"):
        channel.index(work.channel, target.subdir)


def _installers(work: _Work) -> tuple[KitInstaller, ...]:
    from builder.store.bootstrap.installer import write_installer  # noqa: PLC0415  (reads the stand-in's code)

    wanted = sorted({(one.installer.kind, one.installer.version) for one in work.specs if one.installer})
    subdir = work.target("").subdir
    carried = [channel.newest(work.channel, name) for name in _CARRIED]
    rows = []
    with step(work.observer, "installer", "Write the stand-in for the conda installer"):
        for kind, version in wanted:
            folder = work.folder / "installer"
            folder.mkdir(exist_ok=True)
            number = version.split("-")[0]
            path = write_installer(folder, packages=carried, conda_version=number, subdir=subdir)
            rows.append(KitInstaller(kind=kind, version=version, path=f"installer/{path.name}"))
    return tuple(rows)


def _add_wheels(work: _Work, kit: Kit, target: Target) -> None:
    """The wheels of pip sections, resolved around what the channel's own packages bring, and uv."""
    from builder.lock.resolve import resolve_uv, resolve_wheels  # noqa: PLC0415
    from builder.lock.solve import solve_environment  # noqa: PLC0415

    parts: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[CondaEnvironment, ImageSpec]] = {}
    for spec in work.specs:
        parts.update({(one.conda, one.pip): (one, spec) for one in spec.environments if one.pip})
    wheels: dict[str, LockedFile] = {}
    (work.folder / "wheels").mkdir()
    if not parts:
        return
    with step(work.observer, "wheels", "Wheels for the pip sections"):
        for environment, spec in parts.values():
            conda = solve_environment(environment, spec, work.platform, kit)
            for wheel in resolve_wheels(environment, conda, target.for_wheels(), Upstream()):
                wheels[wheel.sha256] = wheel
        uv = resolve_uv(target.for_wheels(), Upstream())
        wheels[uv.sha256] = uv
        wheelhouse.gather(wheels.values(), work.folder / "wheels", work.store, work.observer)


def _add_locks(work: _Work, kit: Kit, resolve_apt: ResolveApt | None) -> None:
    from builder.lock.files import write_lock  # noqa: PLC0415
    from builder.lock.make import make_lock  # noqa: PLC0415

    for spec in work.specs:
        folder = kit.lock_folder(spec)
        folder.mkdir(parents=True, exist_ok=True)
        write_lock(make_lock(spec, work.platform, kit, work.observer, resolve_apt=resolve_apt), folder, spec)
