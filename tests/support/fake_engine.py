"""An engine in memory, with the shape of `builder.engine.port.Engine`.

It runs nothing: what a RUN line or a container does is told to it by a function. Images, tags, labels, the
volume of a container and the failures are kept as the real one keeps them; tests/contract/engine proves that
for both.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from builder.engine.archives import pack, safe_name
from builder.engine.images import label_instruction
from builder.engine.port import ContainerSpec, EngineInfo, ImageInfo, RemoteImage, RunResult
from builder.errors import BuildError, EngineError, RegistryError
from builder.progress import Observer, StepFinished, StepLogged, StepStarted
from tests.support.engine_base import tar_of


@dataclass(frozen=True)
class Ran:
    """What a RUN line does."""

    code: int = 0
    lines: tuple[str, ...] = ()


@dataclass
class FakeContainer:
    """A container whose volume is a dictionary. `writable` names what the UID may write."""

    engine: FakeEngine
    spec: ContainerSpec
    id: str
    volume: dict[str, bytes] = field(default_factory=dict)
    writable: tuple[str, ...] = ()

    def copy_in(self, files: Mapping[str, bytes], *, writable: Sequence[str] = ()) -> None:
        self.engine.check("copy_in")
        pack(files, writable=writable, uid=self.spec.uid)  # refuses what the real one refuses
        self.volume.update(files)
        self.writable = (*self.writable, *writable)

    def run(self) -> RunResult:
        self.engine.check("run")
        return self.engine.on_container(self)

    def copy_out(self, path: str) -> Mapping[str, bytes]:
        self.engine.check("copy_out")
        if path in self.volume:
            return {Path(path).name: self.volume[path]}
        head = path.rstrip("/") + "/"
        found = {name.removeprefix(head): data for name, data in self.volume.items() if name.startswith(head)}
        return {name: data for name, data in found.items() if safe_name(name)}

    def kind(self, path: str) -> str:
        self.engine.check("kind")
        if path in self.volume:
            return "a regular file"
        below = path in self.writable or any(name.startswith(f"{path}/") for name in self.volume)
        return "a directory" if below else ""


@dataclass
class FakeEngine:
    """on_run: a RUN line's effect. on_container: a container's. gone: raised by every call once it is set."""

    on_run: Callable[[str], Ran] = lambda _line: Ran()
    on_container: Callable[[FakeContainer], RunResult] = lambda _container: RunResult(0, "", 0.1)
    gone: EngineError | None = None
    free: int | None = 100 << 30
    root: Path | None = None
    cached: int = 0
    volumes: dict[str, int] = field(default_factory=dict)
    images: dict[str, ImageInfo] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    registry: dict[str, ImageInfo] = field(default_factory=dict)
    contents: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)  # layer and configuration by id
    running: dict[str, FakeContainer] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    _made: int = 0

    def check(self, call: str) -> None:
        """Write the call down; fail when the engine is gone."""
        self.calls.append(call)
        if self.gone is not None:
            raise self.gone

    def info(self) -> EngineInfo:
        self.check("info")
        return EngineInfo("20.10.24", "1.41", "linux/amd64", True, "unix:///fake.sock", "overlay2")

    def find(self, ref: str) -> ImageInfo | None:
        self.check("find")
        found = self.images.get(self.tags.get(_full(ref), ref))
        return None if found is None else self._with_tags(found)

    def find_by_label(self, labels: Mapping[str, str]) -> tuple[ImageInfo, ...]:
        self.check("find_by_label")
        wanted = labels.items()
        found = [
            self._with_tags(image) for image in self.images.values() if wanted <= dict(image.labels).items()
        ]
        return tuple(sorted(found, key=lambda image: image.created, reverse=True))

    def remote(self, ref: str) -> RemoteImage | None:
        self.check("remote")
        image = self.registry.get(ref)
        return RemoteImage(image.id, (image.platform,)) if image else None

    def pull(self, ref: str, platform: str, observer: Observer) -> ImageInfo:
        self.check("pull")
        observer(StepStarted("pull", f"pull:{ref}", f"pull {ref}"))
        image = self.registry.get(ref)
        if image is None:
            observer(StepFinished(f"pull:{ref}", 0.0, error="not found"))
            raise BuildError("not found: does not exist or no pull access", where=f"pulling {ref}")
        observer(StepFinished(f"pull:{ref}", 0.0))
        self._keep(replace(image, platform=platform), ref)
        return self._with_tags(self.images[image.id])

    def import_tar(
        self, tag: str, tar: BinaryIO | Iterable[bytes], *, labels: Mapping[str, str], platform: str
    ) -> ImageInfo:
        self.check("import_tar")
        for name, value in labels.items():
            label_instruction(name, value)  # refuses what the real one refuses
        read = getattr(tar, "read", None)
        data: bytes = read() if read else b"".join(tar)
        try:
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                archive.getmembers()
        except tarfile.TarError as error:
            raise BuildError(f"not a tar: {error}", where=f"importing {tag}") from error
        image = self._image(data, labels, platform, len(data))
        self._keep(image, tag)
        return self._with_tags(image)

    def save(self, ref: str) -> Iterator[bytes]:
        self.check("save")
        image = self.images.get(self.tags.get(_full(ref), ref))
        if image is None:
            raise BuildError("reference does not exist", where=f"saving {ref}")
        layer, config = self.contents[image.id]
        names = [] if ref.startswith("sha256:") else [ref]
        listing = [{"Config": "config.json", "RepoTags": names, "Layers": ["1/layer.tar"]}]
        members = {
            "config.json": config,
            "1/layer.tar": layer,
            "manifest.json": json.dumps(listing).encode(),
            "repositories": b"{}",
        }
        yield tar_of(members)

    def export(self, image_id: str) -> Iterator[bytes]:
        self.check("export")
        image = self.images.get(self.tags.get(_full(image_id), image_id))
        if image is None:
            raise BuildError("no such image", where=f"reading the files of {image_id}")
        yield self.contents[image.id][0] if image.id in self.contents else tar_of({})

    def load(self, ref: str, tar: BinaryIO | Iterable[bytes]) -> ImageInfo:
        self.check("load")
        read = getattr(tar, "read", None)
        data: bytes = read() if read else b"".join(tar)
        try:
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                files = {one.name: archive.extractfile(one) for one in archive.getmembers()}
                plain = {name: file.read() for name, file in files.items() if file}
            (row,) = json.loads(plain["manifest.json"])
            (layer,) = (plain[name] for name in row["Layers"])
            config = plain[row["Config"]]
        except (tarfile.TarError, KeyError, ValueError) as error:
            raise BuildError(f"not an archive: {error}", where=f"loading {ref}") from error
        if json.loads(config)["rootfs"]["diff_ids"] != [f"sha256:{hashlib.sha256(layer).hexdigest()}"]:
            raise BuildError("invalid diffID for layer 0", where=f"loading {ref}")
        image = self._from_config(config, layer)
        for name in row["RepoTags"] or ():
            self._keep(image, name)
        found = self.find(ref)
        if found is None:
            raise BuildError("the engine took the archive and made no image of it", where=ref)
        return found

    def build(
        self,
        context: Iterable[bytes],
        *,
        tag: str,
        labels: Mapping[str, str],
        platform: str,
        network: str,
        observer: Observer,
        no_cache: bool = False,
    ) -> str:
        self.check("build")
        data = b"".join(context)
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            page = archive.extractfile("Dockerfile")
            assert page is not None
            lines = [line for line in page.read().decode().replace("\\\n", " ").splitlines() if line.strip()]
        steps = [line for line in lines if line.split()[0] in {"FROM", "RUN", "COPY"}]
        for number, line in enumerate(steps, 1):
            self._step(f"[{number}/{len(steps)}] {line}", line, tag, observer)
        image = self._image(data, labels, platform, len(data))
        self._keep(image, tag)
        return image.id

    def _step(self, title: str, line: str, tag: str, observer: Observer) -> None:
        observer(StepStarted("build", f"build:{title}", title))
        done = Ran()
        try:
            if line.startswith("FROM "):
                self._base(line.split()[1], title, tag)
            if line.startswith("RUN "):
                done = self.on_run(line.removeprefix("RUN "))
            for text in done.lines:
                observer(StepLogged(f"build:{title}", text))
        finally:
            error = f"exit code: {done.code}" if done.code else ""
            observer(StepFinished(f"build:{title}", 0.1, error=error))
        if done.code:
            raise BuildError(
                f"the step {title} ended with exit code {done.code}",
                where=f"building {tag}",
                fix="its last lines say why" if done.lines else "",
                detail="\n".join(done.lines[-30:]),
            )

    def _base(self, ref: str, title: str, tag: str) -> None:
        if _full(ref) not in self.tags and ref != "scratch":
            raise BuildError(f"{ref}: not found", where=f"building {tag}, step {title}")

    @contextmanager
    def container(self, spec: ContainerSpec) -> Iterator[FakeContainer]:
        self.check("container")
        if spec.image not in self.images and _full(spec.image) not in self.tags:
            raise BuildError(f"No such image: {spec.image}", where=f"creating a container of {spec.image}")
        self._made += 1
        made = FakeContainer(self, spec, f"container-{self._made}")
        self.running[made.id] = made
        try:
            yield made
        finally:
            del self.running[made.id]

    def tag(self, image_id: str, ref: str) -> None:
        self.check("tag")
        found = self.tags.get(_full(image_id), image_id)
        if found not in self.images:
            raise BuildError(f"No such image: {image_id}", where=f"tagging {ref}")
        self.tags[_full(ref)] = found

    def remove(self, ref: str) -> None:
        self.check("remove")
        image_id = self.tags.pop(_full(ref), ref)
        if ref in self.images:
            self.tags = {tag: owner for tag, owner in self.tags.items() if owner != ref}
        if image_id not in self.tags.values():
            self.images.pop(image_id, None)

    def sweep(self) -> tuple[str, ...]:
        self.check("sweep")
        return ()

    def disk_free(self) -> int | None:
        self.check("disk_free")
        return self.free

    def push(self, ref: str, observer: Observer) -> str:
        self.check("push")
        raise RegistryError("address", "the fake engine knows no registry", where=ref)

    def data_root(self) -> Path | None:
        self.check("data_root")
        return self.root

    def cache_volumes(self) -> dict[str, int]:
        """Those a test put there."""
        return dict(self.volumes)

    def remove_volume(self, name: str) -> None:
        """As the engine does."""
        self.volumes.pop(name, None)

    def build_cache(self) -> int:
        self.check("build_cache")
        return self.cached

    def prune_build_cache(self) -> int:
        self.check("prune_build_cache")
        freed, self.cached = self.cached, 0
        return freed

    def _image(self, data: bytes, labels: Mapping[str, str], platform: str, size: int) -> ImageInfo:
        self._made += 1
        config = {
            "created": f"2026-01-01T00:00:00.{self._made:09d}Z",
            "architecture": platform.partition("/")[2],
            "config": {"Labels": dict(labels)},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(data).hexdigest()}"]},
        }
        image = self._from_config(json.dumps(config).encode(), data)
        return replace(image, size=size)

    def _from_config(self, config: bytes, layer: bytes) -> ImageInfo:
        """An image is called by the hash of its configuration."""
        told = json.loads(config)
        name = f"sha256:{hashlib.sha256(config).hexdigest()}"
        self.contents[name] = (layer, config)
        labels = told["config"]["Labels"]
        return ImageInfo(name, (), labels, len(layer), f"linux/{told['architecture']}", told["created"])

    def _keep(self, image: ImageInfo, tag: str) -> None:
        self.images.setdefault(image.id, image)
        self.tags[_full(tag)] = image.id

    def _with_tags(self, image: ImageInfo) -> ImageInfo:
        return replace(
            image, tags=tuple(sorted(tag for tag, owner in self.tags.items() if owner == image.id))
        )


def _full(ref: str) -> str:
    return ref if ref.startswith("sha256:") or ":" in ref.rpartition("/")[2] else f"{ref}:latest"
