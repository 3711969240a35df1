"""What goes wrong between here and a registry, as errors with a kind."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import requests
import urllib3.exceptions

from builder.errors import RegistryError
from builder.network.redact import public, redacted
from builder.network.refusal import CERTIFICATES_FIX, PROXY_FIX
from builder.network.session import is_proxy_refusal, is_untrusted

BROKEN_FIX = "check the name and its host; what answers there is no registry, or not a whole one"
_WAIT = "try again later; `docker login` lifts the limits of public registries"
# The distribution project's registry passes the system's error on: 28 is ENOSPC, 122 is EDQUOT.
_FULL = re.compile(rb'"Err":(28|122)\b|no space left on device|disk quota exceeded', re.IGNORECASE)
_CUT = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    urllib3.exceptions.HTTPError,
)


def connection_fault(error: Exception, url: str) -> RegistryError:
    """A request that got no answer."""
    host, where = url.split("/")[2], public(url)
    if is_untrusted(error):
        return _untrusted(error, host, where)
    if is_proxy_refusal(error):
        return RegistryError(
            "denied", "the proxy wants other credentials than it got (407)", where=where, fix=PROXY_FIX
        )
    if isinstance(error, requests.Timeout | urllib3.exceptions.ReadTimeoutError):
        return _unreachable("the registry did not answer in time", where)
    if any(isinstance(one, urllib3.exceptions.NameResolutionError) for one in _causes(error)):
        fix = "check the spelling, and this machine's DNS and proxy settings"
        return RegistryError("address", f"nobody knows the host {host}", where=where, fix=fix)
    if isinstance(error, _CUT):
        return _unreachable(f"the registry cannot be reached ({_reason(error)})", where)
    return RegistryError(
        "broken", f"what it sent on to cannot be asked ({type(error).__name__})", where=where, fix=BROKEN_FIX
    )


def _untrusted(error: Exception, host: str, where: str) -> RegistryError:
    folder = f"/etc/docker/certs.d/{host}"
    if "alert" in str(error).lower():  # the other side's word, not ours
        fix = f"put the certificate and key into {folder} as client.cert and client.key"
        return RegistryError("denied", "the registry wants a client certificate", where=where, fix=fix)
    if "expired" in str(error).lower():
        fix = "tell who runs it: it must be renewed; and see whether this machine's clock is right"
        return RegistryError("untrusted", "the registry's certificate has expired", where=where, fix=fix)
    fix = f"put its CA into {folder}/ca.crt, where the container engine reads it too; {CERTIFICATES_FIX}"
    return RegistryError("untrusted", "the registry's certificate is not trusted", where=where, fix=fix)


def is_passing(error: RegistryError) -> bool:
    """Whether the same question may be answered a little later; who refuses a connection is not there."""
    return error.kind == "busy" or (error.kind == "unreachable" and "refused" not in error.what)


def busy(status: int, body: bytes, url: str) -> RegistryError:
    """429 and 5xx; a full disk among them is no matter of waiting."""
    if _FULL.search(body):
        fix = "make room there, or push to another registry"
        return RegistryError("full", f"the registry's disk is full ({status})", where=public(url), fix=fix,
                             detail=said(body))  # fmt: skip
    what = "the registry limits how often it may be asked" if status == 429 else "the registry failed"
    return RegistryError("busy", f"{what} ({status})", where=public(url), fix=_WAIT, detail=said(body))


def said(body: bytes) -> str:
    """A registry's own words: `code: message`, a line each; empty for a body that is no error document."""
    try:
        rows = json.loads(body)["errors"]
        lines = [f"{row.get('code', '')}: {row.get('message', '')}" for row in rows]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return ""
    return redacted("\n".join(lines))


def _unreachable(what: str, where: str) -> RegistryError:
    return RegistryError("unreachable", what, where=where, fix="check the host, the port, network and proxy")


def _reason(error: Exception) -> str:
    system = next((one for one in _causes(error) if isinstance(one, OSError) and one.strerror), None)
    return system.strerror.lower() if system is not None and system.strerror else type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and all below it: the HTTP libraries put the cause into arguments, and into `reason`."""
    seen: set[int] = set()
    queue: list[object] = [error]
    while queue:
        one = queue.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            queue += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
