"""The installed torch, what was built for another one, floors, and the label."""

from __future__ import annotations

import pytest

from builder.audit.judge.symbols import readable
from tests.support.inventories import LIBC, PREFIX, STDCXX, ask, base, elf, only, read, sound, torch_files


def test_a_torch_for_the_cpu_where_gpus_are_declared() -> None:
    cpu = read(*base(), elf("torch/lib/libtorch_cpu.so", "torch 2.15.0"), cuda=None, torch="2.15.0+cpu")
    found = only(ask(cpu, "t4"))
    assert (found.check, found.weight, found.package) == ("cpu-torch", "fault", "torch")
    assert "targets: t4" in found.what
    assert found.cause == "its version.py says cuda = None"
    assert "torch==2.15.0+cu126" in only(ask(cpu, cuda="12.6")).fix


def test_a_torch_for_the_cpu_is_fine_where_nothing_is_declared() -> None:
    assert ask(read(*base(), cuda=None, torch="2.15.0+cpu")).findings == ()


@pytest.mark.parametrize(
    ("declared", "weights"), [("13.2", []), ("13.4", []), ("13.0", ["fault"]), ("12.8", ["fault"])]
)
def test_the_declared_line(declared: str, weights: list[str]) -> None:
    assert [one.weight for one in ask(sound(), cuda=declared).findings] == weights


def test_symbols_that_nothing_defines_were_meant_for_another_torch() -> None:
    symbol = "_ZN3c104cuda29c10_cuda_check_implementationEiPKcS2_ib"
    ext = elf(
        "flash_attn_2_cuda.so",
        "flash-attn 2.8.3",
        unresolved=(symbol, "_ZN2at4_ops3gone4callEv"),
        unresolved_count=7,
    )
    found = only(ask(sound(ext)))
    assert (found.check, found.weight, found.package) == ("torch-abi", "fault", "flash-attn")
    assert "c10::cuda::c10_cuda_check_implementation" in found.cause
    assert symbol in found.cause
    assert "and 6 more" in found.cause
    assert (
        found.fix
        == "take the flash-attn that was made for torch 2.15.0, or the torch that flash-attn was made for"
    )


def test_several_files_of_a_package_are_one_finding() -> None:
    files = [
        elf(f"ext/{name}.so", "ext 1.0", unresolved=("THPVariableClass",), unresolved_count=1)
        for name in "ab"
    ]
    found = only(ask(sound(*files)))
    assert found.cause.startswith("a.so and 1 more of its files use THPVariableClass, and nothing")


def test_a_part_for_another_torch_is_a_warning() -> None:
    part = elf(
        "torchao/_C_mxfp8.abi3.so", "torchao 0.18.0", unresolved=("aoti_torch_gone",), unresolved_count=1
    )
    assert only(ask(sound(part))).weight == "warning"


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("_ZN3c104cuda12device_countEv", "c10::cuda::device_count"),
        ("_ZNK2at10TensorBase8data_ptrEv", "at::TensorBase::data_ptr"),
        ("_ZN3c105ErrorC1ENS_14SourceLocationESs", "c10::Error::Error"),
        ("_ZN3c105ErrorD1Ev", "c10::Error::~Error"),
        ("_ZTVN5torch8autograd4NodeE", "torch::autograd::Node"),
        ("_ZTIN3c105ErrorE", "c10::Error"),
        ("aoti_torch_abi_version", "aoti_torch_abi_version"),
        ("_ZN", "_ZN"),
        ("_ZN999short", "short"),
    ],
)
def test_readable_names(symbol: str, name: str) -> None:
    assert readable(symbol) == name


def test_a_glibc_that_is_too_old() -> None:
    files = [
        elf(f"ext/{name}.so", "ext 1.0", wants={"libm.so.6": {"GLIBC": version}})
        for name, version in (("a", "2.38"), ("b", "2.39"))
    ]
    found = only(ask(sound(*files)))
    assert (found.check, found.weight, found.package) == ("floor", "fault", "ext")
    assert found.what == "ext 1.0 needs GLIBC 2.39, and the base has 2.36"
    assert found.cause == "b.so asks libm.so.6 for GLIBC_2.39, as 1 more of its files ask for too much"
    assert "take a base with glibc 2.39 or newer" in found.fix


def test_versions_are_numbers() -> None:
    assert ask(sound(elf("ext/a.so", "ext 1.0", wants={"libc.so.6": {"GLIBC": "2.4"}}))).findings == ()


def test_archives_are_held_against_the_bases_glibc() -> None:
    ext = elf("ext/a.so", "ext 1.0", wants={"libc.so.6": {"GLIBC": "2.38"}})
    archives = read(*torch_files(), ext, reading="archives")
    assert only(ask(archives, glibc="2.36")).check == "floor"
    assert ask(archives, glibc="2.39").findings == ()
    assert ask(archives).findings == ()  # nobody says


def test_the_sysroot_of_condas_compilers_is_not_loaded() -> None:
    sysroot = elf(
        f"{PREFIX}/x86_64-conda-linux-gnu/sysroot/lib64/libc.so.6",
        soname="libc.so.6",
        gives={"GLIBC": "2.17"},
    )
    assert ask(read(*torch_files(), sysroot, reading="archives"), glibc="2.36").findings == ()


@pytest.mark.parametrize(("kind", "version"), [("GLIBCXX", "3.4.32"), ("CXXABI", "1.3.15")])
def test_a_libstdcxx_that_is_too_old(kind: str, version: str) -> None:
    found = only(ask(sound(elf("ext/a.so", "ext 1.0", wants={"libstdc++.so.6": {kind: version}}))))
    assert found.check == "floor"
    assert "libstdcxx" in found.fix


def test_a_kind_that_the_library_does_not_number_is_not_compared() -> None:
    assert ask(sound(elf("ext/a.so", "ext 1.0", wants={"libstdc++.so.6": {"OTHER": "9"}}))).findings == ()


def test_an_environments_own_libstdcxx_is_loaded_before_the_systems() -> None:
    own = elf(f"{PREFIX}/lib/libstdc++.so.6", soname="libstdc++.so.6", gives={"GLIBCXX": "3.4.33"})
    python = elf(f"{PREFIX}/bin/python3", rpath="$ORIGIN/../lib")
    ext = elf("ext/a.so", "ext 1.0", wants={"libstdc++.so.6": {"GLIBCXX": "3.4.32"}})
    assert {one.path for one in base()} == {LIBC, STDCXX}
    assert ask(sound(own, python, ext)).findings == ()


def test_a_label_that_claims_more_than_torch_holds() -> None:
    found = only(ask(sound(), claimed=("sm_75", "sm_70", "compute_120")))
    assert (found.check, found.weight, found.package) == ("label", "fault", "torch")
    assert "compute_120 sm_70" in found.what
    assert ask(sound(), claimed=("sm_75", "sm_90")).findings == ()
    assert ask(sound(), claimed=()).findings == ()
