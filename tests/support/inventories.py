"""Small inventories, made up for one question each."""

from __future__ import annotations

from typing import Any

from builder.audit.facts import Distribution, FileFacts, Inventory, Reading, TorchFacts
from builder.audit.judge.whole import judge
from builder.audit.model import Audit, AuditFinding, Wanted
from builder.gpu.gpus import find_gpu

PREFIX = "/opt/conda/envs/lora"
SITE = f"{PREFIX}/lib/python3.12/site-packages"
LIBC = "/lib/x86_64-linux-gnu/libc.so.6"
STDCXX = "/lib/x86_64-linux-gnu/libstdc++.so.6"
SYSTEM = ("/lib/x86_64-linux-gnu",)


def elf(path: str, package: str = "", **facts: Any) -> FileFacts:
    """A file; what does not begin with a slash lies in site-packages, code and ptx may be one text."""
    facts = {
        name: tuple(value.split()) if name in {"code", "ptx", "needed", "rpath", "runpath"} else value
        for name, value in facts.items()
    }
    where = path if path.startswith("/") else f"{SITE}/{path}"
    return FileFacts.model_validate({"path": where, "package": package, "machine": "x86_64", **facts})


def base() -> tuple[FileFacts, ...]:
    """The libraries of a base with glibc 2.36."""
    return (
        elf(LIBC, soname="libc.so.6", gives={"GLIBC": "2.36"}),
        elf(STDCXX, soname="libstdc++.so.6", gives={"GLIBCXX": "3.4.30", "CXXABI": "1.3.13"}),
    )


def torch_files(
    code: str = "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120", major: int = 13
) -> tuple[FileFacts, ...]:
    """A torch and the CUDA runtime that it needs."""
    runtime = f"libcudart.so.{major}"
    return (
        elf(
            "torch/lib/libtorch_cuda.so",
            "torch 2.15.0",
            soname="libtorch_cuda.so",
            code=code,
            needed=f"{runtime} libc10.so libcuda.so.1 libc.so.6",
            rpath="$ORIGIN/../../nvidia/lib $ORIGIN",
            wants={"libc.so.6": {"GLIBC": "2.28"}},
        ),
        elf("torch/lib/libc10.so", "torch 2.15.0", soname="libc10.so"),
        elf(f"nvidia/lib/{runtime}", f"nvidia-cuda-runtime {major}.2.86", soname=runtime),
    )


def read(
    *files: FileFacts,
    cuda: str | None = "13.2",
    torch: str | None = "2.15.0",
    reading: Reading = "image",
    **more: Any,
) -> Inventory:
    """An inventory of one environment with a torch."""
    facts = () if torch is None else (TorchFacts(version=torch, cuda=cuda, site=SITE),)
    search = () if reading == "archives" else SYSTEM
    return Inventory(reading=reading, prefixes=(PREFIX,), files=files, torch=facts, search=search, **more)


def installed(*names: str) -> tuple[Distribution, ...]:
    """Distributions of the environment, `triton 3.9.0`."""
    return tuple(Distribution(name=name.split()[0], version=name.split()[1], site=SITE) for name in names)


def wanted(*gpus: str, **more: Any) -> Wanted:
    """What an image of that name is held against."""
    return Wanted(image="lora", gpus=tuple(find_gpu(name) for name in gpus), **more)


def sound(*more: FileFacts) -> Inventory:
    """A base, a torch, and more."""
    return read(*base(), *torch_files(), *more)


def ask(inventory: Inventory, *gpus: str, **more: Any) -> Audit:
    """The audit."""
    return judge(inventory, wanted(*gpus, **more))


def only(audit: Audit) -> AuditFinding:
    """Its one finding that is more than a note."""
    (one,) = [finding for finding in audit.findings if finding.weight != "note"]
    return one
