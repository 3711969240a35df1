"""What was asked for, as lines that a person can read and as one digest over them."""

from __future__ import annotations

from typing import NamedTuple

from builder.spec.model import CondaEnvironment, ImageSpec, Platform
from builder.values import digest_of

# The oldest kernel the image shall run on (RHEL 8's), because containers run on the host's.
_KERNEL = "4.18"
_ARCHSPEC: dict[str, str] = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}


class VirtualPackage(NamedTuple):
    """What the target machine is declared to have: `__glibc=2.36=0`."""

    name: str
    version: str
    build: str = "0"

    def __str__(self) -> str:
        return f"{self.name}={self.version}={self.build}"


def virtual_packages(spec: ImageSpec, platform: Platform) -> tuple[VirtualPackage, ...]:
    """What the solver may count on; declared by the definition, never detected on this machine."""
    declared = [
        VirtualPackage("__archspec", "1", _ARCHSPEC[platform]),
        VirtualPackage("__glibc", spec.base.glibc),
        VirtualPackage("__linux", _KERNEL),
        VirtualPackage("__unix", "0"),
    ]
    if spec.cuda is not None:
        declared.append(VirtualPackage("__cuda", spec.cuda))
    return tuple(sorted(declared))


def input_lines(environment: CondaEnvironment, spec: ImageSpec, platform: Platform) -> tuple[str, ...]:
    """Everything that decides the lock of one environment, in an order of its own, without its name.

    Channels keep their order, because it is their priority; specs and requirements have none.
    """
    return (
        f"platform {platform}",
        f"base {spec.base.key}",
        *(f"virtual {package}" for package in virtual_packages(spec, platform)),
        f"channels {', '.join(environment.channels)}",
        *sorted({f"conda {_tidy(line)}" for line in environment.conda}),
        *sorted({f"pip {_tidy(line)}" for line in environment.pip}),
        *(f"variable {name}={value}" for name, value in sorted(environment.variables.items())),
    )


def in_one_order(environment: CondaEnvironment) -> CondaEnvironment:
    """The environment with specs and requirements in the order of its input lines.

    Solvers decide in the order they are asked in, so that another order of the same lines could give another lock.
    """
    return environment.model_copy(
        update={
            "conda": tuple(sorted(environment.conda, key=_tidy)),
            "pip": tuple(sorted(environment.pip, key=_tidy)),
        }
    )


def apt_lines(spec: ImageSpec) -> tuple[str, ...]:
    """What is asked of the base's own system; it has no order."""
    return tuple(sorted({f"apt {name}" for name in spec.apt}))


def digest_of_lines(lines: tuple[str, ...]) -> str:
    """Hex sha256 of input lines."""
    return digest_of(list(lines))


def input_digest(environment: CondaEnvironment, spec: ImageSpec, platform: Platform) -> str:
    """Hex sha256 of what was asked for; two environments that differ in their names only have the same."""
    return digest_of_lines(input_lines(environment, spec, platform))


def _tidy(line: str) -> str:
    return " ".join(line.split())
