"""Pushing an image: every line of the engine's stream is read, because the request itself never fails."""

from __future__ import annotations

import re
from typing import Any

import docker
import docker.utils

from builder.engine.faults import translated
from builder.engine.streams import error_in
from builder.errors import RegistryError, RegistryFault
from builder.network.redact import redacted
from builder.progress import Observer, StepAdvanced, StepFinished, StepStarted

# What the engine says, in the words of its own libraries (20.10 to 28), and what that is. The first that fits counts.
_SIGNS: tuple[tuple[str, RegistryFault], ...] = (
    (r"x509:|certificate|http: server gave http response to https client", "untrusted"),
    (r"no such host|lookup .* on ", "address"),
    (r"no space left on device|disk quota exceeded", "full"),
    (r"toomanyrequests|too many requests|\b429\b", "busy"),
    (r"unexpected http status: 5[0-9][0-9]|\b50[0-4]\b|service unavailable|bad gateway", "busy"),
    (
        r"denied|unauthorized|authentication required|no basic auth credentials|forbidden|insufficient_scope",
        "denied",
    ),
    (r"connection refused", "unreachable"),
    (r"\beof\b|connection reset|broken pipe|timeout|network is unreachable|no route to host", "unreachable"),
    (r"repository name not known|not found", "missing"),
)
_FIXES: dict[str, str] = {
    "untrusted": "put its CA into /etc/docker/certs.d/HOST/ca.crt; one without TLS goes into insecure-registries",
    "address": "check the spelling, and DNS and proxy of the engine's machine",
    "busy": "try again later",
    "full": "make room there, or push to another registry",
    "denied": "log in with `docker login`, and check the name and your rights to push there",
    "unreachable": "check the host, the port, network and proxy of the engine's machine",
    "missing": "check the name: some registries want a repository to be made before",
    "broken": "ask whoever runs the registry; its log knows more",
}


def push(api: docker.APIClient, ref: str, observer: Observer) -> str:
    """Push the image under this name; the digest of the manifest that the engine says it put.

    Raises RegistryError for what the registry refuses, and for an end without a digest; EngineError when the engine
    goes away.
    """
    key, doing = f"push:{ref}", f"pushing {ref}"
    observer(StepStarted("push", key, f"push {ref}"))
    try:
        digest = _pushed(api, ref, key, doing, observer)
    except BaseException as error:
        observer(StepFinished(key, 0.0, error=str(error) or "interrupted"))
        raise
    observer(StepFinished(key, 0.0))
    return digest


def _pushed(api: docker.APIClient, ref: str, key: str, doing: str, observer: Observer) -> str:
    repository, tag = docker.utils.parse_repository_tag(ref)
    digest = ""
    layers: dict[str, tuple[int, int]] = {}
    with translated(doing):  # logins and their helpers: docker-py asks as the docker command does
        for line in api.push(repository, tag=tag, stream=True, decode=True):
            message = error_in(line)
            if message is not None:
                raise refusal(message, ref)
            if line.get("status") == "Pushing":
                observer(_advanced(key, layers, line))
            told = line.get("aux")
            digest = str(told["Digest"]) if isinstance(told, dict) and told.get("Digest") else digest
    if not digest:
        what = "the engine ended the push without saying what it put"
        raise RegistryError("broken", what, where=ref, fix=_FIXES["broken"])
    return digest


def _advanced(key: str, layers: dict[str, tuple[int, int]], line: dict[str, Any]) -> StepAdvanced:
    detail = line.get("progressDetail") or {}
    layers[str(line.get("id"))] = (int(detail.get("current") or 0), int(detail.get("total") or 0))
    done, total = (sum(column) for column in zip(*layers.values(), strict=True))
    return StepAdvanced(key, done, total, "bytes")


def refusal(message: str, ref: str) -> RegistryError:
    """The engine's words for what a registry did, as an error with a kind."""
    text = redacted(message.strip())
    found = (kind for sign, kind in _SIGNS if re.search(sign, text.lower()))
    kind: RegistryFault = next(found, "broken")
    return RegistryError(kind, text or "the push failed", where=ref, fix=_FIXES[kind])
