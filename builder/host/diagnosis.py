"""What `imgbuild doctor` says, as values."""

from __future__ import annotations

from typing import Literal, TypeAlias

from builder.host.model import Looked
from builder.values import Value

State: TypeAlias = Literal["ok", "missing", "note"]


class Row(Value):
    """One thing. state: `missing` stops a build where it is needed; `note`: it works, with a limit that is told."""

    name: str
    state: State
    says: str
    needed: bool = False
    todo: tuple[str, ...] = ()


class Diagnosis(Value):
    """All rows. can_build: nothing is missing that a build needs. looked: where GPUs and their programs were sought."""

    can_build: bool
    rows: tuple[Row, ...]
    looked: tuple[Looked, ...]
