"""What uv says of a refusal, taken apart into facts: who needs what, which wheels there are, what is missing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from builder.lock.explain.words import listed
from builder.lock.target import Target
from builder.spec.piplines import pip_name

_RANGE = r"[A-Za-z0-9][\w.-]*[<>=!~]=?[\w.*+!]+(?:,[<>=!~]=?[\w.*+!]+)*"
_PACKAGE = r"[A-Za-z0-9](?:[\w.-]*\w)?(?:\[[\w.,-]+\])?(?:[<>=!~]=?[\w.*+!]+(?:,[<>=!~]=?[\w.*+!]+)*)?"
_NEEDS = re.compile(
    rf"(?P<all>all versions of )?(?P<by>{_PACKAGE}) depends? on (?:(?:one|all) of: )?(?P<on>{_PACKAGE}(?: {_RANGE})*)"
)
_ONLY = re.compile(rf"only (?P<what>{_PACKAGE}) is available")
_NONE = re.compile(rf"there (?:is|are) no versions? of (?P<what>{_PACKAGE})")
_UNKNOWN = re.compile(r"(?P<what>[A-Za-z0-9][\w.-]*) was not found in the")
_PLATFORMS = re.compile(
    r"Wheels are available for `(?P<name>[^`]+)` \(v?(?P<version>[^)]+)\) on the following platforms?:"
    r"(?P<tags>(?:,? (?:and )?`[^`]+`)+)"
)
_ABIS = re.compile(
    r"only found wheels for `(?P<name>[^`]+)` \(v?(?P<version>[^)]+)\) with the following Python "
    r"(?:ABI|implementation) tags?:(?P<tags>(?:,? (?:and )?`[^`]+`)+)"
)
_SOURCE = re.compile(rf"(?P<what>{_PACKAGE}) (?:has|have) no (?:usable )?wheels(?! with)")
_PYTHON = re.compile(
    r"the requested Python version \((?P<asked>[^)]+)\) does not satisfy Python(?P<needs>[<>=!~][\w.,<>=!~* ]*)"
)
_TAG = re.compile(r"`([^`]+)`")
_GLIBC = re.compile(r"manylinux_2_([0-9]+)_")
_MOST_TAGS = 5


@dataclass(frozen=True, slots=True)
class Wheels:
    """Tags of the wheels that a version has, none of which fits. kind: `platform` or `python`."""

    name: str
    version: str
    kind: str
    tags: tuple[str, ...]

    @property
    def pythons(self) -> tuple[str, ...]:
        """`3.11` for each `cp311`."""
        found = [re.fullmatch(r"cp(\d)(\d+)", tag) for tag in self.tags]
        return tuple(dict.fromkeys(f"{one[1]}.{one[2]}" for one in found if one))

    def newer_glibc(self, target: Target) -> int | None:
        """The lowest glibc 2 minor that wheels for this processor need, where it is newer than the target's."""
        ours = [tag for tag in self.tags if tag.endswith(target.uv_platform.partition("-")[0])]
        minors = [int(found[1]) for tag in ours if (found := _GLIBC.match(tag))]
        here = int(target.glibc.partition(".")[2])
        return min(minors) if minors and min(minors) > here else None


@dataclass(slots=True)
class Facts:
    """needs: (who, which requirement). only: what is the only choice. missing: what has no version, or no name.

    source: what is there without any wheel. pythons: (Python asked for, what is needed).
    """

    needs: list[tuple[str, str]] = field(default_factory=list)
    only: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    source: list[str] = field(default_factory=list)
    wheels: list[Wheels] = field(default_factory=list)
    pythons: list[str] = field(default_factory=list)

    @property
    def explains(self) -> bool:
        """Whether the facts say enough without uv's own words."""
        return any(
            (self.needs, self.missing, self.unknown, self.source, self.wheels, self.pythons, self.only)
        )

    @property
    def names(self) -> set[str]:
        """Normalised names of every package that is spoken of."""
        spoken = [*(text for pair in self.needs for text in pair), *self.only, *self.missing, *self.unknown]
        return {pip_name(text.removeprefix("every ")) for text in spoken}

    def limits(self, name: str) -> list[str]:
        """What is required of a package by others: `numpy<2`."""
        return [on for _, on in self.needs if pip_name(on) == name and on != name]

    def sentences(self, target: Target, held: Collection[str] = ()) -> Iterator[str]:
        """The facts as sentences. held: names that conda brings, of which it has been said what there is."""
        for by, on in self.needs:
            yield f"{by} needs {on}"
        for text in self.unknown:
            yield f"No package is called {text} where wheels are looked for."
        for text in self.missing:
            yield f"There is no {text} where wheels are looked for."
        told = {
            *held,
            *(pip_name(text) for text in self.source),
            *(pip_name(one.name) for one in self.wheels),
        }
        for text in [text for text in self.only if pip_name(text) not in told]:
            yield f"{_spaced(text)} is all there is of it where wheels are looked for."
        for needs in self.pythons:
            yield f"The environment has Python {target.python}, and Python{needs} is needed."
        for one in self.wheels:
            yield _wheels_sentence(one, target)
        for name in self.source:
            yield (
                f"{name} has no wheel that Python {target.python} on {target.platform} can use, and an image "
                "takes wheels only: nothing is compiled while it is locked or built."
            )


def _wheels_sentence(one: Wheels, target: Target) -> str:
    tags = list(one.tags[:_MOST_TAGS]) + (["..."] if len(one.tags) > _MOST_TAGS else [])
    if one.pythons:
        minor = ".".join(target.python.split(".")[:2])
        return f"{one.name} {one.version} has wheels for Python {listed(one.pythons)}, none for {minor}."
    newer = one.newer_glibc(target)
    if newer:
        return (
            f"{one.name} {one.version} has wheels for glibc 2.{newer} and newer "
            f"({listed(tags)}); the base has glibc {target.glibc}."
        )
    return f"{one.name} {one.version} has wheels for {listed(tags)}, none for {target.platform}."


def facts_of(said: str) -> Facts:
    """The facts in uv's words, each once."""
    text = re.sub(r"\s+", " ", said)
    facts = Facts()
    for found in _NEEDS.finditer(text):
        by = f"every {found['by']}" if found["all"] else _spaced(found["by"])
        pairs = [(by, on) for on in _joined(found["on"].split(" "))]
        facts.needs += [pair for pair in pairs if pair not in facts.needs]
    facts.only = _each(_ONLY, text)
    facts.missing = _each(_NONE, text)
    facts.unknown = _each(_UNKNOWN, text)
    facts.pythons = list(dict.fromkeys(found["needs"].strip() for found in _PYTHON.finditer(text)))
    for pattern, kind in ((_PLATFORMS, "platform"), (_ABIS, "python")):
        for found in pattern.finditer(text):
            tags = tuple(_TAG.findall(found["tags"]))
            facts.wheels.append(Wheels(found["name"], found["version"], kind, tags))
    told = {pip_name(one.name) for one in facts.wheels}
    facts.source = [_spaced(text) for text in _each(_SOURCE, text) if pip_name(text) not in told]
    return facts


def _each(pattern: re.Pattern[str], text: str) -> list[str]:
    return list(dict.fromkeys(found["what"] for found in pattern.finditer(text)))


def _joined(ranges: list[str]) -> list[str]:
    """One range for each package: uv cuts a range at every version that is not there."""
    by_name: dict[str, list[str]] = {}
    for one in ranges:
        by_name.setdefault(pip_name(one), []).append(one)
    return [_span(ones) for ones in by_name.values()]


def _span(ones: list[str]) -> str:
    return f"{ones[0].split(',')[0]},{ones[-1].split(',')[-1]}" if len(ones) > 1 else ones[0]


def _spaced(package: str) -> str:
    """`foo 1.0` for `foo==1.0`, `foo 1.0 and older` for `foo<=1.0`."""
    for operator, after in (("==", ""), ("<=", " and older"), (">=", " and newer")):
        name, found, version = package.partition(operator)
        if found and "," not in package:
            return f"{name} {version}{after}"
    return package


def shortened(said: str) -> list[str]:
    """uv's words in sentences, without their head."""
    text = re.sub(r"^No solution found when resolving dependencies:?\s*", "", said)
    return [
        part.strip()
        for part in re.split(r"(?=\bhint:)|(?<=\.) (?=And because|Because)", text)
        if part.strip()
    ]
