"""toolkits.yml: the compute capabilities of every line's compiler, out of NVIDIA's wheels. Drivers are a person's."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from builder.data.rows import Row
from builder.gpu.target import capability
from builder.progress import Note
from builder.store.remote import RemoteFile
from builder.store.simple import IndexFile
from builder.workflow.refresh.model import YAML, Context, Reading, Rows
from builder.workflow.refresh.wheels import read_compiler

PROJECTS = ("nvidia-cuda-nvcc-cu11", "nvidia-cuda-nvcc-cu12", "nvidia-cuda-nvcc")
OLDEST = Version("11.8")
FEWEST = 8
"""Capabilities of a compiler, at least: the shortest list so far, of CUDA 13.0, has 12; fewer are a misreading."""
READERS = 4


class ToolkitTable:
    """All its rows; of each, the capabilities and the version of the compiler that names them."""

    name = "toolkits"
    file = "toolkits.yml"
    facts = ("compute",)
    form = YAML
    beside: tuple[str, ...] = ()

    def key(self, row: Row) -> str | None:
        """The line."""
        return f"CUDA {row.key}"

    def order(self, row: Row) -> tuple[object, ...]:
        """Oldest first."""
        return (Version(row.key or "0"),)

    def read(self, context: Context) -> Reading:
        """The newest compiler of every line. A line without a row is told: only a person knows its driver."""
        newest = _newest(file for project in PROJECTS for file in context.index.files(project))
        with ThreadPoolExecutor(READERS) as pool:
            able = list(pool.map(lambda one: _read(one, context), newest.values()))
        known = context.held[self.file]
        rows: dict[str, Row] = {}
        needs: list[str] = []
        for (line, (version, _)), compute in zip(newest.items(), able, strict=True):
            key = f"CUDA {line}"
            if key in known:
                rows[key] = Row(line, {**known[key].fields, "compute": list(compute), "nvcc": str(version)})
            else:
                needs.append(
                    f"{key} has no row: read its driver in the release notes, then add it (its compiler, "
                    f"{version}, compiles for {', '.join(compute)})"
                )
        return Reading(rows, tuple(needs))

    def faults(self, known: Rows, found: Rows, context: Context) -> Iterator[str]:
        """Lines that vanished, compilers that lost something or are older than the one that was read before."""
        del context
        for key, old in known.items():
            if key not in found:
                yield f"{key} is known, and the index has no compiler of it"
                continue
            new = found[key]
            compute = new.fields["compute"]
            lost = [one for one in old.fields["compute"] if one not in compute]
            if len(compute) < FEWEST:
                yield f"{key}: its compiler names {len(compute)} capabilities, fewer than {FEWEST} are not likely"
            elif lost:
                yield f"{key}: its compiler lost {', '.join(lost)}"
            if Version(new.fields["nvcc"]) < Version(old.fields["nvcc"]):
                yield f"{key}: the index has nvcc {new.fields['nvcc']}, and {old.fields['nvcc']} was read before"
            yield from (f"{key}: {one!r} is no compute capability" for one in compute if not _likely(one))


def _newest(files: Iterator[IndexFile]) -> dict[str, tuple[Version, IndexFile]]:
    """By line, oldest first."""
    found: dict[str, tuple[Version, IndexFile]] = {}
    for file in files:
        try:
            _, version, _, tags = parse_wheel_filename(file.filename)
        except InvalidWheelFilename:
            continue
        fits = any("linux" in tag.platform and tag.platform.endswith("x86_64") for tag in tags)
        if not fits or file.yanked or version.is_prerelease or version < OLDEST:
            continue
        line = f"{version.major}.{version.minor}"
        if line not in found or version > found[line][0]:
            found[line] = (version, file)
    return dict(sorted(found.items(), key=lambda item: item[1][0]))


def _read(one: tuple[Version, IndexFile], context: Context) -> tuple[str, ...]:
    version, file = one
    with (
        context.index.session() as session,
        RemoteFile(session, file.url, context.index.policy) as remote,
    ):
        compute = read_compiler(remote, file.filename)
        context.observer(
            Note(f"nvcc {version}: {len(compute)} capabilities ({remote.fetched / 1e6:.0f} MB read)")
        )
    return compute


def _likely(text: str) -> bool:
    return 2 <= capability(text).major <= 99
