"""data/accelerated.yml as values: how CUDA and CPU builds are told apart."""

from __future__ import annotations

from functools import cache
from typing import Literal, TypeAlias

from builder.data.tables import read_table
from builder.values import Value

WheelKind: TypeAlias = Literal["needs", "finds", "cuda", "cpu", "plugin", "follows", "several"]


class Row(Value):
    """One accelerated package; the file's head says what the fields mean."""

    conda: tuple[str, ...]
    wheels: dict[str, WheelKind]
    unmarked: Literal["cpu", "unknown"] = "cpu"
    plugins: tuple[str, ...] = ()
    finds: tuple[str, ...] = ()
    since: str = "0"
    line: Literal["major", "minor"]
    from_conda: str
    from_pip: str
    made_for: dict[str, tuple[str, ...]] = {}
    source: str

    @property
    def names(self) -> frozenset[str]:
        """Everything it is called, in conda and on the index."""
        return frozenset({*self.conda, *self.wheels})


class SameImport(Value):
    """Distributions that bring the same module."""

    module: str
    wheels: tuple[str, ...]
    source: str


class Carriers(Value):
    """Packages whose version is the toolkit's: to the minor (own), or only its major."""

    own: tuple[str, ...]
    major: tuple[str, ...]


class Origins(Value):
    """Carriers among conda packages and among wheels; named: wheels that end in -cu12 and the like."""

    conda: Carriers
    wheels: Carriers
    named: tuple[str, ...]


class Table(Value):
    """The whole file."""

    packages: dict[str, Row]
    same_import: tuple[SameImport, ...]
    carriers: Origins


@cache
def table() -> Table:
    """The table, read once."""
    return Table.model_validate(read_table("accelerated.yml"))
