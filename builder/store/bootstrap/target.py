"""What a kit is made for: one Python, one platform, one C library."""

from __future__ import annotations

from dataclasses import dataclass

from builder.lock.target import Target as LockTarget
from builder.spec.model import CONDA_SUBDIR, Platform

_MACHINE = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}


@dataclass(frozen=True, slots=True)
class Target:
    """python is the full version (`3.11.2`), glibc the base's C library (`2.36`)."""

    python: str
    platform: Platform
    glibc: str

    @property
    def minor(self) -> str:
        """`3.11`."""
        return ".".join(self.python.split(".")[:2])

    @property
    def tag(self) -> str:
        """`py311`, as in conda build strings."""
        return "py" + self.minor.replace(".", "")

    @property
    def next_minor(self) -> str:
        """`3.12.0a0`: the first version that is no longer this minor."""
        major, minor = self.minor.split(".")
        return f"{major}.{int(minor) + 1}.0a0"

    @property
    def subdir(self) -> str:
        """`linux-64`."""
        return CONDA_SUBDIR[self.platform]

    @property
    def site_packages(self) -> str:
        """Where modules lie below a prefix."""
        return f"lib/python{self.minor}/site-packages"

    def for_wheels(self) -> LockTarget:
        """The same as what wheels are chosen for."""
        return LockTarget(python=self.python, platform=self.platform, glibc=self.glibc)

    def markers(self) -> dict[str, str]:
        """The environment in which requirement markers are evaluated (PEP 508); no extra is asked for."""
        return {
            "extra": "",
            "implementation_name": "cpython",
            "implementation_version": self.python,
            "os_name": "posix",
            "platform_machine": _MACHINE[self.platform],
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": self.python,
            "python_version": self.minor,
            "sys_platform": "linux",
        }
