"""The last sentence of a derivation: which package it is that cannot be as everybody wants it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from builder.lock.explain.asking import Asking
from builder.lock.explain.derive import Demand, Derivation, counted
from builder.lock.explain.faults import elsewhere
from builder.lock.explain.pool import Candidate, Pool
from builder.lock.explain.words import constraint, listed, needed, newest, versions


@dataclass(frozen=True, slots=True)
class Crux:
    """name: the package that cannot be had. demands: all that was said of it. clash: whose choice ended with it."""

    name: str
    demands: tuple[Demand, ...]
    clash: str


def cruces(found: Derivation) -> list[Crux]:
    """The packages at which the derivation ends: one, where everything ends at the same."""
    clash = found.clash
    outs = found.outs.get(clash, {})
    needs: dict[str, list[str]] = {}
    for out in outs:
        if out.on:
            needs.setdefault(out.on, []).append(out.text)
    if not needs:
        return [Crux(clash, tuple(_limiting(clash, found)), clash)]
    return [
        Crux(name, (*_limiting(name, found), Demand(name, tuple(texts), by=clash)), clash)
        for name, texts in needs.items()
    ]


def _limiting(name: str, found: Derivation) -> list[Demand]:
    """The demands that brought a package, or took something from it."""
    demands = [demand for demand in found.demands.get(name, []) if not demand.weak][:1]
    outs = [out.demand for out in found.outs.get(name, {}) if out.demand is not None]
    return list(dict.fromkeys((*demands, *outs)))


def sentences(found: Derivation, asking: Asking, pool: Pool) -> Iterator[str]:
    """What cannot be, and what there is instead; none for the machine, which has words of its own."""
    ends = cruces(found)
    for crux in ends:
        if not crux.name.startswith("__"):
            yield _sentence(crux, found, asking, pool, alone=len(ends) == 1)


def _sentence(crux: Crux, found: Derivation, asking: Asking, pool: Pool, *, alone: bool) -> str:
    name = crux.name
    if not any(pool.tiers(name)):
        return nowhere(name, asking)
    channel, said = later(crux, found, asking, pool)
    if channel:
        return said
    if name == "python" and crux.clash != name and alone:
        return _no_build(crux.clash, found, pool)
    every = counted(name, crux.demands, pool)
    for demand in crux.demands:
        if not any(pool.takes(text, one) for one in every for text in demand.texts):
            return f"There is no {needed(name, demand.texts)}; there {_are(every)} {newest(every)}."
    said_of_it = [said for demand in crux.demands if (said := _said(demand))]
    if len(said_of_it) < 2:
        return f"So no {name} is left; there {_are(every)} {newest(every)}."
    both = "both " if len(said_of_it) == 2 else ""
    return f"No {name} is {both}{listed(said_of_it)}; there {_are(every)} {newest(every)}."


def _are(candidates: Sequence[Candidate]) -> str:
    return "is" if len({str(one.version) for one in candidates}) == 1 else "are"


def _said(demand: Demand) -> str:
    texts = list(dict.fromkeys(constraint(text) for text in demand.texts))
    if "" in texts:
        return ""
    return needed(demand.name, demand.texts).removeprefix(demand.name).strip() or listed(texts, "or")


def _no_build(name: str, found: Derivation, pool: Pool) -> str:
    fitting = found.fitting(name)
    texts = [one.needs["python"] for one in fitting if "python" in one.needs]
    asked = versions(found.domains.get("python", []), "or")
    every = counted(name, found.demands.get(name, []), pool)
    which = f"{name} {versions(fitting, 'or')}" if len(fitting) < len(every) else name
    there = needed("python", texts).removeprefix("python").strip()
    return f"There is no {which} for python {asked}; it is there for python {there}."


def nowhere(name: str, asking: Asking) -> str:
    """That no channel has a name."""
    holder = "The kit holds no" if asking.source.id.kind == "kit" else "No channel has a package"
    found = elsewhere(name, name, asking)
    return f"{holder} {name} for {asking.subdir}" + (f"; it is there for {found}." if found else ".")


def later(crux: Crux, found: Derivation, asking: Asking, pool: Pool) -> tuple[str, str]:
    """A channel that is listed later and has what would fit, and that strict priority leaves it out."""
    known = found.demands.get(crux.name, [])
    every = counted(crux.name, [*known, *crux.demands], pool)
    channels = list(dict.fromkeys(asking.request.environment.channels))
    tiers = list(zip(channels, pool.tiers(crux.name), strict=False))
    first = next((channel for channel, tier in tiers if tier is every), "")
    for channel, tier in tiers:
        fitting = [one for one in tier if all(_fits(pool, demand, one) for demand in crux.demands)]
        if tier is not every and fitting:
            return channel, (
                f"{crux.name} {versions(fitting)} is in the channel {channel}, which comes after {first}: "
                f"with strict priority only {first}'s {crux.name} counts ({newest(every)})."
            )
    return "", ""


def _fits(pool: Pool, demand: Demand, one: Candidate) -> bool:
    return any(pool.takes(text, one) for text in demand.texts)
