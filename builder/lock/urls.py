"""The one way from a URL that a tool answered with to the URL that a lock records."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from builder.lock.source import Source


def recorded(url: str, source: Source) -> str:
    """The canonical URL.

    Tools do not agree on what to percent-encode in a file URL, so it is spelled as `Path.as_uri` does before
    the source compares it. A kit's URL is a plain path below the kit, without any encoding.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        url = Path(unquote(parts.path)).as_uri()
    canonical = source.canonical(url)
    return unquote(canonical) if canonical.startswith("kit:") else canonical
