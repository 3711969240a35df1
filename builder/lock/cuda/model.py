"""Findings as values, and what came of them."""

from __future__ import annotations

from builder.spec.model import Allowance, Check
from builder.values import Value


class Finding(Value):
    """One thing that is not as declared.

    package: what `allow:` names; names: whatever else it may be called there. what: what is in the set;
    cause: why it is there; fix: what to do. environment: whose.
    """

    check: Check
    package: str
    names: frozenset[str]
    environment: str
    what: str
    cause: str
    fix: str

    def is_allowed_by(self, allowance: Allowance) -> bool:
        """Whether image.yml takes it as it is."""
        return allowance.check == self.check and allowance.package in {self.package, *self.names}


class Judged(Value):
    """All of one lock. unneeded: allowances of these checks that nothing was found for. notes: for people."""

    faults: tuple[Finding, ...] = ()
    allowed: tuple[tuple[Finding, Allowance], ...] = ()
    unneeded: tuple[Allowance, ...] = ()
    notes: tuple[str, ...] = ()
