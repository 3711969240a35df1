"""Whom the container engine trusts: certs.d, insecure registries, loopback, mirrors of Docker Hub.

Sources: docs.docker.com/engine/security/certificates (`*.crt` are CAs beside the system's, `*.cert` with a `*.key` of
the same name is what the client shows) and moby:registry/config.go (127.0.0.0/8 and ::1 are insecure always; an
insecure registry is asked over https without looking at its certificate, then over http).
"""

from __future__ import annotations

import ipaddress
import json
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.network.session import Trust

LOOPBACK = ("127.0.0.0/8", "::1/128", "localhost")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DaemonTrust:
    """folders: certs.d of the engine. insecure: hosts (`host:5000`) and networks. mirrors: of Docker Hub, as URLs."""

    folders: tuple[Path, ...] = ()
    insecure: tuple[str, ...] = ()
    mirrors: tuple[str, ...] = ()

    def is_insecure(self, host: str) -> bool:
        """Whether the engine would take a host as it is. Names are not resolved; the engine does that."""
        name = _without_port(host)
        return host in self.insecure or is_loopback(host) or any(_holds(one, name) for one in self.insecure)

    def of(self, host: str) -> Trust:
        """What a connection to a host trusts, and shows."""
        files = [path for folder in self.folders for path in _files(folder / host)]
        pairs = [(path, path.with_suffix(".key")) for path in files if path.suffix == ".cert"]
        return Trust(
            authorities=tuple(path for path in files if path.suffix == ".crt"),
            client=tuple((cert, key) for cert, key in pairs if key.is_file()),
            verified=not self.is_insecure(host),
        )


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its address or as `localhost`."""
    name = _without_port(host)
    return name in LOOPBACK or any(_holds(one, name) for one in LOOPBACK)


def daemon_trust(
    root: Path = Path("/"),
    home: Path | None = None,
    insecure: Iterable[str] = (),
    mirrors: Iterable[str] = (),
) -> DaemonTrust:
    """What the files of this machine say (also of a rootless engine), and what a running engine adds."""
    own = Path(os.path.expanduser("~")) if home is None else home  # noqa: PTH111  (Path.home raises without one)
    places = (root / "etc/docker", own / ".config/docker")
    documents = [_document(place / "daemon.json") for place in places]
    listed = [word for one in documents for word in _words(one, "insecure-registries")]
    mirrored = [word for one in documents for word in _words(one, "registry-mirrors")]
    return DaemonTrust(
        folders=tuple(place / "certs.d" for place in places),
        insecure=tuple(dict.fromkeys([*listed, *insecure])),
        mirrors=tuple(dict.fromkeys(word.rstrip("/") for word in [*mirrored, *mirrors])),
    )


def _document(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        log.warning("%s is not used: %s", path, getattr(error, "strerror", None) or "is no JSON")
        return {}
    return found if isinstance(found, dict) else {}


def _words(document: dict[str, Any], key: str) -> Iterator[str]:
    found = document.get(key)
    yield from (word for word in (found if isinstance(found, list) else ()) if isinstance(word, str))


def _files(folder: Path) -> list[Path]:
    """What is there and may be read; a folder that is not there says nothing."""
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        log.warning("certificates in %s are not used: %s", folder, error.strerror)
        return []


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _holds(network: str, name: str) -> bool:
    """Whether an address lies in a network; names and words that are no network lie in none."""
    try:
        return ipaddress.ip_address(name) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
