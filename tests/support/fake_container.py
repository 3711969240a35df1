"""A small engine for the smoke tests: no Docker, and a container that does what the test says."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from builder.engine.port import ContainerSpec, ImageInfo, RunResult
from builder.errors import BuildError
from builder.lock.model import CondaPackage, EnvironmentLock, LockedBase, LockedInstaller, LockSet, SourceId
from builder.plan import Plan
from builder.smoke.measured import Setting
from builder.spec.model import Base, CondaEnvironment, ImageSpec, SmokeTest
from tests.support.fake_engine import FakeEngine

IMAGE = "sha256:" + "a" * 64
DIGEST = "d" * 64
VERSIONS = {
    "python": "3.11.2",
    "numpy": "2.4.6",
    "pandas": "3.1.1",
    "scikit-learn": "1.9.1",
    "matplotlib": "3.11.2",
}


def png(*, uniform: bool = False, width: int = 40, height: int = 30) -> bytes:
    """A whole RGB picture: a gradient, or one colour."""
    rows = [
        b"\0"
        + bytes(v % 256 for x in range(width) for v in ((7, 7, 7) if uniform else (x * 5, y * 3, x * y)))
        for y in range(height)
    ]
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"".join(rows))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def good_numbers(environment: str = "regression") -> dict[str, float | str]:
    """What the regression payload writes when all is well."""
    fit = {"coefficient": 2.0, "intercept": 0.0, "prediction_at_3": 6.0, "mse": 7.9e-31, "baseline_mse": 5.0}
    return {**fit, **VERSIONS, "prefix": f"/opt/conda/envs/{environment}"}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a faked run ends and what it leaves."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    code: int | None = 0
    output: str = ""
    timed_out: bool = False
    out_of_memory: bool = False
    refused: str = ""  # what the engine says when asked for the files
    spilled: bool = False
    crowded: bool = False
    kinds: Mapping[str, str] = field(default_factory=dict)  # of what is no regular file


def passes(spec: ContainerSpec, _files: Mapping[str, bytes]) -> Ended:
    """Any test ends well in the environment it was sent to."""
    numbers = json.dumps(good_numbers(spec.env.get("IMGBUILD_ENV", "regression")))
    return Ended({"result.json": numbers.encode(), "regression.png": png()})


Behaviour = Callable[[ContainerSpec, Mapping[str, bytes]], "Ended | BaseException"]


class FakeContainer:
    """Behaves as it is told."""

    def __init__(self, spec: ContainerSpec, behaviour: Behaviour) -> None:
        self._spec = spec
        self._behaviour = behaviour
        self._files: dict[str, bytes] = {}
        self.writable: tuple[str, ...] = ()
        self._ended = Ended()

    @property
    def id(self) -> str:
        return "fake"

    def copy_in(self, files: Mapping[str, bytes], *, writable: Sequence[str] = ()) -> None:
        self._files.update(files)
        self.writable = tuple(writable)

    def run(self) -> RunResult:
        ended = self._behaviour(self._spec, self._files)
        if isinstance(ended, BaseException):
            raise ended
        self._ended = ended
        return RunResult(
            ended.code,
            ended.output,
            1.5,
            ended.timed_out,
            ended.out_of_memory,
            ended.spilled,
            ended.crowded,
        )

    def copy_out(self, path: str) -> Mapping[str, bytes]:
        if self._ended.refused:
            raise BuildError(self._ended.refused)
        return self._ended.files if path in self.writable else {}

    def kind(self, path: str) -> str:
        name = path.partition("/")[2]
        return self._ended.kinds.get(name, "a regular file" if name in self._ended.files else "")


class FakeLab(FakeEngine):
    """The fake engine as a proof sees it: one image, and a memory of every container and whether it was removed."""

    def __init__(self, behaviour: Behaviour = passes, labels: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.behaviour = behaviour
        self.labels = {"io.imgbuild.plan": DIGEST} if labels is None else labels
        self.specs: list[ContainerSpec] = []
        self.removed = 0

    def find(self, ref: str) -> ImageInfo | None:
        known = ref in {IMAGE, "imgbuild/regression:latest"}
        return (
            ImageInfo(IMAGE, ("imgbuild/regression:latest",), self.labels, 1, "linux/amd64")
            if known
            else None
        )

    @contextmanager
    def container(self, spec: ContainerSpec) -> Iterator[FakeContainer]:
        self.specs.append(spec)
        try:
            yield FakeContainer(spec, self.behaviour)
        finally:
            self.removed += 1


def environment_lock(name: str = "regression", versions: Mapping[str, str] = VERSIONS) -> EnvironmentLock:
    """A lock that holds these conda packages."""
    packages = tuple(
        CondaPackage(
            url=f"kit:///channel/linux-64/{package}-{version}-0.conda",
            sha256="0" * 64,
            name=package,
            version=version,
            build="0",
            subdir="linux-64",
            channel="kit:///channel",
            md5="0" * 32,
        )
        for package, version in versions.items()
    )
    return EnvironmentLock(name=name, channels=("conda-forge",), conda=packages, input_digest="1" * 64)


def spec_of(folder: Path, *names: str, **more: object) -> ImageSpec:
    """An image called regression, with environments of these names; more: fields of the spec."""
    file = folder / "environment.yml"
    return ImageSpec.model_validate(
        {
            "name": "regression",
            "folder": folder,
            "base": Base(
                key="debian-bookworm",
                ref="docker.io/library/debian:bookworm-slim",
                family="debian",
                suite="bookworm",
                glibc="2.36",
                platforms=("linux/amd64",),
            ),
            "installer": None,
            "environments": tuple(
                CondaEnvironment(name=name, channels=("conda-forge",), conda=("python",), file=file)
                for name in names
            ),
            **more,
        }
    )


SETTING = Setting(spec_of(Path("/nowhere"), "regression"), 1)


def plan_of(
    folder: Path,
    *tests: SmokeTest,
    locks: Sequence[EnvironmentLock] | None = None,
    env: Mapping[str, str] | None = None,
    lineage: tuple[str, ...] = (),
    **more: object,
) -> Plan:
    """A plan with these smoke tests, by default of one environment called regression."""
    locks = locks or (environment_lock(),)
    spec = spec_of(
        folder, *(lock.name for lock in locks), lineage=lineage, env=dict(env or {}), smoke=tests, **more
    )
    lock_set = LockSet(
        image="regression",
        platform="linux/amd64",
        source=SourceId(kind="kit", kit="b" * 64),
        base=LockedBase(key="debian-bookworm", ref="imgbuild/base:0", glibc="2.36"),
        installer=LockedInstaller(
            url="kit:///installer/x.sh",
            sha256="2" * 64,
            kind="miniconda",
            version="26.5.3-1",
            stand_in=True,
        ),
        environments=tuple(locks),
    )
    return Plan(spec=spec, lock=lock_set, groups=(), digest=DIGEST)
