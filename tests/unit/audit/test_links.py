"""Libraries that are asked for: nowhere, elsewhere, for another CUDA, or not needed."""

from __future__ import annotations

import pytest

from builder.audit.facts import FileFacts
from builder.audit.tables import cuda_name
from tests.support.inventories import PREFIX, SITE, ask, base, elf, only, read, sound, torch_files


def needs(library: str, path: str = "ext/_C.so", package: str = "ext 1.0", **more: object) -> FileFacts:
    return elf(path, package, needed=library, **more)


def test_what_is_nowhere_is_a_fault_and_says_which_package_brings_it() -> None:
    found = only(ask(sound(needs("libGL.so.1"))))
    assert (found.check, found.weight, found.package) == ("missing-library", "fault", "ext")
    assert found.what == "ext 1.0 needs libGL.so.1, which is nowhere in the image"
    assert found.cause == "asked for by _C.so"
    assert found.fix == "add to apt: libgl1"


def test_all_that_a_package_lacks_is_one_finding() -> None:
    files = [needs("libGL.so.1 libfoo.so.3", f"ext/{name}.so") for name in "abcde"]
    found = only(ask(sound(*files)))
    assert "libGL.so.1, libfoo.so.3, which are nowhere" in found.what
    assert found.cause == "asked for by a.so, b.so, c.so and 2 more"


@pytest.mark.parametrize("name", ["libcuda.so.1", "libnvidia-ml.so.1", "libnvcuvid.so.1", "libnvoptix.so.1"])
def test_the_drivers_libraries_come_with_the_driver(name: str) -> None:
    assert ask(sound(needs(name))).findings == ()


def test_another_cuda_is_named_with_both_majors() -> None:
    found = only(ask(sound(needs("libcudart.so.12 libc10.so", "xformers/_C.so", "xformers 0.0.35"))))
    assert (found.check, found.weight) == ("other-cuda", "fault")
    assert found.what == "xformers 0.0.35 was built for CUDA 12, and the environment has CUDA 13"
    assert "libcudart.so.12" in found.cause
    assert "libcudart.so.13 is what there is" in found.cause
    assert "torch 2.15.0 is a build for CUDA 13.2" in found.cause


def test_another_cuda_is_told_from_archives_too_and_the_bases_libraries_are_not_asked_for() -> None:
    inventory = read(*torch_files(), needs("libcudart.so.12 libGL.so.1"), reading="archives")
    assert [one.check for one in ask(inventory).findings] == ["other-cuda"]


def test_a_part_that_does_not_load_is_a_warning() -> None:
    part = needs("libcudart.so.12", "torchao/_C_mxfp8.abi3.so", "torchao 0.18.0")
    found = only(ask(sound(part)))
    assert (found.check, found.weight, found.package) == ("other-cuda", "warning", "torchao")
    assert "MXFP8" in found.cause


def test_a_library_of_nvidias_that_is_nowhere_is_named_with_its_wheel() -> None:
    assert only(ask(sound(needs("libcurand.so.10 libcufft.so.12")))).fix == (
        "add to pip: nvidia-curand-cu12, nvidia-cufft"
    )


def test_what_torch_loaded_first_is_not_looked_for() -> None:
    assert ask(sound(needs("libtorch_cuda.so libc10.so libcudart.so.13"))).findings == ()


def test_without_torch_its_libraries_are_missing() -> None:
    found = only(ask(read(*base(), needs("libtorch.so libc10.so"), torch=None)))
    assert found.fix == "install torch beside it"


@pytest.mark.parametrize(
    ("where", "place"),
    [
        ({"runpath": "$ORIGIN/../ext.libs"}, f"{SITE}/ext.libs/libx.so.1"),
        ({"rpath": "${ORIGIN}/deep"}, f"{SITE}/ext/deep/libx.so.1"),
        ({}, "/opt/elsewhere/libx.so.1"),  # LD_LIBRARY_PATH
        ({}, "/lib/x86_64-linux-gnu/libx.so.1"),
    ],
)
def test_the_loaders_places(where: dict[str, str], place: str) -> None:
    library = elf(place, soname="libx.so.1")
    inventory = read(*base(), library, needs("libx.so.1", **where), library_path=("/opt/elsewhere",))
    assert ask(inventory).findings == ()


def test_a_place_where_nobody_looks_does_not_count() -> None:
    inventory = read(*base(), elf("/srv/libx.so.1", soname="libx.so.1"), needs("libx.so.1"))
    assert only(ask(inventory)).check == "missing-library"


def test_the_rpath_of_python_is_inherited() -> None:
    python = elf(f"{PREFIX}/bin/python3.12", rpath="$ORIGIN/../lib")
    links = {f"{PREFIX}/bin/python3": python.path}
    old = elf("/lib/x86_64-linux-gnu/libstdc++.so.6", soname="libstdc++.so.6", gives={"GLIBCXX": "3.4.22"})
    new = elf(f"{PREFIX}/lib/libstdc++.so.6", soname="libstdc++.so.6", gives={"GLIBCXX": "3.4.33"})
    ext = needs("libstdc++.so.6", wants={"libstdc++.so.6": {"GLIBCXX": "3.4.30"}})
    assert ask(read(base()[0], python, old, new, ext, links=links)).findings == ()
    # with RUNPATH of its own it is not inherited, and the system's is loaded
    runpath = ext.model_copy(update={"runpath": ("$ORIGIN",)})
    assert only(ask(read(base()[0], python, old, new, runpath, links=links))).check == "floor"


def test_a_library_for_another_machine_is_none() -> None:
    other = elf(f"{SITE}/ext/libx.so.1", soname="libx.so.1", machine="aarch64")
    assert only(ask(sound(other, needs("libx.so.1", runpath="$ORIGIN")))).check == "missing-library"


def test_links_lead_to_libraries() -> None:
    real = elf("/lib/x86_64-linux-gnu/libx.so.1.4")
    links = {"/lib/x86_64-linux-gnu/libx.so.1": real.path}
    assert ask(read(*base(), real, needs("libx.so.1"), links=links)).findings == ()


def test_a_path_in_place_of_a_name() -> None:
    library = elf(f"{PREFIX}/lib/libpython3.12.so.1.0")
    python = elf(f"{PREFIX}/bin/python3.12", needed="$ORIGIN/../lib/libpython3.12.so.1.0")
    assert ask(read(*base(), library, python)).findings == ()
    assert only(ask(read(*base(), python))).check == "missing-library"


def test_what_only_some_networks_need_is_a_note() -> None:
    transport = needs(
        "libucp.so.0 libucs.so.0", "nvidia/nvshmem/lib/nvshmem_transport_ucx.so.3", "nvidia-nvshmem-cu13 3.7"
    )
    audit = ask(sound(transport))
    assert [(one.check, one.weight) for one in audit.findings] == [("missing-library", "note")]
    assert audit.passed
    assert audit.findings[0].source


def test_the_operating_systems_own_files_are_not_ours_to_judge() -> None:
    inventory = read(
        *base(), elf("/usr/lib/perl/x.so", needed="libgone.so.1"), elf("/usr/bin/tool", needed="libgone.so.1")
    )
    assert ask(inventory).findings == ()


def test_two_runtimes_in_one_environment_are_a_warning() -> None:
    older = elf(
        "nvidia/cuda_runtime/lib/libcudart.so.12",
        "nvidia-cuda-runtime-cu12 12.8.90",
        soname="libcudart.so.12",
    )
    found = only(ask(sound(older, needs("libcudart.so.12", "xformers/_C.so", "xformers 0.0.35"))))
    assert (found.check, found.weight, found.package) == ("other-cuda", "warning", "xformers")
    assert "12 and 13" in found.what


def test_a_runtime_that_nothing_asks_for_is_not_loaded() -> None:
    older = elf(
        "nvidia/cuda_runtime/lib/libcudart.so.12",
        "nvidia-cuda-runtime-cu12 12.8.90",
        soname="libcudart.so.12",
    )
    assert ask(sound(older)).findings == ()


@pytest.mark.parametrize(
    ("name", "stem", "cuda"),
    [
        ("libcudart.so.12", "cudart", "12"),
        ("libcudart.so.11.0", "cudart", "11"),
        ("libcufft.so.11", "cufft", "12"),
        ("libcusolver.so.12", "cusolver", "13"),
        ("libcudnn_ops.so.9", "cudnn_ops", ""),
        ("libnvjpeg.4a0b5c81.so.13", "nvjpeg", "13"),
        ("libnvjpeg-1a359ba7.so.13.0.1.86", "nvjpeg", "13"),
        ("libcublas.so", "cublas", ""),
    ],
)
def test_what_names_of_nvidias_libraries_say(name: str, stem: str, cuda: str) -> None:
    found = cuda_name(name)
    assert found is not None
    assert (found.stem, found.cuda) == (stem, cuda)


@pytest.mark.parametrize(
    "name", ["libtorch_cuda.so", "libcuda.so.1", "libc10_cuda.so", "libcusomething.so.1"]
)
def test_names_that_are_not_nvidias(name: str) -> None:
    assert cuda_name(name) is None
