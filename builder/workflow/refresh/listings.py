"""What servers say of the installers that they have: three forms, each read into the same values.

Miniconda: `.files.json` (of each file sha256, md5, size and mtime; Anaconda's own documentation is made from it), or
the page of the directory, whose rows have name, size, date and sha256 (of old files md5). Miniforge: the releases of
its repository as GitHub's API lists them (`digest` of each asset since 2025).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urlsplit

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Listed:
    """One file. sha256: empty where the listing does not tell it; url: empty where it lies beside the listing."""

    name: str
    sha256: str = ""
    size: int | None = None
    url: str = ""


def from_files_json(text: str) -> tuple[Listed, ...]:
    """A listing with the names as keys. Raises ValueError for anything else."""
    page = _loaded(text)
    if not isinstance(page, dict):
        raise ValueError("it is no object of files")  # noqa: TRY004  (of what a server says, not of an argument)
    return tuple(
        Listed(name, _sha256(row.get("sha256")), _size(row.get("size")))
        for name, row in page.items()
        if isinstance(row, dict)
    )


def from_directory(text: str) -> tuple[Listed, ...]:
    """The page of a directory: a file is a link, and its hash is in the same row of a table. Raises ValueError."""
    reader = _Rows()
    try:
        reader.feed(text)
        reader.close()
    except AssertionError as error:  # how html.parser ends with some broken declarations
        raise ValueError(f"it is no page that can be read: {error}") from error
    reader.end_row()
    if not reader.files:
        raise ValueError("it is no page of links")
    return tuple(reader.files)


def from_releases(text: str) -> tuple[tuple[Listed, ...], int]:
    """The files of one page of releases, and how many releases it has, drafts and all. Raises ValueError."""
    page = _loaded(text)
    if not isinstance(page, list) or not all(isinstance(one, dict) for one in page):
        raise ValueError("it is no list of releases")
    assets = (
        asset
        for one in page
        if not (one.get("draft") or one.get("prerelease"))
        for asset in _rows(one.get("assets"))
        if isinstance(asset, dict) and isinstance(asset.get("name"), str)
    )
    return tuple(map(_asset, assets)), len(page)


def from_sum(text: str) -> str:
    """The hash of a `.sha256` file, as sha256sum writes it; empty for anything else."""
    return _sha256(next(iter(text.split()), ""))


def _asset(row: dict[str, Any]) -> Listed:
    digest, url = row.get("digest"), row.get("browser_download_url")
    told = digest.removeprefix("sha256:") if isinstance(digest, str) else ""
    return Listed(row["name"], _sha256(told), _size(row.get("size")), url if isinstance(url, str) else "")


class _Rows(HTMLParser):
    """Collects the links of a page, row by row; links outside of tables are rows of their own, without a hash."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[Listed] = []
        self._names: list[str] = []
        self._texts: list[str] = []
        self._in_row = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Rows begin, and links stand in them."""
        if tag == "tr":
            self.end_row()
            self._in_row = True
        elif tag in {"td", "th"}:
            self._texts.append("")
        elif tag == "a" and (name := _name(dict(attrs).get("href"))):
            self._names.append(name)
            if not self._in_row:
                self.end_row()

    def handle_endtag(self, tag: str) -> None:
        """Rows end."""
        if tag in {"tr", "table"}:
            self.end_row()

    def handle_data(self, data: str) -> None:
        """What stands in a cell, in pieces."""
        if self._texts:
            self._texts[-1] += data

    def end_row(self) -> None:
        """A row with one link and one hash tells both; of several nobody knows whose is which."""
        names = list(dict.fromkeys(self._names))
        hashes = {told for text in self._texts if (told := _sha256(text.strip()))}
        told = next(iter(hashes)) if len(names) == len(hashes) == 1 else ""
        self.files += [Listed(name, told) for name in names]
        self._names, self._texts, self._in_row = [], [], False


def _name(href: str | None) -> str:
    try:
        return unquote(urlsplit(href or "").path.rpartition("/")[2])
    except ValueError:  # an address with brackets that are none
        return ""


def _rows(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _sha256(value: object) -> str:
    told = value.lower() if isinstance(value, str) else ""
    return told if _SHA256.fullmatch(told) else ""


def _size(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
