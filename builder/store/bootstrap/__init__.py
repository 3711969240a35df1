"""Make a kit where neither a container registry nor a conda channel can be reached.

Base (debootstrap), python (the distribution's interpreter), wheels as conda packages, installer, locks.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from builder.network.offline import refuse_offline
from builder.progress import Observer, silent
from builder.spec.model import ImageSpec

if TYPE_CHECKING:
    from builder.store.bootstrap.debs import AskApt
    from builder.store.kit import Kit


def bootstrap_kit(
    directory: Path,
    specs: Sequence[ImageSpec],
    observer: Observer = silent,
    ask_apt: AskApt | None = None,
) -> Kit:
    """Make a kit for these images; see builder.store.bootstrap.writer, loaded only when asked."""
    refuse_offline(f"kit bootstrap {directory}")
    from builder.store.bootstrap import writer  # noqa: PLC0415

    return writer.bootstrap_kit(directory, specs, observer, ask_apt)
