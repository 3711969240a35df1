"""How rattler reaches channels: our cache, our credentials through the relay, retries, and nothing when offline."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from rattler import Gateway, SourceConfig
from rattler.networking import CacheAction, Client, MirrorMiddleware, RetryMiddleware

from builder.errors import LockError
from builder.lock.again import unreadable
from builder.lock.spoken import missing_offline, spoken
from builder.network.cache import repodata_root
from builder.network.credentials import credentials, login_advice
from builder.network.offline import OFFLINE_FIX, is_offline
from builder.network.redact import redacted
from builder.network.refusal import CERTIFICATES_FIX, PROXY_FIX, Refusal
from builder.settings.patience import Policy, patiently, read_policy

if TYPE_CHECKING:
    from builder.network.relay import Relay

Answer = TypeVar("Answer")

_FIX = "check the channel's name and the network, or use a kit with --kit DIR"
_LOOPBACK = "127.0.0.1"


@dataclass
class Gate:
    """A gateway to hand to rattler's solve, and what is known when a channel cannot be read.

    gateway is another one after a cached index could not be used: who asks further asks the one that answered.
    """

    gateway: Gateway
    policy: Policy
    relay: Relay | None = None

    def answer(self, ask: Callable[[Gateway], Coroutine[Any, Any, Answer]]) -> Answer:
        """What rattler answers; where an index could not be read, it is asked for once more, past the cache."""

        def work(failed: int) -> Answer:
            if failed:
                self.gateway = _gateway(self.relay, self.policy, anew=True)
            return asyncio.run(ask(self.gateway))

        return patiently(work, lambda error: not is_offline() and unreadable(error), self.policy)

    def unreadable(self, error: Exception, name: str, channels: Sequence[str], where: str) -> LockError:
        """The error for an environment whose channels rattler could not read."""
        text = redacted(self.relay.canonical(str(error)) if self.relay else str(error))
        listed = ", ".join(channels)
        if is_offline():
            what = f"offline, and {missing_offline(text)} was not fetched before, which {name} needs"
            return LockError(what, where=where, fix=OFFLINE_FIX, detail=text)
        refusal = next(filter(_telling, self.relay.refused if self.relay else ()), None) or _public(text)
        if refusal is not None:
            what, fix = _told(refusal)
            return LockError(what, where=where, fix=fix, detail=refusal.detail or text)
        what, fix = spoken(text) or (f"a channel of {name} cannot be read: {listed}", _FIX)
        return LockError(what, where=where, fix=fix, detail=text)


@contextmanager
def opened(channels: Sequence[str]) -> Iterator[Gate]:
    """The way to these channels (URLs), while the context is open."""
    private = [] if is_offline() else [url for url in channels if credentials().for_url(url) is not None]
    with ExitStack() as stack:
        relay = stack.enter_context(_relayed(private)) if private else None
        policy = read_policy()
        yield Gate(_gateway(relay, policy), policy, relay)


def _relayed(private: Sequence[str]) -> AbstractContextManager[Relay]:
    from builder.network.relay import relayed  # noqa: PLC0415  (slow to load, and few channels are private)

    return relayed(private)


def _gateway(relay: Relay | None, policy: Policy, *, anew: bool = False) -> Gateway:
    """anew: what lies in the cache is not to be believed, whatever its headers say."""
    places = relay.places if relay else {}
    if places:
        _never_through_a_proxy()
    mirrors = MirrorMiddleware({f"{channel}/": [f"{place}/"] for channel, place in places.items()})
    client = Client([RetryMiddleware(policy.attempts - 1), mirrors])
    usual: CacheAction = "no-cache" if anew else "cache-or-fetch"
    config = SourceConfig(cache_action="force-cache-only" if is_offline() else usual)
    return Gateway(cache_dir=repodata_root(), default_config=config, client=client)


def _never_through_a_proxy() -> None:
    """The relay is on this machine, and a proxy that was asked for it would learn its path."""
    # Either spelling counts for some program, so that one which is missing must not stand empty beside the other.
    known = {name: os.environ[name] for name in ("no_proxy", "NO_PROXY") if name in os.environ}
    for name in ("no_proxy", "NO_PROXY"):
        value = known.get(name, next(iter(known.values()), ""))
        if value.strip() != "*" and _LOOPBACK not in value.split(","):
            os.environ[name] = f"{value},{_LOOPBACK}".lstrip(",")


def _telling(refusal: Refusal) -> bool:
    # A file that is not there is how an index says what it does not offer.
    return refusal.status in {401, 403, 407} or refusal.status == 0


def _public(text: str) -> Refusal | None:
    """What rattler's words say of a channel that it asked itself."""
    url = next((word.strip("()") for word in text.split() if word.strip("()").startswith("http")), "")
    if "certificate" in text:
        return Refusal(url, 0, untrusted=True)
    if "proxy authorization required" in text:
        return Refusal(url, 407)
    status = next((code for code in (401, 403, 407) if f"({code} " in text), None)
    return Refusal(url, status) if status else None


def _told(refusal: Refusal) -> tuple[str, str]:
    url = redacted(refusal.url)
    if refusal.untrusted:
        return f"the certificate of {url} is not trusted by this machine", CERTIFICATES_FIX
    if refusal.status == 407:
        return (
            f"the proxy wants credentials for {url}",
            PROXY_FIX,
        )
    if refusal.status:
        asks = "wants credentials" if refusal.status == 401 else "is refused to this machine"
        return f"{url} {asks} (the server answered {refusal.status})", login_advice(refusal.url)
    return f"{url} cannot be reached ({refusal.why})", "check network and proxy settings, then run again"
