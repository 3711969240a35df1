"""The installed torch: is it a CUDA build, of the declared line, and does it hold what the label says."""

from __future__ import annotations

from collections.abc import Iterator

from builder.audit.facts import TorchFacts
from builder.audit.judge.loaded import Environment
from builder.audit.model import AuditFinding, Wanted
from builder.lock.cuda.line import of_version


def findings(environment: Environment, wanted: Wanted) -> Iterator[AuditFinding]:
    """What is wrong with this environment's torch."""
    torch = environment.torch
    if torch is None:
        return
    if torch.cuda is None:
        if wanted.gpus or wanted.cuda:
            yield _cpu_build(torch, wanted)
    else:
        yield from _line(torch, torch.cuda, wanted)
    yield from _label(environment, torch, wanted)


def _declared(wanted: Wanted) -> str:
    return f"cuda: {wanted.cuda}" if wanted.cuda else f"targets: {', '.join(gpu.key for gpu in wanted.gpus)}"


def _cpu_build(torch: TorchFacts, wanted: Wanted) -> AuditFinding:
    line = of_version(wanted.cuda) if wanted.cuda else None
    release = torch.version.partition("+")[0]
    fix = "ask for pytorch=*=cuda* (conda), or for torch from an index of CUDA builds (pip)"
    return AuditFinding(
        check="cpu-torch",
        weight="fault",
        package="torch",
        file=f"{torch.site}/torch/version.py",
        what=f"torch {torch.version} is not a CUDA build, and image.yml says {_declared(wanted)}",
        cause="its version.py says cuda = None",
        fix=f"{fix}, `torch=={release}+{line.tag}`" if line else fix,
    )


def _line(torch: TorchFacts, cuda: str, wanted: Wanted) -> Iterator[AuditFinding]:
    declared, mine = of_version(wanted.cuda) if wanted.cuda else None, of_version(cuda)
    if declared is None or mine is None or mine.runs_on(declared):
        return
    yield AuditFinding(
        check="other-cuda",
        weight="fault",
        package="torch",
        file=f"{torch.site}/torch/version.py",
        what=f"torch {torch.version} is a build for CUDA {cuda}, and cuda: {wanted.cuda} is declared",
        cause=f"its version.py says cuda = {cuda!r}",
        fix=f'take a build of torch for CUDA {wanted.cuda}, or declare cuda: "{cuda}"',
    )


def held(environment: Environment) -> frozenset[str]:
    """Targets of torch's own libraries, code and PTX; those of conda lie in the environment's lib."""
    return frozenset(
        name
        for one in environment.files
        if "/torch/" in one.path or one.package.startswith(("libtorch ", "pytorch ", "torch "))
        for name in (*one.code, *one.ptx)
    )


def _label(environment: Environment, torch: TorchFacts, wanted: Wanted) -> Iterator[AuditFinding]:
    there = held(environment)
    claimed = sorted(set(wanted.claimed or ()) - there)
    if claimed:
        yield AuditFinding(
            check="label",
            weight="fault",
            package="torch",
            what=f"the image's label claims {' '.join(claimed)}, which torch {torch.version} does not hold",
            cause=f"its libraries hold {' '.join(sorted(there)) or 'no device code'}",
            fix="build the image again; if it stays so, the table is wrong: run `imgbuild data refresh torch`",
        )
