"""A page of a server as text: small listings that are read whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import requests

from builder.errors import BuildError
from builder.network.credentials import login_advice
from builder.network.redact import public
from builder.network.session import Session
from builder.settings.patience import Policy, patiently
from builder.store.download import CUT, fault_of
from builder.store.transfer import AGAIN, Cut

_FIX = "check the network, or name a mirror in the settings (mirrors:)"


@dataclass(frozen=True, slots=True)
class Page:
    """What a server answered. url: where it was found in the end."""

    url: str
    text: str


def page_at(
    session: Session, url: str, what: str, policy: Policy, headers: Mapping[str, str] | None = None
) -> Page | None:
    """The page of a URL; None where the server says that it has none (404, 410).

    what: its name in messages. Raises BuildError where it cannot be had.
    """
    try:
        return patiently(
            lambda _failed: _asked(session, url, what, policy, headers or {}),
            lambda error: isinstance(error, Cut),
            policy,
        )
    except Cut as cut:
        raise BuildError(f"{what} cannot be read: {cut}", where=public(url), fix=_FIX) from cut


def _asked(session: Session, url: str, what: str, policy: Policy, headers: Mapping[str, str]) -> Page | None:
    try:
        answer = session.get(url, headers=dict(headers), timeout=(policy.connect, policy.read))
    except (*CUT, requests.RequestException) as error:
        raise fault_of(error, what, public(url)) from error
    status = answer.status_code
    if status in AGAIN:
        raise Cut(f"the server answered {status}")
    if status in {404, 410}:
        return None
    if status != 200:
        fix = login_advice(url) if status in {401, 403} else _FIX
        raise BuildError(f"{what} cannot be read: the server answered {status}", where=public(url), fix=fix)
    return Page(answer.url, answer.text)
