"""The smallest set of lines that cannot be had together (QuickXplain: halves first, so few questions)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from builder.lock.explain.budget import Spent

Holds = Callable[[Sequence[str]], bool]


def minimal_conflict(holds: Holds, lines: Sequence[str]) -> tuple[list[str], bool]:
    """Lines that conflict, in their order, none of which can be left out; and whether that was shown to the end.

    holds: whether some of the lines can be had together; it may raise Spent, and then what is known so far is
    returned. The lines as a whole must not hold.
    """
    search = _Search(holds, list(lines))
    try:
        found = search.within([], False, list(lines))
    except Spent:
        return _ordered(search.smallest, lines), False
    return _ordered(found, lines), True


def _ordered(found: Sequence[str], lines: Sequence[str]) -> list[str]:
    return [line for line in lines if line in found]


class _Search:
    def __init__(self, holds: Holds, lines: list[str]) -> None:
        self.holds = holds
        self.smallest = lines

    def within(self, fixed: list[str], grown: bool, lines: list[str]) -> list[str]:
        """The members of a minimal conflict among `lines`, given that the fixed ones stay."""
        if grown and not self._ask(fixed):
            return []
        if len(lines) == 1:
            return lines
        half = len(lines) // 2
        left, right = lines[:half], lines[half:]
        from_right = self.within([*fixed, *left], bool(left), right)
        from_left = self.within([*fixed, *from_right], bool(from_right), left)
        return [*from_left, *from_right]

    def _ask(self, lines: list[str]) -> bool:
        held = self.holds(lines)
        if not held and len(lines) < len(self.smallest):
            self.smallest = lines
        return held
