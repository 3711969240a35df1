"""The four checks: GPUs, driver, Python, and CUDA in base and packages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.fit.fixes import older_driver, other_driver, other_gpu, other_python
from builder.fit.lines import lowest, reach
from builder.fit.model import Chosen, Finding
from builder.fit.wants import Wants, elsewhere, has_python, serves_driver
from builder.gpu.drivers import drives, last_branch, paired
from builder.gpu.tables import Gpu, TorchBuild, toolkits
from builder.lock.cuda.line import Line
from builder.spec.model import ImageSpec

# NVIDIA's own images, mirrors of them, and whatever says a CUDA line in its name or tag, as pytorch/pytorch does.
_CUDA_BASE = re.compile(r"(?:^|/)nvidia/|(?:^|/)cuda(?=[-:@]|$)|(?:^|[-_./:])cuda-?[0-9]{2}(?=[.0-9_-]|$)")


def gpu_findings(one: Chosen, wanted: Wants, *, torch: bool) -> Iterator[Finding]:
    """Declared GPUs that nothing of the chosen torch or line runs on.

    torch: the image has one. Then a line that is too old for a GPU says nothing: the build may hold PTX, as those of
    conda-forge do for their newest architecture (TORCH_CUDA_ARCH_LIST ends in +PTX: conda-forge/pytorch-cpu-feedstock,
    recipe/build.sh at 033d0df).
    """
    for name, gpu in wanted.gpus.items():
        reaches = {line: reach(line, gpu) for line in one.lines}
        if one.lines and all(found == "past" for found in reaches.values()):
            yield _of_line(
                name, gpu, one, wanted, f"no longer compiles for it; the last that did is {gpu.last_cuda}"
            )
        elif lacks(one, gpu):
            if elsewhere(one.rows, gpu, wanted) is None:
                yield _of_torch(name, gpu, one, wanted)
        elif reaches and not torch and all(found == "early" for found in reaches.values()):
            yield _of_line(
                name,
                gpu,
                one,
                wanted,
                f"does not compile for it yet; the first that does is {gpu.first_cuda}",
            )


def lacks(one: Chosen, gpu: Gpu) -> bool:
    """Whether no build that may be taken has anything for a GPU."""
    return bool(one.rows) and all(row.cover(gpu.capability) == "none" for row in one.rows)


def driver_findings(one: Chosen, wanted: Wants) -> Iterator[Finding]:
    """A declared driver below the line's floor, too old to compile what is there as PTX only, or too new for a GPU."""
    have = wanted.driver
    if have is None or not one.lines:
        return
    if not any(serves_driver(line, have) for line in one.lines):
        line = min(one.lines)
        yield _driver(one, f"driver {have} is below {lowest(line)}, the lowest for CUDA {line}", _floor_row(line, one),
                      other_driver(line, one, wanted))  # fmt: skip
        return
    yield from _compiling(one, wanted)
    for name, gpu in wanted.gpus.items():
        branch = last_branch(gpu)
        if branch is not None and not drives(have, gpu):
            yield _driver(one, f"driver {have} no longer drives {name} ({gpu.title})",
                          f"release {branch} is the last one for {gpu.architecture} [builder/gpu/drivers.py]",
                          older_driver(name, branch, one), name)  # fmt: skip


def _compiling(one: Chosen, wanted: Wants) -> Iterator[Finding]:
    """PTX is compiled by drivers of its line and newer ones only."""
    row = one.rows[0] if len(one.rows) == 1 else None
    least = paired(row.cuda) if row else None
    if row is None or least is None or wanted.driver is None or wanted.driver.reaches(least):
        return
    for name, gpu in wanted.gpus.items():
        if row.cover(gpu.capability) == "jit":
            yield _driver(one, f"{name} ({gpu.compute}) needs PTX of CUDA {row.cuda} compiled, which driver "
                          f"{wanted.driver} cannot", _torch_row(row),
                          f'declare driver: "{least}", or take {name} out of targets.gpus', name)  # fmt: skip


def python_findings(one: Chosen, wanted: Wants) -> Iterator[Finding]:
    """A Python that no wheel of the chosen torch is for."""
    if one.rows and not any(has_python(row, wanted.python) for row in one.rows):
        row = one.rows[-1]
        yield Finding(
            check="python",
            package="torch",
            names=frozenset({"python"}),
            environment=one.environment,
            what=f"torch {row.version} has no wheel for Python {wanted.python}",
            cause=f"its wheels are for Python {row.python[0]} to {row.python[1]} [{row.source}]",
            fix=other_python(row, one, wanted),
        )


def base_findings(spec: ImageSpec, one: Chosen) -> Iterator[Finding]:
    """CUDA in the base and in the packages: two of everything, and the loader takes either."""
    if not one.ships or not _CUDA_BASE.search(spec.base.ref):
        return
    plain = f"{spec.base.family}-{spec.base.suite}"
    yield Finding(
        check="two-cudas",
        package=re.split(r"[^A-Za-z0-9._-]", one.ships)[0].lower(),
        names=frozenset({"base", spec.base.key}),
        environment=one.environment,
        what=f"the base {spec.base.key} brings CUDA, and so does {one.ships}",
        cause=f"{spec.base.ref} is a CUDA image; packages carry their own libraries and need the driver alone",
        fix=f"take a base without CUDA, such as `base: {plain}`",
    )


def _of_line(name: str, gpu: Gpu, one: Chosen, wanted: Wants, why: str) -> Finding:
    line = str(min(one.lines))
    held = f"; {_torch_row(one.rows[0])}" if len(one.rows) == 1 else ""
    return _gpu(name, one, f"{_titled(name, gpu)} cannot run CUDA {line}",
                f"{one.because}; CUDA {line} {why} [{gpu.source}]{held}", other_gpu(name, one, wanted))  # fmt: skip


def _of_torch(name: str, gpu: Gpu, one: Chosen, wanted: Wants) -> Finding:
    row = one.rows[-1]
    return _gpu(name, one, f"{_titled(name, gpu)} cannot run torch {row.version} for CUDA {row.cuda}",
                f"{one.because}; {_torch_row(row)}", other_gpu(name, one, wanted))  # fmt: skip


def _gpu(name: str, one: Chosen, what: str, cause: str, fix: str) -> Finding:
    also = {"torch"} if one.torch else {"cuda"}
    return Finding(check="gpu", package=name, names=frozenset(also), environment=one.environment, what=what,
                   cause=cause, fix=fix)  # fmt: skip


def _driver(one: Chosen, what: str, cause: str, fix: str, name: str = "cuda") -> Finding:
    return Finding(check="driver", package=name, names=frozenset({"driver"}), environment=one.environment, what=what,
                   cause=cause, fix=fix)  # fmt: skip


def _titled(name: str, gpu: Gpu) -> str:
    return f"{name} ({gpu.title}, {gpu.compute})"


def _torch_row(row: TorchBuild) -> str:
    return (
        f"torch {row.version} for CUDA {row.cuda} ({row.index}, {row.platform}) holds {' '.join(row.targets)} "
        f"[{row.source}]"
    )


def _floor_row(line: Line, one: Chosen) -> str:
    row = toolkits().get(str(line))
    source = row.source if row else "builder/data/toolkits.yml"
    return f"{one.because}; CUDA {line.major} runs with {lowest(line)} or newer [{source}]"
