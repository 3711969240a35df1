"""Images in the engine: find, pull, import, tag, remove."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any, BinaryIO

import docker
import docker.errors
import docker.utils

from builder.engine.faults import failure, translated
from builder.engine.port import ImageInfo, RemoteImage
from builder.engine.streams import Body, answer, error_in, post, saved
from builder.errors import BuildError, UsageError
from builder.progress import Observer, StepAdvanced, StepFinished, StepStarted

_PIECE = 1 << 20  # bytes

log = logging.getLogger(__name__)


class Images:
    """The image half of the engine. Every method raises EngineError when the engine is gone."""

    def __init__(self, api: docker.APIClient) -> None:
        self._api = api

    def find(self, ref: str) -> ImageInfo | None:
        """An image by tag or id."""
        with translated(f"looking for {ref}"):
            try:
                document = self._api.inspect_image(ref)  # type: ignore[no-untyped-call]
                history = self._api.history(document["Id"])  # type: ignore[no-untyped-call]
            except docker.errors.NotFound:
                return None
        return _image(document, history)

    def find_by_label(self, labels: Mapping[str, str]) -> tuple[ImageInfo, ...]:
        """All images with these labels and values, newest first."""
        wanted = [f"{name}={value}" for name, value in labels.items()]
        with translated("looking for images by label"):
            rows = self._api.images(filters={"label": wanted})
        found = [self.find(row["Id"]) for row in rows]  # one may be removed meanwhile
        images = [image for image in found if image is not None]
        return tuple(sorted(images, key=lambda image: image.created.rstrip("Z"), reverse=True))

    def remote(self, ref: str) -> RemoteImage | None:
        """What the registry of a reference holds under it; the engine asks, as it would to pull."""
        with translated(f"asking the registry for {ref}"):
            try:
                document = self._api.inspect_distribution(ref)  # type: ignore[no-untyped-call]
            except docker.errors.NotFound:
                return None
        rows = document.get("Platforms") or ()
        platforms = tuple(f"{row.get('os')}/{row.get('architecture')}" for row in rows)
        return RemoteImage(str(document["Descriptor"]["digest"]), platforms)

    def pull(self, ref: str, platform: str, observer: Observer) -> ImageInfo:
        """Pull from a registry; raises BuildError with the registry's reason."""
        key = f"pull:{ref}"
        observer(StepStarted("pull", key, f"pull {ref}"))
        try:
            self._pull(ref, platform, key, observer)
        except BaseException as error:
            observer(StepFinished(key, 0.0, error=str(error) or "interrupted"))
            raise
        observer(StepFinished(key, 0.0))
        found = self.find(ref)
        if found is None:
            raise BuildError("the engine says that it was pulled, and does not have it", where=ref)
        return found

    def _pull(self, ref: str, platform: str, key: str, observer: Observer) -> None:
        doing = f"pulling {ref}"
        with translated(doing):  # credentials and their helpers: docker-py asks as the docker command does
            stream = self._api.pull(ref, stream=True, decode=True, platform=platform)
        layers: dict[str, tuple[int, int]] = {}
        for line in _guarded(stream, doing):
            message = error_in(line)
            if message is not None:
                raise failure(message, doing)
            if line.get("status") == "Downloading":
                _follow(layers, line)
                done, total = (sum(column) for column in zip(*layers.values(), strict=True))
                observer(StepAdvanced(key, done, total, "bytes"))

    def import_tar(
        self, tag: str, tar: BinaryIO | Iterable[bytes], *, labels: Mapping[str, str], platform: str
    ) -> ImageInfo:
        """Make an image of one layer; a tar that breaks off leaves no image. Raises what the tar raises."""
        name, version = _parts(tag)
        params = [("fromSrc", "-"), ("repo", name), ("tag", version), ("platform", platform)]
        params += [("changes", label_instruction(*label)) for label in sorted(labels.items())]
        return self._taken_in(tag, "/images/create", params, tar, f"importing {tag}")

    def save(self, ref: str) -> Iterator[bytes]:
        """An image as `docker save` writes it; the connection is closed when the iterator ends or is closed."""
        doing = f"saving {ref}"
        with saved(self._api, ref, doing) as response, translated(doing):
            yield from response.iter_content(_PIECE)

    def load(self, ref: str, tar: BinaryIO | Iterable[bytes]) -> ImageInfo:
        """Take in what `docker save` writes; a tar that breaks off leaves no image. Raises what the tar raises."""
        return self._taken_in(ref, "/images/load", [("quiet", "1")], tar, f"loading {ref}")

    def _taken_in(
        self,
        ref: str,
        path: str,
        params: list[tuple[str, str]],
        tar: BinaryIO | Iterable[bytes],
        doing: str,
    ) -> ImageInfo:
        with post(self._api, path, params=params, body=Body(tar), doing=doing) as response:
            lines = list(answer(response, doing))
        for line in lines:
            message = error_in(line)
            if message is not None:
                raise failure(message, doing)
        found = self.find(ref)
        if found is None:
            raise BuildError("the engine took the archive and made no image of it", where=ref)
        return found

    def tag(self, image_id: str, ref: str) -> None:
        """Give an image one more name."""
        name, version = _parts(ref)
        with translated(f"tagging {ref}"):
            self._api.tag(image_id, name, version)

    def remove(self, ref: str) -> None:
        """Remove an image, or one of its names. An image that a container uses stays, as a BuildError."""
        with translated(f"removing {ref}"):
            try:
                self._api.remove_image(ref)
            except docker.errors.NotFound:
                log.debug("%s is not there", ref)


def _parts(ref: str) -> tuple[str, str]:
    name, version = docker.utils.parse_repository_tag(ref)
    return name, version or "latest"


def label_instruction(name: str, value: str) -> str:
    """`LABEL "name"="value"` for the engine's own parser, which expands `$x` and knows no escaped newline.

    Raises UsageError for control characters: no quoting makes them one value on one line.
    """
    for text in (name, value):
        if not text.isprintable():
            raise UsageError(
                "a label may hold no line ends or control characters", where=repr(name), fix="remove them"
            )
    return f"LABEL {_quoted(name)}={_quoted(value)}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'


def _guarded(stream: Iterable[dict[str, Any]], doing: str) -> Iterable[dict[str, Any]]:
    with translated(doing), closing(iter(stream)) as lines:  # type: ignore[type-var]
        yield from lines


def _follow(layers: dict[str, tuple[int, int]], line: dict[str, Any]) -> None:
    detail = line.get("progressDetail") or {}
    layers[str(line.get("id"))] = (int(detail.get("current") or 0), int(detail.get("total") or 0))


def _image(document: dict[str, Any], history: list[dict[str, Any]]) -> ImageInfo:
    config = document.get("Config") or {}
    platform = "/".join(
        filter(None, (document.get("Os"), document.get("Architecture"), document.get("Variant")))
    )
    pairs = (entry.partition("=") for entry in config.get("Env") or ())
    return ImageInfo(
        id=document["Id"],
        tags=tuple(document.get("RepoTags") or ()),
        labels=dict(config.get("Labels") or {}),
        size=int(document.get("Size") or 0),
        platform=platform,
        created=str(document.get("Created") or ""),
        env={name: value for name, _, value in pairs},
        layers=tuple(
            (str(row.get("CreatedBy") or ""), int(row.get("Size") or 0)) for row in reversed(history)
        ),
        diff_ids=tuple(map(str, (document.get("RootFS") or {}).get("Layers") or ())),
        config=config,
    )
