"""A whole inventory judged: the table, the findings, and what image.yml allows of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from builder.audit.facts import Inventory
from builder.audit.judge import coverage, floors, kernels, links, symbols, torches
from builder.audit.judge.loaded import Environment, environments
from builder.audit.judge.places import Places
from builder.audit.model import Audit, AuditFinding, Wanted
from builder.spec.findings import sort_out
from builder.spec.model import AuditCheck

_WEIGHTS = {"fault": 0, "warning": 1, "note": 2}


def judge(inventory: Inventory, wanted: Wanted) -> Audit:
    """What the compiled files are worth on the declared GPUs; the order in which they are listed does not count."""
    places = Places(inventory)
    everything = list(environments(inventory, wanted.variables))
    found = [finding for one in everything for finding in _findings(one, places, wanted)]
    ordered = sorted(dict.fromkeys(found), key=_order)
    notes = tuple(finding for finding in ordered if finding.weight == "note")  # nothing need allow them
    judged = sort_out((one for one in ordered if one.weight != "note"), wanted.allow, get_args(AuditCheck))
    first = next((one for one in everything if one.torch), everything[0] if everything else None)
    torch = first.torch if first else None
    return Audit(
        image=wanted.image,
        reading=inventory.reading,
        files=len(inventory.files),
        gpus=tuple(gpu.key for gpu in wanted.gpus),
        driver=wanted.driver,
        torch=torch.version if torch else "",
        cuda=str(first.line) if first and first.line else None,
        rows=tuple(row for one in everything for row in coverage.rows(one, wanted)),
        findings=(*judged.faults, *notes),
        allowed=judged.allowed,
        unneeded=judged.unneeded,
        unread=dict(inventory.unread),
        seconds=inventory.seconds,
    )


def _findings(environment: Environment, places: Places, wanted: Wanted) -> Iterator[AuditFinding]:
    yield from torches.findings(environment, wanted)
    yield from kernels.findings(environment, wanted)
    yield from links.findings(environment, places)
    yield from symbols.findings(environment)
    yield from floors.findings(environment, places, wanted)


def _order(finding: AuditFinding) -> tuple[int, int, str, str, tuple[str, ...]]:
    """Faults first, in each weight by kind, as the checks are listed: no kernel, missing library, ..."""
    kind = get_args(AuditCheck).index(finding.check)
    return _WEIGHTS[finding.weight], kind, finding.package, finding.file, finding.gpus
