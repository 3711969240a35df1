"""The places where other tools keep credentials, one module each. Nothing else of the house reads them.

Each has `entries(place)`: what is there, best first. A file that is not there says nothing; one that cannot be read
is a warning that names it and never its content.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Here:
    """The user's home and variables, as the tools see them."""

    home: Path
    environ: Mapping[str, str]

    def path(self, text: str) -> Path:
        """A path with `~` of this home."""
        return self.home / text[2:] if text.startswith("~/") else Path(text)

    @property
    def config(self) -> Path:
        """The user's configuration directory (XDG)."""
        return Path(self.environ.get("XDG_CONFIG_HOME") or self.home / ".config")

    @property
    def data(self) -> Path:
        """The user's data directory (XDG)."""
        return Path(self.environ.get("XDG_DATA_HOME") or self.home / ".local" / "share")

    def shown(self, path: Path) -> str:
        """The path as people write it."""
        return f"~/{path.relative_to(self.home)}" if path.is_relative_to(self.home) else str(path)


def here() -> Here:
    """This process's home and variables."""
    return Here(Path(os.path.expanduser("~")), os.environ)  # noqa: PTH111  (Path.home raises where there is none)


def text_of(path: Path) -> str | None:
    """The file's text; None where there is none, or where it cannot be read, which is said."""
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no UTF-8 text"
        unreadable(path, str(reason))
        return None


def unreadable(path: Path, reason: str) -> None:
    """Say that a place was passed over, without a word of what it holds."""
    log.warning("credentials in %s are not used: %s", path, reason)
