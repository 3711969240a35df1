"""What the `lora` test must have measured: a small model that learns, and an adapter that is the same when loaded."""

from __future__ import annotations

from builder.lock.model import EnvironmentLock
from builder.smoke.evidence import Evidence
from builder.smoke.measured import (
    Numbers,
    Setting,
    between,
    falls,
    faults,
    gpus_as_given,
    is_text,
    judge_interpreter,
    locked_version,
    near,
    versions,
)

LORA_PACKAGES: dict[str, tuple[str, ...]] = {
    "torch": ("torch", "pytorch", "pytorch-gpu", "pytorch-cpu"),
    "transformers": ("transformers",),
    "peft": ("peft",),
    "trl": ("trl",),
    "accelerate": ("accelerate",),
    "datasets": ("datasets",),
}
_BESIDE = {name: (name,) for name in ("bitsandbytes", "tokenizers", "safetensors")}
STEPS = 60
FALL = 0.7  # a model that learns nothing stays at the first loss; this one ends below half of it
SAME = {"float32": 1e-4, "bfloat16": 5e-2}  # logits are about 3
EFFECT = 0.1  # an adapter that does nothing would be the same when loaded, too


def judge_lora(evidence: Evidence, lock: EnvironmentLock, setting: Setting) -> list[str]:
    """The loss falls, and the adapter that was saved and loaded says what the trained one said; QLoRA the same where
    there was a GPU."""
    numbers = evidence.numbers
    quantised = setting.tier == 2 and locked_version(lock, ("bitsandbytes",))
    return faults(
        [
            judge_interpreter(evidence, lock, setting),
            versions(numbers, lock, LORA_PACKAGES | _BESIDE),
            gpus_as_given(numbers, setting),
            *_training(numbers, "", setting),
            *(_training(numbers, "qlora_", setting) if quantised else ()),
        ]
    )


def _training(numbers: Numbers, prefix: str, setting: Setting) -> list[list[str]]:
    same = SAME.get(str(numbers.get("dtype", "")), min(SAME.values()))
    return [
        # A GPU that is counted may still not be usable, and then all of it runs on the CPU.
        is_text(numbers, f"{prefix}device", "cuda" if setting.tier == 2 else "cpu"),
        near(numbers, f"{prefix}steps", STEPS, 0),
        falls(numbers, f"{prefix}loss_first", f"{prefix}loss_last", FALL),
        between(numbers, f"{prefix}trained_parameters", 1, float("inf")),
        between(numbers, f"{prefix}adapter_difference", 0, same, "saved and loaded it says the same"),
        between(
            numbers, f"{prefix}adapter_effect", EFFECT, float("inf"), "training changed what the model says"
        ),
    ]
