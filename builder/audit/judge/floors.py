"""Versions of glibc and libstdc++ that files ask for, against what is loaded for them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from builder.audit.facts import FileFacts
from builder.audit.judge.loaded import Environment
from builder.audit.judge.places import Places
from builder.audit.judge.words import base, owner
from builder.audit.model import AuditFinding, Wanted

_LIBC = "libc.so.6"
Worst = tuple[FileFacts, str, str, str]  # the file, what it asks for, what there is, in which library


def findings(environment: Environment, places: Places, wanted: Wanted) -> Iterator[AuditFinding]:
    """One for each package and kind of version, with the file that asks for most."""
    if not environment.is_judged:
        return
    worst: dict[tuple[str, str], Worst] = {}
    counts: dict[tuple[str, str], int] = {}
    for one in environment.files:
        for kind, version, have, library in set(_short(one, environment, places, wanted)):
            key = (owner(one, environment.prefix), kind)
            counts[key] = counts.get(key, 0) + 1
            if key not in worst or _number(worst[key][1]) < _number(version):
                worst[key] = (one, version, have, library)
    for (package, kind), found in worst.items():
        yield _finding(package, kind, found, counts[package, kind], wanted)


def _short(
    one: FileFacts, environment: Environment, places: Places, wanted: Wanted
) -> Iterator[tuple[str, str, str, str]]:
    """(kind, asked for, given, library) of all that is not met. Kinds that nothing is known of are left out."""
    for library, asked in one.wants.items():
        for kind, version in asked.items():
            have = _given(library, kind, one, environment, places, wanted)
            if have is not None and _number(have) < _number(version):
                yield kind, version, have, library


def _given(
    library: str, kind: str, one: FileFacts, environment: Environment, places: Places, wanted: Wanted
) -> str | None:
    if kind == "GLIBC":  # all libraries of glibc are of one version, the base's
        libc = places.find(_LIBC, one, environment)
        return libc.gives.get(kind) if libc else wanted.glibc
    found = places.find(library, one, environment)
    return found.gives.get(kind) if found else None


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _finding(package: str, kind: str, worst: Worst, count: int, wanted: Wanted) -> AuditFinding:
    one, version, have, library = worst
    name = library.partition(".so")[0]
    newer = (
        f"take a base with glibc {version} or newer"
        if kind == "GLIBC"
        else f"add a newer {name} (conda: libstdcxx)"
        if name == "libstdc++"
        else f"add a newer {name}"
    )
    more = f", as {count - 1} more of its files ask for too much" if count > 1 else ""
    there = f"the base {'has' if kind == 'GLIBC' else 'or environment gives'} {have}"
    return AuditFinding(
        check="floor",
        weight="fault",
        package=base(package),
        file=one.path,
        what=f"{package} needs {kind} {version}, and {there}",
        cause=f"{posixpath.basename(one.path)} asks {library} for {kind}_{version}{more}",
        fix=f"{newer}, or take an older build of {base(package)}",
    )
