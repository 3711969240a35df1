"""Build with BuildKit: `POST /build?version=2`, the answer followed line by line."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import docker
import docker.errors
import requests

from builder.engine.advice import Advice, advice, no_space
from builder.engine.buildkit import BuildProgress, shorten
from builder.engine.faults import EngineFull, failure, gone, translated
from builder.engine.lines import clean_text
from builder.engine.streams import Body, answer, error_in, post
from builder.engine.trace import Malformed, decode_line
from builder.errors import BuildError, EngineError, ImgbuildError
from builder.progress import Note, Observer

log = logging.getLogger(__name__)


def build(
    api: docker.APIClient,
    context: Iterable[bytes],
    *,
    tag: str,
    labels: Mapping[str, str],
    platform: str,
    network: str,
    observer: Observer,
    no_cache: bool = False,
) -> str:
    """Build and return the image id. Raises BuildError for a failed step, EngineError when the engine goes
    away.

    Any exception closes the connection, and the engine then cancels the build.
    """
    params = [
        ("version", "2"),
        ("t", tag),
        ("labels", json.dumps(dict(labels))),
        ("platform", platform),
        ("networkmode", network),
        # An id of our own: without one, equal concurrent builds would be told apart by nothing but chance.
        ("buildid", uuid.uuid4().hex),
        ("rm", "1"),
    ]
    if no_cache:
        params.append(("nocache", "1"))
    doing = f"building {tag}"
    progress = BuildProgress(observer)
    try:
        with post(api, "/build", params=params, body=Body(context), doing=doing) as response:
            image_id = _follow(response, doing, progress, observer)
    except BaseException as error:
        progress.close(error=_word(error))
        if isinstance(error, BuildError):
            _raise_if_gone(api, error, doing)
        raise
    progress.close()
    return image_id


def _word(error: BaseException) -> str:
    return error.what if isinstance(error, ImgbuildError) else "interrupted"


def _follow(response: requests.Response, doing: str, progress: BuildProgress, observer: Observer) -> str:
    image_id: str | None = None
    told = False
    for line in answer(response, doing):
        message = error_in(line)
        if message is not None:
            raise _failed(message, doing, progress)
        if line.get("id") == "moby.buildkit.trace":
            status = decode_line(line.get("aux"))
            if not isinstance(status, Malformed):
                progress.feed(status)
            elif not told:
                told = True
                observer(Note(f"the engine's progress cannot be read, the build goes on: {status.reason}"))
        elif line.get("id") == "moby.image.id":
            image_id = _image_id(line.get("aux"))
    if image_id is None:
        raise gone(doing, EOFError("the answer ended with neither an image nor an error"))
    return image_id


def _image_id(aux: Any) -> str | None:
    found = aux.get("ID") if isinstance(aux, dict) else None
    return str(found) if found else None


def _failed(message: str, doing: str, progress: BuildProgress) -> ImgbuildError:
    """The error for a build that the engine ended, told by the step that broke."""
    step = progress.failed_step(message)
    tail = "" if step is None else "\n".join(step.tail)
    if step is None or step.exit_code is None:
        where = doing if step is None or not step.name else f"{doing}, step {shorten(step.name)}"
        return failure(clean_text(message.encode()), where, tail)
    title = shorten(step.name)
    if no_space(tail):
        return EngineFull(f"{doing}, step {title}", tail)
    cause = advice(tail) or _plain_advice(step.exit_code, tail)
    what = f"the step {title} ended with exit code {step.exit_code}{f': {cause.what}' if cause.what else ''}"
    return BuildError(what, where=doing, fix=cause.fix, detail=tail)


def _plain_advice(code: int, tail: str) -> Advice:
    if code == 137:
        return Advice("", "it was killed, most likely for memory: give the engine more")
    return Advice("", "its last lines say why" if tail else "")


def _raise_if_gone(api: docker.APIClient, error: BuildError, doing: str) -> None:
    """A daemon that is stopped blames the step it stopped, or says `context canceled`: ask if it is there."""
    try:
        with translated(doing):
            api.ping()
    except EngineError:
        raise gone(doing, error) from error
    except BuildError:
        log.debug("the engine answers, and not well", exc_info=True)
