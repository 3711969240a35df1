"""The one switch that keeps every request at home: `--offline`, IMGBUILD_OFFLINE=1."""

from __future__ import annotations

import os

VARIABLE = "IMGBUILD_OFFLINE"
_NO = frozenset({"", "0", "false", "no", "off"})


def is_offline() -> bool:
    """Whether nothing may be asked of the network."""
    return os.environ.get(VARIABLE, "").lower() not in _NO


def go_offline() -> None:
    """For this process and the programs that it starts."""
    os.environ[VARIABLE] = "1"
