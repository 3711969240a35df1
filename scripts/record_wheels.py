"""tests/unit/lock/real_wheels.json: what real sets of accelerated wheels hold, as the index answers today.

    python -m scripts.record_wheels > tests/unit/lock/real_wheels.json

Resolves each set as `imgbuild lock` does and writes name, version, file name and requirements of every wheel; no
wheel is downloaded. Takes about two minutes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from builder.lock.resolve import resolve_wheels
from builder.lock.target import Target
from builder.spec.model import CondaEnvironment, Platform
from builder.store.upstream import Upstream

PYTHON, GLIBC = "3.12.9", "2.36"
SETS: dict[str, tuple[Platform, tuple[str, ...]]] = {
    "torch 2.7.1": ("linux/amd64", ("torch==2.7.1",)),
    "torch 2.9.1": ("linux/amd64", ("torch==2.9.1",)),
    "torch 2.14.1, fine-tuning": (
        "linux/amd64",
        (
            *("torch==2.14.1", "transformers", "accelerate", "peft", "trl", "datasets"),
            *("bitsandbytes", "liger-kernel"),
        ),
    ),
    "torch 2.15.0": ("linux/amd64", ("torch==2.15.0",)),
    "torch 2.9.1 on arm64": ("linux/arm64", ("torch==2.9.1",)),
    "torch 2.14.1 on arm64": ("linux/arm64", ("torch==2.14.1",)),
    "jax": ("linux/amd64", ("jax",)),
    "jax[cuda12]": ("linux/amd64", ("jax[cuda12]",)),
    "jax[cuda13]": ("linux/amd64", ("jax[cuda13]",)),
    "tensorflow": ("linux/amd64", ("tensorflow",)),
    "tensorflow[and-cuda]": ("linux/amd64", ("tensorflow[and-cuda]",)),
    "tensorflow twice": ("linux/amd64", ("tensorflow", "tensorflow-cpu")),
    "trees": ("linux/amd64", ("xgboost", "lightgbm")),
    "xgboost-cpu": ("linux/amd64", ("xgboost-cpu",)),
    "vllm": ("linux/amd64", ("vllm",)),
    "torch and jax of two majors": ("linux/amd64", ("torch==2.14.1", "jax[cuda12]")),
    "search": ("linux/amd64", ("faiss-cpu", "onnxruntime", "cupy-cuda13x")),
    "pictures twice": ("linux/amd64", ("opencv-python", "opencv-python-headless")),
}


def recorded(platform: Platform, lines: tuple[str, ...]) -> list[dict[str, Any]]:
    """The wheels of one set."""
    environment = CondaEnvironment(
        name="real", channels=(), conda=(), pip=lines, file=Path("environment.yml")
    )
    wheels = resolve_wheels(environment, (), Target(PYTHON, platform, GLIBC), Upstream())
    return [
        {"name": one.name, "version": one.version, "file": one.filename, "depends": list(one.depends)}
        for one in wheels
    ]


def main() -> None:
    """Print all sets as JSON, one wheel a line."""
    parts = []
    for name, (platform, lines) in SETS.items():
        print(name, file=sys.stderr)
        wheels = ",\n".join(f"  {json.dumps(one)}" for one in recorded(platform, lines))
        head = f'"platform": "{platform}", "asked": {json.dumps(list(lines))}'
        parts.append(f' {json.dumps(name)}: {{{head}, "wheels": [\n{wheels}\n ]}}')
    print("{\n" + ",\n".join(parts) + "\n}")


if __name__ == "__main__":
    main()
