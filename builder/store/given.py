"""An installer that the user names in place of the shipped table's: a file of this machine, or a URL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from builder.errors import UsageError
from builder.spec.fault import Fault
from builder.spec.requirements import check_address
from builder.userpath import user_path

SCHEME = "installer:///"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*\.sh")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HEAD = 4096  # bytes; the stand-in says what it is in its second line
_ENDING = "conda's installers refuse to run under another name: keep the name that the vendor gave it"


@dataclass(frozen=True)
class GivenInstaller:
    """url is what a lock names: `installer:///FILENAME` for a file. path: where it lies, when it is at hand."""

    url: str
    sha256: str
    path: Path | None = None

    @property
    def stand_in(self) -> bool:
        """Whether the file at hand says that it is a stand-in."""
        if self.path is None:
            return False
        with self.path.open("rb") as stream:
            return b"(imgbuild stand-in)" in stream.read(_HEAD)


def given_installer(place: str | None, sha256: str | None) -> GivenInstaller | None:
    """What `--installer` and `--installer-sha256` say together; None without them.

    Raises UsageError for one without the other, for what is no sha256, no file, no plain URL, and for a name
    that does not end in `.sh`. The bytes are compared when they are fetched.
    """
    if place is None and sha256 is None:
        return None
    if place is None or sha256 is None:
        lacking = "--installer" if place is None else "--installer-sha256"
        fix = "give both; the hash is the one that the vendor names beside the download"
        raise UsageError(f"{lacking} is missing", fix=fix)
    wanted = sha256.strip().lower()
    if not _SHA256.fullmatch(wanted):
        raise UsageError("is no sha256", where="--installer-sha256", fix="give its 64 hex digits")
    return _remote(place, wanted) if "://" in place else _file(user_path(place), wanted)


def _remote(url: str, sha256: str) -> GivenInstaller:
    try:
        check_address(url, files=False)
    except Fault as fault:
        shown = "" if fault.private else f"`{url}` "
        raise UsageError(f"{shown}{fault.what}", where="--installer", fix=fault.fix) from fault
    _check_name(unquote(urlsplit(url).path).rsplit("/", 1)[-1])
    return GivenInstaller(url=url, sha256=sha256)


def _file(path: Path, sha256: str) -> GivenInstaller:
    _check_name(path.name)
    if not path.is_file():
        raise UsageError(
            "there is no such file", where=str(path), fix="name the installer's file, or its URL"
        )
    return GivenInstaller(url=f"{SCHEME}{path.name}", sha256=sha256, path=path.absolute())


def _check_name(name: str) -> None:
    if not name.endswith(".sh"):
        raise UsageError(f"{name!r} does not end in .sh", where="--installer", fix=_ENDING)
    if not _NAME.fullmatch(name):
        what = f"{name!r} cannot name an installer"
        raise UsageError(what, where="--installer", fix="use letters, digits and `._+-`")
