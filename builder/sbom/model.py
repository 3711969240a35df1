"""What an image is made of, as values; the two formats are made from these."""

from __future__ import annotations

from builder.spec.model import PackageKind
from builder.values import Value


class Licence(Value):
    """What a package says of its licence. said: in its own words, empty where it says nothing.

    expression: in SPDX's spelling, empty where the words cannot be understood for sure. Names that only Debian has
    stand in it as `LicenseRef-debian-...`; refs has their own spelling.
    """

    expression: str = ""
    said: str = ""
    refs: dict[str, str] = {}


class Component(Value):
    """One installed package. ref: unlike every other's in the image, `conda:regression:numpy`.

    origin: canonical channel URL, index or archive; empty where nobody knows. place: environment (`regression`,
    `base`), or prefix, or empty for the system. path: of what says that it is installed. url, sha256: of the archive it
    came in, from the lock or from what the package manager noted; empty where neither tells. depends: refs, sorted.
    made_from: purl of what a kit converted it from; note: what else a reader has to know. source: `NAME VERSION` of the
    Debian source package where it is called otherwise.
    """

    ref: str
    kind: PackageKind
    name: str
    version: str
    build: str = ""
    origin: str = ""
    place: str = ""
    path: str
    url: str = ""
    sha256: str = ""
    purl: str
    licence: Licence
    depends: tuple[str, ...] = ()
    made_from: str = ""
    note: str = ""
    source: str = ""


class System(Value):
    """The base's operating system, from its os-release. id: `debian`; version: `12`; name: for people."""

    id: str
    version: str = ""
    name: str = ""


class Bom(Value):
    """All of one image. name: its ref, or how it was asked for. plan: digest of its plan, empty for an image of others.

    created: when the image was made, as `2026-11-26T12:53:34Z`. base: what FROM named, where the lock tells. notes:
    what a reader has to know of the whole. unread: files that could not be read, with the reason.
    """

    name: str
    image_id: str
    platform: str
    plan: str = ""
    source: str = ""
    created: str
    base: str = ""
    system: System | None = None
    components: tuple[Component, ...]
    notes: tuple[str, ...] = ()
    unread: dict[str, str] = {}

    def count(self, kind: PackageKind) -> int:
        """How many packages of one kind there are, over all environments."""
        return sum(component.kind == kind for component in self.components)
