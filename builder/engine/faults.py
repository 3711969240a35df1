"""What the Docker SDK and the libraries below it raise, turned into the errors of this program."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager

import docker.errors
import requests
import urllib3.exceptions

from builder.engine.advice import no_space
from builder.errors import BuildError, EngineError, ImgbuildError

_GONE = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
)
RESTART = "see whether it runs (`docker info`, `systemctl status docker`) and start again"


class EngineFull(BuildError):  # noqa: N818  (says what happened, as its parents do)
    """The disk that the engine keeps its data on is full. room: what is known of it."""

    def __init__(self, where: str, detail: str = "", room: str = "") -> None:
        super().__init__(
            f"no space left on the engine's disk{f' ({room})' if room else ''}",
            where=where,
            fix="free some space (`imgbuild clean` and `docker system df` say what takes it) and build again",
            detail=detail,
        )


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise EngineError when the engine went away in the block, BuildError when it answered with a refusal.

    doing: what was tried, in words that follow `while` (`importing imgbuild/base:x`).
    """
    try:
        yield
    except docker.errors.APIError as error:
        raise refused(error, doing) from error
    except docker.errors.DockerException as error:
        raise BuildError(f"{error}", where=doing) from error
    except requests.exceptions.Timeout as error:
        raise EngineError(f"the engine did not answer in time while {doing}", fix=RESTART) from error
    except _GONE as error:
        raise gone(doing, error) from error


def gone(doing: str, error: BaseException | None = None) -> EngineError:
    """The connection broke, or the answer stopped in the middle."""
    detail = "" if error is None else f"{type(error).__name__}: {error}"
    return EngineError(f"the engine stopped answering while {doing}", fix=RESTART, detail=detail)


def refused(error: docker.errors.APIError, doing: str) -> ImgbuildError:
    """The engine's own refusal, in its own words."""
    return failure(str(error.explanation or error), doing)


def failure(message: str, where: str, detail: str = "") -> ImgbuildError:
    """An engine's error message as an error with the mend, for the causes that people meet."""
    text = message.strip()
    lower = text.lower()
    if "buildkit" in lower and ("not enabled" in lower or "not supported" in lower):
        return EngineError(
            f"this engine refuses BuildKit: {text}",
            fix='set `"features": {"buildkit": true}` in /etc/docker/daemon.json and restart the engine',
        )
    if no_space(text):
        return EngineFull(where, detail=f"{detail}\n{text}".lstrip())
    for sign, mend in _MENDS.items():
        if sign in lower:
            return BuildError(text, where=where, fix=mend, detail=detail)
    return BuildError(text, where=where, detail=detail)


_MENDS = {
    "no such image": "somebody removed it meanwhile: build again",
    "no active sessions": "the base is not in the engine and was not pulled: pull it, or check its name",
    "no such host": "the engine cannot reach that registry: check network, proxy and the image's name",
    "i/o timeout": "the engine cannot reach that registry: check its network and proxy",
    "unauthorized": "log in with `docker login` to that registry",
    "no basic auth credentials": "log in with `docker login` to that registry",
    "pull access denied": "check the name, and log in with `docker login` where the registry asks for it",
    "too many requests": "log in with `docker login`, or wait: the registry limits how often one may pull",
}


def root_cause(error: BaseException) -> OSError | None:
    """The system's own error below what the HTTP libraries made of it."""
    seen: set[int] = set()
    queue: list[object] = [error]
    found: OSError | None = None
    while queue:
        item = queue.pop(0)
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, OSError) and item.errno is not None:
            found = item
        queue += [*item.args, item.__cause__, item.__context__]
    return found
