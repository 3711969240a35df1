"""What the base's own apt answered, judged: packages to lock, or the reason why there are none."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from builder.errors import LockError
from builder.lock.apt.sources import Repository, numbered
from builder.lock.model import AptPackage

_URI = re.compile(r"'file:([^']+)' (\S+) ([0-9]+) SHA256:([0-9a-f]{64})")
_NAMED = re.compile(r"([a-z0-9][a-z0-9+.-]*)_([^_]+)_([a-z0-9]+)\.deb")
_EXPIRED = re.compile(r"is expired|not valid yet|invalid for another", re.IGNORECASE)
_UNSIGNED = re.compile(
    r"NO_PUBKEY|BADSIG|EXPKEYSIG|REVKEYSIG|not signed|signature|couldn't be verified|Missing key|NOSPLIT",
    re.IGNORECASE,
)
_OTHER_BYTES = re.compile(r"Hash Sum mismatch|unexpected size|Hashes of", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked inside a base: where the definition and the base are, which names, which archives; folder:
    where the archives lay in the container, one by its number below it."""

    where: str
    base: str
    names: tuple[str, ...]
    repositories: tuple[Repository, ...]
    folder: str

    @property
    def archives(self) -> str:
        """The archives for people: `bookworm, bookworm-security`."""
        return ", ".join(dict.fromkeys(one.suite for one in self.repositories))


def packages(asked: Asked, answer: Mapping[str, str]) -> tuple[AptPackage, ...]:
    """The packages that apt would add, sorted by name. Raises LockError with apt's reason when it would not.

    answer: texts by name, as the script in the container left them: `stage` is the last one that it reached,
    `update`, `trusted`, `known`, `installed`, `simulate` and `uris` what apt said there.
    """
    stage = answer.get("stage", "").strip()
    if stage == "update":
        raise _not_read(asked, answer.get("update", ""))
    _refuse_untrusted(asked, answer.get("trusted", ""))
    _refuse_unknown(asked, answer)
    if stage != "done":
        raise _not_solved(asked, answer.get("simulate", ""))
    _refuse_removals(asked, answer.get("simulate", ""))
    found = tuple(sorted(_packages(asked, answer.get("uris", "")), key=lambda one: one.name))
    _refuse_virtual(asked, found, answer)
    return found


def _packages(asked: Asked, text: str) -> list[AptPackage]:
    addresses = {str(number): uri for uri, number in numbered(asked.repositories).items()}
    found = []
    for line in filter(None, (line.strip() for line in text.splitlines())):
        match = _URI.fullmatch(line)
        named = _NAMED.fullmatch(unquote(match[2])) if match else None
        number, _, path = match[1].removeprefix(f"{asked.folder}/").partition("/") if match else ("", "", "")
        if match is None or named is None or number not in addresses:
            what = f"apt of the base {asked.base} named a package in a way that cannot be locked: {line}"
            raise LockError(what, where=asked.where, fix="choose another base, or report this")
        found.append(
            AptPackage(
                url=f"{addresses[number]}/{path.removeprefix('./')}",
                sha256=match[4],
                size=int(match[3]),
                name=named[1],
                version=named[2],
                architecture=named[3],
            )
        )
    return found


def _not_read(asked: Asked, log: str) -> LockError:
    detail = _faults(log)
    fix = "run it again in a while; settings can name a mirror that is whole"
    if _EXPIRED.search(detail):
        what = "is out of date, and apt of the base does not take it"
        fix = "look at this machine's clock, or ask a mirror that is kept up to date (settings: mirrors)"
    elif _UNSIGNED.search(detail):
        what = "is not signed by a key that the base trusts"
        fix = "nothing was locked: ask the archive itself, or a mirror that you trust (settings: mirrors)"
    elif _OTHER_BYTES.search(detail):
        what = "has indexes that are not the ones it signed"
    else:
        what = "cannot be read by apt of the base"
    first = detail.splitlines()[0] if detail else "apt gave no reason"
    return LockError(
        f"the package archive ({asked.archives}) {what}: {_short(asked, first)}",
        where=asked.base,
        fix=fix,
        detail=_short(asked, detail),
    )


def _refuse_untrusted(asked: Asked, targets: str) -> None:
    """apt names every index that it read, whether a signature vouches for it, and which suite that is of."""
    rows = [(*line.split("|", 4), "", "", "", "")[:5] for line in targets.splitlines() if line]
    doubted = [uri for state, *_, uri in rows if state != "yes"]
    if doubted or not rows:
        what = f"apt of the base vouches for no signature of {doubted[0] if doubted else asked.archives}"
        raise LockError(_short(asked, what), where=asked.base, fix="choose a base whose sources are signed")
    for _, named, suite, codename, _uri in rows:
        # apt only warns; but somebody on the way can put an older suite, well signed, in the place of another.
        if not named.endswith("/") and named.partition("/")[0] not in {suite, codename}:
            said = " or ".join(filter(None, dict.fromkeys((suite, codename)))) or "nothing"
            what = f"the release file for {named} is another one than the base's sources name: it says {said}"
            fix = "nothing was locked: ask the archive itself, or a mirror that you trust (settings: mirrors)"
            raise LockError(what, where=asked.base, fix=fix)


def _refuse_unknown(asked: Asked, answer: Mapping[str, str]) -> None:
    known = answer.get("known", "").split()
    lacking = [name for name in asked.names if name not in set(known)]
    if not lacking:
        return
    near = difflib.get_close_matches(lacking[0], known, 3, 0.7)
    fix = f"did you mean {' or '.join(near)}?" if near else "look for its name at the distribution's site"
    raise LockError(
        f"no package is called {' or '.join(lacking)} in {asked.archives} of {asked.base}",
        where=asked.where,
        fix=fix,
    )


def _not_solved(asked: Asked, log: str) -> LockError:
    lines = [line for line in log.splitlines() if " : " in line or line.startswith("E:")]
    first = next((line.strip() for line in lines), "apt gave no reason")
    return LockError(
        f"apt of the base {asked.base} cannot install {', '.join(asked.names)} together: {first}",
        where=asked.where,
        fix="take out what conflicts, or choose another base",
        detail="\n".join(log.splitlines()[-30:]),
    )


def _refuse_removals(asked: Asked, log: str) -> None:
    gone = re.findall(r"^Remv (\S+)", log, re.MULTILINE)
    if gone:
        what = f"with {', '.join(asked.names)} apt would take {', '.join(gone)} out of the base {asked.base}"
        raise LockError(what, where=asked.where, fix="take out what conflicts, or choose another base")


def _refuse_virtual(asked: Asked, found: Sequence[AptPackage], answer: Mapping[str, str]) -> None:
    there = {one.name for one in found} | set(answer.get("installed", "").split())
    for name in asked.names:
        if name not in there:
            raise LockError(
                f"{name} is the name of no package in {asked.archives}, only of something that others provide",
                where=asked.where,
                fix="name the package that shall be installed",
            )


def _faults(log: str) -> str:
    return "\n".join(line for line in log.splitlines() if line.startswith(("E:", "W:", "Err:", "  ")))


def _short(asked: Asked, text: str) -> str:
    """apt speaks of folders in the container; people know the archives by their addresses."""
    for uri, number in numbered(asked.repositories).items():
        text = re.sub(rf"file:(?://)?{re.escape(asked.folder)}/{number}(?=[/ ]|$)", uri, text)
    return text
