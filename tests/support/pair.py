"""The image `pair`, declared for two platforms and locked for both, as each platform's machine has it after a build.

Nothing of it is built: an image is one small layer with the labels that a build writes, and a record that says that it
passed. So both halves can be pushed from one machine, by the real engine or by one of memory that writes to a registry
as an engine does.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from builder.engine.port import Engine, ImageInfo
from builder.lock.files import write_locks
from builder.network.places import here
from builder.network.places.docker import Logins
from builder.plan import Plan
from builder.progress import Observer, silent
from builder.publish.record import Pushed
from builder.registry.client import Registry
from builder.registry.reference import parse_reference
from builder.registry.trust import DaemonTrust
from builder.registry.wire import Wire
from builder.registry.write import Writer
from builder.sbom.documents import FILES
from builder.settings.patience import Policy
from builder.smoke.verdict import TestResult, Verdict
from builder.spec.load import load_image
from builder.spec.model import Platform
from builder.spec.project import Project
from builder.store.upstream import Upstream
from builder.values import canonical_json
from builder.workflow import records
from builder.workflow.planning import plan_image
from builder.workflow.push import push
from builder.workflow.pushable import PushOptions
from tests.support.engine_base import tar_of
from tests.support.fake_engine import FakeEngine
from tests.support.fake_registry import MANIFEST
from tests.support.lock_samples import lock_set
from tests.support.workshop import REPOSITORY

NAME = "pair"
AMD64: Platform = "linux/amd64"
ARM64: Platform = "linux/arm64"
_ENVIRONMENT = "name: pair\nchannels: [conda-forge, nodefaults]\ndependencies: [python=3.11]\n"
_IMAGE = "base: debian-bookworm\ninstaller: miniforge=26.3.2-3\nplatforms: [linux/amd64, linux/arm64]\n"
_LABEL = "io.imgbuild"


@dataclass
class WritingEngine(FakeEngine):
    """An engine of memory whose push goes to a registry over the wire, layer by layer, as an engine's does."""

    def push(self, ref: str, observer: Observer) -> str:
        self.check("push")
        image, target = self.find(ref), parse_reference(ref)
        assert image is not None
        layer, config = self.contents[image.id]
        packed = gzip.compress(layer, mtime=0)
        policy = Policy(attempts=2, pause=0.01)
        with Wire(DaemonTrust(), policy) as wire:
            writer = Writer(Registry(target.host, wire, Logins(here())), target.repository, policy)
            rows = [{"digest": writer.put_bytes(packed), "size": len(packed),
                     "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}]  # fmt: skip
            head = {"digest": writer.put_bytes(config), "size": len(config),
                    "mediaType": "application/vnd.oci.image.config.v1+json"}  # fmt: skip
            body = canonical_json({"schemaVersion": 2, "mediaType": MANIFEST, "config": head, "layers": rows})
            return writer.put_manifest(target.wanted, body, MANIFEST)


@dataclass
class Machine:
    """Where one platform is built: a checkout, and an engine in which images have this prefix."""

    root: Path
    engine: Engine
    platform: Platform
    prefix: str = "imgbuild-test/pair-fake"
    made: list[str] = field(default_factory=list)

    @property
    def project(self) -> Project:
        return Project(self.root, self.root / "envs")

    @property
    def plan(self) -> Plan:
        spec = load_image(self.project, NAME)
        return plan_image(self.project, spec, Upstream(), self.platform, locked=True, observer=silent).plan

    def write(self) -> Machine:
        """Definition and locks, as a checkout brings them."""
        folder = self.root / "envs" / NAME
        folder.mkdir(parents=True)
        (folder / "environment.yml").write_text(_ENVIRONMENT)
        (folder / "image.yml").write_text(_IMAGE)
        shutil.copy(REPOSITORY / "envs" / "_bases.yml", self.root / "envs")
        return self.lock()

    def lock(self, *platforms: Platform) -> Machine:
        """Lock what the definition says now. platforms: both, unless some are named."""
        spec = load_image(self.project, NAME)
        locks = [
            lock_set(spec, platform, installer=Upstream().installer(spec, platform))
            for platform in platforms or spec.platforms
        ]
        for path in spec.folder.glob("*lock*"):
            path.unlink()
        write_locks(locks, spec.folder, spec)
        return self

    def change(self, line: str) -> Machine:
        """Another definition, so another plan."""
        page = self.root / "envs" / NAME / "image.yml"
        page.write_text(f"{page.read_text()}{line}\n")
        return self.lock()

    def build(
        self, content: str = "built", labels: Mapping[str, str] | None = None, *, passed: bool = True
    ) -> ImageInfo:
        """The image of the plan of now in the engine, and the record of its proof."""
        plan = self.plan
        said = {"plan": plan.digest, "lock": plan.lock.digest, "image": NAME, "source": "upstream"}
        layer = tar_of({"opt/content": f"{content} for {self.platform}".encode()})
        marks = {**{f"{_LABEL}.{key}": value for key, value in said.items()}, **(labels or {})}
        tag = plan.spec.tag(self.prefix)
        image = self.engine.load(tag, [_archive(tag, self.platform, layer, marks)])
        self.made.append(tag)
        records.write(self.project, plan.spec, self._record(plan, image, passed), _sboms(image))
        return image

    def _record(self, plan: Plan, image: ImageInfo, passed: bool) -> records.Record:
        outcome = "passed" if passed else "failed"
        results = [
            TestResult(name=name, environment=NAME, tier=tier, outcome=outcome, seconds=1.0)
            for name, tier in (("audit", 0), ("python", 1))
        ]
        verdict = Verdict(image=NAME, image_id=image.id, plan_digest=plan.digest, source="upstream", stand_in=False,
                          engine="20.10.24", started=_NOW, seconds=2.0, results=tuple(results))  # fmt: skip
        return records.Record(image=NAME, tag=plan.spec.tag(self.prefix), image_id=image.id, size=image.size,
                              plan_digest=plan.digest, lock_digest=plan.lock.digest, source="upstream",
                              engine="20.10.24", finished=_NOW, build_seconds=1.0, verdict=verdict)  # fmt: skip

    def push(self, to: str, observer: Observer = silent, **how: object) -> Pushed:
        """As `imgbuild push pair --to TO` does it."""
        options = PushOptions(to, prefix=self.prefix, **how)  # type: ignore[arg-type]
        return push(self.project, NAME, self.engine, options, observer)[0]


_NOW = "2026-11-26T00:00:00Z"


def _sboms(image: ImageInfo) -> dict[str, bytes]:
    return {name: json.dumps({"of": image.id, "kind": kind}).encode() for kind, name in FILES.items()}


def _archive(tag: str, platform: Platform, layer: bytes, labels: Mapping[str, str]) -> bytes:
    """As `docker save` writes an image: `docker import` of Engine 20.10 gives every image the engine's architecture."""
    system, _, architecture = platform.partition("/")
    config = {
        "created": _NOW,
        "os": system,
        "architecture": architecture,
        "config": {"Labels": dict(labels)},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    listing = [{"Config": "config.json", "RepoTags": [tag], "Layers": ["1/layer.tar"]}]
    files = {
        "config.json": json.dumps(config).encode(),
        "1/layer.tar": layer,
        "manifest.json": json.dumps(listing).encode(),
    }
    return tar_of(files)


def machines(folder: Path) -> tuple[Machine, Machine]:
    """Two machines with engines of memory: for amd64, and for arm64."""
    return (
        Machine(folder / "amd64", WritingEngine(), AMD64).write(),
        Machine(folder / "arm64", WritingEngine(), ARM64).write(),
    )
