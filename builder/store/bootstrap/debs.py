"""OS packages for a kit: resolved inside its new base, fetched as the machine's own apt fetches them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence

from builder.errors import LockError
from builder.lock.apt.packages import AptPackages, ResolveApt
from builder.lock.model import LockedBase
from builder.lock.source import Source
from builder.progress import Observer
from builder.spec.model import ImageSpec, Platform
from builder.store.apt_index import Archive
from builder.store.bootstrap.apt import Apt
from builder.store.bootstrap.apt_archive import MachineArchive
from builder.store.bootstrap.steps import step
from builder.store.kit import Kit

FOLDER = "apt"
AskApt = Callable[[ImageSpec, Platform, LockedBase, Source, "Archive | None", Observer], AptPackages]


def add(
    specs: Sequence[ImageSpec],
    platform: Platform,
    kit: Kit,
    apt: Apt,
    ask_apt: AskApt | None,
    observer: Observer,
) -> ResolveApt | None:
    """Put what these images ask for and their base lacks into the kit's `apt/`; None where it lacks nothing.

    Returns what answers for the images when their locks are made.
    """
    lacking = [spec for spec in specs if set(spec.apt) - kit.base_packages(spec, platform)]
    if not lacking:
        return None
    if ask_apt is None:
        raise LockError(
            "nobody can be asked for OS packages that the base does not hold",
            where=lacking[0].ref,
            fix="make the kit with `imgbuild kit bootstrap`, on a machine with a container engine",
        )
    archive = MachineArchive(apt)
    found: dict[str, AptPackages] = {}
    for spec in lacking:
        found[spec.ref] = ask_apt(spec, platform, kit.base(spec, platform), kit, archive, observer)
    wanted = {package.sha256: package for one in found.values() for package in one.packages}
    with step(observer, "debs", f"{len(wanted)} OS packages of the machine's package sources"):
        paths = archive.files([(package, "") for package in wanted.values()])
        (kit.root / FOLDER).mkdir()
        for sha256, package in wanted.items():
            shutil.copyfile(paths[sha256], kit.root / FOLDER / package.filename)
    return lambda spec, _platform, _base: found[spec.ref]
