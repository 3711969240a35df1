"""What packages say of their licences, in SPDX's words where those are sure, and as it stands where they are not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from builder.data.tables import read_table
from builder.sbom.expression import both
from builder.sbom.facts import Terms
from builder.sbom.model import Licence
from builder.spec.licences import canonical

DEBIAN = "LicenseRef-debian-"
_ONE_LINE = 200  # characters; longer ones are the text itself
_NAME = re.compile(
    r"(AGPL|LGPL|GPL|GFDL(?:-NIV)?)-?v?([0-9]+(?:\.[0-9]+)?)(\+|-or-later|-only)?", re.IGNORECASE
)


def spoken(text: str) -> Licence:
    """Of a conda record, or of `License:` in METADATA: an expression, or one of the names that people use for one."""
    said = text.strip()
    one = " ".join(said.split())
    # Of a whole text, its first line: `MIT License`, and below it the MIT licence.
    expression = next((found for text in (one, _head(said)) if text and (found := _known(text))), "")
    return Licence(expression=expression, said=_head(said))


def _known(text: str) -> str:
    return canonical(text) or str(_table()["spoken"].get(" ".join(text.lower().split()), ""))


def of_metadata(expression: str, text: str, classifiers: Sequence[str]) -> Licence:
    """Of a distribution: License-Expression, else License, else the trove classifiers, if they say it for sure."""
    if expression:
        return spoken(expression)
    stated = spoken(text)
    if stated.expression:
        return stated
    kinds = [row.rpartition(" :: ")[2] for row in classifiers if row.startswith("License ::")]
    named = [spoken(kind) for kind in kinds]
    if len(named) == 1 and named[0].expression:
        # A text beside it that was not understood says what the classifier means, as a rule; both are kept.
        return Licence(expression=named[0].expression, said=stated.said or named[0].said)
    one_line = stated.said if "\n" not in text.strip() else ""
    return Licence(said=one_line or "; ".join(kinds) or stated.said)


def of_debian(terms: Terms | None, package: str) -> Licence:
    """Of a Debian package: all licences that its copyright file names, at the same time.

    A file that is written for people has no names; what it refers to is told, and not taken for more.
    """
    if terms is None:
        return Licence()
    if not terms.names:
        said = (
            f"{', '.join(terms.refers)} (named in /usr/share/doc/{package}/copyright)" if terms.refers else ""
        )
        return Licence(said=said)
    refs: dict[str, str] = {}
    expression = canonical(both([_synopsis(name, refs) for name in terms.names]))
    return Licence(expression=expression, said="; ".join(terms.names), refs=refs if expression else {})


def _synopsis(text: str, refs: dict[str, str]) -> str:
    """`GPL-1+ or Artistic, and Expat`: a comma binds least, then `or`, then `and` (DEP-5, 7.2)."""
    groups = re.split(r",\s*and\s+", text)
    return both([_either(group, refs) for group in groups])


def _either(text: str, refs: dict[str, str]) -> str:
    either = [both([_name(part, refs) for part in re.split(r"\s+and\s+", one)]) for one in _ors(text)]
    return " OR ".join(dict.fromkeys(either))


def _ors(text: str) -> list[str]:
    return re.split(r",?\s+(?:and/)?or\s+", text)


def _name(text: str, refs: dict[str, str]) -> str:
    """One licence of a copyright file, with its exception."""
    name = text.strip(" ,.")
    plain, _with, exception = re.split(r"(\s+with\s+|$)", name, maxsplit=1, flags=re.IGNORECASE)[:3]
    known = _plain(plain)
    if known and not exception:
        return known
    tables = _table()
    added = tables["exceptions"].get(exception.lower(), "")
    if known and added and (whole := canonical(f"{known} WITH {added}")):
        return whole
    ref = DEBIAN + (re.sub(r"[^A-Za-z0-9.]+", "-", name.replace("+", "-plus")).strip("-") or "unnamed")
    refs[ref] = name if refs.get(ref, name) == name else f"{refs[ref]}; {name}"
    return ref


def _plain(name: str) -> str:
    found = _NAME.fullmatch(name)
    if found:
        family, version, later = found[1].upper(), found[2], found[3] in {"+", "-or-later"}
        number = version if "." in version else f"{version}.0"
        kept = "-no-invariants" if family == "GFDL-NIV" else ""
        family = family.removesuffix("-NIV")
        return canonical(f"{family}-{number}{kept}-{'or-later' if later else 'only'}")
    return str(_table()["debian"].get(name.lower(), "")) or (canonical(name) if " " not in name else "")


def _head(text: str) -> str:
    """A name as it is; of a whole text its first line."""
    first = text.splitlines()[0].strip() if text else ""
    return first if len(first) <= _ONE_LINE else first[:_ONE_LINE] + "..."


@cache
def _table() -> Any:
    return read_table("licences.yml")
