"""Runs inside the image: what its torch, Triton, bitsandbytes and compiler can do, with and without a GPU.

It measures only; the host judges. Without a GPU it still makes real GPU code: Triton compiles a kernel to a cubin for
every architecture that torch was built for, with the ptxas that lies in the image.
"""

import ctypes
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

LAUNCHER = """
#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *none) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "launcher", "", -1, methods};
PyMODINIT_FUNC PyInit_launcher(void) { return PyModule_Create(&module); }
"""
KERNEL = """
import triton
import triton.language as tl

@triton.jit
def double(source, target, count, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(target + at, tl.load(source + at, mask=at < count) * 2, mask=at < count)
"""


def version_of(name: str) -> str:
    """What is installed under this name; empty without it."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def load(path: Path, name: str) -> Any:
    """A Python file or extension module, by its path."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def torch_numbers() -> dict[str, object]:
    """Versions, and what torch was compiled for: said without a driver."""
    return {
        "torch": torch.__version__.partition("+")[0],
        "cuda": torch.version.cuda or "none",
        "architectures": " ".join((torch._C._cuda_getArchFlags() or "").split())
        if torch.version.cuda
        else "",
        "cudnn": str(torch.backends.cudnn.version() or "none"),
        "nccl": ".".join(map(str, torch.cuda.nccl.version())) if torch.version.cuda else "none",
        "gpus": torch.cuda.device_count(),
    }


def bitsandbytes_numbers() -> dict[str, object]:
    """The library that it takes beside this torch, loaded as it would be with a GPU."""
    if not version_of("bitsandbytes"):
        return {}
    import bitsandbytes

    digits = (torch.version.cuda or "").replace(".", "")
    folder = Path(bitsandbytes.__file__).parent
    wanted = f"libbitsandbytes_cuda{digits}.so" if digits else "libbitsandbytes_cpu.so"
    numbers: dict[str, object] = {"bitsandbytes": version_of("bitsandbytes"), "bitsandbytes_library": wanted}
    try:
        numbers["bitsandbytes_loads"] = bool(ctypes.CDLL(str(folder / wanted)))
    except OSError as error:
        numbers["bitsandbytes_loads"] = str(error)[:300]
    return numbers


def compiler_numbers(folder: Path) -> dict[str, object]:
    """Triton's own order: $CC, gcc, clang. It compiles an extension module against the environment's Python.h."""
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang") or ""
    if not compiler:
        return {"compiler": "none"}
    (folder / "launcher.c").write_text(LAUNCHER)
    built = folder / "launcher.so"
    headers = sysconfig.get_path("include")
    command = [compiler, "launcher.c", "-shared", "-fPIC", f"-I{headers}", "-o", str(built)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        return {
            "compiler": compiler,
            "launcher": (done.stderr.strip().splitlines() or ["no message"])[0][:300],
        }
    return {"compiler": compiler, "launcher": load(built, "launcher").answer()}


def triton_numbers(folder: Path) -> dict[str, object]:
    """Bytes of the cubin of one kernel, for every architecture torch was built for that Triton still knows."""
    if not version_of("triton") or not torch.version.cuda:
        return {}
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource
    from triton.compiler import compile as compiled

    (folder / "kernel.py").write_text(KERNEL)
    kernel = load(folder / "kernel.py", "kernel").double
    source = ASTSource(
        fn=kernel,
        signature={"source": "*fp32", "target": "*fp32", "count": "i32", "BLOCK": "constexpr"},
        constexprs={(3,): 128},
    )
    numbers: dict[str, object] = {"triton": version_of("triton")}
    names = [name for name in torch._C._cuda_getArchFlags().split() if name.startswith("sm_")]
    for name in names:
        try:
            cubin = compiled(source, target=GPUTarget("cuda", int(name[3:].rstrip("af")), 32)).asm["cubin"]
            numbers[f"triton_{name}"] = len(cubin) if cubin.startswith(b"\x7fELF") else "no ELF file"
        except Exception as error:  # whatever it is: it is what is measured
            numbers[f"triton_{name}"] = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    return numbers


def compile_numbers(device: str) -> dict[str, object]:
    """torch.compile: one whole graph is captured, and what inductor makes of it computes the same."""
    graphs: list[Any] = []

    def watched(graph: Any, _inputs: object) -> Any:
        graphs.append(graph)
        return graph.forward

    def work(x: Any) -> Any:
        return torch.nn.functional.gelu(x @ x.T).sum(dim=1)

    torch.manual_seed(0)
    x = torch.randn(32, 32, device=device)
    torch.compile(work, backend=watched, fullgraph=True)(x)
    numbers: dict[str, object] = {
        "compiled_on": device,
        "graphs": len(graphs),
        "graph_operations": sum(node.op.startswith("call") for graph in graphs for node in graph.graph.nodes),
    }
    begun = time.monotonic()
    torch._dynamo.reset()
    made = torch.compile(work, fullgraph=True)(x)
    numbers["inductor_seconds"] = round(time.monotonic() - begun, 2)
    numbers["inductor_difference"] = float((made - work(x)).abs().max())
    return numbers


def difference(one: "torch.Tensor", other: "torch.Tensor") -> float:
    """The largest difference, as a part of the largest value."""
    one, other = one.double().cpu(), other.double().cpu()
    return float((one - other).abs().max() / other.abs().max())


def gpu_numbers() -> dict[str, object]:
    """What the GPU computes beside what the CPU does, and that its memory is given back."""
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = False
    a, b = torch.randn(512, 512), torch.randn(512, 512)
    q, k, v = (torch.randn(2, 4, 128, 64) for _ in range(3))
    capability = torch.cuda.get_device_capability(0)
    numbers: dict[str, object] = {
        "gpu": torch.cuda.get_device_name(0),
        "capability": ".".join(map(str, capability)),
        "matmul_fp32": difference(a.cuda() @ b.cuda(), a @ b),
    }
    low = torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=True) else torch.float16
    numbers["low_precision"] = str(low).removeprefix("torch.")
    numbers["matmul_low"] = difference(a.cuda().to(low) @ b.cuda().to(low), a @ b)
    attend = torch.nn.functional.scaled_dot_product_attention
    numbers["attention"] = difference(
        attend(q.cuda().to(low), k.cuda().to(low), v.cuda().to(low)), attend(q, k, v)
    )
    begun, torch_end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    large = torch.randn(4096, 4096, device="cuda", dtype=low)
    large @ large
    begun.record()
    for _ in range(10):
        large @ large
    torch_end.record()
    torch.cuda.synchronize()
    numbers["matmul_teraflops"] = round(10 * 2 * 4096**3 / begun.elapsed_time(torch_end) / 1e9, 1)
    del large
    return numbers


def memory_numbers(before: int) -> dict[str, object]:
    """A block that is taken and given back, and what of all that ran is still held. before: bytes at the beginning."""
    import gc

    block = torch.empty(256 << 20, dtype=torch.uint8, device="cuda")
    most = torch.cuda.memory_allocated()
    del block
    torch.cuda.synchronize()
    torch._dynamo.reset()
    gc.collect()
    torch.cuda.empty_cache()
    left = torch.cuda.memory_allocated()
    return {
        "memory_taken": most - left,
        "memory_left": left - before,
        "memory_reserved": torch.cuda.memory_reserved(),
    }


def main() -> None:
    """Write the measurements to $IMGBUILD_RESULT."""
    numbers: dict[str, object] = {
        "python": platform.python_version(),
        "prefix": sys.prefix,
        **torch_numbers(),
    }
    with tempfile.TemporaryDirectory() as folder:
        numbers |= bitsandbytes_numbers() | compiler_numbers(Path(folder)) | triton_numbers(Path(folder))
    gpu = torch.cuda.is_available()
    held = torch.cuda.memory_allocated() if gpu else 0
    if gpu:
        numbers |= gpu_numbers()
    # Below 7.0 torch does not compile for the GPU, and says so with an error.
    on_gpu = gpu and torch.cuda.get_device_capability(0) >= (7, 0)
    numbers |= compile_numbers("cuda" if on_gpu else "cpu")
    if gpu:
        numbers |= memory_numbers(held)
    with open(os.environ["IMGBUILD_RESULT"], "w", encoding="utf-8") as file:
        json.dump(numbers, file)


main()
