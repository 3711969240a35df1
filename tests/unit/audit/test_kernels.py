"""Device code against GPUs: each way in which a package has none, some, or only PTX."""

from __future__ import annotations

import pytest

from builder.audit.judge.coverage import packages
from builder.audit.judge.loaded import environments
from tests.support.inventories import ask, base, elf, installed, only, read, sound, torch_files


def test_a_sound_environment_has_nothing_to_say() -> None:
    audit = ask(sound(), "t4", "a100", "l40s", "h100", "b200", "rtx5090")
    assert audit.findings == ()
    assert audit.passed
    assert (audit.torch, audit.cuda, audit.files) == ("2.15.0", "13.2", 5)
    (row,) = audit.rows
    assert set(row.fits.values()) == {"runs"}
    assert row.code == ("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120")  # by number, not by letter


def test_an_extension_without_the_gpu_is_a_fault_with_what_was_read() -> None:
    flash = elf("flash_attn_2_cuda.so", "flash-attn 2.8.3", code="sm_80 sm_90")
    found = only(ask(sound(flash), "t4", "h100"))
    assert (found.check, found.weight, found.package, found.gpus) == (
        "no-kernel",
        "fault",
        "flash-attn",
        ("t4",),
    )
    assert "no kernel image is available" in found.what
    assert found.cause == "flash_attn_2_cuda.so holds sm_80 sm_90 and no PTX; Tesla T4 is 7.5"
    assert "TORCH_CUDA_ARCH_LIST=7.5" in found.fix


def test_gpus_that_lack_the_same_are_one_finding() -> None:
    files = [elf(f"ext/{name}.so", "ext 1.0", code="sm_90") for name in ("a", "b", "c")]
    found = only(ask(sound(*files), "t4", "a100", "h100"))
    assert found.gpus == ("t4", "a100")
    assert found.cause.startswith("a.so (and 2 more of its files) holds sm_90")


def test_torch_itself_is_told_with_a_build_that_would_do() -> None:
    audit = ask(sound(), "v100")
    found = only(audit)
    assert (found.package, found.weight) == ("torch", "fault")
    assert "take torch 2.15.0 for CUDA 12.6 (index cu126)" in found.fix
    assert not audit.passed


def test_another_build_of_the_same_torch_is_named_before_a_newer_one() -> None:
    found = only(ask(read(*base(), *torch_files(), torch="2.11.0+cu130", cuda="13.0"), "v100"))
    assert "take torch 2.11.0 for CUDA 12.8 (index cu128)" in found.fix


def test_nvidias_libraries_are_not_told_beside_a_torch_that_fails_for_the_same_reason() -> None:
    cublas = elf(
        "nvidia/lib/libcublas.so.13", "nvidia-cublas 13.4.1.3", code="sm_75 sm_80", ptx="compute_120"
    )
    audit = ask(sound(cublas), "v100")
    assert only(audit).package == "torch"
    assert {row.package: row.fits["v100"] for row in audit.rows} == {
        "torch 2.15.0": "fails",
        "nvidia-cublas 13.4.1.3": "fails",
    }


def test_without_torch_nvidias_libraries_speak_for_themselves() -> None:
    cublas = elf(
        "nvidia/lib/libcublas.so.13", "nvidia-cublas 13.4.1.3", code="sm_75 sm_80", ptx="compute_120"
    )
    found = only(
        ask(read(*base(), cublas, torch=None, distributions=installed("nvidia-cuda-runtime 13.2.86")), "v100")
    )
    assert found.package == "nvidia-cublas"
    assert "make a variant for CUDA 12 (the last for Tesla V100 is 12.9)" in found.fix


def test_ptx_alone_is_a_warning() -> None:
    ext = elf("ext/_C.so", "ext 1.0", code="sm_75 sm_80", ptx="compute_80")
    audit = ask(sound(ext), "a100", "b200")
    found = only(audit)
    assert (found.weight, found.gpus) == ("warning", ("b200",))
    assert "only PTX" in found.what
    assert audit.passed
    assert next(row for row in audit.rows if row.package == "ext 1.0").fits == {"a100": "runs", "b200": "jit"}


def test_ptx_of_nvidias_own_libraries_is_no_matter() -> None:
    cufft = elf(
        "nvidia/lib/libcufft.so.11", "nvidia-cufft-cu12 11.3.3.83", code="sm_80 sm_90", ptx="compute_90"
    )
    assert ask(sound(cufft), "rtx5090").findings == ()


def test_ptx_that_the_declared_driver_does_not_know_is_a_fault_where_its_cuda_is_known() -> None:
    bnb = elf(
        "bitsandbytes/libbitsandbytes_cuda132.so", "bitsandbytes 0.50.2", code="sm_80", ptx="compute_80"
    )
    found = only(ask(sound(bnb), "b200", driver="580"))
    assert found.weight == "fault"
    assert "its PTX is compiled by driver 595.45.04 and newer, and 580 is declared" in found.cause
    assert only(ask(sound(bnb), "b200", driver="610")).weight == "warning"


def test_ptx_of_an_unknown_cuda_stays_a_warning_that_names_the_driver() -> None:
    ext = elf("ext/_C.so", "ext 1.0", code="sm_80", ptx="compute_80")
    found = only(ask(sound(ext), "b200", driver="580"))
    assert found.weight == "warning"
    assert "if CUDA 13.2 made it, driver 595.45.04 is needed, and 580 is declared" in found.cause


def test_a_named_part_without_the_gpu_is_a_warning_with_its_source() -> None:
    linalg = elf("torch/lib/libtorch_cuda_linalg.so", "torch 2.14.1", code="sm_80 sm_86 sm_90 sm_100 sm_120")
    audit = ask(sound(linalg), "t4", "h100")
    found = only(audit)
    assert (found.weight, found.package, found.gpus) == ("warning", "torch", ("t4",))
    assert "linear algebra" in found.what
    assert found.source
    assert audit.passed
    assert {row.fits["t4"] for row in audit.rows if "linalg" in row.file} == {"partly"}


def test_a_part_is_not_told_where_the_package_fails_anyway() -> None:
    linalg = elf("torch/lib/libtorch_cuda_linalg.so", "torch 2.15.0", code="sm_80")
    audit = ask(sound(linalg), "v100")
    assert only(audit).file.endswith("libtorch_cuda.so")
    assert {row.fits["v100"] for row in audit.rows} == {"fails"}


def test_files_for_single_gpus_beside_a_file_for_all_are_a_note() -> None:
    wide = elf("vllm/_C.abi3.so", "vllm 0.33.0", code="sm_75 sm_80 sm_90")
    narrow = elf("vllm/_flashmla_C.abi3.so", "vllm 0.33.0", code="sm_90a sm_100f")
    audit = ask(sound(wide, narrow), "t4", "h100")
    assert [(one.weight, one.gpus) for one in audit.findings] == [("note", ("t4",))]


def test_a_package_with_a_file_for_each_kind_of_gpu_needs_one_of_them() -> None:
    files = (
        elf("mla/_C_legacy.so", "flash-mla 1.0", code="sm_90a"),
        elf("mla/_C.so", "flash-mla 1.0", code="sm_100a"),
    )
    found = only(ask(sound(*files), "t4", "h100", "b200"))
    assert (found.weight, found.gpus) == ("fault", ("t4",))


def test_device_objects_of_a_package_count_together() -> None:
    objects = [
        elf(f"cubins/k_{name}.cubin", "cubins 1.0", machine="cuda", code=name) for name in ("sm_75", "sm_90")
    ]
    audit = ask(sound(*objects), "t4", "h100")
    assert audit.findings == ()
    assert next(row for row in audit.rows if row.package == "cubins 1.0").file.endswith("/cubins")


def test_code_that_nothing_runs_is_not_judged() -> None:
    wrapper = elf("nvidia/lib/libcufftw.so.12", "nvidia-cufft 12.2.0.57", code="sm_75")
    audit = ask(sound(wrapper), "h100", "b200")
    assert audit.findings == ()
    assert [row.package for row in audit.rows] == ["torch 2.15.0"]


@pytest.mark.parametrize(
    ("gpu", "fit", "weights"),
    [("p100", "partly", ["warning"]), ("t4", "partly", ["warning"]), ("h100", "runs", [])],
)
def test_triton_is_judged_by_its_floor_and_torch_works_without(
    gpu: str, fit: str, weights: list[str]
) -> None:
    inventory = read(*base(), *torch_files("sm_60 sm_75 sm_90"), distributions=installed("triton 3.9.0"))
    audit = ask(inventory, gpu)
    row = audit.rows[-1]
    assert (row.package, row.file, row.fits) == ("triton 3.9.0", "", {gpu: fit})
    assert "compiles at run time" in row.note
    assert [one.weight for one in audit.findings] == weights


def test_another_compiler_below_its_floor_is_a_fault() -> None:
    inventory = read(*base(), *torch_files("sm_60"), distributions=installed("flashinfer-python 0.7.2"))
    assert only(ask(inventory, "p100")).weight == "fault"


def test_files_without_a_package_are_called_by_their_folder() -> None:
    (environment,) = environments(read(elf("own/_C.so", code="sm_90"), elf("flat.so", code="sm_90")))
    assert [one.name for one in packages(environment)] == ["flat.so", "own"]
