"""Requested lines that no record answers, whatever else is asked for: a name, a version, a build, a platform."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rattler import MatchSpec, Version
from rattler.exceptions import FetchRepoDataError, GatewayError

from builder.lock.explain.asking import Asking
from builder.lock.explain.pool import Candidate, Pool
from builder.lock.explain.words import distinct, listed, newest
from builder.lock.mapping import names as pypi_names
from builder.spec.requirements import conda_name, spec_channel

_OTHER = {"linux-64": ("linux-aarch64",), "linux-aarch64": ("linux-64",)}
_ELSEWHERE = ("osx-arm64", "win-64")
_IMPORTED = {  # what people import, and what the package is called
    "sklearn": "scikit-learn",
    "cv2": "opencv",
    "pil": "pillow",
    "yaml": "pyyaml",
    "bs4": "beautifulsoup4",
    "skimage": "scikit-image",
    "crypto": "pycryptodome",
}
_NEAR = 3


@dataclass(frozen=True, slots=True)
class Fault:
    """short: what is wrong, as the rest of a sentence about the line. more: what there is instead.

    instead: lines to try in its place, the likeliest first. channel: one to list among the channels.
    elsewhere: the platforms that have it.
    """

    line: str
    short: str
    more: str = ""
    instead: tuple[str, ...] = ()
    channel: str = ""
    elsewhere: str = ""


def fault_of(line: str, asking: Asking, pool: Pool) -> Fault | None:
    """Why nothing at all answers this line; None where something does."""
    spec = asking.read(line)
    name = conda_name(line)
    tiers = _tiers(line, name, asking, pool)
    if tiers is None:
        channel = spec_channel(line)
        return Fault(line, f"names the channel {channel}, which is not listed", channel=channel)
    every = [one for tier in tiers for one in tier]
    if not every:
        return _unknown(line, name, asking)
    counting = every if spec_channel(line) else next(tier for tier in tiers if tier)
    if any(spec.matches(one.record) for one in counting):
        return None
    if any(spec.matches(one.record) for one in every):
        return _outranked(line, spec, tiers, asking)
    return _unmatched(line, spec, every, asking)


def _tiers(line: str, name: str, asking: Asking, pool: Pool) -> list[list[Candidate]] | None:
    """The candidates by channel, of the line's own channel where it names one; None where that is not listed."""
    channel = spec_channel(line)
    tiers = pool.tiers(name)
    if not channel or name.startswith("__"):
        return tiers
    urls = asking.urls(asking.request.environment.channels)
    url = asking.source.channel_url(channel)
    return [tiers[urls.index(url)]] if url in urls else None


def _unknown(line: str, name: str, asking: Asking) -> Fault:
    if name.startswith("__"):
        return Fault(line, "asks for something of the machine that an image does not declare")
    where = "the kit holds" if asking.source.id.kind == "kit" else _channels(asking)
    found = elsewhere(name, line, asking)
    if found:
        return Fault(line, f"is there for {found}, not for {asking.subdir}", elsewhere=found)
    near = near_names(name, asking.names())
    rest = line.partition("::")[2] or line
    after = rest[len(name) :]
    instead = [text for one in near for text in ([f"{one}{after}", one] if after.strip() else [one])]
    short = f"is not the name of a package that {where}"
    return Fault(line, short, f"names like it: {', '.join(near)}" if near else "", tuple(instead))


def _channels(asking: Asking) -> str:
    channels = list(dict.fromkeys(asking.request.environment.channels))
    return f"{channels[0]} has" if len(channels) == 1 else f"{listed(channels, 'or')} has"


def elsewhere(name: str, line: str, asking: Asking) -> str:
    """The platforms for which the channels have what the line asks for: `linux-64`; empty for none."""
    spec = asking.read(line)
    for group in (_OTHER[asking.subdir], _ELSEWHERE):
        having = [subdir for subdir in group if _has(spec, name, subdir, asking)]
        if having:
            return listed(having)
    return ""


def _has(spec: MatchSpec, name: str, subdir: str, asking: Asking) -> bool:
    try:
        tiers = asking.records(name, subdir)
    except (
        GatewayError,
        FetchRepoDataError,
    ):  # an index of another platform that cannot be had tells nothing
        return False
    return any(spec.matches(record) for tier in tiers for record in tier if record.subdir == subdir)


def near_names(name: str, known: Sequence[str]) -> list[str]:
    """Names of the channels that may have been meant: pip's name, what is imported, and misspellings."""
    pip = [conda for conda, pypi in pypi_names().items() if pypi == name]
    told = [one for one in (*pip, _IMPORTED.get(name, "")) if one in known]
    other = [name.replace("_", "-"), name.replace("-", "_"), f"python-{name}", name.removeprefix("python-")]
    spelled = [one for one in other if one != name and one in known]
    near = difflib.get_close_matches(name, known, n=_NEAR, cutoff=0.75)
    return list(dict.fromkeys((*told, *spelled, *near)))[:_NEAR]


def _unmatched(line: str, spec: MatchSpec, every: Sequence[Candidate], asking: Asking) -> Fault:
    name = every[0].name
    if spec.build is not None:
        same = [one for one in every if _bare(name, spec).matches(one.record)]
        if same:
            return _no_build(line, spec, same)
    found = elsewhere(name, line, asking)
    holds = "the kit has" if asking.source.id.kind == "kit" else "there are"
    more = f"{holds} {newest(every)}" + (f"; for {found} there is such a version" if found else "")
    prefix = f"{spec_channel(line)}::" if spec_channel(line) else ""
    near = [f"{prefix}{name}={version}" for version in nearest(str(spec.version or ""), every)]
    short = f"asks for a version that is not there for {asking.subdir}"
    return Fault(line, short, more, tuple(near), elsewhere=found)


def _outranked(line: str, spec: MatchSpec, tiers: Sequence[list[Candidate]], asking: Asking) -> Fault:
    """A channel further down has it, and strict priority leaves it out."""
    channels = list(dict.fromkeys(asking.request.environment.channels))
    having = list(zip(channels, tiers, strict=False))
    first, counting = next((channel, tier) for channel, tier in having if tier)
    lower = next(
        channel for channel, tier in having if any(spec.matches(candidate.record) for candidate in tier)
    )
    name = counting[0].name
    more = f"with strict priority only {first}'s {name} counts ({newest(counting)})"
    near = [f"{name}={version}" for version in nearest(str(spec.version or ""), counting)]
    short = f"asks for what only the channel {lower} has, which comes after {first}"
    return Fault(line, short, more, (f"{lower}::{line}", *near))


def _no_build(line: str, spec: MatchSpec, same: Sequence[Candidate]) -> Fault:
    builds = sorted({one.build for one in same})
    shown = builds[:6] + (["..."] if len(builds) > 6 else [])
    version = distinct(one.version for one in same)[-1]
    more = f"builds of {same[0].name} {version} are {', '.join(shown)}"
    written = f"={str(spec.version).removeprefix('==')}" if spec.version is not None else ""
    return Fault(line, "names a build that is not there", more, (f"{same[0].name}{written}",))


def _bare(name: str, spec: MatchSpec) -> MatchSpec:
    return MatchSpec(f"{name} {spec.version}" if spec.version is not None else name, strict=False)


def nearest(asked: str, every: Sequence[Candidate]) -> list[str]:
    """The versions next below and next above the one asked for, and the newest; the likeliest first."""
    ordered = sorted({one.version for one in every}, reverse=True)
    found = re.search(r"[0-9][0-9A-Za-z._]*", asked)
    if not found:
        return [str(ordered[0])]
    wanted = Version(found[0].rstrip("."))
    below = [version for version in ordered if version <= wanted]
    above = [version for version in ordered if version > wanted]
    picked = [*below[:1], *above[-1:], *ordered[:1]]
    return list(dict.fromkeys(str(version) for version in picked))
