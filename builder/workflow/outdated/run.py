"""Every image and platform: its lock beside what there is, and what `lock --upgrade` would make of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from builder.data.installers import newest_for
from builder.errors import ImgbuildError
from builder.lock.compare import compare
from builder.lock.files import read_locks
from builder.lock.model import EnvironmentLock, LockSet
from builder.lock.outdated.conda import conda_rows
from builder.lock.outdated.model import EnvironmentRows, InstallerRow, Outdated, PackageRow, to_fetch
from builder.lock.outdated.pip import pip_rows
from builder.lock.outdated.places import Places
from builder.lock.source import Source
from builder.lock.wheels import target_of
from builder.progress import Observer
from builder.shipped import is_packaged
from builder.spec.model import CondaEnvironment, ImageSpec, Platform
from builder.spec.project import Project
from builder.store.kit import Kit
from builder.store.upstream import Upstream
from builder.workflow.changed import stale_lines
from builder.workflow.outdated.base import Registries
from builder.workflow.outdated.wheels import listed_wheels
from builder.workflow.relock import OWN_PROJECT, would_be

_NO_INDEX = "the kit was made of these locks: it holds what they name, and nothing newer"
Images = Sequence[tuple[ImageSpec, Sequence[Platform]]]


@dataclass
class Look:
    """What a run knows: the project, where each image comes from, and what registries have answered."""

    project: Project
    choose: Callable[[ImageSpec], Source]
    observer: Observer
    registries: Registries = field(default_factory=Registries)

    def outdated(self, images: Images) -> Iterator[Outdated]:
        """One answer for each image and platform, in the order given. What cannot be told is part of it."""
        for spec, platforms in images:
            try:
                source = self.choose(spec)
                source.check_locks(spec)
                locks = read_locks(spec, source.lock_folder(spec))
            except ImgbuildError as error:
                yield from (_unknown(Outdated(image=spec.ref, platform=one), error) for one in platforms)
                continue
            for platform in platforms:
                lock = locks.get(platform)
                yield _missing(spec, platform, source) if lock is None else self._one(spec, lock, source)

    def _one(self, spec: ImageSpec, lock: LockSet, source: Source) -> Outdated:
        known = Outdated(
            image=spec.ref,
            platform=lock.platform,
            kit=source.id.kit or "",
            lock=lock.digest,
            stale=tuple(map(str, stale_lines(self.project, spec, lock, source))),
            installer=self._installer(spec, lock, source),
            base=self.registries.row(spec, lock, source),
        )
        if isinstance(source, Kit) and not any(source.root.glob("channel/*/repodata.json*")):
            return known.model_copy(update={"notes": (_NO_INDEX,), "environments": _as_locked(lock)})
        try:
            after = would_be(spec, lock, source, self.registries.resolving(lock), self.observer)
            rows, notes = self._environments(spec, lock, after, source)
        except ImgbuildError as error:
            return _unknown(known, error)
        size, unknown = to_fetch(lock, after)
        update = compare(lock, after)
        return known.model_copy(
            update={
                "environments": rows,
                "update": update,
                "fetch": size,
                "fetch_unknown": unknown,
                "notes": notes,
            }
        )

    def _installer(self, spec: ImageSpec, lock: LockSet, source: Source) -> InstallerRow | None:
        asked = spec.installer
        if asked is None:
            return None
        row = InstallerRow(
            kind=asked.kind, locked=_named(lock.installer.kind, lock.installer.version, asked.kind)
        )
        try:
            newest = (
                newest_for(asked.kind, lock.platform)
                if isinstance(source, Upstream)
                else source.installer(spec, lock.platform).version
            )
        except ImgbuildError as error:
            return row.model_copy(update={"trouble": error.what})
        places = Places(spec, spec.environments[0], self.project.label)
        held = newest != asked.version and places.wrote("installer")
        held_by = (places.of_image("installer", f"{asked.kind}={asked.version}"),) if held else ()
        return row.model_copy(update={"newest": newest, "held_by": held_by})

    def _environments(
        self, spec: ImageSpec, lock: LockSet, after: LockSet, source: Source
    ) -> tuple[tuple[EnvironmentRows, ...], tuple[str, ...]]:
        rows: list[EnvironmentRows] = []
        notes: dict[str, None] = {}
        for number, (environment, made) in enumerate(zip(spec.environments, after.environments, strict=True)):
            held = _held(lock, environment, first=not number)
            packages, note = self._packages(spec, environment, (held, made), source, lock.platform)
            total = len(held.conda) + len(held.pip) if held else 0
            rows.append(EnvironmentRows(name=environment.name, total=total, packages=packages))
            if note:
                notes[f"the newest wheels of {environment.name} are not known: {note}"] = None
        return tuple(rows), tuple(notes)

    def _packages(
        self,
        spec: ImageSpec,
        environment: CondaEnvironment,
        sides: tuple[EnvironmentLock | None, EnvironmentLock],
        source: Source,
        platform: Platform,
    ) -> tuple[tuple[PackageRow, ...], str]:
        held, made = sides
        places = Places(spec, environment, self.project.label)
        conda = (held.conda if held else (), made.conda)
        rows = conda_rows(environment, spec, platform, source, conda, places)
        names = [package.name for package in made.pip]
        wheels_from = source if spec.cuda else source.on_cpu()
        listed, trouble = listed_wheels(names, wheels_from) if names else ({}, "")
        target = target_of(environment, made.conda, spec, platform) if names else None
        return (*rows, *pip_rows(held.pip if held else (), made.pip, listed, target, places)), trouble


def _as_locked(lock: LockSet) -> tuple[EnvironmentRows, ...]:
    return tuple(
        EnvironmentRows(name=one.name, total=len(one.conda) + len(one.pip)) for one in lock.environments
    )


def _held(lock: LockSet, environment: CondaEnvironment, *, first: bool) -> EnvironmentLock | None:
    if first:
        return lock.environments[0] if lock.environments else None
    return next((one for one in lock.environments[1:] if one.name == environment.name), None)


def _named(kind: str, version: str, asked: str) -> str:
    return version if kind == asked else f"{kind}={version}"


def _missing(spec: ImageSpec, platform: Platform, source: Source) -> Outdated:
    fix = f"run `imgbuild lock {spec.ref}` and commit the result"
    if source.id.kind == "kit":
        fix = f"make the kit anew, with {spec.ref} in it: imgbuild kit create (or bootstrap)"
    elif is_packaged(spec.folder):
        fix = OWN_PROJECT
    return Outdated(image=spec.ref, platform=platform, trouble="it has no lock", fix=fix)


def _unknown(row: Outdated, error: ImgbuildError) -> Outdated:
    told = {"trouble": error.what, "fix": error.fix, "exit_code": error.exit_code}
    return row.model_copy(update=told)
