"""The judges of `lora` and `tensorflow`: what was learned, and whether it is the same when loaded again."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.smoke.evidence import Evidence
from builder.smoke.judge_lora import judge_lora
from builder.smoke.judge_tensorflow import judge_tensorflow
from builder.smoke.measured import Setting
from tests.support.fake_container import environment_lock, spec_of

WHERE: dict[str, float | str] = {"python": "3.13.1", "prefix": "/opt/conda/envs/regression", "gpus": 0.0}
STACK = {"torch": "2.14.1", "transformers": "5.24.0", "peft": "0.21.2", "trl": "1.16.0", "accelerate": "1.15.0",
         "datasets": "5.2.0", "bitsandbytes": "0.50.2"}  # fmt: skip
TRAINED: dict[str, float | str] = {
    "device": "cpu",
    "steps": 60.0,
    "loss_first": 3.07,
    "loss_last": 1.4,
    "trained_parameters": 24576.0,
    "adapter_difference": 0.0,
    "adapter_effect": 2.98,
}
LORA: dict[str, float | str] = {**WHERE, **STACK, "dtype": "float32", **TRAINED}
ON_GPU: dict[str, float | str] = {
    **LORA,
    "gpus": 1.0,
    "dtype": "bfloat16",
    "device": "cuda",
    **{f"qlora_{name}": value for name, value in TRAINED.items()},
    "qlora_device": "cuda",
}
KERAS: dict[str, float | str] = {
    **WHERE,
    "tensorflow": "2.21.0",
    "keras": "3.13.0",
    "built_with_cuda": "true",
    "cuda": "12.5.1",
    "architectures": "sm_60 sm_70 sm_80 sm_89 compute_90",
    "loss_first": 0.705,
    "loss_last": 0.117,
    "accuracy": 0.959,
    "saved_difference": 0.0,
}


def lora(numbers: dict[str, float | str], tier: int = 1) -> list[str]:
    lock = environment_lock(versions={"python": "3.13.1", **STACK})
    return judge_lora(Evidence(numbers), lock, Setting(spec_of(Path("/nowhere"), "regression"), tier))


def keras(numbers: dict[str, float | str], tier: int = 1, **more: object) -> list[str]:
    spec = spec_of(
        Path("/nowhere"), "regression", **{"cuda": "12.9", "targets": {"gpus": ("p100", "h100")}, **more}
    )
    lock = environment_lock(versions={"python": "3.13.1", "tensorflow": "2.21.0", "keras": "3.13.0"})
    return judge_tensorflow(Evidence(numbers), lock, Setting(spec, tier))


def test_true_numbers_pass() -> None:
    assert (lora(LORA), lora(ON_GPU, 2)) == ([], [])
    assert keras(KERAS) == []
    assert keras({**KERAS, "gpus": 1.0, "matmul_device": "/device:GPU:0", "matmul_fp32": 1e-6}, 2) == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("peft", "0.20.0", "peft: expected version 0.21.2, got '0.20.0'"),
        ("steps", 59.0, "steps: expected 60, got 59.0"),
        ("loss_last", 3.0, "loss_last: expected 0 to 2.149 (below 0.7 of loss_first, 3.07), got 3.0"),
        ("loss_first", "nan", "loss_first: expected a loss, got 'nan'"),
        ("trained_parameters", 0.0, "trained_parameters: expected at least 1, got 0.0"),
        (
            "adapter_difference",
            0.01,
            "adapter_difference: expected 0 to 0.0001 (saved and loaded it says the same), got 0.01",
        ),
        (
            "adapter_effect",
            0.0,
            "adapter_effect: expected at least 0.1 (training changed what the model says), got 0.0",
        ),
    ],
)
def test_each_wrong_number_of_a_training_fails_under_its_name(
    name: str, value: float | str, expected: str
) -> None:
    assert lora({**LORA, name: value}) == [expected]


@pytest.mark.parametrize("name", sorted(TRAINED))
def test_qlora_counts_on_a_gpu_alone(name: str) -> None:
    assert lora({**LORA, f"qlora_{name}": -1.0}) == []
    (fault,) = lora({**ON_GPU, f"qlora_{name}": -1.0}, 2) or [""]
    assert fault.startswith("qlora_")


@pytest.mark.parametrize("name", ["device", "qlora_device"])
def test_a_gpu_that_is_counted_and_not_used_is_no_proof(name: str) -> None:
    assert lora({**ON_GPU, name: "cpu"}, 2) == [f"{name}: expected cuda, got 'cpu'"]


def test_bf16_may_differ_a_little_and_fp32_may_not() -> None:
    assert lora({**ON_GPU, "adapter_difference": 0.02}, 2) == []
    assert lora({**LORA, "adapter_difference": 0.02}) != []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("keras", "3.12.0"),
        ("loss_last", 0.6),
        ("accuracy", 0.62),
        ("saved_difference", 0.1),
        ("built_with_cuda", "false"),
        ("cuda", "13.0"),
        ("architectures", "sm_70 compute_90"),
        ("gpus", 1.0),
    ],
)
def test_each_wrong_number_of_tensorflow_fails_under_its_name(name: str, value: float | str) -> None:
    (fault,) = keras({**KERAS, name: value})
    assert fault.startswith(f"{name}: expected ")


def test_tensorflow_on_a_gpu_computes_there() -> None:
    with_gpu = {**KERAS, "gpus": 1.0, "matmul_device": "/device:CPU:0", "matmul_fp32": 1e-6}
    assert keras(with_gpu, 2) == ["matmul_device: expected a GPU, got '/device:CPU:0'"]


def test_without_cuda_tensorflow_may_be_a_cpu_build() -> None:
    assert keras({**KERAS, "built_with_cuda": "false", "cuda": "none"}, cuda=None) == []
