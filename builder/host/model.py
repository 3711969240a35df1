"""A machine's GPUs, driver and container toolkit as values. What is not known is empty, and `looked` says why."""

from __future__ import annotations

from builder.values import Value


class Looked(Value):
    """One place that was looked at (a file, a program), and what was there, in a few words."""

    place: str
    saw: str


class HostGpu(Value):
    """A GPU. name: as the driver prints it, `NVIDIA H100 80GB HBM3`; of one that only the bus knows, `10de:2330`.

    compute: `9.0`. uuid: `GPU-...`. bus: where it sits, `0000:41:00.0`. driven: the kernel's driver for it, where only
    the bus was asked (`nouveau`, `vfio-pci`, or empty for none).
    """

    name: str
    compute: str = ""
    uuid: str = ""
    bus: str = ""
    driven: str = ""


class CdiSpec(Value):
    """A file that names devices for containers. devices: `nvidia.com/gpu=all`."""

    path: str
    devices: tuple[str, ...] = ()


class Toolkit(Value):
    """NVIDIA's container toolkit. version: `1.18.1`. programs: those of it that are here. specs: its CDI files."""

    version: str = ""
    programs: tuple[str, ...] = ()
    specs: tuple[CdiSpec, ...] = ()

    @property
    def is_there(self) -> bool:
        """Whether any of it is installed."""
        return bool(self.version or self.programs)


class Host(Value):
    """A machine. platform: `linux/amd64`, empty where it was not asked. system: the distribution and what it is
    like, `ubuntu`, `debian`.

    driver: version of NVIDIA's, `580.95.05`; trouble: why it cannot be used as it is. wsl: Linux within Windows, whose
    driver it is then. gpus: with a bus address and a number for a name where no driver told of them. asked: it is
    another machine than this one, of which so much was said.
    """

    platform: str = ""
    system: tuple[str, ...] = ()
    driver: str = ""
    trouble: str = ""
    wsl: bool = False
    gpus: tuple[HostGpu, ...] = ()
    toolkit: Toolkit = Toolkit()
    looked: tuple[Looked, ...] = ()
    asked: bool = False
