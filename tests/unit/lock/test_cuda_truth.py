# ruff: noqa: E501  (rows of tables)
"""The CUDA truth check on sets modelled on real packages: what is refused, what passes, and what is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import LockError
from builder.lock.cuda.builds import builds
from builder.lock.cuda.judge import check_truth, findings, judge
from builder.lock.cuda.line import Line, floor, of_build, of_local, of_name, of_version, says_cpu
from builder.lock.cuda.model import Finding
from builder.lock.cuda.table import table
from builder.lock.model import CondaPackage, EnvironmentLock, LockSet, PipPackage
from builder.progress import Event, Note
from builder.spec.findings import Judged
from builder.spec.model import Allowance, Check, ImageSpec
from tests.support.lock_samples import conda_package, image_spec, lock_set, pip_package

# Made by `python -m scripts.record_wheels`: real sets, as the index resolved them.
REAL: dict[str, Any] = json.loads(Path(__file__).with_name("real_wheels.json").read_text())


def wheel(name: str, version: str, *depends: str) -> PipPackage:
    return pip_package(name, version, depends=depends)


def real(name: str) -> tuple[PipPackage, ...]:
    return tuple(wheel(one["name"], one["version"], *one["depends"]) for one in REAL[name]["wheels"])


def set_of(*packages: CondaPackage | PipPackage, inputs: tuple[str, ...] = ()) -> EnvironmentLock:
    return EnvironmentLock(
        name="tune",
        channels=(),
        conda=tuple(one for one in packages if isinstance(one, CondaPackage)),
        pip=tuple(one for one in packages if isinstance(one, PipPackage)),
        input_digest="",
        inputs=inputs,
    )


def locked(
    environment: EnvironmentLock, cuda: str | None, *allow: Allowance, **changes: object
) -> tuple[LockSet, ImageSpec]:
    spec = image_spec(cuda=cuda, allow=allow, **changes)
    return lock_set(spec, environments=(environment,)), spec


def judged(environment: EnvironmentLock, cuda: str | None, *allow: Allowance) -> Judged[Finding]:
    return judge(*locked(environment, cuda, *allow))


def found(environment: EnvironmentLock, cuda: str | None) -> list[tuple[str, str]]:
    return [(fault.check, fault.package) for fault in judged(environment, cuda).faults]


class Row(NamedTuple):
    """cuda: where it is a CUDA build, its line as it counts; None for a CPU build; "?" where nothing tells."""

    package: CondaPackage
    name: str
    line: str | None


def conda(name: str, version: str, build: str, *depends: str) -> CondaPackage:
    return conda_package(name, version, build, depends=depends)


PY = "python >=3.12,<3.13.0a0"
# Build strings and dependencies as the recipes named in data/accelerated.yml make them, with hashes made up. Seen in
# lock files and notes of others, to the letter: the CUDA builds of pytorch 2.5.1 and 2.0.1, torchvision 0.20.1 and
# onnxruntime 1.22.0. From memory: the pytorch channel's CPU builds, and tensorflow's `mkl` of the defaults.
CONDA = [
    Row(conda("pytorch", "2.13.0", "cuda129_mkl_py312_h55ea3d5_302", "__cuda", "cuda-version >=12.9,<13", PY), "torch", "12.9"),
    Row(conda("pytorch", "2.13.0", "cuda130_generic_py312_h0f0ea3a_202", "__cuda", "cuda-version >=13.0,<14", PY), "torch", "13.0"),
    Row(conda("pytorch", "2.13.0", "cpu_mkl_py312_hca44ed5_102", PY), "torch", None),
    Row(conda("pytorch", "2.13.0", "cpu_generic_py312_h74ee566_2", PY), "torch", None),
    Row(conda("pytorch", "2.5.1", "py3.12_cuda12.4_cudnn9.1.0_0", "pytorch-cuda >=12.4,<12.5", "pytorch-mutex 1.0 cuda"), "torch", "12.4"),
    Row(conda("pytorch", "2.5.1", "py3.12_cpu_0", "pytorch-mutex 1.0 cpu"), "torch", None),
    Row(conda("pytorch", "2.0.1", "gpu_cuda118py39he342708_0", "cudatoolkit >=11.8,<12"), "torch", "11.8"),
    Row(conda("torchvision", "0.20.1", "py312_cu121", "pytorch 2.5.1"), "torchvision", "12.1"),
    Row(conda("torchaudio", "2.5.1", "py312_cpu", "pytorch 2.5.1"), "torchaudio", None),
    Row(conda("libtorch", "2.6.0", "cuda126_mkl_h99b69db_300", "cuda-version >=12.6,<13"), "torch", "12.6"),
    Row(conda("torchvision", "0.28.0", "cuda129_py312_h9a64b15_0", "cuda-version >=12.9,<13"), "torchvision", "12.9"),
    Row(conda("torchvision", "0.28.0", "cpu_py312_h9a64b15_0"), "torchvision", None),
    Row(conda("jaxlib", "0.9.0", "cuda129_py312hc1ee7f5_200", "__cuda", "cuda-version >=12.9,<13", PY), "jax", "12"),
    Row(conda("jaxlib", "0.9.0", "cpu_py312h75da3e1_0", PY), "jax", None),
    Row(conda("tensorflow-base", "2.19.1", "cuda129py312hde9a7c4_200", "__cuda", "cuda-version >=12.9,<13"), "tensorflow", "12"),
    Row(conda("tensorflow-base", "2.19.1", "cpu_py312h69ecde4_0"), "tensorflow", None),
    Row(conda("tensorflow", "2.12.0", "mkl_py311h34a0fa1_0", PY), "tensorflow", None),
    Row(conda("libxgboost", "3.3.0", "cuda133_h2e0ef1d_0", "__cuda", "cuda-version >=13,<14"), "xgboost", "13"),
    Row(conda("libxgboost", "3.3.0", "cpu_h1f5cf6c_0"), "xgboost", None),
    Row(conda("liblightgbm", "4.6.0", "cuda129_h8f8a9a2_7", "__cuda", "cuda-version >=12.9,<13"), "lightgbm", "12"),
    Row(conda("liblightgbm", "4.6.0", "cpu_h37b2d3c_7"), "lightgbm", None),
    Row(conda("bitsandbytes", "0.49.2", "cuda129_py312h2b3ac9a_200", "cuda-version >=12.9,<13"), "bitsandbytes", "12.9"),
    Row(conda("bitsandbytes", "0.49.2", "cpu_py312h9b3a11d_0"), "bitsandbytes", None),
    Row(conda("bitsandbytes", "0.50.2", "py312_0"), "bitsandbytes", "?"),
    Row(conda("onnxruntime", "1.22.0", "py311h4107d7c_200_cuda", "__cuda", "cuda-version >=12.6,<13"), "onnxruntime", "12"),
    Row(conda("onnxruntime", "1.22.0", "py311h4107d7c_0_cpu"), "onnxruntime", None),
    Row(conda("libfaiss", "1.14.3", "cuda129h7ad7e88_0_cuda", "cuda-version >=12.9,<13"), "faiss", "12"),
    Row(conda("libfaiss", "1.14.3", "h7ad7e88_0_cpu"), "faiss", None),
    Row(conda("cupy-core", "14.1.1", "py312h1a70bb2_0", "__cuda >=12.0", "cuda-version >=12,<13"), "cupy", "12"),
    Row(conda("flash-attn", "2.8.3", "py312h2b3ac9a_5", "cuda-version >=12.9,<13", "pytorch * cuda*"), "flash-attn", "12.9"),
    # wheels that became conda packages
    Row(conda("xgboost", "3.4.1", "py312_0", "nvidia-nccl-cu13", PY), "xgboost", "13"),
    Row(conda("pytorch", "2.9.1", "py311_0", "nvidia-cuda-runtime-cu12 ==12.8.90", PY), "torch", "12.8"),
]  # fmt: skip


CUDA129 = CONDA[0].package
TOOLKIT = conda("cuda-version", "12.9", "h4f385c5_3")


@pytest.mark.parametrize("row", CONDA, ids=[f"{row.package.name}-{row.package.build}" for row in CONDA])
def test_conda_builds_are_told_apart(row: Row) -> None:
    (build,) = builds(set_of(row.package))
    assert (build.name, build.origin) == (row.name, "conda")
    told = {"cpu": None, "unknown": "?"}.get(build.flavour, str(build.line))
    assert told == row.line
    expected = [("cpu-build", row.name)] if row.line is None else []
    line = row.line or ""
    declared = "12.9" if line in {"", "?"} else line if "." in line else f"{line}.0"
    assert found(set_of(row.package), declared) == expected
    assert found(set_of(row.package), None) == []


@pytest.mark.parametrize(
    ("name", "cuda", "expected"),
    [
        ("torch 2.7.1", "12.6", []),
        ("torch 2.7.1", "12.9", []),
        ("torch 2.7.1", "13.0", [("other-line", "torch")]),
        ("torch 2.9.1", "12.8", []),
        ("torch 2.9.1", "12.6", [("other-line", "torch")]),
        ("torch 2.14.1, fine-tuning", "13.0", []),
        ("torch 2.14.1, fine-tuning", "13.2", []),
        ("torch 2.14.1, fine-tuning", "12.6", [("other-line", "torch")]),
        ("torch 2.15.0", "13.2", []),
        ("torch 2.15.0", "13.0", [("other-line", "torch")]),
        ("torch 2.9.1 on arm64", "12.8", [("cpu-build", "torch")]),
        ("torch 2.14.1 on arm64", "13.0", []),
        ("jax", "13.0", [("cpu-build", "jax")]),
        ("jax[cuda12]", "12.9", []),
        ("jax[cuda12]", "12.6", []),
        ("jax[cuda12]", "13.0", [("other-line", "jax")]),
        ("jax[cuda13]", "13.0", []),
        ("tensorflow", "12.9", [("cpu-build", "tensorflow")]),
        ("tensorflow[and-cuda]", "12.9", []),
        ("tensorflow[and-cuda]", "13.0", [("other-line", "tensorflow")]),
        ("tensorflow twice", None, [("replaced", "tensorflow-cpu")]),
        ("trees", "13.0", []),
        ("trees", "12.6", [("other-line", "xgboost")]),
        ("xgboost-cpu", "13.0", [("cpu-build", "xgboost")]),
        ("vllm", "13.0", []),
        ("torch and jax of two majors", "13.0", [("two-majors", "jax")]),
        ("torch and jax of two majors", "12.6", [("two-majors", "torch")]),
        ("search", "13.0", [("cpu-build", "onnxruntime"), ("cpu-build", "faiss")]),
        ("pictures twice", "13.0", [("replaced", "opencv-python-headless")]),
    ],
)
def test_real_sets_of_wheels(name: str, cuda: str | None, expected: list[tuple[str, str]]) -> None:
    assert found(set_of(*real(name)), cuda) == expected


@pytest.mark.parametrize("name", [name for name in REAL if "twice" not in name])
def test_nothing_is_refused_where_no_cuda_is_declared(name: str) -> None:
    assert found(set_of(*real(name)), None) == []


@pytest.mark.parametrize(
    ("version", "cuda", "expected"),
    [
        ("2.9.1+cpu", "12.8", [("cpu-build", "torch")]),
        ("2.9.1+cu128", "12.8", []),
        ("2.9.1+cu126", "12.8", []),
        ("2.9.1+cu130", "12.8", [("other-line", "torch")]),
        ("2.9.1+cu126", "13.0", [("other-line", "torch")]),
        ("2.6.0+cpu.cxx11.abi", "12.4", [("cpu-build", "torch")]),
    ],
)
def test_local_versions_say_what_a_wheel_is(version: str, cuda: str, expected: list[tuple[str, str]]) -> None:
    assert found(set_of(wheel("torch", version), wheel("numpy", "2.4")), cuda) == expected
    alone = set_of(wheel("torchvision", version))
    assert found(alone, cuda) == [(check, "torchvision") for check, _ in expected]


FLASH = "2.8.3+cu12torch2.6cxx11abifalse"


def test_several_lines_in_one_wheel_are_no_fault_and_others_say_theirs() -> None:
    assert found(set_of(wheel("bitsandbytes", "0.50.2")), "13.0") == []
    assert found(set_of(wheel("flash-attn", FLASH)), "12.8") == []
    assert found(set_of(wheel("flash-attn", FLASH)), "13.0") == [("other-line", "flash-attn")]
    assert found(set_of(wheel("cupy-cuda12x", "14.2.0")), "13.0") == [("other-line", "cupy")]
    assert found(set_of(wheel("onnxruntime-gpu", "1.31.1")), "12.6") == []
    assert found(set_of(wheel("faiss-gpu-cu12", "1.14.0")), "13.0") == [("other-line", "faiss")]


def test_wheels_that_hold_their_libraries_tell_nothing() -> None:
    for name, version in (("torch", "1.12.1"), ("xgboost", "2.0.3"), ("tensorflow", "2.13.1")):
        assert found(set_of(wheel(name, version, "numpy==1.26")), "12.6") == []
    assert found(set_of(wheel("torch", "1.13.1", "numpy==1.26")), "11.7") == [("cpu-build", "torch")]
    assert found(set_of(wheel("jaxlib", "0.4.20+cuda12.cudnn89")), "12.6") == []
    assert found(set_of(wheel("jaxlib", "0.4.20+cuda11.cudnn86")), "12.6") == [("other-line", "jax")]


def test_a_plugin_counts_from_either_side() -> None:
    jaxlib = conda("jaxlib", "0.12.0.1", "py312_0", PY)
    assert found(set_of(jaxlib), "13.0") == [("cpu-build", "jax")]
    assert found(set_of(jaxlib, conda("jax-cuda13-plugin", "0.12.0.1", "py312_0", PY)), "13.0") == []
    assert found(set_of(jaxlib, wheel("jax-cuda13-plugin", "0.12.0.1")), "13.0") == []
    assert found(set_of(jaxlib, wheel("jax-cuda12-plugin", "0.12.0.1")), "13.0") == [("other-line", "jax")]


def test_tensorflow_finds_the_libraries_that_others_bring() -> None:
    assert found(set_of(*real("tensorflow"), *real("torch 2.9.1")), "12.8") == []
    assert found(set_of(*real("tensorflow"), *real("torch 2.14.1 on arm64")), "13.0") == [
        ("cpu-build", "tensorflow")
    ]


def test_a_lock_that_records_no_needs_is_judged_by_all_that_is_in_it() -> None:
    bare = [one.model_copy(update={"depends": ()}) for one in real("torch 2.9.1")]
    assert found(set_of(*bare), "12.8") == []
    assert found(set_of(*bare), "13.0") == [("other-line", "torch")]


@pytest.mark.parametrize(
    ("packages", "cuda", "expected"),
    [
        ((CUDA129, TOOLKIT, *real("jax[cuda13]")), "12.9", [("two-majors", "jax")]),
        ((CUDA129, TOOLKIT, *real("jax[cuda12]")), "12.9", []),
        ((conda("cudatoolkit", "11.8.0", "h4ba93d1_13"), CUDA129, TOOLKIT), "12.9", [("two-majors", "cudatoolkit")]),
        ((conda("cudatoolkit", "11.8.0", "h4ba93d1_13"),), "12.9", [("other-line", "cudatoolkit")]),
        ((CUDA129, wheel("spacy-cuda", "1", "nvidia-nccl-cu13==2.32.3"), wheel("nvidia-nccl-cu13", "2.32.3")),
         "12.9", [("two-majors", "spacy-cuda")]),
    ],
)  # fmt: skip
def test_one_major_from_all_origins(
    packages: tuple[CondaPackage | PipPackage, ...], cuda: str, expected: list[tuple[str, str]]
) -> None:
    environment = set_of(*packages)
    assert found(environment, cuda) == expected
    assert found(environment, None) == []
    said = judged(environment, None).notes
    assert [("two CUDA majors" in note) for note in said] == [True] * (
        expected[:1] != [] and "two" in expected[0][0]
    )


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        ((CUDA129, wheel("torch", "2.14.1")), ["torch"]),
        ((conda("tensorflow", "2.19.1", "cuda129py312h_200", PY), wheel("tensorflow-cpu", "2.21.0")), ["tensorflow-cpu"]),
        ((conda("faiss", "1.14.3", "py312h_0_cpu", PY), wheel("faiss-cpu", "1.15.1")), ["faiss-cpu"]),
        ((conda("cupy-core", "14.1.1", "py312h_0", PY), wheel("cupy-cuda13x", "14.2.0")), ["cupy-cuda13x"]),
        ((conda("py-opencv", "4.10.0", "qt6_py312h_4", PY), wheel("opencv-contrib-python", "4.13")), ["opencv-contrib-python"]),
        ((conda("py-opencv", "4.10.0", "qt6_py312h_4", PY), conda("opencv", "4.10.0", "qt6_py312h_4", PY)), []),
        ((wheel("onnxruntime", "1.31.1"), wheel("onnxruntime-gpu", "1.31.1")), ["onnxruntime-gpu"]),
        ((wheel("opencv-python-headless", "4.13"),), []),
        ((CUDA129, wheel("transformers", "5.23.0", "torch==2.13.0")), []),
    ],
)  # fmt: skip
def test_pip_replaces_nothing(packages: tuple[CondaPackage | PipPackage, ...], expected: list[str]) -> None:
    assert found(set_of(*packages), None) == [("replaced", name) for name in expected]


SAID = """\
the packages of regression for linux/amd64 are not what is declared: torch 2.9.1 (pip) is a build for the CPU, and \
CUDA 12.8 is declared, and 1 more below
cpu-build   torch: torch 2.9.1 (pip) is a build for the CPU, and CUDA 12.8 is declared
            why: this wheel needs no CUDA library; needed by accelerate
            fix: take it from an index of CUDA builds (https://download.pytorch.org/whl/cu128, `torch==2.9.1+cu128`)
other-line  cupy: cupy-cuda13x 14.2.0 (pip) is built for CUDA 13, and 12.8 is declared
            why: its wheels are CUDA builds
            fix: ask for `cupy-cuda12x`
"""


def test_what_is_said_of_it() -> None:
    environment = set_of(
        wheel("torch", "2.9.1", "numpy==2.4"),
        wheel("accelerate", "1", "torch==2.9.1"),
        wheel("cupy-cuda13x", "14.2.0"),
    )
    with pytest.raises(LockError) as caught:
        check_truth(*locked(environment, "12.8"))
    error = caught.value
    assert f"{error.what}\n{error.detail}\n" == SAID
    assert error.where == "/project/envs/regression/image.yml"
    assert error.fix.endswith('allow: [{check: cpu-build, package: torch, reason: "..."}]')
    assert error.exit_code == 3


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        (("conda pytorch=*=cpu*", "virtual __cuda=12.9=0"), "the environment asks for pytorch=*=cpu*"),
        (("conda pytorch-cpu", "virtual __cuda=12.9=0"), "the environment asks for pytorch-cpu"),
        (("conda pytorch",), "it was solved without __cuda"),
        (("conda pytorch", "virtual __cuda=12.9=0"), "the solver found no CUDA build that fits the rest"),
    ],
)
def test_why_conda_brought_a_cpu_build(inputs: tuple[str, ...], why: str) -> None:
    (fault,) = judged(set_of(CONDA[2].package, inputs=inputs), "12.9").faults
    assert fault.cause.startswith(f"its build is cpu_mkl_py312_hca44ed5_102; {why}")
    assert fault.fix == "ask for `pytorch=*=cuda*` or for pytorch-gpu"


CU130 = "take it from an index of CUDA builds (https://download.pytorch.org/whl/cu130, `torch==2.9.1+cu130`)"


@pytest.mark.parametrize(
    ("package", "cuda", "fix"),
    [
        (wheel("torch", "2.9.1+cu128"), "13.2", f'declare cuda: "12.8", or {CU130}'),
        (wheel("torch", "2.9.1+cu130"), "12.9", ('declare cuda: "13.0", or take it from an index of CUDA builds '
         "(https://download.pytorch.org/whl/cu128, `torch==2.9.1+cu128`)")),
        (wheel("torch", "2.14.1+cu130"), "11.8", ('declare cuda: "13.0", or ask for a version that is made for CUDA 11.8, '
         "such as torch 2.7, 2.6, 2.5")),
        (wheel("torch", "2.14.1+cpu"), "10.2", "declare another line: no version of torch is known to be made for CUDA 10.2"),
        (wheel("torch", "3.0+cpu"), "13.9", ("take it from an index of CUDA builds (https://download.pytorch.org/whl/cu139, "
         "`torch==3.0+cu139`), or ask for a version that is made for CUDA 13.9, such as torch 2.14, 2.13, 2.12")),
        (CUDA129, "12.6", ('declare cuda: "12.9", or add `cuda-version=12.6` to dependencies:, so that the solver takes '
         "builds of that line")),
        (wheel("jax-cuda12-plugin", "0.12"), "13.0", "ask for `jax[cuda13]`"),
        (wheel("tensorflow-cpu", "2.21.0"), "12.9", "ask for `tensorflow[and-cuda]`, which brings the CUDA libraries"),
    ],
)  # fmt: skip
def test_what_to_do_holds_for_the_version(package: CondaPackage | PipPackage, cuda: str, fix: str) -> None:
    (fault,) = judged(set_of(package), cuda).faults
    assert fault.fix == fix


def test_libraries_of_another_major_name_who_needs_them() -> None:
    old = (conda("cudatoolkit", "11.8.0", "h4ba93d1_13"), conda("oldlib", "1", "0", "cudatoolkit >=11.8,<12"))
    (fault,) = judged(set_of(CUDA129, TOOLKIT, *old), "12.9").faults
    assert (fault.check, fault.package, fault.cause) == ("two-majors", "oldlib", "needed by oldlib")
    assert fault.what == "CUDA 11 comes with cudatoolkit 11.8.0 (conda), and 12.9 is declared"


@pytest.mark.parametrize("package", ["torch", "pytorch"])
def test_what_is_allowed_passes_and_is_told(package: str) -> None:
    allowance = Allowance(check="cpu-build", package=package, reason="small models only")
    events: list[Event] = []
    check_truth(*locked(set_of(CONDA[2].package), "12.9", allowance), events.append)
    assert events == [
        Note(
            "regression: allowed (cpu-build): pytorch 2.13.0 (conda) is a build for the CPU, and CUDA 12.9 is "
            "declared. Reason: small models only"
        )
    ]


def test_an_allowance_is_for_one_check_and_one_package() -> None:
    environment = set_of(CONDA[2].package, wheel("xgboost-cpu", "3.4.1"))
    other = Allowance(check="other-line", package="torch", reason="r")
    own = Allowance(check="cpu-build", package="xgboost", reason="trained on the CPU on purpose")
    outcome = judged(environment, "12.9", other, own)
    assert [(fault.check, fault.package) for fault in outcome.faults] == [("cpu-build", "torch")]
    assert [finding.package for finding, _ in outcome.allowed] == ["xgboost"]
    assert outcome.unneeded == (other,)


def test_an_allowance_that_is_not_needed_is_told() -> None:
    events: list[Event] = []
    allowance = Allowance(check="two-majors", package="jax", reason="r")
    check_truth(*locked(set_of(*real("torch 2.9.1")), "12.8", allowance), events.append)
    assert events == [Note("regression: `allow:` of two-majors for jax is no longer needed on linux/amd64")]


def test_libraries_newer_than_the_line_are_told_not_refused() -> None:
    (note,) = judged(set_of(*real("jax[cuda12]")), "12.6").notes
    assert "the CUDA libraries of tune are 12.9 (nvidia-cuda-runtime-cu12 12.9.79)" in note
    assert "`nvidia-cuda-runtime-cu12==12.6.*` keeps to the line" in note
    (note,) = judged(set_of(conda("cuda-version", "13.3", "0"), CONDA[1].package), "13.0").notes
    assert "`cuda-version=13.0` keeps to the line" in note
    for clean, cuda in (("torch 2.14.1, fine-tuning", "13.0"), ("vllm", "13.0"), ("torch 2.9.1", "12.8")):
        assert judged(set_of(*real(clean)), cuda).notes == ()


def test_each_environment_is_judged_by_itself_and_named() -> None:
    spec = image_spec(cuda="13.0")
    one, two = (
        set_of(*real("torch 2.14.1, fine-tuning")),
        set_of(*real("jax")).model_copy(update={"name": "sim"}),
    )
    lock = lock_set(spec, environments=(one, two))
    assert [(finding.environment, finding.package) for finding in findings(lock, spec)] == [("sim", "jax")]
    with pytest.raises(LockError, match="not what is declared") as caught:
        check_truth(lock, spec)
    assert caught.value.detail.startswith("cpu-build   jax [sim]: jaxlib ")


@pytest.mark.parametrize(
    ("build", "line"),
    [
        ("cuda118_py310h", Line(11, 8)),
        ("cuda126_mkl_py312_h", Line(12, 6)),
        ("py312cuda129h7ad7e88_0_cuda", Line(12, 9)),
        ("py3.12_cuda12.4_cudnn9.1.0_0", Line(12, 4)),
        ("py311h4107d7c_200_cuda", None),
        ("cuda12_h1_0", Line(12)),
        ("cuda1210_h1_0", Line(12, 10)),
        ("py312h75da3e1_0", None),
    ],
)
def test_lines_in_build_strings(build: str, line: Line | None) -> None:
    assert of_build(build) == line
    assert not says_cpu(build)


def test_lines_elsewhere() -> None:
    assert [of_version(text) for text in ("12.8.90", "13.0", "13", "x")] == [
        Line(12, 8),
        Line(13, 0),
        Line(13),
        None,
    ]
    assert [of_local(text) for text in ("2.9.1+cu128", FLASH, "2.9.1", "1+cpu")] == [
        Line(12, 8),
        Line(12),
        None,
        None,
    ]
    assert (
        of_name("nvidia-cublas-cu12") == of_name("jax-cuda12-plugin") == of_name("cupy-cuda12x") == Line(12)
    )
    assert of_name("nvidia-cutlass") is None
    assert floor("cuda-version >=12.6,<13") == floor("pytorch-cuda 12.6.*") == Line(12, 6)
    assert floor("cuda-version >=13,<14") == Line(13)
    assert floor("cuda-version <13") is floor("cuda-version") is None
    assert (str(Line(12, 6)), str(Line(13)), Line(12, 6).tag) == ("12.6", "13", "cu126")


def test_the_table_is_whole() -> None:
    held = table()
    assert set(held.packages) >= {"torch", "jax", "tensorflow", "bitsandbytes", "xgboost"}
    for name, row in held.packages.items():
        assert all((row.source, row.conda, row.wheels)), name
        for text in (row.from_conda, row.from_pip):
            assert "{" not in text.format(line="12.6", major=12, tag="cu126", version="1")
    names = [name for row in held.packages.values() for name in (*row.conda, *row.wheels)]
    assert all(group.source and len(group.wheels) > 1 for group in held.same_import)
    assert sorted({name for row in held.packages.values() for name in row.names}) == sorted(set(names))


NAMES = st.sampled_from(
    [
        *(name for row in table().packages.values() for name in sorted(row.names)),
        *table().carriers.conda.own,
        *table().carriers.wheels.own,
        *("python", "nvidia-nccl-cu13", "opencv-python", "x"),
    ]
)
TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", " ", "cuda-version", "cuda-version >=12,<13", "cuda", "2+cu", "+cpu", "=="]),
    st.from_regex(
        r"cuda[0-9.]{0,6}_?(cpu|py312)?|[0-9]{1,3}(\.[0-9]{1,3})?(\+cu[0-9]{1,5})?", fullmatch=True
    ),
)


@given(
    conda=st.lists(st.tuples(NAMES, TEXTS, TEXTS, st.lists(TEXTS, max_size=3)), max_size=6),
    pip=st.lists(st.tuples(NAMES, TEXTS, st.lists(TEXTS, max_size=3)), max_size=6),
    cuda=st.sampled_from([None, "12.6", "13.0", "9.2"]),
)
def test_no_lock_makes_it_stumble(
    conda: list[tuple[str, str, str, list[str]]], pip: list[tuple[str, str, list[str]]], cuda: str | None
) -> None:
    packages = [
        conda_package(name, version, build, depends=tuple(needs)) for name, version, build, needs in conda
    ]
    wheels = [wheel(name, version, *needs) for name, version, needs in pip]
    outcome = judged(set_of(*packages, *wheels), cuda)
    for fault in outcome.faults:
        assert fault.check in get_args(Check)
        assert all((fault.package, fault.what, fault.cause, fault.fix))
    allow = [Allowance(check=one.check, package=one.package, reason="r") for one in outcome.faults]
    assert judged(set_of(*packages, *wheels), cuda, *allow).faults == ()
