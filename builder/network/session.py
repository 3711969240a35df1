"""HTTP as this machine does it: its proxies, its CAs, and each address with its own credentials only."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

import requests
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


class _SystemTrust(HTTPAdapter):
    """Certificates are judged as the machine judges them; files named in variables are trusted as well."""

    def init_poolmanager(self, *args: Any, **rest: Any) -> None:
        super().init_poolmanager(*args, ssl_context=_context(), **rest)

    def proxy_manager_for(self, proxy: str, **rest: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=_context(), **rest)


def _context() -> ssl.SSLContext:
    import truststore  # noqa: PLC0415  (only where something is asked)

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


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

    def __init__(self, known: Credentials | None = None) -> None:
        super().__init__()
        _check_variables()
        self.known = known or credentials()
        # requests reads REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE itself; other tools use this one.
        self.verify = os.environ.get("SSL_CERT_FILE") or True
        self.mount("https://", _SystemTrust())

    def get(self, url: str | bytes, **rest: Any) -> requests.Response:
        """Ask for a URL with the secret that is for it."""
        return self.ask("GET", str(url), **rest)

    def ask(self, method: str, url: str, **rest: Any) -> requests.Response:
        """GET or HEAD of a URL with the secret that is for it. Raises BuildError when nothing may be asked."""
        if is_offline():
            refuse_offline(public(url))
        secret = self.known.for_url(url)
        address = secret.placed(url) if secret else url
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
