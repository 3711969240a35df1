"""Strict channel priority, also for what is asked for by version."""

from __future__ import annotations

from collections.abc import Sequence

from rattler import MatchSpec


def with_names(specs: Sequence[MatchSpec]) -> list[MatchSpec]:
    """The specs, and each one's name alone.

    A gateway hands the solver only the records that match a spec. Where a channel has none of the version that is
    asked for, the solver would not know that the channel has the name, and would take it from a lower one.
    """
    names = dict.fromkeys(spec.name.normalized for spec in specs if spec.name is not None)
    return [*specs, *(MatchSpec(name) for name in names)]
