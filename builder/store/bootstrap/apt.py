"""The machine's own package sources: which suite, which mirror, and packages from them without installing."""

from __future__ import annotations

import platform
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder import proc
from builder.errors import BuildError
from builder.store.bootstrap.package import sha256_of

_TOOLS = {"apt-get": "apt", "apt-cache": "apt", "dpkg-deb": "dpkg", "debootstrap": "debootstrap"}
_REFRESH = "run `apt-get update` to see whether the machine's package sources answer, then try again"
_FAMILIES = {"debian": "Debian", "ubuntu": "Ubuntu"}
ORIGINS = frozenset(_FAMILIES.values())  # as release files name who they are from


@dataclass(frozen=True, slots=True)
class Apt:
    """apt with the machine's configuration and lists of its own: nothing of the machine is changed.

    suite as debootstrap names it (`bookworm`), mirror the URI it is served at, keyring the file that signs it
    (None: debootstrap's default), architecture as dpkg says it (`amd64`), state the folder for its files.
    """

    suite: str
    mirror: str
    keyring: Path | None
    architecture: str
    state: Path

    @property
    def library_folders(self) -> tuple[str, ...]:
        """Where the architecture's libraries lie below a root."""
        triplet = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[self.architecture]
        return (f"usr/lib/{triplet}", f"lib/{triplet}")

    def options(self) -> list[str]:
        """Options that keep every apt command inside `state`."""
        values = {
            "Dir::State::lists": self.state / "lists",
            "Dir::Cache": self.state / "cache",
            "Dir::Cache::pkgcache": "pkgcache.bin",
            "Dir::Cache::srcpkgcache": "srcpkgcache.bin",
            "Dir::Cache::archives": self.state / "archives",
            "APT::Sandbox::User": "root",
            "Acquire::Languages": "none",
        }
        return [word for key, value in values.items() for word in ("-o", f"{key}={value}")]

    def update(self) -> None:
        """Read the lists of the sources. Raises BuildError when they do not answer."""
        for name in ("lists/partial", "archives/partial", "cache"):
            (self.state / name).mkdir(parents=True, exist_ok=True)
        result = proc.run(["apt-get", *self.options(), "-q", "update"], env=_PLAIN, check=False)
        if result.code != 0 or not self._releases():
            raise BuildError("the machine's package lists cannot be read", fix=_REFRESH, detail=result.stderr)

    def release_hashes(self) -> tuple[str, ...]:
        """sha256 of every signed release file: unchanged ones mean unchanged packages."""
        return tuple(sha256_of(path) for path in self._releases())

    def release_date(self) -> int:
        """Unix time of the suite's release file."""
        from email.utils import parsedate_to_datetime  # noqa: PLC0415

        for path in self._releases():
            head = path.read_text(errors="replace")[:4000]
            date = re.search(r"^Date: (.+)$", head, re.MULTILINE)
            if date and re.search(rf"^Codename: {re.escape(self.suite)}$", head, re.MULTILINE):
                return int(parsedate_to_datetime(date.group(1).replace("UTC", "+0000")).timestamp())
        raise BuildError(f"no release file of {self.suite} among the machine's lists", fix=_REFRESH)

    def depends(self, names: Sequence[str]) -> list[str]:
        """Names of the packages that these need, with themselves, sorted. Real packages only."""
        quiet = [f"--no-{kind}" for kind in _OTHER_RELATIONS]
        out = self._cache(["depends", "--recurse", *quiet, *names])
        return sorted({line for line in out.splitlines() if re.fullmatch(r"[a-z0-9][a-z0-9.+-]*", line)})

    def first_dependency(self, name: str, pattern: str) -> str:
        """The first dependency of a package whose name matches. Raises BuildError when none does."""
        for line in self._cache(["depends", name]).splitlines():
            found = re.fullmatch(rf"\s*Depends: ({pattern})", line)
            if found:
                return found.group(1)
        raise BuildError(f"{name} of {self.suite} depends on nothing like {pattern}", fix=_REFRESH)

    def versions(self, names: Sequence[str]) -> dict[str, str]:
        """The version that would be installed, by name; unknown packages are left out."""
        out = self._cache(["show", "--no-all-versions", *names], check=False)
        pairs = re.findall(r"^Package: (\S+)$.*?^Version: (\S+)$", out, re.MULTILINE | re.DOTALL)
        return dict(pairs)

    def download(self, names: Sequence[str]) -> list[Path]:
        """Fetch packages, checked by apt against the signed lists, and return the files in the same order."""
        folder = self.state / "archives"
        try:
            proc.run(["apt-get", *self.options(), "-q", "download", *names], cwd=folder, env=_PLAIN)
        except proc.CommandFailed as error:
            raise BuildError(
                f"cannot fetch {names[0]} and what it needs", fix=_REFRESH, detail=str(error)
            ) from error
        versions = self.versions(names)
        return [self._archive(folder, name, versions[name]) for name in names]

    def proxy(self) -> Mapping[str, str]:
        """The proxy that apt is configured with, as variables for other programs."""
        out = proc.run(["apt-config", "dump", "Acquire::http::Proxy", "--format", "%v%n"]).stdout.strip()
        return {"http_proxy": out.splitlines()[0]} if out else {}

    def _archive(self, folder: Path, name: str, version: str) -> Path:
        spelled = version.replace(":", "%3a")
        found = sorted(folder.glob(f"{name}_{spelled}_*.deb"))
        if not found:
            raise BuildError(f"apt did not leave {name} {version} behind", fix=_REFRESH)
        return found[0]

    def _cache(self, words: Sequence[str], *, check: bool = True) -> str:
        try:
            return proc.run(["apt-cache", *self.options(), *words], env=_PLAIN, check=check).stdout
        except proc.CommandFailed as error:
            raise BuildError(
                "a package is missing from the machine's lists", fix=_REFRESH, detail=str(error)
            ) from error

    def _releases(self) -> list[Path]:
        return sorted((self.state / "lists").glob("*Release"))


_PLAIN = {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
_OTHER_RELATIONS = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")


def machine_apt(suite: str, state: Path) -> Apt:
    """The machine's apt for a suite. Raises BuildError when tools are missing or the machine has another."""
    _require_tools()
    here = _os_release()
    if here.get("VERSION_CODENAME") != suite:
        raise BuildError(
            f"a base of {suite} cannot be made on {here.get('PRETTY_NAME', 'this system')}: base and python "
            "come from the machine's own suite",
            fix=f"run this on {suite}, or choose a base of {here.get('VERSION_CODENAME', 'this suite')}",
        )
    mirror, keyring = _mirror(suite)
    architecture = proc.run(["dpkg", "--print-architecture"]).stdout.strip()
    if architecture not in {"amd64", "arm64"}:
        raise BuildError(f"no images are made for {architecture}", fix="use an amd64 or arm64 machine")
    return Apt(suite, mirror, keyring, architecture, state)


def _require_tools() -> None:
    if platform.system() != "Linux" or not shutil.which("apt-get"):
        raise BuildError("kits are bootstrapped on Debian and Ubuntu only", fix="run this on such a machine")
    missing = sorted(
        {package for tool, package in _TOOLS.items() if not shutil.which(tool, path=_SYSTEM_PATH)}
    )
    if missing:
        raise BuildError(
            f"not installed: {', '.join(missing)}", fix=f"run `apt-get install {' '.join(missing)}`"
        )


_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _os_release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def _mirror(suite: str) -> tuple[str, Path | None]:
    """Where the machine gets the suite from, and the keyring named for it."""
    shape = "$(CODENAME)|$(RELEASE)|$(REPO_URI)|$(SIGNED_BY)|$(ORIGIN)"
    rows = proc.run(["apt-get", "indextargets", "--format", shape], env=_PLAIN).stdout.splitlines()
    for codename, release, uri, signed, origin in _fields(rows):
        # Docker's server, say, has a suite of the same name.
        if (
            origin in ORIGINS
            and suite in {codename, release}
            and release in {codename, suite, "stable", "oldstable"}
        ):
            return uri, Path(signed) if signed.startswith("/") and Path(signed).is_file() else None
    configured = _configured(suite)
    if configured:
        return configured
    raise BuildError(
        f"the machine's package sources have no {suite}", fix="add it to /etc/apt/sources.list.d"
    )


def _configured(suite: str) -> tuple[str, Path | None] | None:
    """The same from `apt-get update --print-uris`, which also answers while there are no lists at all."""
    out = proc.run(["apt-get", "update", "--print-uris"], env=_PLAIN, check=False).stdout
    found = re.search(rf"^'(\S+)/dists/{re.escape(suite)}/(?:In)?Release'", out, re.MULTILINE)
    return (found.group(1), None) if found else None


def _fields(rows: Iterable[str]) -> Iterable[tuple[str, str, str, str, str]]:
    for row in rows:
        parts = row.split("|")
        if len(parts) == 5:
            yield parts[0], parts[1], parts[2], parts[3], parts[4]


def family(name: str) -> str:
    """`Debian` for `debian`."""
    return _FAMILIES[name]
