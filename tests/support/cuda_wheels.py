"""Wheels of the shape of torch's and of NVIDIA's compiler: the members that tell, and ballast around them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from tests.support.wheel_samples import write_wheel

_NOISE = random.Random(7).randbytes(300_000)


def torch_wheel(
    folder: Path,
    version: str,
    cuda: str | None,
    targets: str = "sm_80 sm_90",
    *,
    python: str = "312",
    machine: str = "x86_64",
    before: bytes = b"\0",
    requires: Sequence[str] = ("nvidia-cudnn-cu13==9.1.0.70", "nvidia-nccl-cu13==2.30.7", "triton~=3.9.0"),
) -> Path:
    """A wheel of torch. before: the byte in front of the text of targets."""
    told = f"cuda: Optional[str] = {cuda!r}" if cuda else "cuda: Optional[str] = None"
    flags = before + targets.encode() + b"\0" if cuda else b""
    return write_wheel(
        folder,
        "torch",
        version,
        tag=f"cp{python.rstrip('t')}-cp{python}-manylinux_2_28_{machine}",
        files={
            "torch/version.py": f"__version__ = '{version}'\n{told}\nhip: Optional[str] = None\n".encode(),
            "torch/lib/libtorch_cuda.so": _NOISE,
            "torch/lib/libtorch_python.so": _NOISE[:90_000]
            + b"%ssm_"
            + flags
            + b"/pytorch/torch\0"
            + _NOISE[:50],
        },
        metadata=[f"Requires-Dist: {line}; platform_system == 'Linux'" for line in requires],
    )


def compiler_wheel(
    folder: Path, version: str, numbers: Sequence[int], *, project: str = "nvidia-cuda-nvcc"
) -> Path:
    """A wheel with a ptxas that names these, and, as the real one, architectures of old as `sm_` alone."""
    texts = b"".join(b"compute_%d\0sm_%d\0lto_%d\0" % (one, one, one) for one in numbers)
    suffixed = b"".join(b"compute_%da\0" % one for one in numbers if one >= 90)
    return write_wheel(
        folder,
        project,
        version,
        tag="py3-none-manylinux2014_x86_64",
        files={"nvidia/cu13/bin/ptxas": _NOISE + b"\0sm_20\0sm_30\0" + texts + suffixed + _NOISE},
    )
