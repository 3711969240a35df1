"""Cases of the corpus as environments on disk, read and judged, and what of it is not as it has to be."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.audit.facts import Inventory, Reading
from builder.audit.judge.whole import judge
from builder.audit.model import Audit, AuditFinding, Wanted
from builder.audit.payload.scan import scan
from builder.gpu.gpus import find_gpu
from tests.support.audit_truth import TRUTH, install, wheels
from tests.support.torch_beside import asked_for, write_torch

PREFIX = "opt/conda/envs/e"
SITE = f"{PREFIX}/lib/python3.11/site-packages"
# Of the base, what every wheel may count on (PEP 600), and OpenMP's runtime.
BASE = (
    *(
        "libc.so.6",
        "libm.so.6",
        "libdl.so.2",
        "libpthread.so.0",
        "librt.so.1",
        "libutil.so.1",
        "libgcc_s.so.1",
    ),
    *("libstdc++.so.6", "ld-linux-x86-64.so.2", "libz.so.1", "libgomp.so.1"),
)
_WORST = ("runs", "jit", "partly", "fails")
_WEIGHT = {"note": 0, "warning": 1, "fault": 2}


@dataclass(frozen=True)
class Judged:
    """missed: expectations that nothing meets. alarms: findings above a note that nobody expects. cells: of the table,
    where they differ."""

    audit: Audit
    missed: tuple[str, ...]
    alarms: tuple[str, ...]
    cells: tuple[str, ...]

    @property
    def faults(self) -> list[str]:
        """Everything that is not as it has to be."""
        return [*self.missed, *self.alarms, *self.cells]


def small_case(case: Mapping[str, Any], folder: Path) -> Judged:
    """A wheel beside a stand-in of its torch."""
    machine = case.get("machine", "x86_64")
    root, scratch = folder / "root", folder / "scratch"
    scratch.mkdir()
    site = root / SITE
    site.parent.mkdir(parents=True)
    (root / PREFIX / "conda-meta").mkdir()
    known = wheels()["wheels"]
    names = [
        key if machine == "x86_64" else f"{key} {machine}" for key in (case["wheel"], *case.get("also", ()))
    ]
    install(site, [known[name] for name in names], machine)
    open_ones = {
        symbol
        for name in names
        for symbols in known[name].get("undefined", {}).get(case["beside"], {}).values()
        for symbol in symbols
    }
    write_torch(site, case["beside"], asked_for(site) - open_ones, scratch, machine)
    _base(root)
    reading: Reading = (
        "layers" if machine == "x86_64" else "archives"
    )  # of another machine's there is no base here
    audit = read(root, case["gpus"], reading)
    return compare(case, audit, case["wheel"].partition("==")[0])


def large_stack(name: str, folder: Path) -> Judged:
    """A whole environment, all real; nothing but what is expected may be said of any package."""
    root = _real(folder, wheels()["stacks"][name])
    case = TRUTH["stacks"][name]
    return compare(case, read(root, case["gpus"], "layers"))


def large_case(case: Mapping[str, Any], folder: Path) -> Judged:
    """A wheel beside a real torch, or with one of its own."""
    machine, known = case.get("machine", "x86_64"), wheels()
    names = [
        key if machine == "x86_64" else f"{key} {machine}" for key in (case["wheel"], *case.get("also", ()))
    ]
    own = [known["wheels"][name] for name in names]
    replaced = {one["name"] for one in own} | set(case.get("drop", ()))
    stack = known["stacks"].get(case["beside"], [])
    root = _real(folder, [*own, *(one for one in stack if one["name"] not in replaced)], machine)
    audit = read(root, case["gpus"], "layers" if machine == "x86_64" else "archives")
    return compare(case, audit, case["wheel"].partition("==")[0])


def _real(folder: Path, chosen: Sequence[Mapping[str, Any]], machine: str = "x86_64") -> Path:
    root = folder / "root"
    (root / SITE).parent.mkdir(parents=True)
    (root / PREFIX / "conda-meta").mkdir()
    install(root / SITE, chosen, machine)
    _base(root)
    return root


def _base(root: Path) -> None:
    folder = root / "usr/lib/x86_64-linux-gnu"
    folder.mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")
    (root / "etc").mkdir()
    (root / "etc/ld.so.conf").write_text("/lib/x86_64-linux-gnu\n")
    for name in BASE:
        shutil.copy(Path("/lib/x86_64-linux-gnu") / name, folder / name)


def read(root: Path, gpus: Sequence[str], reading: Reading) -> Audit:
    """The audit of a folder that stands for an image."""
    found = Inventory.model_validate(scan(str(root), reading=reading, first=f"/{PREFIX}"))
    return judge(found, Wanted(image="truth", gpus=tuple(find_gpu(name) for name in gpus)))


def compare(case: Mapping[str, Any], audit: Audit, package: str = "") -> Judged:
    """What was found against what has to be found; of one package, or of all."""
    said = [one for one in audit.findings if one.weight != "note"]
    used: set[int] = set()
    missed = []
    for wanted in case["finds"]:
        hit = next((at for at, one in enumerate(said) if _meets(one, wanted, package)), None)
        if hit is None:
            missed.append(f"missed: {dict(wanted)}")
        else:
            used.add(hit)
    tolerated = case.get("allowed", ())
    alarms = tuple(
        f"alarm: {one.weight} {one.check} {one.what} ({one.cause})"
        for at, one in enumerate(said)
        if at not in used and one.check not in tolerated and (not package or one.package == package)
    )
    return Judged(audit, tuple(missed), alarms, tuple(_cells(case, audit, package)))


def _meets(one: AuditFinding, wanted: Mapping[str, Any], package: str) -> bool:
    of = wanted.get("package", package)
    return (
        one.check == wanted["check"]
        and (not of or one.package == of)
        and _WEIGHT[one.weight] >= _WEIGHT[wanted["weight"]]
        and all(word in one.what + one.cause for word in wanted.get("words", ()))
        and ("gpus" not in wanted or list(one.gpus) == wanted["gpus"])
    )


def _cells(case: Mapping[str, Any], audit: Audit, package: str) -> list[str]:
    fits: dict[str, str] = {}
    for row in audit.rows:
        if row.package.partition(" ")[0] == package:
            fits = {gpu: max(fit, fits.get(gpu, fit), key=_WORST.index) for gpu, fit in row.fits.items()}
    return [
        f"table: {gpu} is {fits.get(gpu)}, not {fit}"
        for gpu, fit in case.get("fits", {}).items()
        if fits.get(gpu) != fit
    ]
