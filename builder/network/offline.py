"""The one switch that keeps every request at home: `--offline`, IMGBUILD_OFFLINE=1."""

from __future__ import annotations

import os

from builder.errors import BuildError

VARIABLE = "IMGBUILD_OFFLINE"
OFFLINE_FIX = "run the same command once without --offline, or use a kit with --kit DIR"
_NO = frozenset({"", "0", "false", "no", "off"})


def is_offline() -> bool:
    """Whether nothing may be asked of the network."""
    return os.environ.get(VARIABLE, "").lower() not in _NO


def go_offline() -> None:
    """For this process and the programs that it starts."""
    os.environ[VARIABLE] = "1"


def refuse_offline(place: str) -> None:
    """Raise BuildError where the network would be asked for this and may not be."""
    if is_offline():
        raise BuildError("offline, and this was not fetched before", where=place, fix=OFFLINE_FIX)
