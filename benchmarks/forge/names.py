"""Names and version histories as people give them, the same for the same seed."""

from __future__ import annotations

from random import Random

_ONSETS = ["b", "br", "c", "cl", "d", "f", "fl", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "pl", "qu", "r", "s",
           "sc", "sp", "st", "t", "tr", "v", "w", "x", "z", ""]  # fmt: skip
_NUCLEI = ["a", "e", "i", "o", "u", "y", "ae", "ai", "ea", "io", "ou"]
_CODAS = ["", "", "", "n", "r", "l", "s", "x", "th", "ck", "nd", "m", "t"]
_ENDINGS = ["", "", "", "", "-core", "-dev", "-utils", "-client", "-cpp", "-sdk", "-types", "-plugin-{}", "-io", "2",
            "-{}", "-{}"]  # fmt: skip
_STARTS = {"library": ["lib", "lib", ""], "compiled": ["", "", "py"], "pure": ["", "", "", "py", "pytest-", "sphinx-",
           "django-", "jupyter-", "types-", "azure-", "google-cloud-"], "r": ["r-"]}  # fmt: skip


def name(random: Random, kind: str) -> str:
    """A name such as `libflotry` or `azure-beck-client`; not necessarily new."""
    ending = random.choice(_ENDINGS).format(_word(random))
    return f"{random.choice(_STARTS[kind])}{_word(random)}{ending}"


def _word(random: Random) -> str:
    return "".join(
        random.choice(_ONSETS) + random.choice(_NUCLEI) + random.choice(_CODAS)
        for _ in range(random.choice([1, 2, 2, 3]))
    )


def versions(random: Random, count: int) -> tuple[str, ...]:
    """A history of so many versions, the oldest first; each is greater than the one before, as conda compares."""
    style = random.choice(["three", "three", "three", "two", "date", "zeros"])
    if style in {"date", "zeros"}:
        return _dates(random, count, "02d" if style == "zeros" else "d")
    found = []
    major, minor, patch = random.choice([0, 0, 1, 2]), random.randrange(10), 0
    for _ in range(count):
        found.append(f"{major}.{minor}.{patch}" if style == "three" else f"{major}.{minor}")
        step = random.random()
        if style == "three" and step < 0.6:
            patch += 1
        elif step < 0.95:
            minor, patch = minor + 1, 0
        else:
            major, minor, patch = major + 1, 0, 0
    return tuple(found)


def _dates(random: Random, count: int, form: str) -> tuple[str, ...]:
    found, day = [], random.randrange(360)
    for _ in range(count):
        day += random.randrange(1, 60)
        year, month, date = 2016 + day // 336, day % 336 // 28 + 1, day % 28 + 1
        found.append(f"{year}.{month:{form}}.{date:{form}}")
    return tuple(found)


def after(version: str) -> str:
    """The next major version, for an upper bound: `2.0a0` after `1.26.4`."""
    return f"{int(version.split('.', maxsplit=1)[0]) + 1}.0a0"
