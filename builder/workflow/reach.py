"""Which sources a project would ask, and whether they answer now: all at once, and never for long."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from builder.data.installers import find_installer
from builder.errors import ImgbuildError
from builder.network.redact import public, redacted
from builder.registry.reference import HUB, HUB_API, parse_reference
from builder.settings.patience import Policy
from builder.spec.model import ImageSpec
from builder.store.upstream import Upstream

WAIT = 3.0  # seconds for all of them together
_EACH = 2.0  # seconds to connect, and then to answer
_CA = "add the CA to this machine, or set `ca:`"
_REFUSED = frozenset({401, 403, 407})


@dataclass(frozen=True, order=True)
class Place:
    """One source. kind: `channel`, `wheel index`, `installer`, `registry`; url: of a registry its host."""

    kind: str
    url: str


@dataclass(frozen=True)
class Reached:
    """Whether it answers, with what, and what is to be done where it does not."""

    place: Place
    fine: bool
    says: str
    todo: str = ""


def sources_of(specs: Sequence[ImageSpec], source: Upstream) -> list[Place]:
    """Every distinct source that these images would be locked and built from."""
    found = {one for spec in specs for one in _of(spec, source)}
    index = (
        source.settings.wheel_index or os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL")
    )
    extra = source.settings.cpu_wheel_index
    found |= {Place("wheel index", source.address(url)) for url in (index, extra) if url}
    return sorted(found)


def _of(spec: ImageSpec, source: Upstream) -> Iterator[Place]:
    for environment in spec.environments:
        for channel in environment.channels:
            yield Place("channel", source.channel_url(channel))
    yield Place("registry", parse_reference(spec.base.ref).host)
    if spec.installer is not None:
        file = find_installer(spec.installer.kind, spec.installer.version, None, spec.platforms[0])
        parts = urlsplit(source.address(file.url))
        yield Place("installer", f"{parts.scheme}://{parts.netloc}/")


def reach(
    places: Sequence[Place], ask: Callable[[Place], Reached] | None = None, wait: float = WAIT
) -> list[Reached]:
    """Ask all at once. What says nothing in `wait` seconds is told so; its thread ends with the process."""
    asks = ask or _ask
    answers: queue.Queue[Reached] = queue.Queue()
    for place in places:
        threading.Thread(target=lambda one: answers.put(asks(one)), args=(place,), daemon=True).start()
    found: dict[Place, Reached] = {}
    end = time.monotonic() + wait
    while len(found) < len(places) and (left := end - time.monotonic()) > 0:
        try:
            one = answers.get(timeout=left)
        except queue.Empty:
            break
        found[one.place] = one
    silent = f"no answer in {wait:g} seconds"
    todo = "check network, name server and proxy (`HTTPS_PROXY`), or name a mirror that is near (`mirrors:`)"
    return [found.get(place) or Reached(place, False, silent, todo) for place in places]


def _ask(place: Place) -> Reached:
    try:
        if place.kind == "registry":
            return _registry(place)
        if place.url.startswith("file://"):
            return _folder(place)
        return _server(place)
    except ImgbuildError as error:
        return Reached(place, False, redacted(error.what), error.fix or "check the network")
    except Exception as error:  # noqa: BLE001  (a thread that dies says nothing; this is told in the row)
        return Reached(place, False, redacted(type(error).__name__), "check the address")


def _folder(place: Place) -> Reached:
    path = Path(unquote(urlsplit(place.url).path))
    if path.exists():
        return Reached(place, True, "is there")
    return Reached(place, False, "is not there", "correct `mirrors:`, or put the folder there")


def _registry(place: Place) -> Reached:
    from builder.registry.trust import daemon_trust
    from builder.registry.wire import Question, Wire

    host = HUB_API if place.url == HUB else place.url
    policy = Policy(attempts=1, connect=_EACH, read=_EACH)
    with Wire(daemon_trust(), policy) as wire:
        answer = wire.ask(Question(f"{wire.base(host)}/v2/", {}))
    return Reached(place, True, f"answers ({answer.status})")


def _server(place: Place) -> Reached:
    import requests

    from builder.network.session import Session, is_proxy_refusal, is_untrusted

    try:
        with (
            Session() as session,
            session.ask("HEAD", place.url, timeout=(_EACH, _EACH), stream=True) as answer,
        ):
            status = answer.status_code
    except requests.RequestException as error:
        if is_untrusted(error):
            return Reached(
                place,
                False,
                "nobody here vouches for its certificate",
                "add the CA to this machine, or set `ca:`",
            )
        if is_proxy_refusal(error):
            return Reached(place, False, "the proxy refuses", "put user and password into HTTPS_PROXY")
        return Reached(
            place, False, _why(error), f"check network and proxy, or name a mirror for {public(place.url)}"
        )
    if status in _REFUSED:
        return Reached(
            place, False, f"refuses ({status})", "give a login for it: docs/networks.md names the places"
        )
    if status >= 500:
        return Reached(place, False, f"is out of order ({status})", "try again later, or name a mirror")
    return Reached(place, True, f"answers ({status})")


def _why(error: Exception) -> str:
    """The system's own words below four libraries."""
    text = str(error)
    for mark, says in (
        ("NameResolutionError", "its name is not known here"),
        ("Name or service not known", "its name is not known here"),
        ("Connection refused", "connection refused"),
        ("unreachable", "the network cannot be reached"),
        ("timed out", "no answer in time"),
        ("ProxyError", "the proxy cannot be reached"),
    ):
        if mark in text or mark == type(error).__name__:
            return says
    return redacted(type(error).__name__)
