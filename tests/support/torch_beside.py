"""A stand-in for an installed torch: its version, and libraries that define what real ones were seen to define.

A real torch is gigabytes. What a wheel beside it needs of it is libraries of certain names, symbols, and a version.py.
The stand-in's libraries are linked by the real linker; they define every symbol of torch's that the wheels at hand ask
for, less those that the real torch does not define (recorded with `nm -D` in audit_wheels.json). So a test with it
proves that our reading sees what a wheel asks for, and judges it; that a real torch's libraries are read rightly, the
soak run shows.
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from collections.abc import Collection, Sequence
from pathlib import Path

TORCHS = re.compile(r"_Z(?:N|NK|TIN|TVN|TSN|GVN)(?:2at|3c10|5torch|6caffe2|8c10_cuda)|aoti_torch_|THP|torch_")
NAMES = ["libc10", "libtorch", "libtorch_cpu", "libtorch_python", "libtorch_global_deps"]
CUDA_NAMES = ["libc10_cuda", "libtorch_cuda", "libcaffe2_nvrtc", "libtorch_nvshmem"]
RUNTIME = {"12": ("nvidia/cuda_runtime/lib", "nvidia/cuda_nvrtc/lib", "nvidia/nccl/lib")}
NEWER = ("nvidia/cu13/lib", "nvidia/cu13/lib", "nvidia/nccl/lib")
AARCH64 = 183


def asked_for(folder: Path) -> set[str]:
    """Symbols of torch's that the files below a folder use, as binutils read them."""
    files = [str(path) for path in sorted(folder.rglob("*")) if path.is_file() and _is_elf(path)]
    if not files:
        return set()
    said = "".join(_run("nm", "-D", "--undefined-only", file) for file in files)
    names = {line.split()[-1].partition("@")[0] for line in said.splitlines() if " U " in line}
    return {name for name in names if TORCHS.match(name)}


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def write_torch(
    site: Path, version: str, symbols: Collection[str], scratch: Path, machine: str = "x86_64"
) -> None:
    """Put the stand-in into site-packages. version: `2.15.0+cu132`, `2.9.1+cpu`."""
    digits = version.partition("+cu")[2]
    cuda = f"{digits[:-1]}.{digits[-1]}" if digits else None
    names = [*NAMES, *(CUDA_NAMES if cuda else ())]
    for name in names:
        defines = sorted(symbols) if name == "libtorch_cpu" else ()
        _library(site / "torch/lib" / f"{name}.so", f"{name}.so", defines, scratch, machine)
    (site / "torch/version.py").write_text(f"__version__ = {version!r}\ncuda = {cuda!r}\n")
    files = [f"torch/lib/{name}.so" for name in names]
    _distribution(site, "torch", version.partition("+")[0], [*files, "torch/version.py"])
    if cuda:
        _nvidia(site, cuda, scratch, machine)


def _nvidia(site: Path, cuda: str, scratch: Path, machine: str) -> None:
    major = cuda.partition(".")[0]
    tag = "-cu12" if major == "12" else ""
    for stem, folder in zip(("cudart", "nvrtc", "nccl"), RUNTIME.get(major, NEWER), strict=True):
        soname = f"lib{stem}.so.{major}" if stem != "nccl" else "libnccl.so.2"
        file = f"{folder}/{soname}"
        _library(site / file, soname, (), scratch, machine)
        wheel = {"cudart": f"nvidia-cuda-runtime{tag}", "nvrtc": f"nvidia-cuda-nvrtc{tag}"}.get(
            stem, f"nvidia-nccl-cu{major}"
        )
        _distribution(site, wheel, f"{cuda}.1" if stem != "nccl" else "2.27.5", [file])


def _distribution(site: Path, name: str, version: str, files: Sequence[str]) -> None:
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    record = f"{info.name}/RECORD"
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in (*files, f"{info.name}/METADATA", record)))


def _library(path: Path, soname: str, symbols: Sequence[str], scratch: Path, machine: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    source = scratch / "stand_in.s"
    lines = [f".globl {name}\n.type {name}, @function\n{name}: ret" for name in symbols]
    source.write_text("\n".join([".text", *lines, '.section .note.GNU-stack,"",@progbits', ""]))
    named = f"-Wl,-soname,{soname}"
    _run("gcc", "-shared", "-nostdlib", "-Wl,--build-id=none", named, str(source), "-o", str(path))
    if machine == "aarch64":
        data = bytearray(path.read_bytes())
        struct.pack_into("<H", data, 18, AARCH64)
        path.write_bytes(data)


def _run(*argv: str) -> str:
    """A program of gcc's or binutils'. Fails where it is not installed: these tests cannot do without."""
    assert shutil.which(argv[0]), (
        f"install {argv[0]} (Debian: gcc, binutils): the audit's truth is told with it"
    )
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
