"""What the truth check finds."""

from __future__ import annotations

from builder.spec.findings import NamedFinding
from builder.spec.model import LockCheck


class Finding(NamedFinding):
    """One thing that is not as declared; what: what is in the set, cause: why it is there."""

    check: LockCheck
