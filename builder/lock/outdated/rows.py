"""The packages of one environment and manager as rows: what the update would do, and what is newer still."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from builder.lock.model import CondaPackage, PipPackage
from builder.lock.outdated.model import Holder, PackageRow
from builder.lock.versions import order

Packages = Sequence[CondaPackage] | Sequence[PipPackage]


def rows_of(
    manager: Literal["conda", "pip"],
    before: Packages,
    after: Packages,
    newest: Callable[[str], str],
    holders: Callable[[str], tuple[Holder, ...]],
) -> tuple[PackageRow, ...]:
    """Those that move or are held back, by name.

    newest: the newest version there is of a name, empty where nobody tells it. holders: asked for those alone that
    stay behind it.
    """
    old = {package.name: package for package in before}
    new = {package.name: package for package in after}
    rows: list[PackageRow] = []
    for name in sorted(old.keys() | new.keys()):
        was, will = old.get(name), new.get(name)
        if will is None:
            rows.append(PackageRow(manager=manager, name=name, locked=was.version if was else ""))
            continue
        there = newest(name)
        # What is locked may have gone from the index: then it is the newest that anybody has.
        held = bool(there) and order(manager, will.version, there) > 0
        row = PackageRow(
            manager=manager,
            name=name,
            locked=was.version if was else "",
            allowed=will.version,
            newest=there if held else will.version,
            rebuilt=was is not None and was.version == will.version and was.sha256 != will.sha256,
            held_by=holders(name) if held else (),
        )
        if row.moves or held:
            rows.append(row)
    return tuple(rows)
