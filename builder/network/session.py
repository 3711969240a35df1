"""HTTP as this machine does it: its proxies, its CAs, and each address with its own credentials only."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from builder.errors import UsageError
from builder.network.credentials import Credentials, credentials
from builder.network.offline import is_offline, refuse_offline
from builder.network.redact import public
from builder.network.secret import Secret

CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class _Signed(requests.auth.AuthBase):
    """Sets what the secret says; present also without one, or requests would read netrc on its own."""

    def __init__(self, secret: Secret | None) -> None:
        self.secret = secret

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self.secret.headers if self.secret else {})
        return request


@dataclass(frozen=True)
class Trust:
    """What is trusted beyond what the machine trusts, as PEM files.

    authorities: further CAs. client: certificate and key that this machine shows. verified: whether certificates are
    looked at; only for servers that the container engine is told to take as they are.
    """

    authorities: tuple[Path, ...] = ()
    client: tuple[tuple[Path, Path], ...] = ()
    verified: bool = True


class _SystemTrust(HTTPAdapter):
    """Certificates are judged as the machine judges them; files named in variables are trusted as well."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        super().__init__()

    def init_poolmanager(self, *args: Any, **rest: Any) -> None:
        super().init_poolmanager(*args, ssl_context=_context(self._trust), **rest)

    def proxy_manager_for(self, proxy: str, **rest: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=_context(self._trust), **rest)


def _context(trust: Trust) -> ssl.SSLContext:
    import truststore  # noqa: PLC0415  (only where something is asked)

    kind = truststore.SSLContext if trust.verified else ssl.SSLContext
    context: ssl.SSLContext = kind(ssl.PROTOCOL_TLS_CLIENT)
    # In this order, and here: urllib3 sets the second alone, which a context that checks names refuses.
    context.check_hostname = trust.verified
    context.verify_mode = ssl.CERT_REQUIRED if trust.verified else ssl.CERT_NONE
    for path in trust.authorities:
        _loaded(path, partial(context.load_verify_locations, cafile=str(path)))
    for certificate, key in trust.client:
        _loaded(certificate, partial(context.load_cert_chain, str(certificate), str(key)))
    return context


def _loaded(path: Path, load: Callable[[], object]) -> None:
    try:
        load()
    except (OSError, ssl.SSLError) as error:
        why = error.strerror or type(error).__name__
        raise UsageError(
            f"the certificate cannot be read: {why}", where=str(path), fix="mend or remove the file"
        ) from error


def _check_variables() -> None:
    """A variable that names no certificates would end in a fault far from its cause."""
    for name in CERTIFICATES:
        path = os.environ.get(name)
        if path and not Path(path).exists():
            what = f"{name} names certificates that are not there"
            raise UsageError(
                what, where=path, fix=f"correct it, or unset {name} to trust what this machine trusts"
            )


class Session(requests.Session):
    """A session that knows the machine's credentials.

    A secret goes to the address it is for. It does not follow a redirect to another one, and neither does netrc's
    entry for that other one: servers hand out links to storage that are signed already.
    """

    def __init__(self, known: Credentials | None = None, trust: Trust = Trust()) -> None:
        super().__init__()
        _check_variables()
        self.known = known or credentials()
        self.trust = trust
        # requests reads REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE itself; other tools use this one.
        self.verify = os.environ.get("SSL_CERT_FILE") or True
        self.mount("https://", _SystemTrust(trust))
        if not trust.verified:
            # urllib3 would warn at every request of what the engine's own settings say is meant.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def get(self, url: str | bytes, **rest: Any) -> requests.Response:
        """Ask for a URL with the secret that is for it."""
        return self.ask("GET", str(url), **rest)

    def ask(self, method: str, url: str, **rest: Any) -> requests.Response:
        """Ask for a URL with the secret that is for it. Raises BuildError when nothing may be asked."""
        if is_offline():
            refuse_offline(public(url))
        secret = self.known.for_url(url)
        address = secret.placed(url) if secret else url
        if not self.trust.verified:
            rest["verify"] = False  # here, because a variable with CAs would win over the session's own
        try:
            return self.request(method, address, auth=_Signed(secret), **rest)
        except requests.RequestException:
            raise
        except ValueError as error:  # it was sent on to what is no URL
            raise requests.exceptions.InvalidURL(str(error)) from error

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """After a redirect: the header stays on the same host and goes nowhere else."""
        before, after = response.request.url or "", prepared_request.url or ""
        if self.should_strip_auth(before, after):  # type: ignore[no-untyped-call]
            prepared_request.headers.pop("Authorization", None)


def is_untrusted(error: Exception) -> bool:
    """Whether TLS failed because nobody here vouches for the certificate; a handshake that was cut is no such thing."""
    return isinstance(error, requests.exceptions.SSLError) and "certificate" in str(error).lower()


def is_proxy_refusal(error: Exception) -> bool:
    """Whether a proxy wants other credentials than it got; asking again would not help."""
    return isinstance(error, requests.exceptions.ProxyError) and " 407 " in str(error)
