"""Where an engine may listen: the places where the docker command looks, in its order.

IMGBUILD_ENGINE (an address or a context; `engine:` in the settings puts it there), DOCKER_HOST, then DOCKER_CONTEXT,
then `currentContext` of ~/.docker/config.json, then the usual sockets.
Contexts are read here and not through docker-py: without a config.json it looks for them in the working
directory.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.errors import EngineError

OWN = "IMGBUILD_ENGINE, or `engine:` in the settings"


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files for TLS. verify: whether the engine's certificate is checked against `ca`."""

    ca: Path
    cert: Path
    key: Path
    verify: bool


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address such as `unix:///var/run/docker.sock`, and who named it (`DOCKER_HOST`)."""

    url: str
    origin: str
    tls: Certificates | None = None

    @property
    def socket(self) -> Path | None:
        """The socket's path on this machine, where it is one."""
        return Path(self.url.removeprefix("unix://")) if self.url.startswith("unix://") else None


def endpoints(environ: Mapping[str, str], home: Path) -> tuple[Endpoint, ...]:
    """The places to try, in order. A named one is the only one; raises EngineError for a bad context."""
    folder = Path(environ.get("DOCKER_CONFIG") or home / ".docker")
    own = environ.get("IMGBUILD_ENGINE", "").strip()
    if own and "://" not in own and own != "default":
        return (_context(folder, own, OWN),)
    host, origin = (own, OWN) if own else (environ.get("DOCKER_HOST", "").strip(), "DOCKER_HOST")
    if own == "default":
        return _usual(environ, home)
    if host:
        return (Endpoint(host, origin, _environment_tls(environ, home)),)
    name, origin = environ.get("DOCKER_CONTEXT", ""), "DOCKER_CONTEXT"
    if not name:
        name, origin = _current_context(folder), f"currentContext of {folder / 'config.json'}"
    if name and name != "default":
        return (_context(folder, name, origin),)
    return _usual(environ, home)


def _usual(environ: Mapping[str, str], home: Path) -> tuple[Endpoint, ...]:
    if os.name == "nt":
        return (Endpoint("npipe:////./pipe/docker_engine", "the usual pipe"),)
    sockets = {Path("/var/run/docker.sock"): "the usual socket"}
    runtime = environ.get("XDG_RUNTIME_DIR")
    if runtime:
        sockets[Path(runtime) / "docker.sock"] = "rootless Docker"
    sockets[home / ".docker/run/docker.sock"] = "Docker Desktop"
    sockets[home / ".docker/desktop/docker.sock"] = "Docker Desktop"
    return tuple(Endpoint(f"unix://{path}", origin) for path, origin in sockets.items())


def _environment_tls(environ: Mapping[str, str], home: Path) -> Certificates | None:
    verify = bool(environ.get("DOCKER_TLS_VERIFY"))
    folder = environ.get("DOCKER_CERT_PATH")
    if not verify and not folder:
        return None
    return _certificates(
        Path(folder) if folder else home / ".docker", verify=verify, origin="DOCKER_CERT_PATH"
    )


def _certificates(folder: Path, *, verify: bool, origin: str) -> Certificates:
    found = Certificates(folder / "ca.pem", folder / "cert.pem", folder / "key.pem", verify)
    missing = [path.name for path in (found.ca, found.cert, found.key) if not path.is_file()]
    if missing:
        raise EngineError(
            f"TLS is asked for, and {', '.join(missing)} is not there",
            where=str(folder),
            fix=f"put the files there, or correct {origin}",
        )
    return found


def _current_context(folder: Path) -> str:
    config = _read(folder / "config.json")
    name = config.get("currentContext", "") if config else ""
    return name if isinstance(name, str) else ""


def _context(folder: Path, name: str, origin: str) -> Endpoint:
    key = hashlib.sha256(name.encode()).hexdigest()
    meta = _read(folder / "contexts/meta" / key / "meta.json")
    fix = f"`docker context ls` shows those there are; correct {origin}"
    if meta is None:
        raise EngineError(f"there is no Docker context `{name}`", where=origin, fix=fix)
    ends = meta.get("Endpoints")
    end = ends.get("docker") if isinstance(ends, dict) else None
    host = end.get("Host") if isinstance(end, dict) else None
    if not isinstance(end, dict) or not isinstance(host, str) or not host:
        raise EngineError(f"the Docker context `{name}` names no engine", where=origin, fix=fix)
    certificates = folder / "contexts/tls" / key / "docker"
    tls = None
    if certificates.is_dir():
        verify = not end.get("SkipTLSVerify", False)
        tls = _certificates(certificates, verify=verify, origin=f"the context `{name}`")
    return Endpoint(host, f"Docker context `{name}`", tls)


def _read(path: Path) -> dict[str, Any] | None:
    """A JSON object, or None where there is no file."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise EngineError(
            f"cannot be read: {error}", where=str(path), fix="mend or remove the file"
        ) from error
    if not isinstance(value, dict):
        raise EngineError("is not a JSON object", where=str(path), fix="mend or remove the file")
    return value
