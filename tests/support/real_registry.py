"""Debian's registry as a process of this machine, on loopback: with TLS, a password file, or tokens."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509 import load_pem_x509_certificate

from tests.support.fake_registry import Asked, Reply
from tests.support.registry import docker, program
from tests.support.tls import Company

USER, PASSWORD = "builder", "right-horse-9"
# `htpasswd -nbB -C 5 builder right-horse-9`
HTPASSWD = "builder:$2y$05$mkcJtFK0bLHXtLpTFgi7Ce7m0V9gHpSWkrb5hzOe/kDvIsdhx0YNS\n"
ISSUER, SERVICE = "issuer.test", "lab.test"


@dataclass
class RealRegistry:
    """host: `127.0.0.1:PORT`. home: a home whose docker is logged in. names: what was pushed."""

    host: str
    home: Path
    names: list[str] = field(default_factory=list)

    def push(self, image: str, name: str) -> str:
        """Push an image of the engine under a name, with the docker command; its digest."""
        ref = f"{self.host}/{name}"
        log_in(self.home, self.host)
        docker("tag", image, ref)
        try:
            said = docker("--config", str(self.home / ".docker"), "push", ref)
        finally:
            docker("rmi", ref)
        self.names.append(name)
        return re.findall(r"digest: (sha256:[0-9a-f]{64})", said)[-1]


def log_in(home: Path, host: str, user: str = USER, password: str = PASSWORD) -> None:
    """What `docker login` leaves behind where no helper is there."""
    (home / ".docker").mkdir(parents=True, exist_ok=True)
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    (home / ".docker/config.json").write_text(json.dumps({"auths": {host: {"auth": pair}}}))


@contextmanager
def real_registry(
    folder: Path, company: Company | None = None, **auth: Mapping[str, str]
) -> Iterator[RealRegistry]:
    """Run it until the context ends. auth: `htpasswd` or `token` with their settings. `registry` must be one word."""
    folder.mkdir(parents=True, exist_ok=True)
    config: dict[str, Any] = {
        "version": "0.1",
        "log": {"accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": "127.0.0.1:0"},
    }
    if company is not None:
        config["http"]["tls"] = written(folder, company)
    if auth:
        config["auth"] = auth
    (folder / "registry.yml").write_text(json.dumps(config))  # JSON is YAML
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([program(), "serve", folder / "registry.yml"], stdout=out, stderr=out)
    try:
        host = f"127.0.0.1:{_port(process, log)}"
        yield RealRegistry(host, folder / "home")
    finally:
        process.terminate()
        process.wait(20)


def htpasswd(folder: Path) -> dict[str, dict[str, str]]:
    """Only with USER and PASSWORD."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "htpasswd").write_text(HTPASSWD)
    return {"htpasswd": {"realm": "lab", "path": str(folder / "htpasswd")}}


def written(folder: Path, company: Company) -> dict[str, str]:
    """The certificate and key of a server below folder, as the registry's configuration names them."""
    certificate, key = folder / "server.pem", folder / "server.key"
    certificate.write_bytes(b"".join(one.bytes() for one in company.certificate.cert_chain_pems))
    company.certificate.private_key_pem.write_to_path(str(key))
    return {"certificate": str(certificate), "key": str(key)}


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        found = re.search(r"listening on 127\.0\.0\.1:(\d+)", log.read_text(errors="replace"))
        if found:
            return int(found[1])
        time.sleep(0.05)
    raise AssertionError(f"the registry does not listen: {log.read_text(errors='replace')}")


class TokenServer:
    """Signs what the registry believes (distribution:docs/spec/auth/jwt.md), and that only for USER, who may only read
    what begins with `readonly`."""

    def __init__(self, company: Company, readonly: str = "") -> None:
        self.readonly = readonly
        leaf = company.certificate
        self._key = serialization.load_pem_private_key(leaf.private_key_pem.bytes(), None)
        chain = [load_pem_x509_certificate(one.bytes()) for one in leaf.cert_chain_pems]
        self._chain = [
            base64.b64encode(one.public_bytes(serialization.Encoding.DER)).decode() for one in chain
        ]
        self.identity = "identity-token-5512"

    def rule(self, asked: Asked) -> Reply | None:
        """A Rule of tests.support.fake_registry."""
        method, path = asked.line.split(" ")
        query = parse_qs(path.partition("?")[2]) if method == "GET" else parse_qs(asked.body.decode())
        pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        known = asked.authorization == f"Basic {pair}" or query.get("refresh_token") == [self.identity]
        if not known:
            return Reply(401, b'{"errors": [{"code": "UNAUTHORIZED", "message": "who are you?"}]}')
        access = []
        for scope in " ".join(query.get("scope", [])).split():
            kind, name, actions = scope.split(":")
            given = actions.split(",")
            if self.readonly and name.startswith(self.readonly):
                given = [action for action in given if action == "pull"]
            access.append({"type": kind, "name": name, "actions": given})
        token = self._signed(access)
        return Reply(200, json.dumps({"token": token, "access_token": token, "expires_in": 300}).encode())

    def _signed(self, access: list[dict[str, Any]]) -> str:
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": SERVICE, "sub": USER, "iat": now, "nbf": now - 60, "exp": now + 300,
                  "jti": str(now), "access": access}  # fmt: skip
        head = {"typ": "JWT", "alg": "ES256", "x5c": self._chain}
        text = f"{_packed(json.dumps(head).encode())}.{_packed(json.dumps(claims).encode())}"
        assert isinstance(self._key, ec.EllipticCurvePrivateKey)
        r, s = decode_dss_signature(self._key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{_packed(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
