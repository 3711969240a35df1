"""What the `tensorflow` test must have measured: a small Keras model that learns and is the same when loaded."""

from __future__ import annotations

from builder.lock.model import EnvironmentLock
from builder.smoke.evidence import Evidence
from builder.smoke.measured import (
    Numbers,
    Setting,
    between,
    covered,
    cuda_line,
    falls,
    faults,
    gpus_as_given,
    is_text,
    judge_interpreter,
    shown,
    versions,
)

TENSORFLOW_PACKAGES: dict[str, tuple[str, ...]] = {"tensorflow": ("tensorflow", "tensorflow-cpu")}
_BESIDE = {"keras": ("keras",)}
FALL = 0.5
ACCURACY = 0.85  # always saying no scores about 0.62
SAME = 1e-5
FP32 = 1e-4


def judge_tensorflow(evidence: Evidence, lock: EnvironmentLock, setting: Setting) -> list[str]:
    """The loss falls, the saved model says the same, and with `cuda:` TensorFlow was built for line and GPUs."""
    numbers = evidence.numbers
    return faults(
        [
            judge_interpreter(evidence, lock, setting),
            versions(numbers, lock, TENSORFLOW_PACKAGES | _BESIDE),
            gpus_as_given(numbers, setting),
            falls(numbers, "loss_first", "loss_last", FALL),
            between(numbers, "accuracy", ACCURACY, 1),
            between(numbers, "saved_difference", 0, SAME, "saved and loaded it says the same"),
            *(_built_for(numbers, setting) if setting.spec.cuda else ()),
            *(_on_a_gpu(numbers) if setting.tier == 2 else ()),
        ]
    )


def _built_for(numbers: Numbers, setting: Setting) -> list[list[str]]:
    built = is_text(numbers, "built_with_cuda", "true")
    return [built] if built else [cuda_line(numbers, setting.spec), covered(numbers, setting.spec)]


def _on_a_gpu(numbers: Numbers) -> list[list[str]]:
    device = str(numbers.get("matmul_device", ""))
    on_gpu = (
        [] if "GPU:" in device else [f"matmul_device: expected a GPU, got {shown(numbers, 'matmul_device')}"]
    )
    return [on_gpu, between(numbers, "matmul_fp32", 0, FP32)]
