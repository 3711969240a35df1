"""What every lock must hold, whether it was just made or read from a file that anybody may have edited.

URLs, names and versions of a lock reach file names, a shell and a Dockerfile; here is where they are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from builder.lock.apt.packages import DEBIAN_ARCHITECTURE, is_archive_path
from builder.lock.model import (
    AptPackage,
    AptRelease,
    CondaPackage,
    EnvironmentLock,
    LockedFile,
    LockSet,
    PipPackage,
)
from builder.spec.model import CONDA_SUBDIR

_PLACE = r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?|http://(?:localhost|127(?:\.[0-9]{1,3}){3})(?::[0-9]{1,5})?"
_PATH = r"((?:/[A-Za-z0-9._~!+%=-]+)+)"
_URL = re.compile(rf"(?:{_PLACE}|kit://){_PATH}")
# Debian's own servers are named without TLS: what comes from them is bound by the sha256 of a signed index.
_APT_URL = re.compile(rf"https?://[A-Za-z0-9.-]+(?::[0-9]{{1,5}})?{_PATH}")
_DEB_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_DEB_VERSION = re.compile(r"[0-9][A-Za-z0-9.+~:-]*")
_DEB_FILENAME = re.compile(r"[a-z0-9][A-Za-z0-9.+~_-]*\.deb")
_DATE = re.compile(r"[A-Za-z0-9:, +-]*")
_GIVEN = re.compile(r"installer:///[A-Za-z0-9_][A-Za-z0-9._+-]*\.sh")
_FILENAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._!+=-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_IMAGE_ID = re.compile(r"sha256:[0-9a-f]{64}")
_MD5 = re.compile(r"[0-9a-f]{32}")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_VERSION = re.compile(r"[A-Za-z0-9_.!+*=-]+")
_GLIBC = re.compile(r"2\.[0-9]{1,3}")
_REF = re.compile(r"[a-z0-9][A-Za-z0-9._/:@-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def faults(lock: LockSet) -> Iterator[str]:
    """What is wrong with a lock, one sentence each."""
    yield from _base(lock)
    if not (lock.installer.given and _GIVEN.fullmatch(lock.installer.url)):
        yield from _file(lock.installer, "the installer", ".sh")
    else:
        yield from _word(lock.installer.sha256, _SHA256, "the installer: the sha256")
    yield from _word(lock.installer.version, _VERSION, "the installer's version")
    if lock.uv is not None:
        yield from _file(lock.uv, "uv", ".whl")
    for environment in lock.environments:
        yield from _environment(environment, CONDA_SUBDIR[lock.platform])
    for package in lock.apt:
        yield from _deb(package, DEBIAN_ARCHITECTURE[lock.platform])
    for release in lock.apt_releases:
        yield from _release(release)
    yield from _twice([f"{one.name}:{one.architecture}" for one in lock.apt], "OS package")
    yield from _clashes(lock)


def url_fault(url: str) -> str | None:
    """Why a URL may not stand in a lock; None where it may: https, this machine or kit, plain characters only."""
    match = _URL.fullmatch(url)
    if match is None:
        return "is no canonical URL (https://HOST/PATH or kit:///PATH, without user, query or blanks)"
    segments = [unquote(part) for part in match[1].split("/")[1:]]
    if _leads_elsewhere(segments):
        return "has a path that leads elsewhere"
    if "t" in segments[:-2] and not url.startswith("kit:"):
        return "holds a token"
    return None if _FILENAME.fullmatch(segments[-1]) else "has a file name that cannot be used"


def _leads_elsewhere(segments: list[str]) -> bool:
    return any(part in {".", ".."} or re.search(r"[^ -~]|[/\\%]", part) for part in segments)


def _apt_url_fault(url: str) -> str | None:
    match = _APT_URL.fullmatch(url)
    if match is None:
        return "is no canonical URL (http(s)://HOST/PATH, without user, query or blanks)"
    elsewhere = _leads_elsewhere([unquote(part) for part in match[1].split("/")[1:]])
    return "has a path that leads elsewhere" if elsewhere else None


def _base(lock: LockSet) -> Iterator[str]:
    yield from _word(lock.base.key, NAME, "the base's key")
    yield from _word(lock.base.ref, _REF, "the base")
    yield from _word(lock.base.glibc, _GLIBC, "the base's glibc")
    if lock.base.tar is not None:
        yield from _file(lock.base.tar, "the base's tar", ".tar")
    if lock.base.image_id:
        yield from _word(lock.base.image_id, _IMAGE_ID, "the base's image id")
        if (
            lock.base.tar is None
            or lock.base.ref != f"imgbuild/base:{lock.base.image_id.removeprefix('sha256:')}"
        ):
            yield f"the base's image {lock.base.image_id[:19]} and its name {lock.base.ref!r} do not agree"


def _environment(environment: EnvironmentLock, subdir: str) -> Iterator[str]:
    yield from _word(environment.name, NAME, "an environment's name")
    for channel in environment.channels:
        if url_fault(channel):
            yield f"the channel {channel!r} {url_fault(channel)}"
    for name, value in environment.variables.items():
        yield from _word(name, _VARIABLE, "a variable's name")
        if re.search(r"[\x00-\x1f\x7f]", value):
            yield f"the variable {name!r} holds a control character"
    if not environment.conda:
        yield f"the environment {environment.name!r} has no conda package"
    for package in environment.conda:
        yield from _conda(package, subdir)
    for wheel in environment.pip:
        yield from _wheel(wheel)
    yield from _twice([package.name for package in environment.conda], "conda package")
    yield from _twice([wheel.name for wheel in environment.pip], "wheel")


def _conda(package: CondaPackage, subdir: str) -> Iterator[str]:
    what = f"the conda package {package.name!r}"
    yield from _file(package, what, ".conda", ".tar.bz2")
    yield from _word(package.name, NAME, "a conda package's name")
    yield from _word(package.version, _VERSION, f"the version of {package.name!r}")
    yield from _word(package.md5, _MD5, f"the md5 of {package.name!r}")
    if package.subdir not in {subdir, "noarch"}:
        yield f"{what} is for {package.subdir!r}, not for {subdir}"
    stem = f"{package.name}-{package.version}-{package.build}"
    if re.sub(r"\.(conda|tar\.bz2)\Z", "", package.filename) != stem:
        yield f"{what} is {stem!r}, and its file is called {package.filename!r}"
    if package.url.rsplit("/", 1)[0] != f"{package.channel}/{package.subdir}":
        yield f"{what} does not lie in {package.subdir!r} of its channel"


def _wheel(wheel: PipPackage) -> Iterator[str]:
    what = f"the wheel {wheel.name!r}"
    yield from _file(wheel, what, ".whl")
    try:
        name, version, _, _ = parse_wheel_filename(wheel.filename)
        agrees = (name, version) == (wheel.name, Version(wheel.version))
    except (InvalidWheelFilename, InvalidVersion):
        agrees = False
    if not agrees or wheel.name != canonicalize_name(wheel.name):
        yield f"{what} {wheel.version!r} does not agree with its file {wheel.filename!r}"


def _deb(package: AptPackage, architecture: str) -> Iterator[str]:
    what = f"the OS package {package.name!r}"
    fault = _apt_url_fault(package.url)
    if fault:
        yield f"{what}: {package.url!r} {fault}"
    yield from _word(package.name, _DEB_NAME, "an OS package's name")
    yield from _word(package.version, _DEB_VERSION, f"the version of {package.name!r}")
    yield from _word(package.filename, _DEB_FILENAME, f"{what}: the file name")
    yield from _word(package.sha256, _SHA256, f"{what}: the sha256")
    if package.architecture not in {architecture, "all"}:
        yield f"{what} is for {package.architecture!r}, not for {architecture}"
    if package.size is None or package.size < 0:
        yield f"{what}: the size is {package.size}"


def _release(release: AptRelease) -> Iterator[str]:
    fault = _apt_url_fault(release.uri)
    if fault:
        yield f"the archive {release.uri!r} {fault}"
    if not is_archive_path(release.suite):
        yield f"a suite cannot be {release.suite!r}"
    yield from _word(release.date, _DATE, f"the date of {release.suite!r}")
    yield from _word(release.sha256, _SHA256, f"the release file of {release.suite!r}: the sha256")


def _file(file: LockedFile, what: str, *endings: str) -> Iterator[str]:
    fault = url_fault(file.url)
    if fault:
        yield f"{what}: {file.url!r} {fault}"
    elif not file.filename.endswith(endings):
        yield f"{what}: {file.filename!r} does not end in {' or '.join(endings)}"
    yield from _word(file.sha256, _SHA256, f"{what}: the sha256")
    if file.size is not None and file.size < 0:
        yield f"{what}: the size is negative"


def _word(text: str, pattern: re.Pattern[str], what: str) -> Iterator[str]:
    if pattern.fullmatch(text) is None:
        yield f"{what} cannot be {text!r}"


def _twice(names: list[str], what: str) -> Iterator[str]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"the {what} {name!r} stands there twice"


def _clashes(lock: LockSet) -> Iterator[str]:
    # Package directories are flat: two files of one name would overwrite each other.
    yield from _differing(lock, lambda file: file.filename, "the file name")
    yield from _differing(lock, lambda file: file.url, "the URL")


def _differing(lock: LockSet, key: Callable[[LockedFile], str], what: str) -> Iterator[str]:
    seen: dict[str, str] = {}
    for file in lock.files:
        if seen.setdefault(key(file), file.sha256) != file.sha256:
            yield f"{what} {key(file)!r} stands for two different files"
