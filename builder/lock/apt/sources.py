"""The package sources of a base: /etc/apt/sources.list and sources.list.d, in both of their formats."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from builder.errors import LockError
from builder.lock.apt.packages import is_archive_path

# What is handed on to the base's apt. The rest decides which files are asked for, and that is settled here.
_KEPT = {
    "signed-by": "Signed-By",
    "check-valid-until": "Check-Valid-Until",
    "valid-until-min": "Valid-Until-Min",
    "valid-until-max": "Valid-Until-Max",
    "check-date": "Check-Date",
    "date-max-future": "Date-Max-Future",
}
_UNCHECKED = ("trusted", "allow-insecure", "allow-weak", "allow-downgrade-to-insecure")
_YES = frozenset({"yes", "true", "1", "on", "with", "enable"})
_NO = frozenset({"no", "false", "0", "off", "without", "disable"})
_LINE = re.compile(r"(deb|deb-src)\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)((?:\s+\S+)*)")
_FILE = re.compile(r"sources\.list|sources\.list\.d/[A-Za-z0-9_.-]+\.(?:list|sources)")
_FIX = "mend the base's /etc/apt, or choose another base"


@dataclass(frozen=True, slots=True)
class Repository:
    """One suite of one archive. uri has no slash at its end; a flat one has no components and names its folder
    as the suite (`/`, `x86_64/`). options are what the base's own apt is told, as deb822 fields."""

    uri: str
    suite: str
    components: tuple[str, ...]
    options: tuple[tuple[str, str], ...] = ()

    @property
    def release_folder(self) -> str:
        """Where its release file lies below the URI, with a slash at its end: `dists/bookworm/`."""
        return f"dists/{self.suite}/" if self.components else self.suite.removeprefix("/").removeprefix("./")

    def indexes(self, architectures: Iterable[str]) -> list[str]:
        """Names of the package indexes below the release's folder, without an ending."""
        if not self.components:
            return ["Packages"]
        return [f"{part}/binary-{one}/Packages" for part in self.components for one in architectures]


def read_sources(files: Mapping[str, str], architecture: str) -> tuple[Repository, ...]:
    """Every repository of binary packages, in apt's own order. files: text by path below /etc/apt.

    Raises LockError for what cannot be read, cannot be fetched by the host, or would not be checked.
    """
    found: list[Repository] = []
    for name in sorted(files):
        if not _FILE.fullmatch(name):
            continue  # apt does not read it either
        place = f"/etc/apt/{name}"
        rows = _stanzas(files[name]) if name.endswith(".sources") else _lines(files[name], place)
        for row in rows:
            found += _repositories(row, place, architecture)
    return tuple(dict.fromkeys(found))


def local_sources(repositories: Iterable[Repository], folder: str) -> str:
    """The same repositories as one deb822 file whose archives lie below a folder: `FOLDER/0`, `FOLDER/1`, ..."""
    known = list(repositories)
    places = numbered(known)
    stanzas = []
    for one in known:
        rows = [("Types", "deb"), ("URIs", f"file:{folder}/{places[one.uri]}"), ("Suites", one.suite)]
        rows += [("Components", " ".join(one.components))] if one.components else []
        stanzas.append("".join(f"{key}: {value}\n" for key, value in (*rows, *one.options)))
    return "\n".join(stanzas)


def numbered(repositories: Iterable[Repository]) -> dict[str, int]:
    """A number for every archive."""
    return {uri: number for number, uri in enumerate(dict.fromkeys(one.uri for one in repositories))}


def _lines(text: str, place: str) -> Iterator[dict[str, str]]:
    """The one-line format as the fields of the other one."""
    for number, line in enumerate(text.splitlines(), 1):
        said = line.partition("#")[0].strip()
        if not said:
            continue
        match = _LINE.fullmatch(said)
        if match is None:
            raise LockError("is no package source", where=f"{place}:{number}", fix=_FIX)
        kind, options, uri, suite, components = match.groups()
        row = {"types": kind, "uris": uri, "suites": suite, "components": components.strip()}
        for option in (options or "").split():
            key, _, value = option.partition("=")
            key = key.lower()
            row["architectures" if key == "arch" else key.replace("arch-", "architectures-remove")] = value
        yield row


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    for block in re.split(r"\n[ \t]*\n", "\n" + text):
        row: dict[str, str] = {}
        key = ""
        for line in block.splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if line[0] in " \t" and key:
                row[key] += f"\n{line}"
            else:
                name, _, value = line.partition(":")
                key = name.strip().lower()
                row[key] = value.strip()
        if row and row.get("enabled", "yes").lower() not in _NO:
            yield row


def _repositories(row: Mapping[str, str], place: str, architecture: str) -> Iterator[Repository]:
    if "deb" not in row.get("types", "").split() or not _has_architecture(row, architecture):
        return
    for key in _UNCHECKED:
        if row.get(key, "no").lower() in _YES:
            what = (
                f"a package source of the base is marked {key}={row[key]}: its signature would not be checked"
            )
            raise LockError(what, where=place, fix=_FIX)
    options = tuple((name, row[key]) for key, name in _KEPT.items() if key in row)
    for uri in row.get("uris", "").split():
        address = _address(uri.replace("$(ARCH)", architecture), place)
        for suite in row.get("suites", "").split():
            name = suite.replace("$(ARCH)", architecture)
            components = () if name.endswith("/") else tuple(row.get("components", "").split())
            yield _checked(Repository(address, name, components, options), place)


def _has_architecture(row: Mapping[str, str], architecture: str) -> bool:
    words = re.split(r"[\s,]+", row.get("architectures", "").strip())
    gone = re.split(r"[\s,]+", row.get("architectures-remove", "").strip())
    return (words == [""] or architecture in words) and architecture not in gone


def _address(uri: str, place: str) -> str:
    try:
        parts = urlsplit(uri)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        scheme = parts.scheme or "nothing"
        what = (
            f"a package source of the base is asked by {scheme}: this machine fetches by http and https only"
        )
        raise LockError(what, where=place, fix=_FIX)
    if parts.username or parts.password:
        what = f"the package source {parts.hostname} of the base has a password in its address"
        raise LockError(what, where=place, fix=_FIX)
    return uri.rstrip("/")


def _checked(one: Repository, place: str) -> Repository:
    """Suites and components become paths."""
    for word in (one.suite, *one.components):
        if not is_archive_path(word):
            raise LockError(f"{word!r} is no suite or component", where=place, fix=_FIX)
    if not one.components and not one.suite.endswith("/"):
        raise LockError(f"the package source {one.uri} {one.suite} names no component", where=place, fix=_FIX)
    return one
