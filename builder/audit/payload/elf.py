"""One ELF file as the dynamic loader sees it: what it needs, where it looks, which symbols and versions.

Follows the System V ABI (ELF-64, little endian) and the GNU extensions (symbol versions, DT_GNU_HASH) of glibc's elf.h.
Everything is reached through the program headers, because section headers may be stripped.
"""

from __future__ import annotations

import struct
from typing import Any, Dict, Iterator, List, Optional, Tuple

MAGIC = b"\x7fELF"
CUDA = 190  # EM_CUDA: the file itself is device code
MACHINES = {62: "x86_64", 183: "aarch64", 3: "i386", 40: "arm", 21: "ppc64", 22: "s390", 243: "riscv"}

_NEEDED, _HASH, _STRTAB, _SYMTAB, _SONAME, _RPATH, _RUNPATH = 1, 4, 5, 6, 14, 15, 29
_GNU_HASH, _VERDEF, _VERDEFNUM, _VERNEED, _VERNEEDNUM = (
    0x6FFFFEF5,
    0x6FFFFFFC,
    0x6FFFFFFD,
    0x6FFFFFFE,
    0x6FFFFFFF,
)
_LOAD, _DYNAMIC = 1, 2
_DYNSYM_SECTION = 11
_SYMBOL = 24
_GLOBAL = 1
_WEAK_VERSION = 2


class ElfError(Exception):
    """The file says that it is ELF, and is not one that this module reads; str() is the reason."""


class Elf:
    """A file. data: bytes, or a mmap of them. Raises ElfError, also where offsets lead out of the file."""

    def __init__(self, data: Any) -> None:
        self.data = data
        if len(data) < 64 or data[:4] != MAGIC:
            raise ElfError("it is cut short")
        if data[4] != 2 or data[5] != 1:
            raise ElfError("it is not a 64-bit little-endian file")
        head = struct.unpack_from("<HHIQQQIHHHHHH", data, 16)
        self.number = head[1]
        self.machine = MACHINES.get(self.number, "machine %d" % self.number)
        self.flags = head[6]
        self._program = (head[4], head[8], head[9])
        self._sections = (head[5], head[10], head[11])
        try:
            self._loads, dynamic = self._segments()
            self._entries = self._dynamic(dynamic)
        except (struct.error, OverflowError):
            raise ElfError("its headers lead out of the file") from None

    def _segments(self) -> Tuple[List[Tuple[int, int, int]], Tuple[int, int]]:
        """(address, size, offset) of what is loaded, and (offset, size) of the dynamic segment."""
        offset, size, count = self._program
        loads, dynamic = [], (0, 0)
        for number in range(count):
            kind, _, place, address, _, stored = struct.unpack_from(
                "<IIQQQQ", self.data, offset + number * size
            )
            if kind == _LOAD:
                loads.append((address, stored, place))
            elif kind == _DYNAMIC:
                dynamic = (place, stored)
        return loads, dynamic

    def _dynamic(self, segment: Tuple[int, int]) -> List[Tuple[int, int]]:
        offset, size = segment
        found = []
        for place in range(offset, offset + size - 15, 16):
            tag, value = struct.unpack_from("<qQ", self.data, place)
            if tag == 0:
                break
            found.append((tag, value))
        return found

    def _value(self, tag: int) -> Optional[int]:
        return next((value for name, value in self._entries if name == tag), None)

    def _offset(self, tag: int) -> Optional[int]:
        """Where in the file the address of a dynamic entry lies."""
        address = self._value(tag)
        if address is None:
            return None
        for start, size, offset in self._loads:
            if start <= address < start + size:
                return offset + address - start
        return None

    def text(self, start: int) -> bytes:
        """The bytes up to the next zero, from an offset in the file."""
        end = self.data.find(b"\0", start)
        if start < 0 or end < 0:
            raise ElfError("a name leads out of the file")
        return bytes(self.data[start:end])

    def _string(self, value: int) -> str:
        table = self._offset(_STRTAB)
        if table is None:
            raise ElfError("it has no table of names")
        return self.text(table + value).decode("utf-8", "replace")

    def _strings(self, tag: int) -> List[str]:
        return [self._string(value) for name, value in self._entries if name == tag]

    @property
    def needed(self) -> List[str]:
        """Libraries it asks for, in order."""
        return self._strings(_NEEDED)

    @property
    def soname(self) -> str:
        """What others call it; empty where it has no name of its own."""
        return next(iter(self._strings(_SONAME)), "")

    @property
    def rpath(self) -> List[str]:
        """Directories of DT_RPATH, which the files that it loads inherit."""
        return [part for text in self._strings(_RPATH) for part in text.split(":") if part]

    @property
    def runpath(self) -> List[str]:
        """Directories of DT_RUNPATH, which are its own only."""
        return [part for text in self._strings(_RUNPATH) for part in text.split(":") if part]

    def wanted_versions(self) -> Iterator[Tuple[str, str]]:
        """(library, version name) of every version that must be there: (`libc.so.6`, `GLIBC_2.28`)."""
        offset = self._offset(_VERNEED)
        if offset is None:
            return
        for _ in range(self._value(_VERNEEDNUM) or 0):
            _, parts, file, first, following = struct.unpack_from("<HHIII", self.data, offset)
            library, part = self._string(file), offset + first
            for _ in range(parts):
                _, flags, _, name, after = struct.unpack_from("<IHHII", self.data, part)
                if not flags & _WEAK_VERSION:
                    yield library, self._string(name)
                part += after
            if not following:
                return
            offset += following

    def given_versions(self) -> Iterator[str]:
        """Version names that it defines: `GLIBCXX_3.4.30`."""
        offset = self._offset(_VERDEF)
        if offset is None:
            return
        for _ in range(self._value(_VERDEFNUM) or 0):
            *_, first, following = struct.unpack_from("<HHHHIII", self.data, offset)
            yield self._string(struct.unpack_from("<II", self.data, offset + first)[0])
            if not following:
                return
            offset += following

    def undefined(self) -> Iterator[bytes]:
        """Names of symbols that another file must define; weak ones may stay undefined and are not among them."""
        symbols, names = self._offset(_SYMTAB), self._offset(_STRTAB)
        if symbols is None or names is None:
            return
        for place in range(symbols + _SYMBOL, symbols + self._symbol_end() * _SYMBOL, _SYMBOL):
            name, info, _, section = struct.unpack_from("<IBBH", self.data, place)
            if section == 0 and info >> 4 == _GLOBAL:
                yield self.text(names + name)

    def _symbol_end(self) -> int:
        """Number of the first symbol behind all undefined ones: the linker puts those that are defined last."""
        count = self._symbol_count()
        table = self._gnu_hash()
        return min(count, table.first) if table is not None and table.has_symbols else count

    def _symbol_count(self) -> int:
        start, size, count = self._sections
        for number in range(count):
            place = start + number * size
            kind = struct.unpack_from("<I", self.data, place + 4)[0]
            if kind == _DYNSYM_SECTION:
                return int(struct.unpack_from("<Q", self.data, place + 32)[0]) // _SYMBOL
        old = self._offset(_HASH)
        if old is not None:
            return int(struct.unpack_from("<I", self.data, old + 4)[0])
        table = self._gnu_hash()
        return table.count() if table is not None else 0

    def _gnu_hash(self) -> Optional["_GnuHash"]:
        offset = self._offset(_GNU_HASH)
        return None if offset is None else _GnuHash(self.data, offset)

    def defines(self, name: bytes) -> bool:
        """Whether it exports a symbol, in any version. Only files with DT_GNU_HASH are asked: all since 2006."""
        table, symbols, names = self._gnu_hash(), self._offset(_SYMTAB), self._offset(_STRTAB)
        if table is None or symbols is None or names is None:
            return False
        for number in table.candidates(name):
            start, _, _, section = struct.unpack_from("<IBBH", self.data, symbols + number * _SYMBOL)
            place = names + start
            if section != 0 and self.data[place : place + len(name) + 1] == name + b"\0":
                return True
        return False


class _GnuHash:
    """The table of exported symbols: a Bloom filter, buckets, and chains of hashes."""

    def __init__(self, data: Any, offset: int) -> None:
        self.data = data
        self.buckets, self.first, words, self.shift = struct.unpack_from("<IIII", data, offset)
        self.words = words
        self._bloom = offset + 16
        self._bucket = self._bloom + 8 * words
        self._chain = self._bucket + 4 * self.buckets
        if not self.buckets or not words:
            raise ElfError("its table of symbols is empty")

    def _starts(self) -> Tuple[int, ...]:
        return struct.unpack_from("<%dI" % self.buckets, self.data, self._bucket)

    @property
    def has_symbols(self) -> bool:
        return any(self._starts())

    def count(self) -> int:
        """All symbols, defined or not: one behind the last of the chains."""
        last = max(self._starts())
        if last < self.first:
            return int(self.first)
        while not struct.unpack_from("<I", self.data, self._chain + 4 * (last - self.first))[0] & 1:
            last += 1
        return last + 1

    def candidates(self, name: bytes) -> Iterator[int]:
        """Numbers of the symbols whose hash is that of the name."""
        value = gnu_hash(name)
        word = struct.unpack_from("<Q", self.data, self._bloom + 8 * (value // 64 % self.words))[0]
        if not word >> (value % 64) & word >> ((value >> self.shift) % 64) & 1:
            return
        number = struct.unpack_from("<I", self.data, self._bucket + 4 * (value % self.buckets))[0]
        while number >= self.first:
            found = struct.unpack_from("<I", self.data, self._chain + 4 * (number - self.first))[0]
            if found | 1 == value | 1:
                yield number
            if found & 1:
                return
            number += 1


def gnu_hash(name: bytes) -> int:
    """The hash of DT_GNU_HASH: Bernstein's, in 32 bits."""
    value = 5381
    for byte in name:
        value = (value * 33 + byte) & 0xFFFFFFFF
    return value


def highest(versions: List[str]) -> Dict[str, str]:
    """The highest of each kind: [GLIBC_2.4, GLIBC_2.28, CXXABI_1.3] is {GLIBC: 2.28, CXXABI: 1.3}."""
    found: Dict[str, Tuple[int, ...]] = {}
    for version in versions:
        kind, _, number = version.rpartition("_")
        parts = number.split(".")
        if kind and all(part.isdigit() for part in parts):
            found[kind] = max(found.get(kind, ()), tuple(int(part) for part in parts))
    return {kind: ".".join(map(str, number)) for kind, number in sorted(found.items())}
