"""The files of a project on a package index, as the index lists them (PEP 503, PEP 691)."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import requests

from builder.errors import BuildError
from builder.network.credentials import login_advice
from builder.network.redact import public
from builder.network.session import Session
from builder.settings.patience import Policy, patiently
from builder.store.download import CUT, fault_of
from builder.store.transfer import AGAIN, Cut

JSON = "application/vnd.pypi.simple.v1+json"
_ACCEPT = f"{JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_FIX = "check the network, and which index uv is configured to use, or name one with --wheel-index"


@dataclass(frozen=True, slots=True)
class IndexFile:
    """One file. yanked: the project took it back; it stays there for those who name its version.

    requires: the Pythons that it is for (`>=3.10`), where the index says so.
    """

    filename: str
    url: str
    yanked: bool = False
    requires: str = ""


def files_of(session: Session, index: str, project: str, policy: Policy) -> tuple[IndexFile, ...]:
    """Every file of a project, in the order of the index.

    index: its URL, without the project. Raises BuildError where it does not answer, or answers something else.
    """
    url = f"{index.rstrip('/')}/{project}/"
    try:
        return patiently(
            lambda _failed: _asked(session, url, project, policy),
            lambda error: isinstance(error, Cut),
            policy,
        )
    except Cut as cut:
        what = f"the index does not tell what there is of {project}: {cut}"
        raise BuildError(what, where=public(url), fix=_FIX) from cut


def _asked(session: Session, url: str, project: str, policy: Policy) -> tuple[IndexFile, ...]:
    try:
        answer = session.get(url, headers={"Accept": _ACCEPT}, timeout=(policy.connect, policy.read))
    except (*CUT, requests.RequestException) as error:
        raise fault_of(error, f"the list of {project}", public(url)) from error
    status = answer.status_code
    if status in AGAIN:
        raise Cut(f"the server answered {status}")
    if status != 200:
        fix = login_advice(url) if status in {401, 403} else _FIX
        raise BuildError(f"the index answered {status} for {project}", where=public(url), fix=fix)
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    try:
        return _from_json(answer.json(), answer.url) if kind.endswith("json") else _from_html(answer)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"what the index says of {project} is not as PEP 503 and PEP 691 have it"
        raise BuildError(what, where=public(url), fix=_FIX, detail=str(error)) from error


def _from_json(page: Any, base: str) -> tuple[IndexFile, ...]:
    return tuple(
        IndexFile(
            str(row["filename"]),
            urljoin(base, row["url"]),
            bool(row.get("yanked")),
            str(row.get("requires-python") or ""),
        )
        for row in page["files"]
    )


def _from_html(answer: requests.Response) -> tuple[IndexFile, ...]:
    reader = _Links(answer.url)
    reader.feed(answer.text)
    if not reader.files and "<a" not in answer.text.lower() and "<html" not in answer.text.lower():
        raise ValueError("it is no page of links")
    return tuple(reader.files)


class _Links(HTMLParser):
    """Collects the anchors of a page."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base
        self.files: list[IndexFile] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Every link is a file; its name is the last part of its path."""
        told = dict(attrs)
        href = told.get("href")
        if tag != "a" or not href:
            return
        url = urljoin(self.base, href).partition("#")[0]
        name = unquote(urlsplit(url).path.rpartition("/")[2])
        if name:
            requires = told.get("data-requires-python") or ""
            self.files.append(IndexFile(name, url, "data-yanked" in told, requires))
