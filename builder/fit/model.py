"""What is held against `targets:`, as values."""

from __future__ import annotations

from builder.gpu.tables import TorchBuild
from builder.lock.cuda.line import Line
from builder.spec.findings import NamedFinding
from builder.spec.model import FitCheck
from builder.values import Value


class Chosen(Value):
    """What one environment brings for CUDA, as far as a lock or a definition tells.

    environment is empty for what image.yml declares. lines: the CUDA lines that it may be of, empty where nothing
    tells. torch: `torch 2.9.1`, empty without one. rows: the builds that it may be, of which one will be taken; empty
    where the tables know none. wheel: torch comes as a wheel, which is what the rows are about. python: `3.12`.
    because: what told it. ships: a package that brings CUDA's own libraries, empty where none does.
    """

    environment: str = ""
    lines: tuple[Line, ...] = ()
    torch: str = ""
    rows: tuple[TorchBuild, ...] = ()
    wheel: bool = False
    python: str = ""
    because: str = ""
    ships: str = ""


class Finding(NamedFinding):
    """One thing that will not run as declared; cause: the row that says so, with its source."""

    check: FitCheck
