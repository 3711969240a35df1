"""What `outdated` answers, as values. Plain data: reports and JSON are made of it."""

from __future__ import annotations

from typing import Literal

from builder.lock.compare import LockDiff
from builder.lock.model import LockSet
from builder.values import Value

Status = Literal["current", "held", "behind", "missing", "unknown"]
"""held: nothing would move, and something newer is held back. unknown: what an update would bring cannot be told."""


class Holder(Value):
    """What holds something back. why: `scipy 1.0 needs numpy <2`, empty where the line itself does.

    asked: the line of the definition (`numpy<2`, `python=3.11`, `installer: miniconda=26.3.2-2`), which brings what why
    is about; against: it contradicts it. file as messages name it; line from 1, 0 where only the file is known. Empty
    where no line is the cause.
    """

    why: str = ""
    asked: str = ""
    file: str = ""
    line: int = 0
    against: bool = False

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        asked = f"{self.asked} ({place})" if self.asked and place else self.asked
        return (", against " if self.against else ", for ").join(part for part in (self.why, asked) if part)


class PackageRow(Value):
    """One package. locked: empty for one that the update adds; allowed: what it would bring, empty for one that goes.

    newest: of the channels or the index, empty where nobody told it. rebuilt: the same version in another file.
    """

    manager: Literal["conda", "pip"]
    name: str
    locked: str = ""
    allowed: str = ""
    newest: str = ""
    rebuilt: bool = False
    held_by: tuple[Holder, ...] = ()

    @property
    def moves(self) -> bool:
        """Whether the update would change it."""
        return self.rebuilt or self.locked != self.allowed


class EnvironmentRows(Value):
    """The packages of one environment that move or are held back, conda's first. total: how many are locked."""

    name: str
    total: int
    packages: tuple[PackageRow, ...] = ()


class InstallerRow(Value):
    """newest: of the same kind in the table, or in the kit. trouble: why nobody can tell it."""

    kind: str
    locked: str
    newest: str = ""
    held_by: tuple[Holder, ...] = ()
    trouble: str = ""

    @property
    def behind(self) -> bool:
        """Whether there is a newer one."""
        return bool(self.newest) and self.newest != self.locked


class BaseRow(Value):
    """ref: what the definition names. locked, now: digests; of a kit, its base's reference. trouble: as above.

    size: bytes that a pull of it would fetch where nothing of it is there, None where nobody told it.
    """

    key: str
    ref: str
    locked: str = ""
    now: str = ""
    size: int | None = None
    trouble: str = ""

    @property
    def behind(self) -> bool:
        """Whether the tag has moved."""
        return bool(self.now) and self.now != self.locked


class Outdated(Value):
    """One image for one platform. stale: what the definition asks for now, and the lock was not made for.

    kit: the sha256 of the kit that the lock is compared with, empty for the upstreams.
    update: what `lock --upgrade` would change. fetch: bytes of the files that the lock did not have before it;
    fetch_unknown: of how many of them nobody told the size. trouble: why it is `unknown`, or has no lock; fix: what to
    do about that.
    """

    image: str
    platform: str
    kit: str = ""
    lock: str = ""
    stale: tuple[str, ...] = ()
    installer: InstallerRow | None = None
    base: BaseRow | None = None
    environments: tuple[EnvironmentRows, ...] = ()
    update: LockDiff | None = None
    fetch: int = 0
    fetch_unknown: int = 0
    trouble: str = ""
    fix: str = ""
    exit_code: int = 0
    notes: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        """The answer in one word."""
        if not self.lock:
            return "unknown" if self.exit_code else "missing"
        moves = self.update is not None and not self.update.empty
        if moves or self.stale or any(one is not None and one.behind for one in (self.installer, self.base)):
            return "behind"
        if self.trouble:
            return "unknown"
        return "held" if any(one.packages for one in self.environments) else "current"


def to_fetch(before: LockSet, after: LockSet) -> tuple[int, int]:
    """(bytes of the files that only the second lock has, of how many of these nobody told the size)."""
    have = {file.sha256 for file in before.files}
    sizes = [file.size for file in after.files if file.sha256 not in have]
    known = [size for size in sizes if size is not None]
    return sum(known), len(sizes) - len(known)
