"""What of an environment will be loaded: files by name, and of several builds side by side the right one."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from builder.audit.facts import Distribution, FileFacts, Inventory, TorchFacts
from builder.audit.payload.tree import environment_of, prefix_of
from builder.audit.tables import Variant, table
from builder.lock.cuda.line import Line, of_version

_SYSTEM = frozenset({"", "/", "/usr"})
# Distributions whose version is the toolkit's, by name without -cu12.
_TELLS_LINE = re.compile(r"nvidia-cuda-runtime(-cu[0-9]+)?|cuda-cudart|cuda-version")
_PRIVATE = ".libs/"  # where auditwheel puts what a wheel needs
_TAGGED = re.compile(r"/lib/python([0-9])\.([0-9]+)/.*\.cpython-([0-9])([0-9]+)[^/]*\.so")
_SYSROOT = "/sysroot/"  # of conda's compilers: to link against, never loaded


@dataclass(frozen=True)
class Chosen:
    """What became of builds side by side: the digits that are loaded, None where none is; those that were there."""

    variant: Variant
    digits: str | None
    there: tuple[str, ...]
    files: tuple[FileFacts, ...]


@dataclass(frozen=True)
class Environment:
    """One prefix of an inventory. files: those that will be loaded; chosen: of what stands side by side."""

    prefix: str
    files: tuple[FileFacts, ...]
    torch: TorchFacts | None
    distributions: tuple[Distribution, ...]
    chosen: tuple[Chosen, ...] = ()

    @cached_property
    def by_name(self) -> Mapping[str, FileFacts]:
        """Every name that a library of the environment may be asked for by."""
        loaded = [one for one in self.files if _SYSROOT not in one.path]
        names = {posixpath.basename(one.path): one for one in loaded}
        # A library that a wheel brought for itself, under a name of its own, is for its own files.
        shared = (one for one in loaded if one.soname and _PRIVATE not in one.path)
        return {**names, **{one.soname: one for one in shared}}

    @cached_property
    def line(self) -> Line | None:
        """The CUDA line of its torch, else of its CUDA runtime; None where nothing says one."""
        return _line(self.torch, self.distributions)

    @property
    def is_judged(self) -> bool:
        """Whether all of its files are the image's own work, and not the operating system's."""
        return self.prefix not in _SYSTEM

    def line_of(self, path: str) -> Line | None:
        """The CUDA that made a file, where that is known: of torch's own files, and of chosen builds."""
        if self.torch and self.torch.cuda and path.startswith(f"{self.torch.site}/torch/"):
            return of_version(self.torch.cuda)
        for one in self.chosen:
            if one.variant.rule == "nearest" and one.digits and one.variant.digits(path) == one.digits:
                return Line(*_number(one.digits))
        return None


def environments(inventory: Inventory, variables: Mapping[str, str] | None = None) -> Iterator[Environment]:
    """Every environment, the active one first. variables: of the image, which may name a build to load."""
    by_prefix: dict[str, list[FileFacts]] = {prefix: [] for prefix in inventory.prefixes}
    for one in sorted(inventory.files, key=lambda facts: facts.path):
        by_prefix.setdefault(environment_of(one.path, inventory.prefixes), []).append(one)
    names = _names(inventory)
    for prefix, files in by_prefix.items():
        torch = next((one for one in inventory.torch if prefix_of(one.site) == prefix), None)
        own = tuple(one for one in inventory.distributions if _is_below(one.site, prefix))
        line = _line(torch, own)
        chosen = tuple(_choose(files, torch, line, names, variables or {}))
        idle = {one.path for choice in chosen for one in choice.files if not _is_loaded(choice, one)}
        active = tuple(one for one in files if one.path not in idle and not _is_of_another_python(one.path))
        yield Environment(prefix, active, torch, own, chosen)


def _is_of_another_python(path: str) -> bool:
    """Whether an extension is tagged for a Python that is not the one whose packages it lies among."""
    found = _TAGGED.search(path)
    other = found is not None and (found[1], found[2]) != (found[3], found[4])
    return other and not table().is_loaded_by_path(path)


def _names(inventory: Inventory) -> frozenset[str]:
    """All names of libraries that are anywhere in the image."""
    paths = [*(one.path for one in inventory.files), *inventory.links]
    return frozenset({posixpath.basename(path) for path in paths} | {one.soname for one in inventory.files})


def _is_below(site: str, prefix: str) -> bool:
    return site == prefix or (site.endswith("-packages") and prefix_of(site) == prefix)


def _line(torch: TorchFacts | None, distributions: Sequence[Distribution]) -> Line | None:
    if torch is not None:
        return of_version(torch.cuda) if torch.cuda else None
    tells = (one.version for one in distributions if _TELLS_LINE.fullmatch(one.name))
    return max((line for version in tells if (line := of_version(version))), default=None)


def _is_loaded(choice: Chosen, one: FileFacts) -> bool:
    return choice.digits is not None and choice.variant.digits(one.path) == choice.digits


def _choose(
    files: Sequence[FileFacts],
    torch: TorchFacts | None,
    line: Line | None,
    names: frozenset[str],
    variables: Mapping[str, str],
) -> Iterator[Chosen]:
    for variant in table().variants:
        found = [(digits, one) for one in files if (digits := variant.digits(one.path)) is not None]
        if not found:
            continue
        there = sorted({digits for digits, _ in found}, key=lambda digits: int(digits or 0))
        mine = tuple(one for _, one in found)
        named = variables.get(variant.override) if variant.override else None
        digits = named or _by_rule(variant, there, mine, torch, line, names)
        yield Chosen(variant, digits, tuple(there), mine)


def _by_rule(
    variant: Variant,
    there: Sequence[str],
    files: Sequence[FileFacts],
    torch: TorchFacts | None,
    line: Line | None,
    names: frozenset[str],
) -> str | None:
    if variant.rule == "nearest":
        return nearest(there, of_version(torch.cuda)) if torch and torch.cuda else None
    if variant.rule == "major":
        return str(line.major) if line and str(line.major) in there else None
    if variant.rule == "torch":
        release = "".join(torch.version.split(".")[:2]) if torch else ""
        return release if release in there else None
    if variant.rule == "libraries":
        lacking = {variant.digits(one.path) for one in files if not names.issuperset(_own_needs(one))}
        return next((digits for digits in reversed(there) if digits not in lacking), None)
    return None


def _own_needs(one: FileFacts) -> list[str]:
    """What a build asks for that tells it from the others: FFmpeg's libraries."""
    return [name for name in one.needed if name.startswith(("libav", "libsw"))]


def nearest(lines: Sequence[str], wanted: Line | None) -> str | None:
    """The digits of the build for a line, else the highest lower, else the lowest higher one of the same major."""
    if wanted is None:
        return None
    aim = (wanted.major, wanted.minor or 0)
    same = sorted((line for line in lines if _number(line)[0] == aim[0]), key=_number)
    lower = [line for line in same if _number(line) <= aim]
    return lower[-1] if lower else (same[0] if same else None)


def _number(digits: str) -> tuple[int, int]:
    """126 is (12, 6)."""
    return int(digits[:2]), int(digits[2:] or 0)
