"""A secret, and the addresses it is for. Neither shows its value in `repr`, `str` or an error."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from builder.network.redact import remember

Kind = Literal["basic", "bearer", "token"]
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, repr=False)
class Secret:
    """basic: user and value as a password. bearer: a header. token: conda's `/t/VALUE/`, put in after `base`.

    place: where it was found, for messages.
    """

    kind: Kind
    value: str
    user: str = ""
    place: str = ""
    base: str = ""

    def __post_init__(self) -> None:
        # A name without a password is how some servers take a token.
        remember(self.value or self.user, self.user if self.value else "")

    def __repr__(self) -> str:
        return f"<{self.kind} secret from {self.place or 'nowhere'}>"

    @property
    def headers(self) -> dict[str, str]:
        """What a request says with it; nothing for a conda token, which stands in the URL."""
        if self.kind == "bearer":
            return {"Authorization": f"Bearer {self.value}"}
        if self.kind == "basic":
            pair = b64encode(f"{self.user}:{self.value}".encode()).decode()
            return {"Authorization": f"Basic {pair}"}
        return {}

    def placed(self, url: str) -> str:
        """The URL to ask: with a conda token in it, else as it is."""
        if self.kind != "token":
            return url
        parts = urlsplit(url)
        base, rest = self.base, parts.path.removeprefix(self.base)
        return urlunsplit(parts._replace(path=f"{base}/t/{quote(self.value, safe='')}{rest}"))


@dataclass(frozen=True)
class Entry:
    """A secret and what it is for.

    host: a name, `name:port`, `*.name` with all below it, or empty for every host. scheme: empty for both. path:
    empty, or the first parts that a URL's path must have.
    """

    secret: Secret
    host: str
    scheme: str = ""
    path: str = ""

    def fits(self, url: SplitResult) -> bool:
        """Whether the secret may be sent to this URL."""
        below = not self.path or f"{url.path}/".startswith(f"{self.path}/")
        return below and self.scheme in {"", url.scheme} and self._is_host(url)

    def _is_host(self, url: SplitResult) -> bool:
        name = (url.hostname or "").lower()
        if self.host.startswith("*."):
            return name == self.host[2:] or name.endswith(self.host[1:])
        port = url.port or PORTS.get(url.scheme)
        return self.host in {"", name, f"{name}:{port}"}

    @property
    def rank(self) -> tuple[int, int]:
        """How exactly it names its addresses: the longest path first, then a host, a wildcard, every host."""
        exact = 2 if self.host and not self.host.startswith("*.") else 1 if self.host else 0
        return (len(self.path), exact)


def entry_of_url(url: str, place: str, *, user: str = "", password: str = "") -> Entry | None:
    """What a URL with a conda token or with user and password in it says; None where it holds neither.

    user and password: given beside the URL; they win over those within.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in PORTS or not parts.hostname:
        return None
    name = parts.hostname.lower()
    host = f"{name}:{port or PORTS[parts.scheme]}"
    path, base, token = _split_token(parts.path.rstrip("/"))
    user = user or unquote(parts.username or "")
    password = password or unquote(parts.password or "")
    if token:
        secret = Secret("token", unquote(token), place=place, base=base)
    elif user or password:
        secret = Secret("basic", password, user, place)
    else:
        return None
    return Entry(secret, host, parts.scheme, path)


def _split_token(path: str) -> tuple[str, str, str]:
    """(path without the token, what stands before it, the token)."""
    base, found, rest = f"{path}/".partition("/t/")
    token, _, after = rest.partition("/")
    if not found or not token:
        return path, "", ""
    after = after.rstrip("/")
    return (f"{base}/{after}" if after else base), base, token
