"""A release file: which indexes an archive has. Read before anybody checked its signature, so nothing but names,
sizes and hashes is taken from it, and the base's own apt compares all of them again."""

from __future__ import annotations

import re
from dataclasses import dataclass

from builder.lock.model import LockedFile

_ENDINGS = (".xz", ".gz", "")  # the smallest that every apt of today reads
_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"
_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]*):[ \t]*(.*)")
_ROW = re.compile(r" +([0-9a-f]{64}) +([0-9]{1,12}) +(\S+)")


@dataclass(frozen=True, slots=True)
class Release:
    """fields by lower-case name; indexes: hex sha256 and size in bytes by path below the release's folder."""

    fields: dict[str, str]
    indexes: dict[str, tuple[str, int]]

    @property
    def date(self) -> str:
        """When it was made, as it says."""
        return self.fields.get("date", "")

    @property
    def by_hash(self) -> bool:
        """Whether indexes can be asked for by their hash, which holds while the archive is being changed."""
        return self.fields.get("acquire-by-hash", "").lower() == "yes"

    def architectures(self, architecture: str) -> tuple[str, ...]:
        """Whose indexes apt reads: the machine's, and `all` where that has one of its own."""
        own = "all" in self.fields.get("architectures", "").split()
        apart = own and "Packages" not in self.fields.get("no-support-for-architecture-all", "")
        return (architecture, "all") if apart else (architecture,)

    def index(self, name: str, folder: str) -> LockedFile | None:
        """The file of an index in the form that is fetched; None where the archive has none of that name.

        folder: the URL of the release's folder, with a slash at its end.
        """
        for ending in _ENDINGS:
            if f"{name}{ending}" in self.indexes:
                sha256, size = self.indexes[f"{name}{ending}"]
                return LockedFile(url=f"{folder}{name}{ending}", sha256=sha256, size=size)
        return None


def read_release(text: str) -> Release:
    """Read `Release` or `InRelease`. Whatever is no field or row of a table is left alone."""
    body = text.partition(_SIGNED)[2] or text
    fields: dict[str, str] = {}
    indexes: dict[str, tuple[str, int]] = {}
    table = ""
    for line in body.partition(_SIGNATURE)[0].splitlines():
        row = _ROW.fullmatch(line)
        field = _FIELD.fullmatch(line)
        if field:
            table = field[1].lower()
            fields[table] = field[2].strip()
        elif row and table == "sha256":
            indexes[row[3]] = (row[1], int(row[2]))
    return Release(fields, indexes)
