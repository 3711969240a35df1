"""OS packages: resolved by a base's own apt, refused when anything is not as it was signed, installed unaided."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from builder.engine.port import Engine
from builder.errors import BuildError, EngineError, LockError
from builder.lock.apt.packages import AptPackages
from builder.lock.model import LockedBase, LockedFile
from builder.progress import silent
from builder.settings.model import Settings
from builder.spec.load import load_image
from builder.spec.model import ImageSpec
from builder.spec.project import find_project
from builder.store.apt_index import HttpArchive
from builder.store.bootstrap.base import default_mirror
from builder.store.cache import Store
from builder.store.fetch import fetch
from builder.store.kit import Kit
from builder.store.upstream import Upstream
from builder.workflow.os_packages import resolve_apt
from tests.support.apt_kit import apt_kit, apt_project
from tests.support.workshop import PREFIX, Workshop

pytestmark = pytest.mark.engine
MADE_BY_THE_ENGINE = ("etc/hostname", "etc/hosts", "etc/resolv.conf")
PLAIN = Upstream()
PULLED = f"{PREFIX}/pulled-base:1"


def docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def site(workshop: Workshop, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """A project whose images ask for OS packages, and its kit."""
    home = tmp_path_factory.mktemp("apt")
    root = apt_project(home / "project")
    return Workshop(root, apt_kit(workshop.kit, home / "kit", root, home / "state"), workshop.cache)


@pytest.fixture(scope="module")
def pulled(workshop: Workshop, engine: Engine) -> LockedBase:
    """A base as if a registry had given it: under a name that is in the engine, with no tar."""
    held = Kit.open(workshop.kit).manifest.bases[0]
    tar = workshop.kit / held.path
    with tar.open("rb") as stream:
        engine.import_tar(PULLED, stream, labels={}, platform="linux/amd64")
    return LockedBase(key=held.key, ref=PULLED, glibc=held.glibc)


Ask = Callable[..., AptPackages]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture
def ask(site: Workshop, pulled: LockedBase, store: Store) -> Ask:
    """Resolve names in the pulled base; changes are made to what the archives answer."""
    spec = load_image(find_project(site.root), "tools")

    def asking(
        *names: str, base: LockedBase = pulled, source: Upstream = PLAIN, **changes: Any
    ) -> AptPackages:
        archive = Altered(source, store, silent, **changes)
        wanted: ImageSpec = spec.model_copy(update={"apt": names})
        return resolve_apt(wanted, "linux/amd64", base, Upstream(), archive, silent)

    return asking


@dataclass(frozen=True)
class Altered(HttpArchive):
    """The real archives, with bytes changed on their way."""

    change_text: Callable[[str, bytes], bytes] = lambda _url, data: data
    change_index: Callable[[bytes], bytes] = lambda data: data

    def text(self, url: str, suite: str) -> bytes | None:
        found = super().text(url, suite)
        return None if found is None else self.change_text(url, found)

    def files(self, wanted: Sequence[tuple[LockedFile, str]]) -> Mapping[str, Path]:
        paths = dict(super().files(wanted))
        for sha256, path in paths.items():
            data = path.read_bytes()
            if self.change_index(data) != data:
                paths[sha256] = path.with_name(f"{path.name}.altered")
                paths[sha256].write_bytes(self.change_index(data))
        return paths


def test_a_registrys_base_is_asked_with_its_own_sources(ask: Ask) -> None:
    found = ask("file", "make", "bash")
    names = {package.name: package for package in found.packages}
    assert {"file", "libmagic1", "libmagic-mgc", "make"} <= set(names)
    assert "bash" not in names or names["bash"].version  # the base holds it, unless a newer one came out
    assert all(
        re.fullmatch(r"http://[a-z.]+/debian(-security)?/pool/\S+\.deb", one.url) for one in found.packages
    )
    assert {one.suite for one in found.releases} == {"bookworm", "bookworm-updates", "bookworm-security"}


def test_an_unknown_package_is_named_with_its_neighbours(ask: Ask) -> None:
    with pytest.raises(LockError) as caught:
        ask("make", "gitt")
    assert caught.value.what.startswith(
        "no package is called gitt in bookworm, bookworm-updates, bookworm-security"
    )
    assert "did you mean git" in caught.value.fix


@pytest.mark.parametrize("name", ["awk", "editor", "python3.1", "make-", "lib.+"])
def test_names_that_apt_reads_as_something_else_are_no_packages(ask: Ask, name: str) -> None:
    with pytest.raises(LockError, match="no package|name of no package"):
        ask(name)


def test_what_conflicts_is_told_in_apts_words(ask: Ask) -> None:
    with pytest.raises(LockError, match="cannot install|out of the base"):
        ask("postfix", "exim4-daemon-light")


def test_a_release_file_altered_by_one_letter_is_refused(ask: Ask) -> None:
    def alter(_url: str, text: bytes) -> bytes:
        return text.replace(b"Origin: Debian", b"Origin: debian", 1)

    with pytest.raises(LockError) as caught:
        ask("make", change_text=alter)
    assert "is not signed by a key that the base trusts" in caught.value.what
    assert caught.value.fix.startswith("nothing was locked")


def test_a_release_file_without_its_signature_is_refused(ask: Ask) -> None:
    def strip(url: str, text: bytes) -> bytes:
        plain = text.partition(b"\n\n")[2].partition(b"-----BEGIN PGP SIGNATURE-----")[0]
        return text if "updates" in url or "security" in url else plain

    with pytest.raises(LockError, match="not signed|cannot be read"):
        ask("make", change_text=strip)


def test_an_index_that_is_not_the_signed_one_is_refused(ask: Ask) -> None:
    with pytest.raises(LockError, match="indexes that are not the ones it signed"):
        ask("make", change_index=lambda data: data[:-8] + bytes(8))


def test_another_suite_with_a_good_signature_is_refused(ask: Ask) -> None:
    dists = f"{default_mirror()}/dists"
    swapped = Settings(mirrors={f"{dists}/bookworm/": f"{dists}/bookworm-updates/"})
    with pytest.raises(LockError, match="is another one than the base's sources name"):
        ask("make", source=Upstream(read=lambda: swapped))


def test_an_archive_that_stood_still_is_refused(ask: Ask) -> None:
    base = with_configuration("later", 'Acquire::Max-ValidTime "1";', 'Acquire::Min-ValidTime "0";')
    with pytest.raises(LockError, match="is out of date, and apt of the base does not take it"):
        ask("make", base=base)


def test_a_base_that_waives_the_check_is_checked_all_the_same(ask: Ask) -> None:
    words = (
        "APT::Get::AllowUnauthenticated",
        "Acquire::AllowInsecureRepositories",
        "Acquire::AllowWeakRepositories",
    )
    base = with_configuration("lax", *(f'{word} "true";' for word in words))
    with pytest.raises(LockError, match="not signed"):
        ask(
            "make",
            base=base,
            change_text=lambda _url, text: text.replace(b"Origin: Debian", b"Origin: debian", 1),
        )


def with_configuration(name: str, *lines: str) -> LockedBase:
    """The pulled base with lines of its own for apt, which it has been seen to read."""
    tag = f"{PREFIX}/{name}-base:1"
    words = " ".join(shlex.quote(line) for line in lines)
    page = f"FROM {PULLED}\nRUN printf '%s\\n' {words} > /etc/apt/apt.conf.d/zz\n"
    done = subprocess.run(
        ["docker", "build", "-q", "--network", "none", "-t", tag, "-"],
        input=page,
        text=True,
        check=False,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    said = docker("run", "--rm", "--network", "none", tag, "apt-config", "dump")
    assert all(line in said for line in lines)
    return LockedBase(key="debian-bookworm", ref=tag, glibc="2.36")


def test_the_kit_holds_them_and_the_lock_names_their_archive(site: Workshop) -> None:
    document = json.loads((site.kit / "locks/tools/imgbuild.lock.json").read_text())
    held = document["platforms"]["linux/amd64"]["apt"]
    assert held["inputs"] == ["apt bash", "apt dbus", "apt file", "apt make"]
    for package in held["packages"]:
        assert (site.kit / "apt" / unquote(package["url"].rsplit("/", 1)[1])).is_file()
        assert package["url"].startswith("http://")
    assert site.run("kit", "check", str(site.kit)).code == 0


@pytest.fixture(scope="module")
def built(site: Workshop) -> Workshop:
    done = site.run("build", "tools", "--kit", str(site.kit), "--json")
    assert done.code == 0, done.err
    return site


def test_they_are_installed_with_the_network_off(built: Workshop) -> None:
    said = docker(
        "run", "--rm", f"{PREFIX}/tools", "sh", "-c", "make --version; file /bin/bash; dpkg -s make"
    )
    assert "GNU Make" in said
    assert "ELF 64-bit" in said
    assert "install ok installed" in said


def contents(image: str) -> dict[str, str]:
    """sha256 of every file that packages can touch, links by where they lead."""
    script = (
        "cd /; find etc usr var opt/conda/.condarc run srv -xdev "
        "-type f -exec sha256sum {} + -o -type l -printf '%l  %p\\n' | sort -k2"
    )
    rows = docker("run", "--rm", "--user", "0", "--entrypoint", "", image, "sh", "-c", script).splitlines()
    found = {name: digest for digest, _, name in (row.partition("  ") for row in rows)}
    return {name: digest for name, digest in found.items() if name not in MADE_BY_THE_ENGINE}


def test_two_builds_have_the_same_files(built: Workshop) -> None:
    image = f"{PREFIX}/tools"
    first = contents(image)
    before = docker("inspect", "-f", "{{.Id}}", image)
    assert built.run("build", "tools", "--kit", str(built.kit), "--force", "--no-smoke").code == 0
    assert docker("inspect", "-f", "{{.Id}}", image) != before
    again = contents(image)
    assert {name for name in first.keys() | again.keys() if first.get(name) != again.get(name)} == set()
    assert not [
        name for name in first if name.startswith(("var/log/", "var/lib/apt/lists/", "var/cache/apt/"))
    ]
    assert "usr/sbin/policy-rc.d" not in first


def test_a_new_account_does_not_tell_the_day(built: Workshop) -> None:
    shadow = docker("run", "--rm", "--user", "0", "--entrypoint", "", f"{PREFIX}/tools", "cat", "/etc/shadow")
    assert re.search(r"^messagebus:!:19000:", shadow, re.MULTILINE), shadow


def test_a_package_that_was_altered_is_not_built_with(built: Workshop) -> None:
    path = next((built.kit / "apt").glob("make_*.deb"))
    good = path.read_bytes()
    try:
        path.write_bytes(good[:-1] + b"\0")
        for ref in docker("images", "--format", "{{.Repository}}:{{.Tag}}", "imgbuild/pkg").split():
            label = docker("inspect", "-f", '{{index .Config.Labels "io.imgbuild.group"}}', ref).strip()
            if label == "apt":
                docker("rmi", "-f", ref)
        done = built.run("build", "tools", "--kit", str(built.kit), "--force", "--no-smoke")
        assert done.code == 5
        assert "make_" in done.err
        assert "is not what the lock names" in done.err
    finally:
        path.write_bytes(good)


def test_the_written_context_makes_the_same_files(built: Workshop, engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "context"
    done = built.run("render", "tools", "--kit", str(built.kit), "--output", str(folder))
    assert done.code == 0, done.err
    tag = f"{PREFIX}/tools-rendered:1"
    with tarfile.open(tmp_path / "context.tar", "w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(folder.iterdir(), key=lambda one: (one.name != "Dockerfile", one.name)):
            tar.add(path, path.name)
    with (tmp_path / "context.tar").open("rb") as stream:
        pieces = iter(lambda: stream.read(1 << 20), b"")
        engine.build(pieces, tag=tag, labels={}, platform="linux/amd64", network="none", observer=silent)
    assert contents(tag) == contents(f"{PREFIX}/tools")


def test_a_change_of_apt_makes_the_lock_stale(built: Workshop) -> None:
    page = built.root / "envs/tools/image.yml"
    text = page.read_text()
    try:
        page.write_text("apt: [file, patch, dbus, bash]\n")
        done = built.run("build", "tools", "--kit", str(built.kit), "--locked")
    finally:
        page.write_text(text)
    assert done.code == 3
    assert "the OS packages are asked for differently (+apt patch, -apt make)" in done.err


def test_without_an_engine_it_says_why_one_is_needed(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(EngineError) as caught:
        ask("make")
    assert caught.value.what.startswith("apt: needs a container engine, because apt of the base resolves")


def test_a_package_that_is_gone_from_the_archive(site: Workshop, ask: Ask, store: Store) -> None:
    package = ask("make").packages[0]
    gone = package.model_copy(update={"url": package.url.replace("make_", "make_0."), "sha256": "0" * 64})
    with pytest.raises(BuildError) as caught:
        fetch([gone], Upstream(), store)
    assert "404" in caught.value.what
    assert "make the lock again" in caught.value.fix
