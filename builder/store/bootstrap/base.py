"""The base of a kit: debootstrap's smallest system with CA certificates and security updates, trimmed."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from builder import proc
from builder.errors import BuildError
from builder.spec.model import Base
from builder.store.bootstrap.apt import Apt
from builder.store.bootstrap.recipe import recipe
from builder.store.bootstrap.tree import write_tar
from builder.values import digest_of

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_QUIET = {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive", "PATH": _PATH}
_EMPTIED = ("var/lib/apt/lists", "var/cache/apt", "var/log", "usr/share/man", "usr/share/info",
            "usr/share/lintian", "tmp", "run", "dev", "proc", "sys", "var/tmp")  # fmt: skip
_REMOVED = ("etc/resolv.conf", "etc/hostname", "var/cache/ldconfig/aux-cache",
            "var/cache/debconf/config.dat-old",
            "var/cache/debconf/templates.dat-old", "var/lib/dpkg/status-old", "var/lib/dpkg/available-old",
            "var/lib/dpkg/diversions-old", "var/lib/dpkg/statoverride-old", "etc/apt/sources.list",
            "etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-")  # fmt: skip
_LEAVE_OUT = """\
# Manuals and translations do not belong in an image; licences do.
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/lintian/*
path-exclude /usr/share/locale/*
path-include /usr/share/locale/locale.alias
"""
_SOURCES = {
    "debian": "deb {debian} {suite} main\n"
    "deb {debian} {suite}-updates main\n"
    "deb {debian}-security {suite}-security main\n",
    "ubuntu": "deb http://archive.ubuntu.com/ubuntu {suite} main universe\n"
    "deb http://archive.ubuntu.com/ubuntu {suite}-updates main universe\n"
    "deb http://security.ubuntu.com/ubuntu {suite}-security main universe\n",
}
_PORTS = "http://ports.ubuntu.com/ubuntu-ports"


@dataclass(frozen=True, slots=True)
class BaseTar:
    """A made base: packages are name to version, glibc is `2.36`; reused when an earlier one still held."""

    tar: Path
    packages: Mapping[str, str]
    glibc: str
    reused: bool


def make_base(base: Base, apt: Apt, cache: Path) -> BaseTar:
    """Make the base, or take the one in `cache` when no release file of the distribution changed since.

    Raises BuildError without root, or when debootstrap fails.
    """
    key = digest_of(
        [recipe("apt", "base", "tree"), base.key, apt.suite, apt.architecture, list(apt.release_hashes())]
    )[:32]
    tar, listing = cache / f"{key}.tar", cache / f"{key}.json"
    reused = tar.is_file() and listing.is_file()
    if not reused:
        cache.mkdir(parents=True, exist_ok=True)
        _make(base, apt, tar, listing)
    packages: dict[str, str] = json.loads(listing.read_text())
    return BaseTar(tar, packages, _glibc(packages), reused)


def _make(base: Base, apt: Apt, tar: Path, listing: Path) -> None:
    if os.geteuid() != 0:
        raise BuildError(
            "only root can make a base with debootstrap", fix="run this with sudo, or in a container"
        )
    with _scratch() as folder:
        root = folder / "root"
        _debootstrap(apt, root)
        _upgrade(apt, root)
        packages = _packages(root)
        _trim(root, base, apt)
        _refuse_mirror(root, apt)
        partial = tar.with_suffix(".partial")
        write_tar(root, partial, latest=apt.release_date())
    listing.write_text(json.dumps(packages, indent=1, sort_keys=True))
    partial.replace(tar)


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder that goes at the end. What a killed debootstrap left mounted in it is unmounted first."""
    folder = Path(tempfile.mkdtemp(prefix="imgbuild-base-")).resolve()
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        for mounted in reversed(mounts_below(folder, Path("/proc/self/mountinfo").read_text())):
            proc.run(["umount", "--lazy", mounted])
        shutil.rmtree(folder, ignore_errors=True)


def mounts_below(folder: Path, mountinfo: str) -> list[str]:
    """Mount points below a folder, in the order they were mounted."""
    points = (line.split()[4] for line in mountinfo.splitlines())
    return [point for point in points if point.startswith(f"{folder}/")]


def _debootstrap(apt: Apt, root: Path) -> None:
    archives = apt.state / "debootstrap"
    archives.mkdir(parents=True, exist_ok=True)
    words = ["debootstrap", "--variant=minbase", "--include=ca-certificates", f"--cache-dir={archives}"]
    words += [f"--keyring={apt.keyring}"] if apt.keyring else []
    try:
        proc.run([*words, apt.suite, root, apt.mirror], env={**_QUIET, **apt.proxy()})
    except proc.CommandFailed as error:
        log = root / "debootstrap/debootstrap.log"
        tail = log.read_text(errors="replace")[-2000:] if log.is_file() else str(error)
        raise BuildError(
            f"debootstrap could not make {apt.suite}",
            fix="see its last lines; it needs a mirror that answers, chroot and mount",
            detail=tail,
        ) from error


def _upgrade(apt: Apt, root: Path) -> None:
    """Bring the new system to what the machine's sources offer, security updates above all."""
    folder = root / "var/cache/apt/upgrades"
    (folder / "partial").mkdir(parents=True)
    inside = [*apt.options(), "-o", f"Dir::State::status={root}/var/lib/dpkg/status",
              "-o", f"Dir::State::extended_states={root}/var/lib/apt/extended_states",
              "-o", f"Dir::Cache::archives={folder}"]  # fmt: skip
    proc.run(["apt-get", *inside, "-y", "-q", "--download-only", "dist-upgrade"], env=_QUIET)
    archives = sorted(folder.glob("*.deb"))
    if archives:
        names = [f"/{archive.relative_to(root)}" for archive in archives]
        proc.run(["chroot", root, "dpkg", "--install", *names], env=_QUIET)


def _packages(root: Path) -> dict[str, str]:
    shape = "${db:Status-Abbrev}|${Package}|${Version}\n"
    out = proc.run(["dpkg-query", f"--admindir={root}/var/lib/dpkg", "-W", "-f", shape], env=_QUIET).stdout
    rows = (line.split("|") for line in out.splitlines())
    return {name: version for state, name, version in rows if state.startswith("ii")}


def _glibc(packages: Mapping[str, str]) -> str:
    found = re.match(r"\d+\.\d+", packages["libc6"])
    if found is None:
        raise BuildError(f"libc6 has the version {packages['libc6']}", fix="report this")
    return found.group()


def _trim(root: Path, base: Base, apt: Apt) -> None:
    for name in _EMPTIED:
        _empty(root / name)
    for name in _REMOVED:
        (root / name).unlink(missing_ok=True)
    shutil.rmtree(root / "debootstrap", ignore_errors=True)
    _keep_only(root / "usr/share/doc", "copyright")
    _keep_only(root / "usr/share/locale", "locale.alias")
    (root / "etc/machine-id").write_text("")
    (root / "etc/apt/sources.list").write_text(
        sources_list(base.family, apt.suite, apt.architecture, debian=default_mirror())
    )
    (root / "etc/dpkg/dpkg.cfg.d/imgbuild").write_text(_LEAVE_OUT)
    shadow = root / "etc/shadow"
    # The day of the last password change is the day of the bootstrap; no account has a password.
    shadow.write_text(re.sub(r"^([^:]*:[^:]*):\d*:", r"\1:19000:", shadow.read_text(), flags=re.MULTILINE))


def default_mirror() -> str:
    """Debian's own server as debootstrap knows it."""
    program = Path(shutil.which("debootstrap") or "debootstrap")
    found = (
        re.search(r'^DEF_MIRROR="([^"$]+)"', program.read_text(), re.MULTILINE) if program.is_file() else None
    )
    if found is None:
        raise BuildError(
            "this debootstrap names no default mirror", where=str(program), fix="install Debian's debootstrap"
        )
    return found[1]


def sources_list(family: str, suite: str, architecture: str, *, debian: str) -> str:
    """What the base's apt is told: the distribution's own servers, whatever mirror was used here."""
    text = _SOURCES[family].format(suite=suite, debian=debian)
    if family == "ubuntu" and architecture != "amd64":
        text = re.sub(r"http://\S+", _PORTS, text)
    return text


def _empty(folder: Path) -> None:
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _keep_only(folder: Path, name: str) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.name != name:
            path.unlink()


def _refuse_mirror(root: Path, apt: Apt) -> None:
    """Nothing in the base may name the mirror that this machine happens to use."""
    host = (urlsplit(apt.mirror).hostname or apt.mirror).encode()
    if host.endswith((b".debian.org", b".ubuntu.com")):
        return
    for folder in ("etc", "var"):
        for path in (root / folder).rglob("*"):
            if path.is_file() and not path.is_symlink() and host in path.read_bytes():
                raise BuildError(f"/{path.relative_to(root)} in the base names the mirror", fix="report this")
