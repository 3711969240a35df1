"""Every file of an image against what is known of it."""

from __future__ import annotations

import csv
import io
import json
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from builder.lock.model import CondaPackage
from builder.plan import Plan
from builder.verify.archives import Expected, Held
from builder.verify.installed import Installed, gone, same
from builder.verify.model import Drift, Unjudged
from builder.verify.tree import Entry, Tree, parents
from builder.verify.truth import Truth

_SHORT = 12  # digits of a sha256 that tell two apart
_SUCH_AS = 3
_BYTECODE = re.compile(r"(?P<folder>.*)/__pycache__/(?P<name>[^/]+)\.cpython-\d+(?:\.opt-[12])?\.pyc")
_NOTES = frozenset(("history", "created_at"))  # of conda: when, and with which command
BYTECODE = "bytecode of locked sources: its header says that nobody compares it with them"
NOTES = "what conda noted of its own work, and when"
_SINCE = "since it was proven"


@dataclass
class Found:
    """Drifts and what was not judged, while they are gathered."""

    drifts: list[Drift] = field(default_factory=list)
    unjudged: dict[str, list[str]] = field(default_factory=dict)
    files: int = 0
    bytes: int = 0

    def not_judged(self, path: str, why: str) -> None:
        """Note a path that nothing is known of."""
        self.unjudged.setdefault(why, []).append(path)

    @property
    def notes(self) -> tuple[Unjudged, ...]:
        """What was not judged, by the reason."""
        return tuple(
            Unjudged(what="files", why=why, count=len(paths), such_as=tuple(sorted(paths)[:_SUCH_AS]))
            for why, paths in self.unjudged.items()
        )


@dataclass(frozen=True)
class Look:
    """What is compared. known: the files of layers whose very bytes are known (the base's, or a recorded build's).
    surplus: the first layer that no step of the plan made; foreign: layers below this one are another base's.
    installed: the list of the files that its proof saw, for what nothing else says."""

    tree: Tree
    known: Tree
    truth: Truth
    surplus: int
    foreign: int = 0
    installed: Installed | None = None


def judge_files(plan: Plan, look: Look) -> Found:
    """All drifts of files, in the order of their paths."""
    found = Found()
    records = dict(_records(plan, look))
    for path, entry in sorted(look.tree.entries.items()):
        _judge(path, entry, look, records, found)
    for path, expected in sorted(look.truth.files.items()):
        if path not in look.tree.entries:
            found.drifts.append(_drift("missing", path, expected.package, expected=_told(expected)))
    for path in sorted(records.keys() - look.tree.entries.keys()):
        found.drifts.append(_drift("missing", path, records[path][0]))
    for path, entry in sorted(look.known.entries.items()):
        if path not in look.tree.entries and path not in look.truth.files and path not in records:
            _gone(path, entry, look, found)
    told = (look.truth.files, records, look.known.entries)
    for path, listed in gone(look.installed, look.tree.entries) if look.installed is not None else ():
        if not any(path in one for one in told) and not _is_note(path, look.truth):
            found.drifts.append(_drift("missing", path, "", expected=_shown(listed), why=_SINCE))
    return found


def _judge(path: str, entry: Entry, look: Look, records: Mapping[str, Record], found: Found) -> None:
    known, expected = look.known.entries.get(path), look.truth.files.get(path)
    if entry.kind == "folder":
        _folder(path, entry, known, look, found)
        return
    found.files += 1
    found.bytes += entry.size
    if expected is not None:
        if told := _differs(entry, expected, known):
            found.drifts.append(_drift("changed", path, expected.package, *told))
    elif path in records:
        whose, check = records[path]
        if why := check(look.tree.kept.get(path, b"")):
            found.drifts.append(_drift("changed", path, whose, why=why))
    elif known is not None:
        if not _same(entry, known):
            _other(path, entry, known, look, found)
    else:
        _unknown(path, entry, look, found)


def _unknown(path: str, entry: Entry, look: Look, found: Found) -> None:
    if entry.layer < look.foreign:
        found.not_judged(path, "files of another base than the locked one")
    elif entry.layer >= look.surplus:
        found.drifts.append(_drift("extra", path, "", "", _shown(entry), why="added after the build"))
    elif (source := _source(path)) is not None and source in look.truth.files:
        _untold(path, entry, look, BYTECODE, found)
    elif _is_note(path, look.truth):
        _untold(path, entry, look, NOTES, found)
    elif (zone := look.truth.zone(path)) is not None:
        _untold(path, entry, look, zone.why, found)
    else:
        found.drifts.append(_drift("extra", path, "", "", _shown(entry)))


def _untold(path: str, entry: Entry, look: Look, why: str, found: Found) -> None:
    """What neither archives nor known layers say: the list of its proof does, where there is one."""
    listed = look.installed.entries.get(path) if look.installed is not None else None
    if look.installed is None or (why == NOTES and (listed is None or not same(entry, listed))):
        found.not_judged(path, why)
    elif listed is None:
        found.drifts.append(_drift("extra", path, "", "", _shown(entry), why=_SINCE))
    elif not same(entry, listed):
        expected, shown = _shown(listed), _shown(entry)
        if expected == shown:
            expected, shown = _rights(listed), _rights(entry)
        found.drifts.append(_drift("changed", path, "", expected, shown, why=_SINCE))


def _other(path: str, entry: Entry, known: Entry, look: Look, found: Found) -> None:
    """A file of a known layer that a later one has changed."""
    zone = look.truth.zone(path)
    if entry.layer < look.surplus and (zone is not None or _is_note(path, look.truth)):
        _untold(path, entry, look, NOTES if _is_note(path, look.truth) or zone is None else zone.why, found)
        return
    expected, shown = _shown(known), _shown(entry)
    if expected == shown:
        expected, shown = _rights(known), _rights(entry)
    found.drifts.append(_drift("changed", path, "", expected, shown))


def _gone(path: str, entry: Entry, look: Look, found: Found) -> None:
    if entry.kind == "folder":
        return
    zone = look.truth.zone(path)
    if zone is not None and look.surplus >= 1 + max(
        (one.layer for one in look.tree.entries.values()), default=0
    ):
        if look.installed is None:
            found.not_judged(path, zone.why)
        elif path in look.installed.entries:
            found.drifts.append(_drift("missing", path, "", expected=_shown(entry), why=_SINCE))
    elif (source := _source(path)) is None or source in look.tree.entries:
        found.drifts.append(_drift("missing", path, "", expected=_shown(entry)))


def _folder(path: str, entry: Entry, known: Entry | None, look: Look, found: Found) -> None:
    """Folders count by their rights only: who may write there decides what runs."""
    if known is not None and known.kind == "folder":
        if (entry.mode, entry.uid, entry.gid) != (known.mode, known.uid, known.gid) and not (
            entry.layer < look.surplus and look.truth.zone(path)
        ):
            found.drifts.append(_drift("changed", path, "", _rights(known), _rights(entry)))
    elif _in_environment(path, look.truth) and (entry.uid or entry.gid or entry.mode & 0o022):
        found.drifts.append(_drift("changed", path, "", "root:root 755", _rights(entry)))


def _in_environment(path: str, truth: Truth) -> bool:
    prefixes = {held.place.prefix for held in truth.held}
    return path in prefixes or any(one in prefixes for one in parents(path))


def _differs(entry: Entry, expected: Expected, known: Entry | None) -> tuple[str, str, str] | None:
    """(what should be, what is, why), where a path is not what the lock says."""
    if entry.kind != expected.kind or entry.target != expected.target:
        return _told(expected), _shown(entry), ""
    if entry.kind == "file" and entry.sha256 not in expected.hashes:
        return _told(expected), _shown(entry), ""
    if known is not None and _same(entry, known):
        return None
    wrong = entry.uid or entry.gid or entry.mode & 0o6002 or entry.rights
    runs = entry.kind == "file" and expected.runs is not None and bool(entry.mode & 0o100) != expected.runs
    if entry.kind == "file" and (wrong or runs):
        right = f"root:root {'755' if expected.runs else '644'}"
        return right, _rights(entry), "same content, other rights"
    return None


def _same(entry: Entry, known: Entry) -> bool:
    return entry._replace(layer=0) == known._replace(layer=0)


def _source(path: str) -> str | None:
    match = _BYTECODE.fullmatch(path)
    return f"{match['folder']}/{match['name']}.py" if match else None


def _is_note(path: str, truth: Truth) -> bool:
    folder, _, name = path.rpartition("/")
    return name in _NOTES and any(folder == f"{held.place.prefix}/conda-meta" for held in truth.held)


def _drift(how: str, path: str, package: str, expected: str = "", found: str = "", why: str = "") -> Drift:
    return Drift.model_validate(
        {"about": "file", "how": how, "name": path, "expected": expected, "found": found, "package": package,
         "why": why}
    )  # fmt: skip


def _told(expected: Expected) -> str:
    if expected.kind == "link":
        return f"link to {expected.target}"
    return " or ".join(f"sha256:{one[:_SHORT]}" for one in sorted(expected.hashes)[:2])


def _shown(entry: Entry) -> str:
    if entry.kind == "link":
        return f"link to {entry.target}"
    return f"sha256:{entry.sha256[:_SHORT]}" if entry.kind == "file" else f"a {entry.kind}"


def _rights(entry: Entry) -> str:
    more = "".join(f" {one}" for one in entry.rights)
    owner = "root:root" if (entry.uid, entry.gid) == (0, 0) else f"{entry.uid}:{entry.gid}"
    return f"{owner} {entry.mode:o}{more}"


Record = tuple[str, Callable[[bytes], str]]
"""Whose it is, and what says why a content is not right (empty where it is)."""


def _records(plan: Plan, look: Look) -> Iterator[tuple[str, Record]]:
    """What installers wrote of the packages: no bytes of an archive, so it is read and its sentences are judged."""
    for held, lock in zip(look.truth.held, plan.lock.environments, strict=True):
        by_record = {
            f"{held.place.prefix}/conda-meta/{package.name}-{package.version}-{package.build}.json": package
            for package in lock.conda
        }
        for path, whose in held.records.items():
            if path.endswith(".json"):
                package = by_record.get(path)
                yield path, (whose, lambda data, package=package: _conda_record(data, package))  # type: ignore[misc]
            else:
                yield path, (whose, lambda data, path=path, held=held: _wheel_record(data, path, held))  # type: ignore[misc]


def _conda_record(data: bytes, package: CondaPackage | None) -> str:
    try:
        said = json.loads(data)
        if package is None:
            return ""
        wanted = {"name": package.name, "version": package.version, "url": package.url, "md5": package.md5}
        wrong = [name for name, value in wanted.items() if str(said.get(name)) != value]
        sha256 = said.get("sha256")
    except (ValueError, AttributeError, RecursionError):
        return "it is no record of conda"
    if sha256 is not None and sha256 != package.sha256:
        wrong.append("sha256")
    return f"it says something else than the lock: {', '.join(wrong)}" if wrong else ""


def _wheel_record(data: bytes, path: str, held: Held) -> str:
    """RECORD as uv wrote it: each row must be a file of the archives with its hash, or bytecode of one."""
    site = posixpath.dirname(posixpath.dirname(path))
    try:
        rows = [row for row in csv.reader(io.StringIO(data.decode())) if row]
    except (UnicodeDecodeError, csv.Error):
        return "it is no RECORD"
    for row in rows:
        file = posixpath.normpath(posixpath.join(site, row[0]))
        expected = held.files.get(file)
        if expected is None and file != path and (_source(file) or "") not in held.files:
            return f"it lists {row[0]}, which is no file of the package"
        digest = _digest(row[1]) if len(row) > 1 and row[1] else ""
        if expected is not None and digest and expected.hashes and digest not in expected.hashes:
            return f"it has another hash for {row[0]} than the archive"
    return ""


def _digest(text: str) -> str:
    import base64  # noqa: PLC0415

    name, _, value = text.partition("=")
    try:
        return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).hex() if name == "sha256" else ""
    except ValueError:
        return "?"
