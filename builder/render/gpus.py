"""What the entrypoint holds driver and GPUs of the host against, as a file of shell assignments."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from builder.fit.facts import Facts
from builder.fit.lines import reach
from builder.gpu.tables import gpus
from builder.gpu.target import cover, is_unified, target
from builder.lock.cuda.line import of_version
from builder.render.quoting import clean

PATH = "envs/gpus"
_MAKERS = ("NVIDIA ", "Tesla ")  # drivers call the same GPU by one, the other or neither


def gpu_needs(facts: Facts) -> str:
    """Line, lowest driver, architectures, and the names of known GPUs on which nothing in the image runs.

    The names are as a driver writes them, without the maker and with blanks for dashes: `V100`, `GeForce GTX 1080`.
    """
    names = " ".join(shlex.quote(clean(name)) for name in _lacking(facts))
    return (
        "# What this image needs of the host; read by imgbuild-gpus when a container starts.\n"
        f"cuda={shlex.quote(clean(facts.cuda))}\n"
        f"driver={shlex.quote(clean(facts.driver))}\n"
        f"covers={shlex.quote(clean(' '.join(facts.targets)))}\n"
        f"lacking=({names})\n"
    )


def _lacking(facts: Facts) -> Iterator[str]:
    line = of_version(facts.cuda)
    held = tuple(target(text) for text in facts.targets)
    unified = line is not None and line.minor is not None and is_unified(str(line))
    for gpu in gpus().values():
        if held:
            bare = cover(held, gpu.capability, unified=unified) == "none"
        else:
            bare = line is not None and reach(line, gpu) == "past"
        if bare:
            yield _without_maker(gpu.title).replace("-", " ")


def _without_maker(title: str) -> str:
    for maker in _MAKERS:
        title = title.removeprefix(maker)
    return title
