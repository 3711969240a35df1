"""Drifts: where an image is not what its definition and lock say, each by name."""

from __future__ import annotations

from typing import Literal, TypeAlias

from builder.values import Value

About: TypeAlias = Literal[
    "image", "base", "layer", "package", "file", "label", "variable", "config", "verdict", "plan"
]
How: TypeAlias = Literal["changed", "missing", "extra"]


class Drift(Value):
    """One difference.

    name: of the label, variable, package, or the path of the file. expected and found: what should be and what is;
    empty where there is none. package: whose file it is, `numpy 2.4.6 (conda, regression)`. why: what it means, where
    that does not speak for itself.
    """

    about: About
    how: How
    name: str
    expected: str = ""
    found: str = ""
    package: str = ""
    why: str = ""


class Unjudged(Value):
    """What was not held against anything, and why. count: of files, variables or what it is; such_as: some of them."""

    what: str
    why: str
    count: int
    such_as: tuple[str, ...] = ()


class Counts(Value):
    """How much was held against the lock: packages, files (and their bytes), labels, variables."""

    packages: int = 0
    files: int = 0
    bytes: int = 0
    labels: int = 0
    variables: int = 0


class Verified(Value):
    """The whole answer for one image.

    place: `engine` or `registry`; digest: of its configuration, which is the image's id, or of its manifest. deep: all
    files were read. recorded: the record of a build names this very image, so that every byte of it is known.
    """

    image: str
    ref: str
    place: Literal["engine", "registry"]
    digest: str
    deep: bool
    recorded: bool
    drifts: tuple[Drift, ...]
    unjudged: tuple[Unjudged, ...]
    counts: Counts
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """No drift at all."""
        return not self.drifts
