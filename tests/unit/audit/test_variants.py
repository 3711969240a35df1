"""Builds side by side: only the one that will load counts."""

from __future__ import annotations

import pytest

from builder.audit.facts import FileFacts
from builder.audit.judge.loaded import environments, nearest
from builder.lock.cuda.line import Line
from tests.support.inventories import PREFIX, ask, base, elf, installed, only, read, torch_files

LINES = ("118", "121", "124", "126", "128", "130", "132")


def bitsandbytes(*lines: str) -> tuple[FileFacts, ...]:
    major = {"11": "libcudart.so.11.0", "12": "libcudart.so.12", "13": "libcudart.so.13"}
    return tuple(
        elf(
            f"bitsandbytes/libbitsandbytes_cuda{line}.so",
            "bitsandbytes 0.50.2",
            code="sm_75" if line < "126" else "sm_75 sm_90",
            needed=major[line[:2]],
        )
        for line in lines
    )


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (Line(12, 6), "126"),  # the line itself
        (Line(12, 9), "128"),  # the highest lower one
        (Line(12, 0), "121"),  # the lowest higher one
        (Line(13, 1), "130"),
        (Line(14, 0), None),  # never across majors
        (Line(10, 2), None),
        (None, None),
    ],
)
def test_the_nearest_line_of_the_same_major(wanted: Line | None, chosen: str | None) -> None:
    assert nearest(LINES, wanted) == chosen


def test_builds_that_are_not_loaded_count_in_nothing() -> None:
    audit = ask(read(*base(), *torch_files(), *bitsandbytes(*LINES)), "h100")
    assert audit.findings == ()  # neither the missing libcudart.so.12 nor code that stops at 7.5
    assert [row.file for row in audit.rows if "bitsandbytes" in row.package] == [
        f"{PREFIX}/lib/python3.12/site-packages/bitsandbytes/libbitsandbytes_cuda132.so"
    ]


def test_the_one_that_is_loaded_is_judged() -> None:
    inventory = read(*base(), *torch_files(major=12), *bitsandbytes(*LINES), cuda="12.5", torch="2.5.1")
    found = only(ask(inventory, "h100"))
    assert found.file.endswith("libbitsandbytes_cuda124.so")


def test_a_variable_of_the_image_names_another() -> None:
    inventory = read(*base(), *torch_files(), *bitsandbytes(*LINES))
    found = ask(inventory, "h100", variables={"BNB_CUDA_VERSION": "124"}).findings
    assert {(one.check, one.file.rpartition("_")[2]) for one in found} == {
        ("no-kernel", "cuda124.so"),
        ("other-cuda", "cuda124.so"),
    }
    gone = only(ask(inventory, variables={"BNB_CUDA_VERSION": "999"}))
    assert gone.check == "other-cuda"
    assert "BNB_CUDA_VERSION=999 names no build" in gone.what


def test_no_build_for_the_major_is_another_cuda() -> None:
    found = only(ask(read(*base(), *torch_files(), *bitsandbytes("118", "126"))))
    assert (found.check, found.weight, found.package) == ("other-cuda", "fault", "bitsandbytes")
    assert "it brings 118, 126, and torch is a build for CUDA 13.2" in found.cause


def test_builds_for_other_hardware_are_never_loaded() -> None:
    rocm = elf("bitsandbytes/libbitsandbytes_rocm70.so", "bitsandbytes 0.50.2", needed="libhipblas.so.3")
    xpu = elf("bitsandbytes/libbitsandbytes_xpu2025.so", "bitsandbytes 0.50.2", needed="libsycl.so.8")
    inventory = read(*base(), *torch_files(), rocm, xpu)
    assert ask(inventory).findings == ()
    (environment,) = [one for one in environments(inventory) if one.prefix == PREFIX]
    assert not any("bitsandbytes" in one.path for one in environment.files)


def test_builds_by_major_follow_torch_or_the_cuda_that_is_there() -> None:
    files = [
        elf(f"nccl/ep/lib/cu{major}/libnccl_ep.so", "nccl-extensions 0.1.0", needed=f"libcudart.so.{major}")
        for major in (12, 13)
    ]
    assert ask(read(*base(), *torch_files(), *files)).findings == ()
    only_cuda = read(
        *base(),
        *torch_files()[2:],
        *files,
        torch=None,
        distributions=installed("nvidia-cuda-runtime 13.2.86"),
    )
    assert ask(only_cuda).findings == ()
    assert ask(only_cuda).cuda == "13.2"


def test_builds_by_release_of_torch() -> None:
    files = [
        elf(
            f"torch_c_dlpack_ext/libtorch_c_dlpack_addon_torch{release}-cuda.so",
            "torch-c-dlpack-ext 0.1.5",
            unresolved=() if release == "215" else ("_ZN3c106gone",),
            unresolved_count=0 if release == "215" else 1,
        )
        for release in ("24", "29", "215")
    ]
    assert ask(read(*base(), *torch_files(), *files)).findings == ()


def test_builds_by_library_take_the_newest_that_is_there() -> None:
    files = [
        elf(
            f"torchcodec/libtorchcodec_core{number}.so",
            "torchcodec 0.17.0",
            needed=f"libavcodec.so.{avcodec}",
            code=code,
        )
        for number, avcodec, code in ((5, 59, "sm_75 sm_90"), (6, 60, "sm_75"), (7, 61, "sm_75"))
    ]
    ffmpeg = elf("/lib/x86_64-linux-gnu/libavcodec.so.59", soname="libavcodec.so.59")
    assert ask(read(*base(), *torch_files(), ffmpeg, *files), "h100").findings == ()
    found = only(ask(read(*base(), *torch_files(), *files)))
    assert (found.check, found.weight, found.package) == ("missing-library", "warning", "torchcodec")
    assert ask(read(*torch_files(), *files, reading="archives")).findings == ()
