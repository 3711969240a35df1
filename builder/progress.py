"""Progress as values: the work tells what happens, faces in builder.report show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step began. key tells steps apart (`build:sha256:ab...`); title is for people; phase groups them."""

    phase: str
    key: str
    title: str


@dataclass(frozen=True, slots=True)
class StepAdvanced:
    """How far a step is. unit says what is counted; total is None when nobody knows it."""

    key: str
    done: int
    total: int | None
    unit: Literal["bytes", "packages", "files"]


@dataclass(frozen=True, slots=True)
class StepLogged:
    """One line of a step's own output, without its line end."""

    key: str
    line: str


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A step ended: in `seconds`, from a cache, or with `error`."""

    key: str
    seconds: float
    cached: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence for people that belongs to no step (`no lock yet: making one`)."""

    text: str


Event: TypeAlias = StepStarted | StepAdvanced | StepLogged | StepFinished | Note
Observer: TypeAlias = Callable[[Event], None]


def silent(_event: Event) -> None:
    """The observer that shows nothing."""
