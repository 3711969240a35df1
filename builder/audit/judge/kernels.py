"""Findings about device code: no kernel for a GPU, some functions without one, or only PTX."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from builder.audit.judge.advice import no_kernel
from builder.audit.judge.compiled import compiler_findings
from builder.audit.judge.coverage import Package, Unit, covers, fit, packages, rows, too_new
from builder.audit.judge.loaded import Environment
from builder.audit.judge.words import base, capabilities, holds, pieces, titled
from builder.audit.model import AuditFinding, Wanted
from builder.audit.tables import OptionalPart
from builder.gpu.drivers import driver, paired
from builder.gpu.tables import Gpu


def findings(environment: Environment, wanted: Wanted) -> Iterator[AuditFinding]:
    """Of each package: the GPUs where it fails, where parts of it do, and where it is compiled at the first start."""
    everything = packages(environment)
    without = _torch_fails(everything, environment, wanted)
    for package in everything:
        # Where torch fails anyway, for the same reason, NVIDIA's libraries below it are not told one by one.
        below = all(unit.is_nvidias for unit in package.units)
        gpus = tuple(gpu for gpu in wanted.gpus if not (below and gpu.key in without))
        yield from _Judged(package, environment, wanted.model_copy(update={"gpus": gpus})).findings()
    yield from compiler_findings(list(rows(environment, wanted)), wanted)


def _torch_fails(everything: Sequence[Package], environment: Environment, wanted: Wanted) -> frozenset[str]:
    own = f"{environment.torch.site}/torch/" if environment.torch else "/nowhere/"
    mine = [one for one in everything if any(unit.path.startswith(own) for unit in one.units)]
    return frozenset(
        gpu.key
        for one in mine
        for gpu in wanted.gpus
        if any(fit(unit, one, gpu, environment, wanted) == "fails" for unit in one.mains)
    )


class _Judged:
    """One package against all GPUs."""

    def __init__(self, package: Package, environment: Environment, wanted: Wanted) -> None:
        self.package = package
        self.environment = environment
        self.wanted = wanted
        self.fits = {
            (unit, gpu.key): fit(unit, package, gpu, environment, wanted)
            for unit in package.units
            for gpu in wanted.gpus
        }

    def findings(self) -> Iterator[AuditFinding]:
        """What is to be said of it, the worst first."""
        mains, failing = self._hit(self.package.mains, "fails")
        if failing:
            yield self._fails(mains, failing)
        parts = dict.fromkeys(unit.part for unit in self.package.units if unit.part)
        for part in parts:
            units, gpus = self._hit([unit for unit in self.package.units if unit.part == part], "partly")
            if gpus:
                yield self._partly(part, units, gpus)
        narrow = [unit for unit in self.package.units if unit.part is None and unit not in self.package.mains]
        units, gpus = self._hit(narrow, "partly")
        if gpus:
            yield self._narrow(units, gpus)
        units, gpus = self._hit([unit for unit in self.package.mains if not unit.is_nvidias], "jit")
        if gpus:
            yield self._jit(units, gpus)

    def _hit(self, units: Sequence[Unit], wanted: str) -> tuple[list[Unit], list[Gpu]]:
        """Those of the units, and those GPUs, for which a cell says this."""
        gpus = [gpu for gpu in self.wanted.gpus if any(self.fits[unit, gpu.key] == wanted for unit in units)]
        hit = [unit for unit in units if any(self.fits[unit, gpu.key] == wanted for gpu in gpus)]
        return hit, gpus

    def _finding(self, units: Sequence[Unit], gpus: Sequence[Gpu], **said: str) -> AuditFinding:
        first = units[0]
        read = f"{pieces([unit.path for unit in units])} {holds(first.code, first.ptx)}; {capabilities(gpus)}"
        cause = f"{read}{said.pop('more', '')}"
        return AuditFinding.model_validate(
            {
                "check": "no-kernel",
                "package": base(self.package.name),
                "file": first.path,
                "gpus": tuple(gpu.key for gpu in gpus),
                "cause": cause,
                **said,
            }
        )

    def _fails(self, units: Sequence[Unit], gpus: Sequence[Gpu]) -> AuditFinding:
        return self._finding(
            units,
            gpus,
            weight="fault",
            what=f"{self.package.name} has no kernels for {titled(gpus)} (no kernel image is available)",
            more=self._unknown_ptx(units, gpus),
            fix=no_kernel(base(self.package.name), gpus, self.environment, units[0]),
        )

    def _unknown_ptx(self, units: Sequence[Unit], gpus: Sequence[Gpu]) -> str:
        for unit in units:
            least = too_new(unit, self.environment, self.wanted)
            if least and any(covers(unit, gpu, self.environment) == "jit" for gpu in gpus):
                return (
                    f"; its PTX is compiled by driver {least} and newer, and {self.wanted.driver} is declared"
                )
        return ""

    def _partly(self, part: OptionalPart, units: Sequence[Unit], gpus: Sequence[Gpu]) -> AuditFinding:
        return self._finding(
            units,
            gpus,
            weight=part.weight,
            what=f"{self.package.name} works on {titled(gpus)} without {part.loses}",
            fix="nothing, where that is not used",
            source=part.source,
        )

    def _narrow(self, units: Sequence[Unit], gpus: Sequence[Gpu]) -> AuditFinding:
        return self._finding(
            units,
            gpus,
            weight="note",
            what=f"{self.package.name} has files that are made for other GPUs than {titled(gpus)}",
            fix="nothing: the package has kernels for these GPUs in other files",
            source="targets that end in `a` or `f` are for single GPUs: CUDA programming guide, feature sets",
        )

    def _jit(self, units: Sequence[Unit], gpus: Sequence[Gpu]) -> AuditFinding:
        line = self.environment.line_of(units[0].path)
        newest = line or self.environment.line
        least = paired(str(newest)) if newest else None
        told = ""
        if least and self.wanted.driver and not driver(self.wanted.driver).reaches(least):
            told = (
                f"; if CUDA {newest} made it, driver {least} is needed, and {self.wanted.driver} is declared"
            )
        elif least:
            told = f"; the driver must be as new as the CUDA that made it ({newest}: {least})"
        return self._finding(
            units,
            gpus,
            weight="warning",
            what=f"{self.package.name} has only PTX for {titled(gpus)}: it is compiled there when it first runs",
            more=told,
            fix="expect a slow first start, and keep the cache (CUDA_CACHE_PATH) between runs; a newer release may "
            "hold machine code",
        )
