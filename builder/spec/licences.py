"""Licences as SPDX names them: one spelling for expressions, and the names that image.yml allows or denies."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from builder.spec.fault import Fault
from builder.spec.patterns import Rule

LONGEST = (
    4000  # characters; real expressions have some hundred, and whole licence texts stand in that place too
)
# Names that SPDX has given up for plainer ones: https://spdx.org/licenses/, "deprecated".
_OLD = re.compile(
    r"(?<![\w.-])((?:A?GPL|LGPL|GFDL)-[0-9]+\.[0-9]+(?:-(?:no-)?invariants)?)(\+?)(?![\w.+-])", re.ASCII
)
# What follows the first part of a name in SPDX's list, to tell a family from a slip.
_ENDS = (
    "1.0",
    "1.1",
    "2.0",
    "2.1",
    "3.0",
    "4.0",
    "2.0-only",
    "3.0-only",
    "1.3-only",
    "3-Clause",
    "CMU",
    "10",
)


def canonical(text: str) -> str:
    """The expression as SPDX spells it today; empty for what is no expression of licences of its list."""
    from packaging.licenses import (  # noqa: PLC0415  (700 names that few commands need)
        InvalidLicenseExpression,
        canonicalize_license_expression,
    )

    if len(text) > LONGEST:
        return ""
    try:
        found = canonicalize_license_expression(text)
    except (InvalidLicenseExpression, RecursionError):
        return ""
    return _OLD.sub(lambda match: f"{match[1]}-{'or-later' if match[2] else 'only'}", found)


def _known(name: str) -> str:
    if name.endswith("*"):
        family = name[:-1]
        if not family.startswith("LicenseRef-") and not any(canonical(family + end) for end in _ENDS):
            raise Fault("is the beginning of no licence that SPDX lists", "write a family as `GPL-*`")
        return name
    spelled = canonical(name)
    if not spelled or re.search(r" (?:AND|OR) ", spelled):
        raise Fault(
            "is no licence of SPDX's list", "take its name from https://spdx.org/licenses/, one in each line"
        )
    if spelled != name:
        later = f" or `{spelled.removesuffix('-only')}-or-later`" if spelled == f"{name}-only" else ""
        raise Fault("is spelled otherwise by SPDX", f"write `{spelled}`{later}")
    return name


LicenceName = Annotated[
    str,
    Field(max_length=100),
    Rule(
        r"[A-Za-z0-9][A-Za-z0-9.+-]*(?:\*| WITH [A-Za-z0-9.-]+)?",
        "is no licence's name",
        "write it as `MIT`, `GPL-*`, or `GPL-2.0-only WITH Classpath-exception-2.0`",
        _known,
    ),
]
