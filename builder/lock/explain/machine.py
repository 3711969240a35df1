"""What the declared machine has, in words, and which other machines may be declared."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from builder.lock.explain.asking import Request
from builder.spec.bases import load_bases
from builder.spec.model import Base, ImageSpec, Platform
from builder.spec.project import Project

# Lines that CUDA's packages were made for, from the oldest; a line of image.yml becomes __cuda of the solve.
CUDA_LINES = ("11.8", "12.0", "12.4", "12.6", "12.8", "12.9", "13.0", "13.1", "13.2")


def machine_words(name: str, spec: ImageSpec, place: Callable[[str], str]) -> str:
    """What a virtual package is, and what the image declares of it."""
    if name == "__cuda":
        said = (
            f"declares {spec.cuda}." if spec.cuda else "declares none, so builds for the CPU are asked for."
        )
        return f"__cuda is the CUDA line that the hosts' driver can run; {place('image.yml cuda')} {said}"
    if name == "__glibc":
        return f"__glibc is the base's C library: {spec.base.key} has glibc {spec.base.glibc}."
    if name == "__archspec":
        return "__archspec is the processor; an image is locked for every machine of its platform."
    if name == "__linux":
        return "__linux is the kernel of the oldest host that the image shall run on."
    return f"{name} is something of the machine that images here do not declare."


def other_cuda(request: Request) -> Iterator[tuple[str, Request]]:
    """The same with another CUDA line, the oldest first, because older lines run on more hosts."""
    for line in CUDA_LINES:
        if line != request.spec.cuda:
            yield line, request.with_image(cuda=line)


def other_bases(request: Request, platform: Platform) -> Iterator[tuple[Base, Request]]:
    """The same on a base with another glibc, the nearest newer one first."""
    envs = request.spec.folder.parent
    bases, _ = load_bases(Project(envs.parent, envs))
    fitting = [base for base in bases.values() if platform in base.platforms]
    for base in sorted(fitting, key=lambda base: (_glibc(base), base.family != request.spec.base.family)):
        if _glibc(base) > _glibc(request.spec.base):
            yield base, request.with_image(base=base)


def _glibc(base: Base) -> tuple[int, ...]:
    return tuple(int(part) for part in base.glibc.split("."))
