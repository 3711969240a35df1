"""A made-up machine: a root folder with /proc, /sys and /etc of its own, and small programs on a PATH of its own.

What the programs print was recorded on real machines; the sources are named where each is used.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from builder.host.look import look
from builder.host.machine import Machine
from builder.host.model import Host

# NVIDIA/open-gpu-kernel-modules 580.95.05, as printed by a machine in a public transcript (September 2025)
NVRM_OPEN = (
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  "
    "(dvs-builder@U22-I3-B17-02-5)  Tue Sep 23 09:55:41 UTC 2025\n"
    "GCC version:  gcc version 11.4.0 (Ubuntu 11.4.0-1ubuntu1~22.04.2) \n"
)
NVRM_CLOSED = (
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023\n"
    "GCC version:  gcc version 11.4.0\n"
)
# ray-project/ray:python/ray/tests (test_gpu_info_parsing)
INFORMATION = (
    "Model:           Tesla V100-SXM2-16GB\nIRQ:             107\n"
    "GPU UUID:        GPU-8eaaebb8-bb64-8489-fda2-62256e821983\nVideo BIOS:      88.00.4f.00.09\n"
    "Bus Type:        PCIe\nDMA Size:        47 bits\nBus Location:    0000:00:1e.0\nDevice Minor:    0\n"
)
# The words and codes of nvidia-smi: github.com/NVIDIA/nvidia-docker/issues/988; Driver/library mismatch (code 18) and
# an unknown field (code 2 or 6) as in public transcripts of 2025 and 2026. All of them go to stdout.
FAILED = (
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA "
    "driver is installed and running.\n"
)
MISMATCH = "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 580.159\n"
NO_FIELD = 'Field "compute_cap" is not a valid field to query.\n'
# github.com/NVIDIA/nvidia-container-toolkit/issues/50
CTK = "NVIDIA Container Toolkit CLI version 1.12.0\ncommit: 62bd015475656ef795cb0d59cc4030a6bd4a9526\n"
# github.com/OE4T/meta-tegra/pull/1475
RUNTIME = "NVIDIA Container Runtime version 1.11.0\ncommit: 670+d9de4a0\n"
CDI = "cdiVersion: 0.6.0\nkind: nvidia.com/gpu\ndevices:\n  - name: '0'\n  - name: all\n"


@dataclass(frozen=True)
class MadeHost:
    """folder: its root is `root`, its programs lie in `bin`."""

    folder: Path

    @property
    def machine(self) -> Machine:
        (self.folder / "bin").mkdir(parents=True, exist_ok=True)
        (self.folder / "root").mkdir(exist_ok=True)
        return Machine(self.folder / "root", {"PATH": str(self.folder / "bin")}, seconds=2.0)

    def look(self) -> Host:
        return look(self.machine)

    def write(self, place: str, text: str) -> Path:
        path = self.folder / "root" / place.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def program(self, name: str, printed: str = "", code: int = 0, *, script: str = "") -> None:
        """A program that prints, or does what a shell script says."""
        path = self.folder / "bin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script or f'printf %s {shlex.quote(printed)}; exit {code}'}\n")
        path.chmod(0o755)

    def smi(self, *rows: str) -> None:
        """nvidia-smi with these rows of `name, uuid, driver, compute`."""
        self.program("nvidia-smi", "".join(f"{row}\n" for row in rows))

    def pci(self, bus: str, *, vendor: str = "0x10de", kind: str = "0x030200", device: str = "0x2330",
            driver: str = "") -> None:  # fmt: skip
        """A device of /sys/bus/pci, driven or not."""
        folder = f"/sys/bus/pci/devices/{bus}"
        for name, text in (("vendor", vendor), ("class", kind), ("device", device)):
            self.write(f"{folder}/{name}", f"{text}\n")
        if driver:
            target = self.folder / "root/sys/bus/pci/drivers" / driver
            target.mkdir(parents=True, exist_ok=True)
            (self.folder / "root" / folder.lstrip("/") / "driver").symlink_to(target)

    def saw(self, place: str) -> str:
        """What was seen at a place."""
        return next((one.saw for one in self.look().looked if one.place == place), "")
