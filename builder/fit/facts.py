"""What an image for CUDA says of itself in its labels: its line, the lowest driver, the architectures, torch."""

from __future__ import annotations

from builder.fit.chosen import chosen
from builder.fit.lines import lowest
from builder.fit.model import Chosen
from builder.gpu.drivers import Driver, driver
from builder.gpu.gpus import find_gpu
from builder.gpu.tables import TorchBuild, toolkits
from builder.lock.cuda.line import Line
from builder.lock.model import LockSet
from builder.spec.model import ImageSpec
from builder.values import Value

LABELS = {name: f"io.imgbuild.{name}" for name in ("cuda", "driver", "gpus", "torch")}
"""Names of the labels that say them."""


class Facts(Value):
    """What `check-host` looks for. What is not known is empty.

    cuda: the line, `13.0`; its major alone, `13`, where no package says more. driver: the lowest that runs it,
    `580`. targets: what torch is compiled for, `sm_75`, as the tables have it. torch: its version, `2.9.1`.
    """

    cuda: str
    driver: str = ""
    targets: tuple[str, ...] = ()
    torch: str = ""

    @property
    def labels(self) -> dict[str, str]:
        """What `check-host` reads without the image; what is not known has no label."""
        told = {
            "cuda": self.cuda,
            "driver": self.driver,
            "gpus": " ".join(self.targets),
            "torch": self.torch,
        }
        return {LABELS[name]: text for name, text in told.items() if text}

    @property
    def requires(self) -> str:
        """For NVIDIA_REQUIRE_CUDA: by major, because drivers of a major run all its lines."""
        return f"cuda>={self.cuda.partition('.')[0]}.0"


def image_facts(spec: ImageSpec, lock: LockSet) -> Facts | None:
    """The facts of an image that `cuda:` or `targets:` say is for GPUs; None for all others.

    An image that declares neither is one for the CPU, whatever its wheels could do besides (docs/cuda-truth.md). The
    line is the highest that its packages are for, and the declared one where they do not tell.
    """
    if not (spec.cuda or spec.targets.gpus):
        return None
    taken = chosen(spec, lock, lock.platform)
    inside = [one for one in taken if one.environment]
    lines = [line for one in inside for line in one.lines] or [line for one in taken for line in one.lines]
    if not lines:
        return None
    line = max(lines, key=lambda one: (one.major, one.minor or 0))
    torch = next((one for one in inside if one.torch), None)
    rows = torch.rows if torch else ()
    return Facts(
        cuda=_declared(line, spec),
        driver=_lowest(line, rows, spec),
        targets=rows[0].targets if len(rows) == 1 else (),
        torch=_version(torch),
    )


def _declared(line: Line, spec: ImageSpec) -> str:
    """Where packages say the major only, the declared line of that major says the rest."""
    same = spec.cuda and line.minor is None and spec.cuda.partition(".")[0] == str(line.major)
    return str(spec.cuda) if same else str(line)


def _lowest(line: Line, rows: tuple[TorchBuild, ...], spec: ImageSpec) -> str:
    """The floor of the line; the driver of the line itself where a declared GPU has only PTX, which it must compile."""
    least = lowest(line)
    paired = toolkits().get(str(line))
    if paired is not None and any(
        row.cover(find_gpu(name).capability) == "jit" for row in rows for name in spec.targets.gpus
    ):
        least = driver(paired.driver)
    return str(least) if isinstance(least, Driver) else ""


def _version(torch: Chosen | None) -> str:
    """2.9.1 of `torch 2.9.1+cu128` and of `pytorch 2.9.1`."""
    return torch.torch.split()[-1].partition("+")[0] if torch else ""
