"""builder/data/audit.yml as values; the file's head says what the fields mean."""

from __future__ import annotations

import posixpath
import re
from fnmatch import fnmatchcase
from functools import cache
from typing import Literal, TypeAlias

from builder.data.tables import read_table
from builder.values import Value

Choice: TypeAlias = Literal["nearest", "major", "torch", "libraries", "other"]
_CUDA_NAME = re.compile(r"lib([A-Za-z_]+?)(?:[-.][0-9a-f]{8})?\.so(?:\.([0-9]+))?(?:\.[0-9.]+)?")


class OptionalPart(Value):
    """Files that a package works without on some GPUs. weight: of what is told where it does."""

    package: str
    file: str
    loses: str
    weight: Literal["warning", "note"] = "warning"
    source: str

    def is_of(self, package: str, path: str) -> bool:
        """Whether a package's file is one of them."""
        return fnmatchcase(package, self.package) and fnmatchcase(path, f"*/{self.file}")


class Excepted(Value):
    """Files for which a rule does not hold, and why."""

    file: str
    because: str
    source: str


class OptionalLink(Value):
    """Libraries that a file may ask for in vain."""

    file: str
    wants: str
    because: str
    source: str

    def is_of(self, path: str, library: str) -> bool:
        """Whether that file may lack that library."""
        return fnmatchcase(path, f"*/{self.file}") and fnmatchcase(library, self.wants)


class Variant(Value):
    """Builds side by side, of which at most one is loaded. override: a variable that names its digits."""

    package: str
    file: str
    rule: Choice
    override: str = ""
    loses: str = ""
    source: str

    def digits(self, path: str) -> str | None:
        """The digits that a path has for `{line}`; `` for a pattern without; None where it is no such file."""
        return _pattern(self.file, path)


class CudaLibrary(Value):
    """A library of NVIDIA's, by the name between `lib` and `.so`.

    majors: CUDA majors by the number in its name where that is another one, empty where it says nothing of CUDA.
    wheel: what brings it, with {tag} for -cu12.
    """

    majors: dict[str, str] | None = None
    wheel: str = ""

    def cuda(self, number: str) -> str:
        """`12` or `12 and 13`: the CUDA that this number belongs to; empty where it does not say."""
        return number if self.majors is None else self.majors.get(number, "")


class Table(Value):
    """The whole file."""

    optional_parts: tuple[OptionalPart, ...]
    loaded_by_path: tuple[Excepted, ...]
    host_files: tuple[Excepted, ...]
    optional_links: tuple[OptionalLink, ...]
    variants: tuple[Variant, ...]
    cuda_libraries: dict[str, CudaLibrary]
    system_libraries: dict[str, str]

    def part(self, package: str, path: str) -> OptionalPart | None:
        """The row that says that a package works without this file on some GPUs."""
        return next((row for row in self.optional_parts if row.is_of(package, path)), None)

    def is_loaded_by_path(self, path: str) -> bool:
        """Whether the tag in an extension's name says nothing of the Python that loads it."""
        return any(fnmatchcase(path, f"*/{row.file}") for row in self.loaded_by_path)

    def is_host_file(self, path: str) -> bool:
        """Whether its device code is never run."""
        return any(fnmatchcase(posixpath.basename(path), row.file) for row in self.host_files)


@cache
def table() -> Table:
    """The table, read once."""
    return Table.model_validate(read_table("audit.yml"))


class CudaName(Value):
    """What the name of a library of NVIDIA's says: stem `cudart`, number `12` (empty without one)."""

    stem: str
    number: str
    row: CudaLibrary

    @property
    def cuda(self) -> str:
        """The CUDA majors that it belongs to, as text; empty where that is open."""
        return self.row.cuda(self.number) if self.number else ""


@cache
def cuda_name(name: str) -> CudaName | None:
    """Of `libcudart.so.12`, `libnvjpeg.4a0b5c81.so.13`, `libcudnn_ops.so.9`; None for all other libraries."""
    found = _CUDA_NAME.fullmatch(name)
    if found is None:
        return None
    row = table().cuda_libraries.get(found[1]) or table().cuda_libraries.get(found[1].partition("_")[0])
    return CudaName(stem=found[1], number=found[2] or "", row=row) if row else None


@cache
def _compiled(file: str) -> re.Pattern[str]:
    parts = re.split(r"(\{line\}|\*)", file)
    spelled = {"{line}": "([0-9]+)", "*": "[^/]*"}
    return re.compile(".*/" + "".join(spelled.get(part, re.escape(part)) for part in parts))


def _pattern(file: str, path: str) -> str | None:
    found = _compiled(file).fullmatch(path)
    if found is None:
        return None
    return found[1] if found.groups() else ""
