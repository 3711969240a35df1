"""Whether an image's licences are those that its definition wants; what is not known is never taken for allowed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

from builder.sbom.expression import bare, holds, leaves, parse
from builder.sbom.model import Bom, Component
from builder.spec.findings import Finding, sort_out
from builder.spec.model import Allowance, LicenceCheck, LicencePolicy
from builder.values import Value

_SHOWN = 4


class LicenceFinding(Finding):
    """One package whose licence is not allowed. licence: its expression, or what it says of itself."""

    check: LicenceCheck = "licence"
    kind: str
    version: str
    licence: str


class Licences(Value):
    """All of it. unknown: packages whose licence nobody can tell, and which nothing refuses: `jinja2 3.1.6 (BSD)`."""

    findings: tuple[LicenceFinding, ...] = ()
    allowed: tuple[tuple[LicenceFinding, Allowance], ...] = ()
    unneeded: tuple[Allowance, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Nothing is refused."""
        return not self.findings


def judge(bom: Bom, policy: LicencePolicy, allow: Sequence[Allowance]) -> Licences:
    """Hold every package of the policy's kinds against it. allow: of image.yml, those of the check `licence`."""
    about = [one for one in bom.components if one.kind in policy.kinds]
    found = dict.fromkeys(finding for one in about for finding in _findings(one, policy))
    judged = sort_out(found, allow, get_args(LicenceCheck))
    refused = {finding.package for finding in found}
    unknown = dict.fromkeys(_named(one) for one in about if one.name not in refused and _unknown(one, policy))
    return Licences(
        findings=judged.faults, allowed=judged.allowed, unneeded=judged.unneeded, unknown=tuple(unknown)
    )


def _findings(one: Component, policy: LicencePolicy) -> Iterator[LicenceFinding]:
    expression = one.licence.expression
    if not expression:
        if policy.allow:
            yield _finding(one, _unsure(one), "no name of SPDX's list that is sure, so it is on no list")
        return
    tree = parse(expression)
    if holds(tree, lambda licence: _permits(policy, licence)):
        return
    bad = [licence for licence in dict.fromkeys(leaves(tree)) if not _permits(policy, licence)]
    denied = [licence for licence in bad if _on(policy.deny, licence)]
    what = f"{one.name} {one.version} ({one.kind}) is under {_some(denied or bad)}"
    yield _finding(
        one, what, "denied by `licences:`" if denied else "not among those that `licences:` allows"
    )


def _finding(one: Component, what: str, cause: str) -> LicenceFinding:
    return LicenceFinding(
        package=one.name,
        what=what,
        cause=cause,
        fix=f"leave {one.name} out, or allow it in image.yml with a reason",
        kind=one.kind,
        version=one.version,
        licence=one.licence.expression or one.licence.said,
    )


def _unsure(one: Component) -> str:
    named = f"{one.name} {one.version} ({one.kind})"
    return (
        f"{named} calls its licence {one.licence.said!r}" if one.licence.said else f"{named} names no licence"
    )


def _permits(policy: LicencePolicy, licence: str) -> bool:
    if " WITH " in licence and licence in policy.allow:  # what is named as a whole is meant as a whole
        return True
    return not _on(policy.deny, licence) and (not policy.allow or _on(policy.allow, licence))


def _on(names: Iterable[str], licence: str) -> bool:
    """Whether a list has it, with its exception or without."""
    spelled = {licence, bare(licence)}
    return any(
        one.startswith(name[:-1]) if name.endswith("*") else one == name for name in names for one in spelled
    )


def _unknown(one: Component, policy: LicencePolicy) -> bool:
    """Whether nobody can tell what it is under: no name, or a part that only the package itself knows."""
    if not one.licence.expression:
        return True
    return any(
        licence.startswith("LicenseRef-") and not _on(policy.allow, licence)
        for licence in leaves(parse(one.licence.expression))
    )


def _named(one: Component) -> str:
    said = one.licence.said or "no word of it"
    return f"{one.name} {one.version} ({said})"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
