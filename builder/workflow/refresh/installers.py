"""installers.csv: what Miniconda's directory and Miniforge's releases list, with the hash of every file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from builder.data.lines import read_lines, write_lines
from builder.data.rows import Row
from builder.errors import BuildError
from builder.network.redact import public
from builder.progress import Note
from builder.workflow.refresh.listings import Listed, from_directory, from_files_json, from_releases, from_sum
from builder.workflow.refresh.model import Context, Form, Reading, Rows

MINICONDA = "https://repo.anaconda.com/miniconda/"
RELEASES = "https://api.github.com/repos/conda-forge/miniforge/releases?per_page={size}&page={page}"
MINIFORGE = "https://github.com/conda-forge/miniforge/releases/download/"
COLUMNS = ("kind", "version", "python", "arch", "url", "sha256", "source")
LEAST_SHARE = 0.8
"""A listing with fewer of the known installers is a mirror of a part, or another page."""
LEAST_BYTES = 10 << 20
"""Of an installer: the smallest so far has some 70 MB."""
_PAGE, _MOST_PAGES = 100, 20
_BOTH = frozenset({"x86_64", "aarch64"})  # what images are built for
_VERSION = r"[0-9]{2}\.[0-9]{1,2}\.[0-9]{1,3}-[0-9]{1,2}"
_MINICONDA = re.compile(rf"Miniconda3-py3([0-9]{{1,2}})_({_VERSION})-Linux-(x86_64|aarch64|s390x)\.sh")
_MINIFORGE = re.compile(rf"Miniforge3-()({_VERSION})-Linux-(x86_64|aarch64|ppc64le)\.sh")
_FIX = "ask again; if it stays so, another page answers there, or this command has to learn a new form"


@dataclass(frozen=True, slots=True)
class _Kind:
    """One distribution: where it is listed, and how its files are called (Python's minor, version, architecture)."""

    name: str
    names: re.Pattern[str]
    site: str


KINDS = (
    _Kind("miniconda", _MINICONDA, "repo.anaconda.com/miniconda"),
    _Kind("miniforge", _MINIFORGE, "github.com/conda-forge/miniforge"),
)


def _read(text: str) -> dict[int, Row]:
    rows = read_lines(text)
    if any(tuple(row.fields) != COLUMNS for row in rows.values()):
        raise ValueError(f"its columns are not {', '.join(COLUMNS)}")
    return rows


class InstallerTable:
    """Installers for Linux, from the oldest version that the table has of each kind; rows that are there stay."""

    name = "installers"
    file = "installers.csv"
    facts = ("sha256",)
    beside: tuple[str, ...] = ()
    form = Form(_read, write_lines)

    def key(self, row: Row) -> str | None:
        """Kind, version, Python where there are several, and architecture."""
        told = row.fields
        python = f" with Python {told['python']}" if told["python"] else ""
        return f"{told['kind']} {told['version']}{python} for {told['arch']}"

    def order(self, row: Row) -> tuple[object, ...]:
        """By kind, the newest version and the newest Python first."""
        told = row.fields
        newest = [[-number for number in _numbers(told[name])] for name in ("version", "python")]
        return told["kind"], *newest, told["arch"]

    def read(self, context: Context) -> Reading:
        """Both listings. One that cannot be asked is told, and the other is read.

        Raises BuildError where neither can be asked, and for one that is no listing.
        """
        rows: dict[str, Row] = {}
        needs: list[str] = []
        faults: list[BuildError] = []
        known = context.held[self.file]
        for kind in KINDS:
            try:
                pages = list(_pages(kind, context))
            except BuildError as error:
                faults.append(error)
                needs.append(f"{kind.name} was not read: {error.what}")
                continue
            listed = [one for where, text in pages for one in _parsed(kind, where, text)]
            found = {key: row for row in _rows(kind, listed, known, context) if (key := self.key(row))}
            if not any(row.fields["kind"] == kind.name for row in found.values()):
                raise _unread(kind, pages[0][0], "it names no installer")
            rows |= found
        if len(faults) == len(KINDS):
            raise faults[0]
        return Reading(dict(sorted(rows.items(), key=lambda item: self.order(item[1]))), tuple(needs))

    def faults(self, known: Rows, found: Rows, context: Context) -> Iterator[str]:
        """Rows that vanished, hashes that are others now, and values that cannot be."""
        for kind in {str(row.fields["kind"]): None for row in found.values()}:
            yield from _gone(kind, known, found)
        owners = {row.fields["sha256"]: key for key, row in known.items()}
        for key, row in found.items():
            sha256 = row.fields["sha256"]
            if key in known:
                was = known[key].fields["sha256"]
                if sha256 != was:
                    yield f"{key}: its sha256 was {was[:12]}... and is {sha256[:12]}... now"
                continue
            if (owner := owners.setdefault(sha256, key)) != key:
                yield f"{key} has the sha256 of {owner}"
            yield from (f"{key}: {fault}" for fault in _odd(row, context))


def _numbers(text: str) -> list[int]:
    return [int(part) for part in re.findall(r"[0-9]+", text)]


def _gone(kind: str, known: Rows, found: Rows) -> Iterator[str]:
    mine = [key for key, row in known.items() if row.fields["kind"] == kind]
    gone = [key for key in mine if key not in found]
    if len(mine) - len(gone) < LEAST_SHARE * len(mine):
        yield f"the listing of {kind} has {len(mine) - len(gone)} of the {len(mine)} installers that are known"
    else:
        yield from (f"{key} is known, and not listed" for key in gone)


def _odd(row: Row, context: Context) -> Iterator[str]:
    year = _numbers(row.fields["version"])[0]
    if year > context.today.year % 100 + 1:
        yield f"its version is of the year 20{year:02}"
    if row.fields["python"] and not 8 <= int(row.fields["python"].partition(".")[2]) <= 40:
        yield f"Python {row.fields['python']} is not likely"


def _pages(kind: _Kind, context: Context) -> Iterator[tuple[str, str]]:
    """The URL and the text of every page of a listing. Raises BuildError where it cannot be had."""
    if kind.name == "miniconda":
        # The page is for people; a mirror of files may have it and not the other.
        for url in (f"{MINICONDA}.files.json", MINICONDA):
            text = context.page(url, "the list of Miniconda's installers")
            if text is not None:
                yield url, text
                return
        raise BuildError("the list of Miniconda's installers is not there", where=MINICONDA, fix=_FIX)
    for number in range(1, _MOST_PAGES + 1):
        url = RELEASES.format(size=_PAGE, page=number)
        text = context.page(url, "the list of Miniforge's releases")
        if text is None:
            raise BuildError("the list of Miniforge's releases is not there", where=public(url), fix=_FIX)
        yield url, text
        if _releases_on(text) < _PAGE:
            return


def _parsed(kind: _Kind, url: str, text: str) -> Sequence[Listed]:
    try:
        if kind.name == "miniforge":
            return from_releases(text)[0]
        return from_files_json(text) if url.endswith(".json") else from_directory(text)
    except ValueError as error:
        raise _unread(kind, url, str(error)) from error


def _releases_on(text: str) -> int:
    try:
        return from_releases(text)[1]
    except ValueError:  # told where the page is read
        return 0


def _rows(kind: _Kind, listed: Sequence[Listed], known: Rows, context: Context) -> Iterator[Row]:
    """What becomes of the listed files: known rows, and new ones of versions that are there as a whole."""
    mine = {row.fields["url"]: row for row in known.values() if row.fields["kind"] == kind.name}
    oldest = min((_numbers(row.fields["version"]) for row in mine.values()), default=[])
    files: dict[str, tuple[re.Match[str], Listed]] = {}
    for one in listed:
        if (name := kind.names.fullmatch(one.name)) is None:
            continue
        if files.setdefault(one.name, (name, one))[1].sha256 != one.sha256:
            raise _unread(kind, kind.site, f"{one.name} stands there with two hashes")
    whole = _whole(kind, [name for name, _ in files.values()], context)
    for name, one in files.values():
        minor, version, arch = name.groups()
        url = f"{MINIFORGE}{version}/{one.name}" if kind.name == "miniforge" else f"{MINICONDA}{one.name}"
        held = mine.get(url)
        if held is not None:
            # Where the listing does not tell the hash there is nothing to hold it against.
            yield Row(None, {**held.fields, "sha256": one.sha256 or held.fields["sha256"]})
        elif _numbers(version) >= oldest and version in whole:
            sha256 = one.sha256 or _beside(kind, url, context)
            if not sha256 or (one.size is not None and one.size < LEAST_BYTES):
                context.observer(Note(f"{one.name} is left out: {_why(one)}"))
                continue
            python = f"3.{minor}" if minor else ""
            source = f"{kind.site} read on {context.today}"
            yield Row(None, {"kind": kind.name, "version": version, "python": python, "arch": arch,
                             "url": url, "sha256": sha256, "source": source})  # fmt: skip


def _why(one: Listed) -> str:
    return (
        f"{one.size} bytes are no installer" if one.sha256 and one.size is not None else "no sha256 is told"
    )


def _whole(kind: _Kind, found: Sequence[re.Match[str]], context: Context) -> set[str]:
    """The versions that have an installer for both platforms: the newest one is what images get by default."""
    there: dict[str, set[str]] = {}
    for one in found:
        there.setdefault(one[2], set()).add(one[3])
    for version, arches in there.items():
        if not arches >= _BOTH:
            listed = ", ".join(sorted(arches))
            context.observer(Note(f"{kind.name} {version} is listed for {listed} alone: left for later"))
    return {version for version, arches in there.items() if arches >= _BOTH}


def _beside(kind: _Kind, url: str, context: Context) -> str:
    """The hash out of the small file that Miniforge has beside each installer; empty where it has none."""
    if kind.name != "miniforge":
        return ""
    text = context.page(f"{url}.sha256", "the sha256 of an installer")
    return from_sum(text) if text else ""


def _unread(kind: _Kind, url: str, why: str) -> BuildError:
    return BuildError(f"the listing of {kind.name} cannot be read: {why}", where=public(url), fix=_FIX)
