"""What a later `pip install` in an image may not replace: the accelerated packages and the CUDA that they bring.

pip reads the constraints from pip.conf in the environment, whichever way it is started; uv from UV_CONSTRAINT. pip
prints a constraint's whole specifier where a request meets it, and nothing of its file: so each has a clause that
excludes no version there could be and says in words where to read on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.lock.cuda.builds import builds, carried
from builder.lock.model import EnvironmentLock, LockSet
from builder.render.model import RenderedFile
from builder.render.quoting import clean

FOLDER = "/etc/imgbuild"
UV = "UV_CONSTRAINT"
_COMPILERS = ("triton", "pytorch-triton")  # torch compiles with the one it was released with
_HEAD = """\
# What pip and uv do not replace in the environment {name}: these builds were locked together, audited against the
# declared GPUs and driver, and proven. A request for other ones is refused, with `(constraint)` in pip's message.
#
# To change one: its line in the definition, then imgbuild lock {image} and imgbuild build {image}.
# To go against it in one command:
#   PIP_CONFIG_FILE=/dev/null pip install ...
#   UV_CONSTRAINT= uv pip install ...
"""


def held(environment: EnvironmentLock) -> dict[str, str]:
    """Name and version, as the package index has them, of each package to be held; sorted, often empty."""
    found = {
        build.name if build.origin == "conda" else build.package: build.version
        for build in builds(environment)
    }
    if found:
        found |= {one.package: one.version for one in carried(environment) if one.origin == "pip"}
        found |= {wheel.name: wheel.version for wheel in environment.pip if wheel.name in _COMPILERS}
    return dict(sorted(found.items()))


def constraint_files(lock: LockSet) -> dict[str, RenderedFile]:
    """The constraints of each environment that has some, and what tells pip of them; by path below the context."""
    return dict(_files(lock))


def _files(lock: LockSet) -> Iterator[tuple[str, RenderedFile]]:
    for environment in lock.environments:
        packages = held(environment)
        if packages:
            path = constraints_path(environment)
            head = _HEAD.format(name=environment.name, image=lock.image)
            lines = [f"{name}=={version},!=0+{_words(path)}\n" for name, version in packages.items()]
            yield f"rootfs/envs/{path.rpartition('/')[2]}", _text(head + "".join(lines))
            yield f"rootfs/pip/{environment.name}.conf", _text(f"[install]\nconstraint = {path}\n")


def constraints_path(environment: EnvironmentLock) -> str:
    """Where they lie in the image."""
    return f"{FOLDER}/{environment.name}.constraints.txt"


def variables(environment: EnvironmentLock, lock: LockSet) -> dict[str, str]:
    """The environment's own variables, and what tells uv of its constraints, or that it has none."""
    if not any(held(one) for one in lock.environments):
        return dict(environment.variables)
    return {UV: constraints_path(environment) if held(environment) else "", **environment.variables}


def _words(path: str) -> str:
    """`see.etc.imgbuild.train.constraints.txt`, as a local version must be written."""
    return "locked.and.proven.by.imgbuild.see" + re.sub(r"[^a-z0-9]+", ".", path.lower())


def _text(text: str) -> RenderedFile:
    return RenderedFile("".join(f"{clean(line)}\n" for line in text.splitlines()).encode())
