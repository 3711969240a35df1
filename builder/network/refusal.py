"""What a server or proxy did not give, and what to do about it; light, because every lock may have to say it."""

from __future__ import annotations

from dataclasses import dataclass

CERTIFICATES_FIX = (
    "if your company's proxy signs with a CA of its own, add that CA to this machine's trusted certificates "
    "(update-ca-certificates, update-ca-trust), or name its PEM file in SSL_CERT_FILE"
)
PROXY_FIX = "give the proxy's credentials in HTTPS_PROXY (http://USER:PASSWORD@HOST:PORT)"


@dataclass(frozen=True)
class Refusal:
    """What a channel did not give.

    url: without a secret. status: 0 where there was no answer; why is the kind of the fault then, and detail its words.
    """

    url: str
    status: int
    why: str = ""
    detail: str = ""
    untrusted: bool = False
