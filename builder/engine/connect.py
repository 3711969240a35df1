"""Find the engine, and say in one sentence why there is none that can do the work."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker
import docker.errors
import requests

from builder.engine.docker_sdk import DockerEngine
from builder.engine.endpoints import Endpoint, endpoints
from builder.engine.faults import root_cause
from builder.errors import EngineError

_FIRST_ANSWER = 10.0  # seconds an engine may take to say who it is
_ANSWER = 300.0  # seconds for calls that work: a commit or removal of some GB on a slow disk
_OLDEST_API = (1, 41)  # Engine 20.10
_NEWEST_API = (1, 47)  # what this program was written against; engines keep older versions working
_INSTALL = (
    "`sudo systemctl start docker` starts it, `sudo apt install docker.io` installs it (Debian, Ubuntu)"
)


class _NotThereError(EngineError):
    """Nothing listens at that place."""


def connect(endpoint: str | None = None, *, environ: Mapping[str, str] | None = None) -> DockerEngine:
    """The engine that the docker command would use, or the one at `endpoint` (`unix:///run/docker.sock`).

    Raises EngineError with one sentence and its mend: nothing listens, no permission, no answer, not Docker,
    too old, or without BuildKit.
    """
    named = os.environ if environ is None else environ
    home = Path(named.get("HOME") or Path.home())
    places = (Endpoint(endpoint, "the endpoint given"),) if endpoint else endpoints(named, home)
    refusals: list[EngineError] = []
    for place in places:
        found = _tried(place)
        if isinstance(found, DockerEngine):
            return found
        refusals.append(found)
    # One that is there and refuses says more than those that are not there.
    told = [error for error in refusals if not isinstance(error, _NotThereError)]
    if told:
        raise told[0]
    tried = ", ".join(f"{place.url} ({place.origin})" for place in places)
    raise EngineError(f"no container engine answers; tried {tried}", fix=_mend(places))


def _tried(place: Endpoint) -> DockerEngine | EngineError:
    try:
        return _open(place)
    except EngineError as error:
        return error


def _mend(places: tuple[Endpoint, ...]) -> str:
    if len(places) == 1 and not places[0].origin.startswith("the usual"):
        return f"start that engine, or correct {places[0].origin}"
    return _INSTALL


def _open(place: Endpoint) -> DockerEngine:
    path = place.socket
    if path is not None:
        _knock(path, place)
    # Asking for the version needs no version prefix, so this works before one is agreed on.
    version = _ask(place)
    _check(version, place)
    api = min(_numbers(str(version["ApiVersion"])), _NEWEST_API)
    client = _client(place, ".".join(map(str, api)), _ANSWER)
    return DockerEngine(client, version, place)


def _knock(path: Path, place: Endpoint) -> None:
    """Connect to a socket by hand first: the system's own error is clearer here than below four libraries."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
        knock.settimeout(_FIRST_ANSWER)
        try:
            knock.connect(str(path))
        except OSError as error:
            raise _unreachable(place, error) from error


def _client(place: Endpoint, version: str, timeout: float) -> docker.APIClient:
    tls: Any = False
    try:
        if place.tls is not None:
            tls = docker.tls.TLSConfig(
                client_cert=(str(place.tls.cert), str(place.tls.key)),
                ca_cert=str(place.tls.ca),
                verify=place.tls.verify,
            )
        # docker-py's stubs want whole seconds; requests takes both.
        return docker.APIClient(base_url=place.url, version=version, timeout=int(timeout), tls=tls)
    except docker.errors.DockerException as error:
        raise EngineError(f"{error}", where=_place(place), fix=_client_mend(place)) from error


def _client_mend(place: Endpoint) -> str:
    if place.url.startswith("ssh://"):
        return (
            "`pip install paramiko`, or forward the socket (`ssh -L /tmp/d.sock:/var/run/docker.sock HOST`)"
        )
    return f"correct {place.origin}"


def _ask(place: Endpoint) -> dict[str, Any]:
    """The engine's own account of itself."""
    client = _client(place, ".".join(map(str, _OLDEST_API)), _FIRST_ANSWER)
    try:
        with client:
            version = client.version(api_version=False)
    except requests.exceptions.Timeout as error:
        raise _silent(place) from error
    except (requests.exceptions.RequestException, docker.errors.DockerException, OSError) as error:
        raise _unreachable(place, error) from error
    if not isinstance(version, dict) or "ApiVersion" not in version:
        raise _stranger(place, "no version in its answer")
    return version


def _unreachable(place: Endpoint, error: Exception) -> EngineError:
    cause = root_cause(error)
    if isinstance(cause, TimeoutError):
        return _silent(place)
    code = None if cause is None else cause.errno
    if code in {errno.EACCES, errno.EPERM}:
        return EngineError(
            "you may not use the engine's socket",
            where=_place(place),
            fix="`sudo usermod -aG docker $USER`, then log in anew (that group is as mighty as root)",
        )
    if code in {errno.ENOENT, errno.ECONNREFUSED, errno.ENOTDIR}:
        return _NotThereError("nothing listens there", where=_place(place), fix=_INSTALL)
    if cause is not None and not place.socket:
        fix = f"check the address and the network, or correct {place.origin}"
        return EngineError(f"the engine cannot be reached: {cause}", where=_place(place), fix=fix)
    return _stranger(place, str(error))


def _silent(place: Endpoint) -> EngineError:
    told = f"the engine gave no answer in {_FIRST_ANSWER:.0f} seconds"
    return EngineError(told, where=_place(place), fix="restart it (`sudo systemctl restart docker`)")


def _stranger(place: Endpoint, reason: str) -> EngineError:
    fix = f"correct {place.origin}"
    return EngineError(
        "what listens there is not a Docker engine", where=_place(place), fix=fix, detail=reason
    )


def _check(version: Mapping[str, Any], place: Endpoint) -> None:
    """Raise EngineError for an engine that cannot do the work."""
    where = _place(place)
    names = [part.get("Name", "") for part in version.get("Components") or () if isinstance(part, dict)]
    if any("podman" in str(name).lower() for name in names):
        fix = "start Docker, or point DOCKER_HOST at it: Podman has no BuildKit behind that socket"
        raise EngineError("Podman answers there, not Docker", where=where, fix=fix)
    if str(version.get("Os", "linux")).lower() != "linux":
        fix = "switch Docker Desktop to Linux containers"
        raise EngineError("this engine runs Windows containers and has no BuildKit", where=where, fix=fix)
    if _numbers(str(version["ApiVersion"])) < _OLDEST_API:
        told = f"Docker Engine {version.get('Version', '?')} (API {version['ApiVersion']}) is too old"
        raise EngineError(told, where=where, fix="install Docker Engine 20.10 or newer (API 1.41)")


def _numbers(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    digits = minor[: len(minor) - len(minor.lstrip("0123456789"))]  # `41-rc1`: 41
    return (int(major) if major.isdigit() else 0, int(digits or 0))


def _place(place: Endpoint) -> str:
    return f"{place.url} ({place.origin})"
