"""torch.yml: the builds with CUDA that the package index has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from builder.data.rows import Row
from builder.gpu.target import RENAMED, capability, target
from builder.progress import Note
from builder.store.remote import RemoteFile
from builder.store.simple import IndexFile
from builder.workflow.refresh.model import YAML, Context, Reading, Rows
from builder.workflow.refresh.wheels import TorchWheel, read_torch

OLDEST = Version("2.1")  # older ones have no table to be in: nothing of this program speaks of them
LEAST_SHARE = 0.8
"""An index that lists fewer of the known builds mirrors a part, or was read while it changed."""
READERS = 4  # wheels at a time: more make an index answer 429, and gain little
_MACHINES = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}
_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)+")
_LINE = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}")
_PYTHON = re.compile(r"cp3([0-9]+)")


@dataclass
class _Release:
    """The wheels of one release for one platform."""

    version: Version
    platform: str
    files: list[IndexFile] = field(default_factory=list)
    minors: set[int] = field(default_factory=set)

    @property
    def chosen(self) -> IndexFile:
        """The wheel to read: of the lowest Python, and of several builds of it the newest, which pip takes too."""
        return min(self.files, key=lambda one: (_python(one), tuple(-part for part in _build(one))))

    @property
    def key(self) -> str:
        return f"torch {self.version} of pypi for {self.platform}"


class TorchTable:
    """Rows of the index `pypi`; those of the project's own indexes are edited by a person."""

    name = "torch"
    file = "torch.yml"
    facts = ("cuda", "targets", "python", "cudnn", "nccl", "triton")
    form, beside = YAML, ("toolkits.yml",)

    def key(self, row: Row) -> str | None:
        """Release and platform."""
        told = row.fields
        platform = told.get("platform", "linux/amd64")
        return f"torch {told['version']} of pypi for {platform}" if told["index"] == "pypi" else None

    def order(self, row: Row) -> tuple[object, ...]:
        """By release, then platform, the one from `pypi` first, then by line."""
        told = row.fields
        line = capability(told["cuda"])
        return Version(told["version"]), told.get("platform", ""), told["index"] != "pypi", line

    def read(self, context: Context) -> Reading:
        """A wheel of every release and platform, and in it the few files that tell."""
        releases = list(_releases(context.index.files("torch")))
        with ThreadPoolExecutor(READERS) as pool:
            wheels = list(pool.map(lambda one: _read(one, context), releases))
        rows = {
            release.key: _row(release, wheel, context)
            for release, wheel in zip(releases, wheels, strict=True)
            if wheel is not None
        }
        return Reading(rows)

    def faults(self, known: Rows, found: Rows, context: Context) -> Iterator[str]:
        """Rows that vanished or lost something, and values that cannot be."""
        gone = [key for key in known if key not in found]
        if len(known) - len(gone) < LEAST_SHARE * len(known):
            yield f"the index has {len(known) - len(gone)} of the {len(known)} builds that are known"
            return
        yield from (f"{key} is known, and not on the index" for key in gone)
        for key, row in found.items():
            yield from (f"{key}: {fault}" for fault in _odd(row, context))
            if key in known:
                yield from (f"{key}: {fault}" for fault in _lost(known[key], row))


def _releases(files: tuple[IndexFile, ...]) -> Iterator[_Release]:
    """Final releases with wheels for Linux, oldest first. Those that were taken back are known or not wanted."""
    found: dict[tuple[Version, str], _Release] = {}
    for file in files:
        try:
            _, version, _, tags = parse_wheel_filename(file.filename)
        except InvalidWheelFilename:
            continue  # a source archive, or a name of old
        if version.is_prerelease or version < OLDEST or file.yanked:
            continue
        for tag in tags:
            machine = next(
                (one for one in _MACHINES if "linux" in tag.platform and tag.platform.endswith(one)), ""
            )
            minor = _PYTHON.fullmatch(tag.interpreter)
            if machine and minor and not tag.abi.endswith("t"):
                platform = _MACHINES[machine]
                one = found.setdefault((version, platform), _Release(version, platform))
                one.minors.add(int(minor[1]))
                one.files.append(file)
    for place in sorted(found):
        yield found[place]


def _python(file: IndexFile) -> int:
    tags = parse_wheel_filename(file.filename)[3]
    return min(int(found[1]) for tag in tags if (found := _PYTHON.fullmatch(tag.interpreter)))


def _build(file: IndexFile) -> tuple[int, ...]:
    build = parse_wheel_filename(file.filename)[2]
    return (build[0],) if build else (-1,)


def _read(release: _Release, context: Context) -> TorchWheel | None:
    file = release.chosen
    with (
        context.index.session() as session,
        RemoteFile(session, file.url, context.index.policy) as remote,
    ):
        wheel = read_torch(remote, file.filename)
        read = f"{remote.fetched / 1e6:.0f} MB read"
    found = f"CUDA {wheel.cuda}" if wheel else "a build without CUDA"
    context.observer(Note(f"{file.filename}: {found} ({read})"))
    return wheel


def _row(release: _Release, wheel: TorchWheel, context: Context) -> Row:
    pins = {
        name: next((version for project, version in wheel.requires.items() if project.startswith(start)), "")
        for name, start in (("cudnn", "nvidia-cudnn"), ("nccl", "nvidia-nccl"), ("triton", "triton"))
    }
    fields = {
        "version": str(release.version),
        "cuda": wheel.cuda,
        "index": "pypi",
        "platform": release.platform,
        "targets": list(wheel.targets),
        "python": [f"3.{min(release.minors)}", f"3.{max(release.minors)}"],
        **{name: version for name, version in pins.items() if version},
        "source": f"wheel on PyPI, read on {context.today}",
    }
    return Row(None, fields)


def _odd(row: Row, context: Context) -> Iterator[str]:
    told = row.fields
    for name in ("version", "cudnn", "nccl", "triton"):
        if name in told and not _VERSION.fullmatch(told[name]):
            yield f"{name} is {told[name]!r}, which is no version"
    if not _LINE.fullmatch(told["cuda"]):
        yield f"cuda is {told['cuda']!r}, which is no CUDA line"
        return
    toolkit = context.held["toolkits.yml"].get(f"CUDA {told['cuda']}")
    if toolkit is None:
        yield f"CUDA {told['cuda']} has no row in toolkits.yml: a person adds it first, with its driver"
        return
    able = {capability(text) for text in toolkit.fields["compute"]}
    for text in told["targets"]:
        wanted = target(text).capability
        if not {wanted, RENAMED.get(wanted, wanted)} & able:
            yield f"{text} is none of the targets of CUDA {told['cuda']}"


def _lost(old: Row, new: Row) -> Iterator[str]:
    lost = [text for text in old.fields["targets"] if text not in new.fields["targets"]]
    if lost:
        yield f"a known build lost {', '.join(lost)}"
    if old.fields["cuda"] != new.fields["cuda"]:
        yield f"a known build went from CUDA {old.fields['cuda']} to {new.fields['cuda']}"
    for name in ("cudnn", "nccl", "triton"):
        if name in old.fields and name not in new.fields:
            yield f"a known build lost its {name}"
