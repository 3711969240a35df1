"""Licences for people: which packages are under which, and what of them is refused."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from builder.report.columns import table
from builder.report.plain import one_line
from builder.sbom.expression import leaves, parse
from builder.sbom.licence import DEBIAN
from builder.sbom.model import Bom, Component
from builder.sbom.policy import Licences

UNKNOWN = "not known"
_NARROWEST = 40


def licences_text(bom: Bom, *, color: bool, width: int, every: bool = False) -> str:
    """A row for each licence with all packages that are under it, alone or with others; below it the counts.

    Licences that nobody can tell stand last. every: the names that only Debian has as well, each in a row of its own.
    """
    rows: dict[tuple[int, str], dict[str, None]] = {}
    for one in bom.components:
        for row in _rows_of(one, every):
            rows.setdefault(row, {})[f"{one.name} ({one.kind})" if one.kind != "conda" else one.name] = None
    cells = [[licence, str(len(names)), ", ".join(names)] for (_, licence), names in sorted(rows.items())]
    counts = ", ".join(f"{bom.count(kind)} {kind}" for kind in ("conda", "pypi", "deb"))
    unsure = sum(not one.licence.expression for one in bom.components)
    parts = [table(["LICENCE", "PACKAGES", "WHICH"], cells, color=color, width=width)]
    parts.append(_wrapped(f"{bom.name}: {counts} packages; the licence of {unsure} is {UNKNOWN}", width))
    parts += [_wrapped(f"note: {note}", width) for note in bom.notes]
    return f"{parts[0]}\n\n" + "\n".join(parts[1:])


def _rows_of(one: Component, every: bool) -> Iterator[tuple[int, str]]:
    """The rows a package stands in, each with its group: SPDX's names, names of others, what is not known."""
    licence = one.licence
    if not licence.expression:
        yield 2, f"{UNKNOWN}: {licence.said}" if licence.said else UNKNOWN
        return
    for leaf in dict.fromkeys(leaves(parse(licence.expression))):
        if leaf.startswith(DEBIAN) and not every:
            yield 1, "names that only Debian has (-v shows them)"
        else:
            yield int(leaf.startswith("LicenseRef-")), leaf


def judged_text(name: str, judged: Licences, *, width: int) -> str:
    """What is refused, allowed and unknown, and the verdict."""
    return "\n\n".join("\n".join(part) for part in _parts(name, judged, width))


def _parts(name: str, judged: Licences, width: int) -> Iterator[list[str]]:
    for one in judged.findings:
        lines = (f"REFUSED  {one.what}", f"  why: {one.cause}", f"  fix: {one.fix}")
        yield [_wrapped(line, width) for line in lines]
    told = [f"allowed  {one.what}. Reason: {why.reason}" for one, why in judged.allowed]
    told += [f"`allow:` of {one.check} for {one.package} is no longer needed" for one in judged.unneeded]
    if told:
        yield [_wrapped(line, width) for line in told]
    if judged.unknown:
        head = f"not known, and refused by nothing ({len(judged.unknown)}): "
        yield [_wrapped(head + ", ".join(judged.unknown), width)]
    word = "passed" if judged.passed else "not passed"
    yield [f"{word}: {one_line(name)}, {len(judged.findings)} refused, {len(judged.unknown)} not known"]


def _wrapped(text: str, width: int) -> str:
    """Folded; what packages call themselves and their licences is theirs."""
    start = len(text) - len(text.lstrip())
    return textwrap.fill(
        one_line(text), max(width, _NARROWEST), subsequent_indent=" " * (start + 5), break_on_hyphens=False
    )
