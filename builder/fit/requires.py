"""NVIDIA_REQUIRE_*: the constraints that NVIDIA's container toolkit checks before a container starts.

Blanks mean or, commas mean and; properties are cuda (of the driver), driver, arch (of the first GPU) and brand. A
property that the toolkit does not know counts in no term. Source: NVIDIA/nvidia-container-toolkit, v1.20.0:
internal/requirements/constraints (factory.go, binary.go) and docs of nvidia-container-runtime.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Answer: TypeAlias = bool | None
"""None: it turns on something that is not known here."""

_FACTOR = re.compile(r"([A-Za-z]+)(!=|<=|>=|=|<|>)(.+)")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
KNOWN = ("cuda", "driver", "arch", "brand")


def holds(text: str, have: Mapping[str, str]) -> Answer:
    """Whether a requirement holds. have: `{"cuda": "13.0", "driver": "580.95.05"}`, without what is not known.

    Raises ValueError for what is no constraint; the toolkit starts no container then.
    """
    terms = [_term(term, have) for term in text.split()]
    told = [answer for one in terms for answer in one]
    return _any(told) if told else True


def _term(text: str, have: Mapping[str, str]) -> list[Answer]:
    """The answer of one term; an empty list for one that says nothing."""
    factors = [_factor(factor, have) for factor in text.split(",") if factor.strip()]
    told = [answer for one in factors for answer in one]
    return [_all(told)] if told else []


def _factor(text: str, have: Mapping[str, str]) -> list[Answer]:
    found = _FACTOR.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no constraint")
    name, sign, value = found.groups()
    if name not in KNOWN:
        return []
    mine = have.get(name)
    if mine is None:
        return [None]
    if name == "brand":
        return [_OPERATORS[sign](mine, value)]
    return [_OPERATORS[sign](_numbers(mine), _numbers(value))]


def _numbers(text: str) -> tuple[int, ...]:
    """`535.104.05` and `12.2`; what is left out is 0. Raises ValueError."""
    parts = text.removeprefix("v").split(".")
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError(f"{text[:40]!r} is no version")
    return tuple((*map(int, parts), 0, 0, 0)[:3])


def _any(answers: list[Answer]) -> Answer:
    if any(answer is True for answer in answers):
        return True
    return None if None in answers else False


def _all(answers: list[Answer]) -> Answer:
    if any(answer is False for answer in answers):
        return False
    return None if None in answers else True
