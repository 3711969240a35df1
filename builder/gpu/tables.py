"""builder/data/{gpus,toolkits,torch,compilers}.yml as values. Every row has its source."""

from __future__ import annotations

from functools import cache

from builder.data.tables import read_table
from builder.gpu.target import Capability, Cover, Target, capability, cover, is_unified, target
from builder.values import Value


class Gpu(Value):
    """A GPU. key: as `targets.gpus` has it, `rtx4090`; names: what else people type, `geforce rtx 4090`.

    title: for people, `GeForce RTX 4090`. compute: `8.9`. first_cuda, last_cuda: the first and the last line that
    compiles for it; last is None while it is supported. data_center: whether forward compatibility packages
    (cuda-compat) serve it.
    """

    key: str
    title: str
    compute: str
    architecture: str
    names: tuple[str, ...] = ()
    first_cuda: str
    last_cuda: str | None = None
    data_center: bool = False
    source: str

    @property
    def capability(self) -> Capability:
        """Its compute capability."""
        return capability(self.compute)


class Toolkit(Value):
    """A CUDA toolkit line. driver: the one released with it, floor: enough by minor-version compatibility.

    Both as lowest versions, `580.65.06`. compute: the capabilities that its nvcc compiles for, `7.5`; nvcc: the version
    of the compiler in which they were read, `13.0.88`.
    """

    driver: str
    floor: str
    compute: tuple[str, ...]
    nvcc: str
    source: str

    @property
    def capabilities(self) -> tuple[Capability, ...]:
        """What its compiler compiles for, as values."""
        return tuple(capability(text) for text in self.compute)


class TorchBuild(Value):
    """One build of torch: a release for one CUDA line. targets: `sm_75`, `compute_120`, as the wheel's libraries hold.

    python: lowest and highest minor, `3.10`. index: `pypi`, or what the wheel index is called, `cu126`.
    """

    version: str
    cuda: str
    index: str
    platform: str = "linux/amd64"
    targets: tuple[str, ...]
    python: tuple[str, str]
    cudnn: str = ""
    nccl: str = ""
    triton: str = ""
    source: str

    @property
    def compiled(self) -> tuple[Target, ...]:
        """Its targets as values."""
        return tuple(target(text) for text in self.targets)

    def cover(self, gpu: Capability) -> Cover:
        """What this build has for a GPU."""
        return cover(self.compiled, gpu, unified=is_unified(self.cuda))


class Compiler(Value):
    """A library that compiles at run time and has no device code to read. compute: the lowest that it supports.

    since: the first version that this row is true of. warns: below this capability it works with parts missing.
    """

    since: str = "0"
    compute: str
    warns: str | None = None
    why: str
    source: str


@cache
def gpus() -> dict[str, Gpu]:
    """Every GPU by its key, in the order of the table: oldest architecture first."""
    return {key: Gpu.model_validate({"key": key, **row}) for key, row in read_table("gpus.yml").items()}


@cache
def toolkits() -> dict[str, Toolkit]:
    """Every CUDA line, oldest first."""
    return {key: Toolkit.model_validate(row) for key, row in read_table("toolkits.yml").items()}


@cache
def torch_builds() -> tuple[TorchBuild, ...]:
    """Every known build of torch, oldest first."""
    return tuple(TorchBuild.model_validate(row) for row in read_table("torch.yml"))


@cache
def compilers() -> dict[str, tuple[Compiler, ...]]:
    """By distribution name, the newest row first."""
    table = read_table("compilers.yml")
    return {name: tuple(Compiler.model_validate(row) for row in rows) for name, rows in table.items()}
