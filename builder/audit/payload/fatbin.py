"""Device code inside a file: the entries of its fat binaries, read from their headers, which are never compressed.

NVIDIA documents the tools (cuobjdump, fatbinary) and not the layout. What is used here was measured on files that nvcc
13.0 and 13.5 and nvFatbin 12.4 to 13.0 made, and on the libraries of torch 2.15, against what cuobjdump says of them.
Files are searched as a whole: cuFFT, cuBLASLt, cuDNN and torch keep kernels in sections of ordinary data.
"""

from __future__ import annotations

import re
import struct
from typing import Any, List, NamedTuple, Optional, Set, Tuple

from builder.audit.payload.elf import ElfError

_MAGIC = struct.pack("<I", 0xBA55ED50)
_HEAD = struct.Struct("<IHHQ")  # magic, version, size of this header, size of what follows
_ENTRY = struct.Struct("<HHIQI4xHHI8xQ8xQ")
# kind, version, header size, payload size, of it compressed, minor, major, target, flags, unpacked size
_PTX, _CODE, _LTO = 1, 2, 8  # LTO: intermediate code, which a library links by itself
_SPECIFIC, _FAMILY = 1 << 20, 1 << 21
_ALIGNED = 8
_OLDEST, _NEWEST = 10, 999  # what a target can be called; the first GPU with CUDA was 1.0
_ASKED = b"-arch "
_NAME = re.compile(rb"sm_[0-9]{2,3}[af]?")
_LARGEST_STUB = 8192  # bytes; the largest that was seen has 6,976


class Entry(NamedTuple):
    """What one entry is compiled for: `sm_90a`, `compute_120`."""

    ptx: bool
    name: str


def targets(data: Any) -> Tuple[Set[str], Set[str]]:
    """(machine code, PTX) of all fat binaries in a file's bytes."""
    code: Set[str] = set()
    ptx: Set[str] = set()
    place = data.find(_MAGIC)
    while place >= 0:
        found = _fat_binary(data, place)
        if found is None:
            place = data.find(_MAGIC, place + len(_MAGIC))
            continue
        end, entries = found
        for entry in entries:
            (ptx if entry.ptx else code).add(entry.name)
        place = data.find(_MAGIC, end)
    return code, ptx


def _fat_binary(data: Any, place: int) -> Optional[Tuple[int, List[Entry]]]:
    """(end, entries) of one; None where four bytes only look like its start: programs hold them as a number."""
    if place % _ALIGNED or place + _HEAD.size > len(data):
        return None
    _, version, size, rest = _HEAD.unpack_from(data, place)
    end = place + int(size) + int(rest)
    if version != 1 or size != _HEAD.size or end > len(data):
        return None
    place, entries = place + _HEAD.size, []
    while place < end:
        if place + _ENTRY.size > end:
            return None
        kind, _, head, payload, packed, _, _, number, flags, _ = _ENTRY.unpack_from(data, place)
        if kind not in (_PTX, _CODE, _LTO) or head < _ENTRY.size or not _OLDEST <= number <= _NEWEST:
            return None
        if kind == _PTX or (kind == _CODE and not _is_stub(data, place + head, payload, packed)):
            only = "a" if flags & _SPECIFIC else "f" if flags & _FAMILY else ""
            entries.append(
                Entry(kind == _PTX, "%s_%d%s" % ("compute" if kind == _PTX else "sm", number, only))
            )
        place += head + payload
    return (end, entries) if place == end else None


def _is_stub(data: Any, place: int, size: int, packed: int) -> bool:
    """Whether machine code holds no kernel: nvcc adds such a piece of its device linker to every library.

    Only those that are not compressed are known; they matter where nothing else is there, as in cuFFTW.
    """
    return not packed and size < _LARGEST_STUB and data.find(b".text.", place, place + size) < 0


def of_cubin(data: Any, flags: int) -> str:
    """The target of a file that is device code itself (EM_CUDA).

    What ptxas was asked for stands in a note; the ELF flags have the number alone: up to ABI version 7 in the lowest
    byte, from 8 (CUDA 13) in the second one. Raises ElfError where it is no target.
    """
    asked = data.find(_ASKED)
    if asked >= 0:
        said = _NAME.match(bytes(data[asked + len(_ASKED) : asked + 40]))
        if said is not None:
            return said[0].decode("ascii")
    number = flags >> 8 & 0xFF if data[8] >= 8 else flags & 0xFF
    if number < _OLDEST:
        raise ElfError("it is device code, and does not say for which GPU")
    return "sm_%d" % number
