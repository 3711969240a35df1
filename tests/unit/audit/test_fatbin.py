from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.audit.payload.elf import ElfError
from builder.audit.payload.fatbin import of_cubin, targets

A, F, ZSTD = 1 << 20, 1 << 21, 0x8000
KERNEL = b"\x7fELF" + b".text.kernel".ljust(60, b"\0")
STUB = b"\x7fELF" + bytes(60)


def entry(kind: int, number: int, flags: int = 0x11, payload: bytes = KERNEL, packed: int = 0) -> bytes:
    head = struct.pack(
        "<HHIQIIHHIIIQQQ", kind, 0x101, 64, len(payload), packed, 0, 8, 1, number, 0, 0, flags, 0, 0
    )
    return head + payload


def fatbin(*entries: bytes) -> bytes:
    body = b"".join(entries)
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(body)) + body


def test_code_and_ptx_are_kept_apart() -> None:
    assert targets(fatbin(entry(2, 86), entry(1, 90))) == ({"sm_86"}, {"compute_90"})


def test_targets_of_one_architecture_or_one_family_are_marked() -> None:
    found = targets(fatbin(entry(2, 90, A | 0x11), entry(2, 100, F | 0x11), entry(1, 120, A | ZSTD)))
    assert found == ({"sm_90a", "sm_100f"}, {"compute_120a"})


def test_compressed_entries_are_read_by_their_headers() -> None:
    assert targets(fatbin(entry(2, 75, ZSTD, b"\x28\xb5\x2f\xfd" + bytes(20), packed=24))) == (
        {"sm_75"},
        set(),
    )


def test_all_fat_binaries_of_a_file_are_read_wherever_they_lie() -> None:
    data = bytes(64) + fatbin(entry(2, 80)) + bytes(8) + fatbin(entry(2, 90)) + bytes(24)
    assert targets(data) == ({"sm_80", "sm_90"}, set())


def test_the_linkers_own_piece_is_no_kernel() -> None:
    assert targets(fatbin(entry(2, 75, payload=STUB))) == (set(), set())
    assert targets(fatbin(entry(2, 75, payload=STUB), entry(2, 86))) == ({"sm_86"}, set())


def test_intermediate_code_covers_nothing() -> None:
    assert targets(fatbin(entry(8, 75), entry(1, 80))) == (set(), {"compute_80"})


def test_a_number_in_a_program_is_no_fat_binary() -> None:
    magic = struct.pack("<I", 0xBA55ED50)
    assert targets(b"\x90" * 4 + magic + b"\x90" * 40) == (set(), set())
    assert targets(magic + struct.pack("<HHQ", 1, 16, 1 << 40)) == (set(), set())
    assert targets(bytes(4) + fatbin(entry(2, 90))) == (set(), set()), "not aligned"
    whole = fatbin(entry(2, 90))
    assert targets(whole[:8] + struct.pack("<Q", len(whole) - 16 - 8) + whole[16:]) == (set(), set()), (
        "too short"
    )


@pytest.mark.parametrize("number", [0, 7, 1000, 4_000_000_000])
def test_what_no_gpu_is_called_makes_no_target(number: int) -> None:
    assert targets(fatbin(entry(2, number))) == (set(), set())


@given(st.binary(max_size=400))
def test_any_bytes_are_read_to_their_end(data: bytes) -> None:
    assert targets(fatbin(entry(2, 90)) + data)[0] >= {"sm_90"}
    targets(data)


def test_a_file_that_is_device_code_itself() -> None:
    old, new = bytearray(64), bytearray(64)
    old[8], new[8] = 7, 8
    assert of_cubin(old, 80) == "sm_80"
    assert of_cubin(new, 90 << 8 | 4) == "sm_90"
    assert of_cubin(bytes(new) + b"\0-arch sm_90a -m 64\0", 90 << 8 | 4) == "sm_90a"
    assert of_cubin(bytes(new) + b"\0-arch native\0", 90 << 8 | 4) == "sm_90"
    with pytest.raises(ElfError, match="for which GPU"):
        of_cubin(old, 0)
