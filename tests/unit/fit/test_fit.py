"""What will not run as declared: each refusal by its name and reason, and what is not refused."""

from __future__ import annotations

import pytest

from builder.errors import LockError
from builder.fit.checks import driver_findings, gpu_findings
from builder.fit.judge import check_fit, coverage, fit, judge
from builder.fit.model import Chosen
from builder.fit.wants import wants
from builder.gpu.tables import gpus, torch_builds
from builder.lock.cuda.line import Line
from builder.progress import Event, Note
from builder.spec.model import Allowance, ImageSpec
from tests.support.lock_samples import conda_package, pip_package
from tests.unit.fit.samples import CUDA_BASE, locked, real, tune

CUDA129 = conda_package(
    "pytorch", "2.13.0", "cuda129_mkl_py312_h55ea3d5_302", depends=("cuda-version >=12.9,<13",)
)
CUDA130 = conda_package(
    "pytorch", "2.13.0", "cuda130_mkl_py312_h55ea3d5_302", depends=("cuda-version >=13.0,<14",)
)
CUDA126 = conda_package(
    "pytorch", "2.6.0", "cuda126_mkl_py312_h30b5a27_300", depends=("cuda-version >=12.6,<13",)
)


def found(spec: ImageSpec, *packages: object, **options: object) -> list[tuple[str, str]]:
    lock = locked(spec, *packages, **options) if packages else None  # type: ignore[arg-type]
    return [(one.check, one.package) for one in fit(spec, lock)]


# definition, check, package, and words of the finding, its cause and its fix
REFUSED = {
    "V100 on CUDA 13, declared": (
        tune(gpus="v100", cuda="13.0"),
        (
            "gpu",
            "v100",
            "v100 (Tesla V100, 7.0) cannot run CUDA 13.0",
            "the last that did is 12.9",
            'cuda: "12.9"',
        ),
    ),
    "V100 on CUDA 13, by its torch": (
        tune("torch==2.15.0", gpus="v100 t4", cuda="13.2"),
        ("gpu", "v100", "cannot run CUDA 13.2", "holds sm_75 sm_80", "torch==2.15.0+cu126"),
    ),
    "B200 on torch 2.6": (
        tune("torch==2.6.0", gpus="h100 b200"),
        (
            "gpu",
            "b200",
            "cannot run torch 2.6.0 for CUDA 12.4",
            "sm_86 sm_90 [wheel on PyPI",
            "ask for torch==2.8.0",
        ),
    ),
    "B200 on torch 2.6, whichever patch": (
        tune("torch==2.6.*", gpus="b200"),
        ("gpu", "b200", "cannot run torch 2.6.0", "asks for torch==2.6.*", "ask for torch==2.8.0"),
    ),
    "B200 on torch below 2.7": (
        tune("torch<2.7", gpus="b200"),
        ("gpu", "b200", "cannot run torch 2.6.0", "asks for torch<2.7", "ask for torch==2.8.0"),
    ),
    "P100 on torch 2.9": (
        tune("torch==2.9.1", gpus="p100"),
        ("gpu", "p100", "cannot run torch 2.9.1 for CUDA 12.8", "holds sm_70 sm_75", "torch==2.9.1+cu126"),
    ),
    "P100 beside B200: no build for both": (
        tune("torch==2.9.1", gpus="p100 b200"),
        ("gpu", "p100", "cannot run torch 2.9.1", "holds sm_70", "nothing known serves all of p100, b200"),
    ),
    "driver 535 with CUDA 13": (
        tune(driver="535", cuda="13.0"),
        (
            "driver",
            "cuda",
            "driver 535 is below 580",
            "CUDA 13 runs with 580 or newer [release notes",
            'cuda: "12.9"',
        ),
    ),
    "driver 535 with a torch for CUDA 13": (
        tune("torch==2.11.0", gpus="h100", driver="535"),
        ("driver", "cuda", "driver 535 is below 580", "asks for torch==2.11.0", "torch==2.11.0+cu128"),
    ),
    "driver too new for Volta": (
        tune(gpus="v100", driver="590", cuda="12.6"),
        (
            "driver",
            "v100",
            "driver 590 no longer drives v100",
            "release 580 is the last one for Volta",
            '"580"',
        ),
    ),
    "Python 3.14 with torch 2.6": (
        tune("torch==2.6.0", conda=("python=3.14",)),
        ("python", "torch", "no wheel for Python 3.14", "Python 3.9 to 3.13 [wheel", "python=3.13"),
    ),
    "a GPU newer than the line": (
        tune(gpus="b200", cuda="12.6"),
        ("gpu", "b200", "cannot run CUDA 12.6", "the first that does is 12.8", 'declare cuda: "12.8"'),
    ),
    "CUDA in base and wheels": (
        tune("torch==2.9.1", base=CUDA_BASE),
        (
            "two-cudas",
            "torch",
            "the base cuda-noble brings CUDA, and so does torch",
            "nvidia/cuda:13.0.1",
            "ubuntu-noble",
        ),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_its_definition(name: str) -> None:
    spec, (check, package, what, cause, fix) = REFUSED[name]
    (one,) = fit(spec, None)
    assert (one.check, one.package) == (check, package)
    assert what in one.what
    assert cause in one.cause
    assert fix in one.fix


@pytest.mark.parametrize(
    ("spec", "wheels", "expected"),
    [
        (tune(gpus="v100 h100", cuda="13.0"), "torch 2.14.1, fine-tuning", ("gpu", "v100")),
        (tune(gpus="v100"), "torch 2.15.0", ("gpu", "v100")),
        (tune(gpus="b200"), "torch 2.7.1", ("gpu", "b200")),
        (tune(gpus="p100"), "torch 2.9.1", ("gpu", "p100")),
        (tune(gpus="h100", driver="535"), "torch 2.15.0", ("driver", "cuda")),
        (tune(gpus="h100", driver="535"), "jax[cuda13]", ("driver", "cuda")),
        (tune(gpus="v100"), "jax[cuda13]", ("gpu", "v100")),
        (tune(base=CUDA_BASE), "jax[cuda12]", ("two-cudas", "nvidia-cublas-cu12")),
    ],
)
def test_refused_by_its_lock(spec: ImageSpec, wheels: str, expected: tuple[str, str]) -> None:
    assert found(spec, *real(wheels)) == [expected]


def test_a_wheel_of_another_index_is_judged_by_its_own_row() -> None:
    spec = tune(gpus="p100")
    assert found(spec, pip_package("torch", "2.9.1+cu126")) == []
    assert found(spec, pip_package("torch", "2.9.1+cu130")) == [("gpu", "p100")]


def test_a_major_alone_is_enough_for_what_ended_with_the_one_before() -> None:
    plugin = pip_package("jax-cuda13-plugin", "0.12.0")
    assert found(tune(gpus="v100 h100", driver="570"), plugin) == [("gpu", "v100"), ("driver", "cuda")]
    assert found(tune(gpus="v100 b200", driver="570"), pip_package("jax-cuda12-plugin", "0.12.0")) == []


def test_conda_builds_are_judged_by_their_line_alone() -> None:
    """conda-forge compiles for other architectures than the wheels, and for more by PTX."""
    assert found(tune(gpus="v100"), CUDA130) == [("gpu", "v100")]
    assert found(tune(gpus="p100"), CUDA129) == []
    assert found(tune(gpus="b200"), CUDA126) == []
    assert found(tune(gpus="b200", conda=("pytorch=2.6",), cuda="12.6")) == []
    assert found(tune(driver="535"), CUDA130) == [("driver", "cuda")]
    assert found(tune(gpus="v100", conda=("pytorch", "cuda-version=13.0"))) == [("gpu", "v100")]
    (note,) = judge(tune(gpus="b200"), locked(tune(), CUDA126)).notes
    assert "pytorch 2.6.0 of conda" in note
    assert "cuda-version=12.9`" in fit(tune(gpus="v100"), locked(tune(), CUDA130))[0].fix


def test_python_of_the_lock() -> None:
    spec = tune()
    assert found(spec, *real("torch 2.7.1"), python="3.14.1") == [("python", "torch")]
    assert found(spec, *real("torch 2.7.1"), python="3.13.1") == []


SOUND = {
    "nothing declared": tune("torch==2.9.1"),
    "no pin says anything": tune("torch", gpus="p100 b200", driver="470"),
    "an open range": tune("torch>=2.6", gpus="b200 p100"),
    "a marker": tune('torch==2.6.0; platform_machine == "x86_64"', gpus="b200"),
    "a build for the CPU": tune("torch==2.9.1+cpu", gpus="p100", base=CUDA_BASE),
    "one of the range covers it": tune("torch>=2.7,<2.9", gpus="b200"),
    "the declared line's build": tune("torch==2.9.1", gpus="p100", cuda="12.6"),
    "its local version": tune("torch==2.9.1+cu126", gpus="p100"),
    "current": tune("torch==2.15.0", gpus="t4 a100 l40s h100 b200 rtx5090", driver="580"),
    "same major, newer minor": tune("torch==2.9.1", gpus="rtx4090 l40s b300"),
    "minor-version compatibility": tune("torch==2.9.1", gpus="a100", driver="525"),
    "a line newer than the table": tune(gpus="h100", cuda="14.0", driver="525"),
    "a torch newer than the table": tune("torch==2.99.0", gpus="k80"),
    "a plain CUDA base": tune("numpy", base=CUDA_BASE, cuda="13.0", gpus="h100"),
    "a release for ROCm": tune("torch==2.9.1+rocm6.4", gpus="p100"),
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
def test_what_is_sound_or_not_known_is_not_refused(name: str) -> None:
    assert fit(SOUND[name], None) == ()


@pytest.mark.parametrize(
    ("wheels", "names", "driver"),
    [
        ("torch 2.7.1", "p100 v100 t4 a100 rtx4090 h100", "525"),
        ("torch 2.9.1", "v100 t4 a100 h100 b200 rtx5090", "525.60.13"),
        ("torch 2.14.1, fine-tuning", "t4 a100 l40s h100 h200 b200 rtx5090", "580"),
        ("torch 2.15.0", "t4 a100 l40s h100 b200", "580.65.06"),
        ("vllm", "a100 h100", "580"),
        ("jax[cuda12]", "v100 h100 b200", "525"),
        ("trees", "a100", None),
    ],
)
def test_clean_locks_are_not_refused(wheels: str, names: str, driver: str | None) -> None:
    assert found(tune(gpus=names, driver=driver), *real(wheels)) == []


def test_a_torch_that_the_tables_do_not_know_is_a_note() -> None:
    spec = tune(gpus="p100")
    judged = judge(spec, locked(spec, pip_package("torch", "2.99.0", depends=("nvidia-nccl-cu12==2.30",))))
    assert judged.faults == ()
    (note,) = judged.notes
    assert note == (
        "the tables know no build of torch 2.99.0 for linux/amd64, so whether it runs on p100 is not known "
        "(`imgbuild data refresh torch`)"
    )


def test_only_ptx_wants_the_driver_of_its_line() -> None:
    """No build of the table has only PTX for a known GPU, so the row is made up."""
    row = torch_builds()[0].model_copy(update={"cuda": "12.4", "targets": ("sm_70", "compute_90")})
    one = Chosen(environment="tune", torch="torch 2.1.0", rows=(row,), lines=(Line(12, 4),), wheel=True)
    old, new = (wants(tune(gpus="b200 v100", driver=text), "linux/amd64") for text in ("535", "550"))
    assert list(gpu_findings(one, old, torch=True)) == []
    (finding,) = driver_findings(one, old)
    assert (finding.check, finding.package) == ("driver", "b200")
    assert "needs PTX of CUDA 12.4 compiled, which driver 535 cannot" in finding.what
    assert finding.fix.startswith('declare driver: "550.54.14"')
    assert list(driver_findings(one, new)) == []


def test_allowed_is_told_and_an_allowance_taken_back_counts() -> None:
    spec = tune(gpus="v100", cuda="13.0")
    allow = Allowance(check="gpu", package="v100", reason="only its CPU path is used")
    allowing = spec.model_copy(update={"allow": (allow,)})
    notes: list[Event] = []
    check_fit(allowing, None, observer=notes.append)
    assert notes == [
        Note(
            "regression: allowed (gpu): v100 (Tesla V100, 7.0) cannot run CUDA 13.0. Reason: only its CPU path is used"
        )
    ]
    with pytest.raises(LockError) as caught:
        check_fit(spec, None)
    assert caught.value.exit_code == 3
    assert 'allow: [{check: gpu, package: v100, reason: "..."}]' in caught.value.fix
    assert caught.value.detail.splitlines()[0].startswith("gpu        v100: v100 (Tesla V100")
    fine = tune(gpus="h100", cuda="13.0", allow=(allow,))
    assert judge(fine, locked(fine, *real("torch 2.14.1, fine-tuning"))).unneeded == (allow,)


def test_an_allowance_of_one_gpu_is_none_of_another() -> None:
    allow = Allowance(check="gpu", package="v100", reason="x")
    assert [
        one.package for one in judge(tune(gpus="p100 v100", cuda="13.0", allow=(allow,)), None).faults
    ] == ["p100"]


def test_arm64_is_judged_by_its_own_builds() -> None:
    spec = tune("torch==2.14.1", gpus="t4", platforms=("linux/arm64",))
    assert found(spec) == [("gpu", "t4")]


def test_a_gpu_that_another_declared_platform_serves_is_a_note() -> None:
    """One list is for both: T4s stand beside amd64, Thor beside arm64."""
    spec = tune("torch==2.14.1", gpus="t4 h100 11.0", platforms=("linux/amd64", "linux/arm64"))
    for platform, name, other in (("arm64", "t4 (7.5)", "amd64"), ("amd64", "11.0 (11.0)", "arm64")):
        judged = judge(spec, None, f"linux/{platform}")  # type: ignore[arg-type]
        assert judged.faults == ()
        assert judged.notes == (
            f"{name} runs torch==2.14.1 as built for linux/{other}, and not as built for linux/{platform}",
        )
    both = tune("torch==2.14.1", gpus="v100", platforms=("linux/amd64", "linux/arm64"))
    assert [found(both), [one.package for one in fit(both, None, "linux/arm64")]] == [
        [("gpu", "v100")],
        ["v100"],
    ]


def test_coverage() -> None:
    spec = tune("torch==2.9.1")
    assert coverage(spec, None, "h100").runs == "yes"
    assert coverage(spec, None, "9.0").runs == "yes"
    assert coverage(spec, None, "p100").runs == "no"
    assert "2.9.1" in coverage(spec, None, "p100").because
    assert coverage(tune("numpy"), None, "h100") == ("no", "nothing for CUDA is declared or locked in it")
    assert coverage(tune("torch"), None, "h100").runs == "unknown"
    assert coverage(tune(cuda="13.0"), None, "h100").runs == "yes"
    assert coverage(tune("torch", cuda="13.0"), None, "h100").runs == "unknown"
    assert coverage(tune(), locked(tune(), *real("torch 2.15.0")), "b200").runs == "yes"


@pytest.mark.parametrize("name", gpus())
def test_every_gpu_gets_an_answer_from_every_release(name: str) -> None:
    """No GPU and no release of torch leads to an exception, and a refusal always has a cause and a fix."""
    for version in ("2.1.0", "2.6.0", "2.9.1", "2.15.0"):
        for one in fit(tune(f"torch=={version}", gpus=f"h100 {name}", driver="580"), None):
            assert one.cause
            assert one.fix


@pytest.mark.parametrize(
    ("ref", "has_cuda"),
    [
        ("docker.io/nvidia/cuda:13.0.1-base-ubuntu24.04", True),
        ("nvcr.io/nvidia/nemo:25.04", True),
        ("registry.example.org/mirror/cuda:13.0.2-base", True),
        ("docker.io/pytorch/pytorch:2.9.1-cuda12.8-cudnn9-runtime", True),
        ("docker.io/library/debian:bookworm-slim", False),
        ("registry.example.org/barracuda:1", False),
        ("registry.example.org/cudata/base:12", False),
    ],
)
def test_which_bases_bring_cuda(ref: str, has_cuda: bool) -> None:
    spec = tune("torch==2.9.1", base=CUDA_BASE.model_copy(update={"ref": ref}))
    assert ("two-cudas" in {one.check for one in fit(spec, None)}) == has_cuda
