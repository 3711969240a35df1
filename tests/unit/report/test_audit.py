"""The audit's text: golden pages at two widths, and what must hold at any."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from builder.audit.model import Audit
from builder.report.audit import audit_text
from builder.spec.model import Allowance
from tests.support.inventories import ask, base, elf, installed, read, torch_files

GOLDEN = Path(__file__).parent / "golden"


def audit() -> Audit:
    """One of everything."""
    files = (
        elf("torch/lib/libtorch_cuda_linalg.so", "torch 2.15.0", code="sm_80 sm_90 sm_100 sm_120"),
        elf("flash_attn_2_cuda.so", "flash-attn 2.8.3", code="sm_80 sm_90", needed="libc10.so"),
        elf(
            "xformers/_C.so",
            "xformers 0.0.35",
            code="sm_75 sm_80 sm_90a",
            ptx="compute_80",
            needed="libcudart.so.12",
        ),
        elf("nvidia/lib/libcublas.so.13", "nvidia-cublas 13.4.1.3", code="sm_75 sm_80 sm_90 sm_100 sm_120"),
        elf("nvidia/lib/libcurand.so.10", "nvidia-curand 10.4.0.35", code="sm_75 sm_80 sm_90 sm_100 sm_120"),
        elf(
            "nvidia/nvshmem/lib/nvshmem_bootstrap_mpi.so.3",
            "nvidia-nvshmem-cu13 3.7.2",
            needed="libmpi.so.40",
        ),
        elf("cv2/cv2.abi3.so", "opencv-python 4.13", needed="libGL.so.1"),
    )
    inventory = read(
        *base(),
        *torch_files(),
        *files,
        distributions=installed("triton 3.9.0"),
        unread={"/opt/broken.so": "it is cut short"},
        seconds=4.6,
    )
    allow = (
        Allowance(check="missing-library", package="opencv-python", reason="no windows are opened"),
        Allowance(check="torch-abi", package="flash-attn", reason="an older one"),
    )
    return ask(inventory, "t4", "h100", "rtx5090", allow=allow)


@pytest.mark.parametrize("width", [80, 40])
def test_golden(width: int) -> None:
    """IMGBUILD_ACCEPT=1 writes the texts anew: read the difference then."""
    text = audit_text(audit(), color=False, width=width) + "\n"
    golden = GOLDEN / f"audit-{width}.txt"
    if os.environ.get("IMGBUILD_ACCEPT"):
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal_but_for_words_that_are(width: int) -> None:
    for line in audit_text(audit(), color=False, width=width).splitlines():
        assert len(line) <= width or max(map(len, line.split())) > width - 10


def test_every_mark_is_a_word_and_nothing_is_coloured_without_colour() -> None:
    text = audit_text(audit(), color=False, width=80)
    assert "\x1b" not in text
    for word in ("runs", "partly", "jit", "fails", "FAULT", "warning"):
        assert word in text


def test_notes_sources_and_files_only_where_all_is_asked_for() -> None:
    brief, full = (audit_text(audit(), color=False, width=80, every=every) for every in (False, True))
    assert "MPI" not in brief
    assert "1 note (-v shows them)" in brief
    assert "MPI" in full
    assert "libcublas.so.13" in full
    assert "source: " in full


def test_an_audit_without_gpus_says_so() -> None:
    text = audit_text(ask(read(*base(), *torch_files())), color=False, width=80)
    assert "EXTENSION" not in text
    assert "no GPU is declared" in text
    assert "passed: 0 faults, 0 warnings" in text


def test_archives_say_what_they_cannot_say() -> None:
    text = audit_text(ask(read(*torch_files(), reading="archives"), "h100"), color=False, width=200)
    assert "which libraries the base brings is judged in the built image" in text


def test_names_in_an_image_do_not_steer_the_terminal() -> None:
    evil = "evil\x1b[2J\x1b]0;owned\x07.so"
    inventory = read(
        *base(), *torch_files(), elf(f"p/{evil}", f"p{evil} 1", code="sm_75", needed=f"lib{evil}")
    )
    for every in (False, True):
        text = audit_text(ask(inventory, "h100"), color=False, width=80, every=every)
        assert "evil" in text
        assert not any(ord(char) < 32 and char != "\n" for char in text)
