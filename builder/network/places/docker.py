"""Docker's logins: config.json of DOCKER_CONFIG, else ~/.docker, and the credential helpers that it names.

Sources: docs.docker.com/reference/cli/docker/login (auths, credsStore, credHelpers) and
docker/docker-credential-helpers (`get` takes the server on stdin and answers JSON; the user `<token>` means an identity
token). It is not one of the places of `credentials`: a login is for a registry's name, and is shown only to who asks.
"""

from __future__ import annotations

import json
import shutil
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builder import proc
from builder.network.places import Here, text_of, unreadable
from builder.network.redact import redacted, remember

HUB_LOGIN = "https://index.docker.io/v1/"
_TOKEN_USER = "<token>"  # noqa: S105
_SECONDS = 30.0  # a helper may have to wake a keychain
_NOT_THERE = "credentials not found"


@dataclass(frozen=True, repr=False)
class Login:
    """user and password, or an identity token. place: who holds it, for messages."""

    user: str = ""
    password: str = ""
    identity: str = ""
    place: str = ""

    def __post_init__(self) -> None:
        for value in (self.password, self.identity):
            if value:
                remember(value, self.user)

    def __repr__(self) -> str:
        return f"<login from {self.place}>"


@dataclass(frozen=True)
class Kept:
    """Who keeps the login of a registry: a file, or a helper's program. there: the program exists."""

    host: str
    keeper: str
    there: bool


@dataclass(frozen=True)
class Logins:
    """What docker knows of registries. trouble: by host, why a helper said nothing."""

    here: Here
    trouble: dict[str, str] = field(default_factory=dict)

    def kept(self) -> tuple[Kept, ...]:
        """The registries that docker's configuration names, each with who keeps its login. No helper is run."""
        config = _config(self._path)
        auths, helpers = config.get("auths"), config.get("credHelpers")
        keys = [*(auths if isinstance(auths, dict) else ()), *(helpers if isinstance(helpers, dict) else ())]
        place = self.here.shown(self._path)
        found = {host: self._kept(config, host, place) for host in sorted({_host_of(key) for key in keys})}
        return tuple(one for one in found.values() if one is not None)

    def store(self) -> Kept | None:
        """The helper that keeps the logins of all other registries (`credsStore`), or None."""
        name = _config(self._path).get("credsStore")
        return self._program("", name) if isinstance(name, str) and name and "/" not in name else None

    def _kept(self, config: dict[str, Any], host: str, place: str) -> Kept | None:
        helper = _helper(config, HUB_LOGIN if host == "docker.io" else host)
        if helper:
            return self._program(host, helper)
        held = any(login is not None for login in _in_file(config, host, place))
        return Kept(host, place, there=True) if held else None

    def _program(self, host: str, helper: str) -> Kept:
        program = f"docker-credential-{helper}"
        return Kept(
            host, program, there=shutil.which(program, path=self.here.environ.get("PATH")) is not None
        )

    def for_host(self, host: str) -> Login | None:
        """The login for a registry (`docker.io`, `host:5000`), or None."""
        path = self._path
        config = _config(path)
        wanted = HUB_LOGIN if host == "docker.io" else host
        helper = _helper(config, wanted)
        if helper:
            found = self._from_helper(helper, host, wanted)
            if found is not None:
                return found
        place = self.here.shown(path)
        return next((login for login in _in_file(config, host, place) if login is not None), None)

    @property
    def _path(self) -> Path:
        folder = self.here.environ.get("DOCKER_CONFIG")
        return (Path(folder) if folder else self.here.home / ".docker") / "config.json"

    def _from_helper(self, name: str, host: str, wanted: str) -> Login | None:
        program = f"docker-credential-{name}"
        environ = {key: self.here.environ[key] for key in ("PATH", "HOME") if key in self.here.environ}
        try:
            done = proc.run([program, "get"], stdin=wanted, check=False, timeout=_SECONDS, env=environ)
        except OSError as error:
            self.trouble[host] = f"{program} cannot be run: {error.strerror}"
            return None
        except proc.Expired:
            self.trouble[host] = f"{program} gave no answer in {_SECONDS:.0f} seconds"
            return None
        if done.code != 0:
            said = (done.stdout.strip() or done.stderr.strip() or "nothing").splitlines()[-1]
            if _NOT_THERE not in said:
                self.trouble[host] = f"{program} ended with code {done.code}: {redacted(said)}"
            return None
        return self._answered(done.stdout, program, host)

    def _answered(self, text: str, program: str, host: str) -> Login | None:
        try:
            answer = json.loads(text)
            user, secret = str(answer.get("Username", "")), str(answer["Secret"])
        except (ValueError, RecursionError, KeyError, AttributeError):
            self.trouble[host] = f"{program} answered something that cannot be read"
            return None
        if user == _TOKEN_USER:
            return Login(identity=secret, place=program)
        return Login(user, secret, place=program)


def _config(path: Path) -> dict[str, Any]:
    text = text_of(path)
    if text is None:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        unreadable(path, "is no JSON")
        return {}
    return found if isinstance(found, dict) else {}


def _helper(config: dict[str, Any], wanted: str) -> str:
    """The program that keeps this login; a name with a slash would run something else."""
    helpers = config.get("credHelpers")
    named = (
        helpers.get(wanted.removeprefix("https://").partition("/")[0]) if isinstance(helpers, dict) else None
    )
    if named is None and isinstance(helpers, dict):
        named = helpers.get(wanted)
    name = named or config.get("credsStore")
    return name if isinstance(name, str) and "/" not in name else ""


def _in_file(config: dict[str, Any], host: str, place: str) -> Iterator[Login | None]:
    """What `auths` holds for a host: under its name, or under a URL of it."""
    auths = config.get("auths")
    for key, row in auths.items() if isinstance(auths, dict) else ():
        if isinstance(row, dict) and _host_of(key) == host:
            yield _login(row, place)


def _host_of(key: str) -> str:
    name = key.split("://", 1)[-1].partition("/")[0]
    return "docker.io" if name in {"index.docker.io", "registry-1.docker.io"} else name


def _login(row: dict[str, Any], place: str) -> Login | None:
    identity = row.get("identitytoken")
    if isinstance(identity, str) and identity:
        return Login(identity=identity, place=place)
    try:
        pair = b64decode(row.get("auth") or "", validate=True).decode().rstrip("\0")
    except (ValueError, TypeError):
        unreadable(Path(place), "an `auth` in it is no base64")
        return None
    user, colon, password = pair.partition(":")
    if not colon:
        user, password = str(row.get("username") or ""), str(row.get("password") or "")
    return Login(user, password, place=place) if user and password else None
