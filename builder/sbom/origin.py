"""What an image or a lock says of where an archive came from, in a shape that both formats take."""

from __future__ import annotations

import re

from builder.network.redact import public, redacted

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[!-~]*", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NOT_IN_URLS = re.compile(r"[\"<>\\^`{|}\[\]]|%(?![0-9A-Fa-f]{2})")


def clean_url(text: str) -> str:
    """The URL without secrets; empty for what is none."""
    if not _URL.fullmatch(text) or _NOT_IN_URLS.search(text):
        return ""
    return redacted(text) if text.startswith("kit:///") else public(text)


def clean_sha256(text: str) -> str:
    """The hash in small letters; empty for what is none."""
    small = text.strip().lower()
    return small if _SHA256.fullmatch(small) else ""
