"""The right to ask: what a registry's challenge wants, got with docker's login or without one.

Source: distribution/distribution:docs/spec/auth (token and oauth2). A login is given to the server that the registry
names, as the engine does, and never over plain http unless the registry itself is asked that way.
"""

from __future__ import annotations

import json
from base64 import b64encode
from urllib.parse import urlencode, urlsplit

from builder.errors import RegistryError
from builder.network.places.docker import Login
from builder.network.redact import public, redacted, remember
from builder.registry.challenge import Challenge, challenges
from builder.registry.faults import BROKEN_FIX, said
from builder.registry.wire import Answer, Question, Wire

_CLIENT = "imgbuild"


def authorization(refusal: Answer, login: Login | None, scope: str, wire: Wire) -> str | None:
    """The header to ask again with after a 401; None where nothing else can be offered.

    scope: `repository:NAME:pull`. Raises RegistryError where the token server cannot be asked, or refuses.
    """
    found = {one.scheme: one for one in reversed(challenges(refusal.headers.get("www-authenticate", "")))}
    bearer = found.get("bearer")
    if bearer is not None and bearer.parameters.get("realm"):
        token = _token(bearer, login, scope, wire, refusal.url)
        remember(token)
        return f"Bearer {token}"
    if "basic" in found and login is not None and login.password:
        return _basic(login)
    return None


def _basic(login: Login) -> str:
    return f"Basic {b64encode(f'{login.user}:{login.password}'.encode()).decode()}"


def _token(challenge: Challenge, login: Login | None, scope: str, wire: Wire, asked: str) -> str:
    realm = challenge.parameters["realm"]
    _check_realm(realm, asked, wire)
    wanted = {"service": challenge.parameters.get("service", ""), "scope": scope}
    wanted = {name: value for name, value in wanted.items() if value}
    if login is not None and login.identity:
        form = {"grant_type": "refresh_token", "refresh_token": login.identity, "client_id": _CLIENT}
        answer = wire.ask(Question(realm, {}, form={**form, **wanted}))
    else:
        mark = "&" if "?" in realm else "?"
        headers = {"Authorization": _basic(login)} if login is not None and login.password else {}
        answer = wire.ask(Question(f"{realm}{mark}{urlencode(wanted)}", headers))
    if answer.status != 200:
        raise _refused(answer, login, scope)
    return _read(answer)


def _check_realm(realm: str, asked: str, wire: Wire) -> None:
    try:
        parts = urlsplit(realm)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        good = False
    if not good:
        what = "the registry names no place where a token is had"
        raise RegistryError("broken", what, where=public(asked), fix=BROKEN_FIX)
    plain = parts.scheme == "http" and not wire.trust.is_insecure(parts.netloc)
    if plain and asked.startswith("https:"):
        what = f"the registry wants a login to be sent to {public(realm)}, which is not encrypted"
        raise RegistryError("broken", what, where=public(asked), fix="tell who runs it")


def _read(answer: Answer) -> str:
    try:
        document = json.loads(answer.body)
        token = document.get("token") or document.get("access_token")
    except (ValueError, RecursionError, AttributeError):
        token = None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise RegistryError(
            "broken", "the token server's answer holds no token", where=public(answer.url), fix=BROKEN_FIX
        )
    return token


def _refused(answer: Answer, login: Login | None, scope: str) -> RegistryError:
    where, detail = public(answer.url), said(answer.body)
    if answer.status == 403 and login is not None:  # it knows who asks
        what = f"the token server gives the login of {login.place} no right to {_told(scope)} (403)"
        fix = "check the name and your rights there, or log in as somebody else with `docker login`"
        return RegistryError("denied", what, where=where, fix=fix, detail=detail)
    if answer.status in {400, 401, 403}:
        fix = (
            f"renew what {login.place} holds for it: docker login"
            if login
            else "log in: docker login, with the registry's host"
        )
        what = f"the token server refuses {'the login' if login else 'to serve without a login'}"
        return RegistryError("denied", f"{what} ({answer.status})", where=where, fix=fix, detail=detail)
    return RegistryError(
        "broken",
        redacted(f"the token server answers {answer.status}"),
        where=where,
        fix=BROKEN_FIX,
        detail=detail,
    )


def _told(scope: str) -> str:
    """`push to team/train`, of the first thing that is asked for."""
    _kind, _, rest = scope.partition(" ")[0].partition(":")
    name, _, actions = rest.rpartition(":")
    return f"{'push to' if 'push' in actions else 'pull'} {name}"
