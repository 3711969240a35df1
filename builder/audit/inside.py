"""An image read from inside: the payload runs there, with the image's own Python, in a container that can do no more.

No network, no capabilities, a root that cannot be written; as root, so that files that only root may read are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import TypeVar

from pydantic import ValidationError

from builder.audit.facts import Inventory
from builder.engine.faults import EngineFull
from builder.engine.port import ContainerSpec, Engine, ImageInfo, Limits, RunResult
from builder.errors import BuildError, ProofError
from builder.progress import Note, Observer, StepFinished, StepStarted
from builder.values import Value

V = TypeVar("V", bound=Value)

VOLUME = "/imgbuild/audit"
OUT = "out"
ANSWER = "inventory.json"
LIMITS = Limits(memory=4 * 2**30, tmpfs=64 * 2**20, pids=256, seconds=900)
_TOO_OLD = 97
_FIX = "read its layers: --from layers"


@dataclass(frozen=True, slots=True)
class Errand:
    """A payload. packages: that go in; module: whose `main` writes its answer into the file that it is given.

    group and reads: what people see of it. argv: further arguments.
    """

    packages: tuple[str, ...]
    module: str
    group: str
    reads: str
    argv: tuple[str, ...] = ()


def read_image(engine: Engine, image: ImageInfo, observer: Observer) -> Inventory | None:
    """All ELF files of an image. None where no Python of 3.8 or newer runs in it: then its layers are to be read.

    Raises ProofError when reading was begun and did not come to its end, EngineError when the engine goes away.
    """
    errand = Errand(
        packages=("builder.audit.payload",),
        module="builder.audit.payload.scan",
        group="audit",
        reads="compiled files",
        argv=(image.env.get("CONDA_PREFIX", ""),),
    )
    return run_errand(engine, image, errand, Inventory, observer)


def run_errand(
    engine: Engine, image: ImageInfo, errand: Errand, answer: type[V], observer: Observer
) -> V | None:
    """What a payload says of an image. None where no Python of 3.8 or newer runs in it.

    Raises ProofError when it was begun and did not come to its end, EngineError when the engine goes away.
    """
    for python in _pythons(image.env):
        key = f"{errand.group}:{image.id}"
        observer(StepStarted(errand.group, key, f"read {errand.reads} with {python}"))
        said, run = _read(engine, image, errand, python)
        if run is None or run.code == _TOO_OLD:
            why = "no such program" if run is None else "older than 3.8"
            observer(StepFinished(key, run.seconds if run else 0.0))
            observer(Note(f"{python} cannot read the image: {why}"))
            continue
        found = _understood(said, answer)
        if found is None:
            error = _refused(image, errand, python, run)
            observer(StepFinished(key, run.seconds, error=error.what))
            raise error
        observer(StepFinished(key, run.seconds))
        return found
    return None


def _pythons(env: Mapping[str, str]) -> Iterator[str]:
    """Programs to try: the active environment's, and what PATH has."""
    if "CONDA_PREFIX" in env:
        yield f"{env['CONDA_PREFIX']}/bin/python"
    yield from ("python3", "python", "/usr/libexec/platform-python")


def _read(
    engine: Engine, image: ImageInfo, errand: Errand, python: str
) -> tuple[bytes | None, RunResult | None]:
    """What it wrote and how it ended; no result where it could not be started at all."""
    code = (
        f"import sys; sys.version_info < (3, 8) and sys.exit({_TOO_OLD}); sys.path.insert(0, {VOLUME!r}); "
        f"from {errand.module} import main; main()"
    )
    spec = ContainerSpec(
        image=image.id,
        entrypoint=(python,),
        argv=("-I", "-S", "-c", code, f"{VOLUME}/{OUT}/{ANSWER}", *errand.argv),
        env={},
        uid=0,
        limits=LIMITS,
        volume=VOLUME,
        workdir="/",
    )
    with engine.container(spec) as container:
        container.copy_in(payload(*errand.packages), writable=(OUT,))
        try:
            run = container.run()
        except EngineFull:  # says nothing about the image
            raise
        except BuildError:  # there is no such program, or it is for another machine
            return None, None
        return (container.copy_out(OUT).get(ANSWER) if run.code == 0 else None), run


def payload(*packages: str) -> dict[str, bytes]:
    """The files that go in: packages that are this program's own as well, with empty packages above them."""
    found: dict[str, bytes] = {}
    for package in packages:
        parts = package.split(".")
        for depth in range(1, len(parts)):
            found.setdefault("/".join((*parts[:depth], "__init__.py")), b"")
        found |= {
            f"{'/'.join(parts)}/{file.name}": file.read_bytes()
            for file in resources.files(package).iterdir()
            if file.name.endswith(".py")
        }
    return found


def _understood(said: bytes | None, answer: type[V]) -> V | None:
    try:
        return answer.model_validate_json(said) if said else None
    except ValidationError:
        return None


def _refused(image: ImageInfo, errand: Errand, python: str, run: RunResult) -> ProofError:
    """Why nothing came out of it."""
    how = (
        "it ran out of memory" if run.out_of_memory
        else f"it was not done after {LIMITS.seconds:.0f} s" if run.timed_out
        else f"it ended with {run.code}" if run.code
        else "it left no inventory"
    )  # fmt: skip
    return ProofError(
        f"the {errand.reads} could not be read with {python}: {how}",
        where=image.tags[0] if image.tags else image.id[:19],
        fix=_FIX,
        detail=run.output,
    )
