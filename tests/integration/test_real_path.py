"""To the real upstreams, as docs/real-path.md says it: mirrors over HTTP, a registry, an unlike installer, no kit."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.support.registry import docker, registry
from tests.support.second_installer import CONDA, NAME, second_installer
from tests.support.web import Web, serve, simple_index
from tests.support.workshop import PREFIX, REPOSITORY, Ran, Workshop

pytestmark = pytest.mark.engine

DOC = REPOSITORY / "docs" / "real-path.md"
FORGE = "https://conda.anaconda.org/conda-forge"
ENVIRONMENT = """\
name: tables
channels: [conda-forge, nodefaults]
dependencies:
  - python>=3.11
  - pip:
      - tabulate
"""
IMAGE = """\
summary: A table, from upstreams served on loopback
base: lab
installer: miniforge=26.3.2-3
smoke:
  - run: smoke/table.py
"""
SMOKE = "from tabulate import tabulate\nassert tabulate([[1, 2]], tablefmt='plain') == '1  2'\n"


@dataclass(frozen=True)
class Site:
    """A project whose upstreams are this machine's servers. work is where commands run."""

    workshop: Workshop
    web: Web
    digest: str
    sha256: str
    base: str

    @property
    def root(self) -> Path:
        return self.workshop.root

    @property
    def environ(self) -> dict[str, str]:
        cache = self.workshop.cache
        return {
            "UV_CACHE_DIR": str(cache / "uv"),
            "NO_PROXY": "127.0.0.1",
        }

    def run(self, *words: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> Ran:
        return self.workshop.run(*words, env={**self.environ, **(env or {})}, cwd=cwd)

    def here(self, text: str) -> str:
        """A piece of the page with this machine's places in it."""
        local = text.replace("https://mirror.example.org", self.web.url).replace("SHA256", self.sha256)
        return local.replace("file:///srv/mirror/conda/", (self.root / "mirror" / "conda").as_uri() + "/")

    def lock(self) -> str:
        folder = self.root / "envs" / "tables"
        return "".join((folder / name).read_text() for name in ("conda-lock.yml", "imgbuild.lock.json"))


@pytest.fixture(scope="module")
def site(workshop: Workshop, engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("real-path")
    kit, root = workshop.kit, home / "project"
    installer = second_installer(root, kit / "channel")
    (root / "mirror" / "conda").mkdir(parents=True)
    (root / "mirror" / "conda" / "conda-forge").symlink_to(kit / "channel")
    releases = home / "miniforge" / "26.3.2-3"
    releases.mkdir(parents=True)
    shutil.copy(installer, releases / NAME)
    folders = {
        "conda": root / "mirror" / "conda",
        "miniforge": home / "miniforge",
        "simple": simple_index(home / "simple", kit / "wheels"),
        "packages": kit / "wheels",
    }
    own = replace(workshop, root=root, kit=home / "no-kit", cache=home / "cache")
    with registry(kit / "base" / "bookworm.tar", home / "registry") as host, serve(folders) as web:
        base, digest = pushed_base(host, kit / "base" / "bookworm.tar", home)
        sha256 = hashlib.sha256(installer.read_bytes()).hexdigest()
        write_project(root, base)
        found = Site(own, web, digest, sha256, base)
        (root / "imgbuild.yml").write_text(found.here(fenced("yaml")[0]))
        yield found
        for tag in (f"{PREFIX}/tables", f"{base}@{digest}"):
            subprocess.run(["docker", "rmi", "--force", tag], capture_output=True, check=False)


def pushed_base(host: str, tar: Path, home: Path) -> tuple[str, str]:
    """A base that only the registry holds: pushed, and removed from the engine with its layer."""
    other = Path(shutil.copy(tar, home / "other.tar"))
    with tarfile.open(other, "a") as more:
        more.addfile(tarfile.TarInfo("etc/from-a-registry"))
    ref = f"{host}/lab/debian:bookworm-slim"
    with other.open("rb") as stream:
        subprocess.run(["docker", "import", "-", ref], stdin=stream, capture_output=True, check=True)
    docker("push", "--quiet", ref)
    digest = docker("inspect", "--format", "{{index .RepoDigests 0}}", ref).partition("@")[2]
    docker("rmi", "--force", docker("inspect", "--format", "{{.Id}}", ref))
    return ref, digest


def write_project(root: Path, base: str) -> None:
    folder = root / "envs" / "tables"
    (folder / "smoke").mkdir(parents=True)
    (folder / "environment.yml").write_text(ENVIRONMENT)
    (folder / "image.yml").write_text(IMAGE)
    (folder / "smoke" / "table.py").write_text(SMOKE)
    row = f"lab:\n  ref: {base}\n  family: debian\n  suite: bookworm\n  glibc: '2.36'\n  platforms: [linux/amd64]\n"
    (root / "envs" / "_bases.yml").write_text(row)
    (root / "bin").mkdir()
    command = root / "bin" / "imgbuild"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m builder.cli "$@"\n')
    command.chmod(0o755)
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)


def fenced(kind: str = "sh") -> list[str]:
    """The page's blocks of one kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", DOC.read_text(), re.MULTILINE | re.DOTALL)


def commands(number: int) -> list[str]:
    return [line for line in fenced()[number].splitlines() if line.strip()]


def said(site: Site, line: str) -> Ran:
    """Run one line of the page as a shell does."""
    path = f"{site.root / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", site.here(line)],
        cwd=site.root,
        env={**site.workshop.environ(site.environ), "PATH": path},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def built(site: Site) -> Site:
    """The page's way to an image: an installer that the table does not know, by its URL, through the mirrors."""
    for line in commands(1):
        done = said(site, line)
        assert done.code == 0, f"{line}\n{done.err}"
    return site


def test_the_page_has_the_blocks_that_are_run_here() -> None:
    assert [len(fenced("yaml")), len(fenced())] == [1, 4]


def test_a_lock_names_canonical_urls_whatever_served_the_bytes(built: Site) -> None:
    lock = built.lock()
    assert built.web.url not in lock
    assert f"{FORGE}/linux-64/python-" in lock
    assert "https://wheels.example.org/packages/tabulate-" in lock
    assert f"https://github.com/conda-forge/miniforge/releases/download/26.3.2-3/{NAME}" in lock
    assert f"{built.base}@{built.digest}" in lock
    asked = {path.split("/")[1] for path in built.web.asked}
    # the image declares no CUDA, so the index of CPU builds is asked too; it holds nothing here
    assert asked == {"conda", "miniforge", "cpu", "simple", "packages"}


def test_the_image_is_proven_and_says_where_it_is_from(built: Site) -> None:
    record = json.loads((built.root / ".imgbuild" / "tables" / "record.json").read_text())
    assert {result["outcome"] for result in record["verdict"]["results"]} == {"passed"}
    assert record["source"] == "upstream"
    labels = json.loads(docker("inspect", "--format", "{{json .Config.Labels}}", f"{PREFIX}/tables"))
    assert labels["io.imgbuild.source"] == "upstream"
    assert labels["io.imgbuild.stand-in"] == "true"  # found in the installer itself


def test_the_unlike_installer_is_in_it_and_its_settings_are_kept(built: Site) -> None:
    script = (
        "conda --version; /opt/conda/bin/mamba; cat /opt/conda/share/miniforge/edition /opt/conda/.condarc;"
        " ls -d /opt/conda/_conda 2>/dev/null; ls /etc/from-a-registry"
    )
    out = docker("run", "--rm", f"{PREFIX}/tables", "bash", "-c", script)
    assert CONDA in out
    assert "mamba 2.3.0\nMiniforge3\n" in out
    for line in ("solver: rattler", "channel_priority: strict", "  lab: https://conda.example.org"):
        assert line in out
    assert "defaults" not in out
    assert f'channels:\n  - "{FORGE}"\nnumber_channel_notices: 0\n' in out
    assert "/opt/conda/_conda" not in out
    assert out.endswith("/etc/from-a-registry")


def test_conda_shows_canonical_urls(built: Site) -> None:
    out = docker("run", "--rm", f"{PREFIX}/tables", "conda", "list", "-n", "tables", "--explicit", "--md5")
    urls = [line for line in out.splitlines() if "://" in line]
    assert urls
    assert all(line.startswith(f"{FORGE}/") for line in urls)


def test_nothing_is_asked_for_twice(built: Site) -> None:
    before = len(built.web.asked)
    done = built.run("build", "tables", "--locked", "--json")
    assert done.code == 0, done.err
    assert done.document["images"][0]["status"] == "unchanged"
    assert len(built.web.asked) == before


def test_a_changed_definition_makes_the_committed_lock_stale(built: Site) -> None:
    definition = built.root / "envs" / "tables" / "environment.yml"
    before = len(built.web.asked)
    definition.write_text(ENVIRONMENT + "  - numpy\n")
    try:
        done = built.run("build", "tables", "--locked")
        assert built.run("plan", "tables", "--json").document["images"][0]["trouble"]
    finally:
        definition.write_text(ENVIRONMENT)
    assert done.code == 3
    assert "+conda numpy" in done.err
    assert len(built.web.asked) == before


def test_the_pages_other_ways_give_the_same_packages(built: Site, tmp_path: Path) -> None:
    """The installer as a file, channels in a directory, and the plain lock, in a copy of the project."""
    copy = replace(
        built,
        workshop=replace(
            built.workshop, root=Path(shutil.copytree(built.root, tmp_path / "p", symlinks=True))
        ),
    )
    page = copy.root / "envs" / "tables" / "conda-lock.yml"
    packages = page.read_bytes()
    for line in commands(2):
        done = said(copy, line)
        assert done.code == 0, f"{line}\n{done.err}"
    assert f"installer:///{NAME}" in copy.lock()
    assert page.read_bytes() == packages
    (copy.root / NAME).unlink()
    assert copy.run("render", "tables", "--output", str(tmp_path / "context")).code == 0  # it is in the store
    before = [path for path in built.web.asked if path.startswith("/conda/")]
    check, make = commands(3)
    assert said(copy, check).code == 0, "the given installer is fresh without its option"
    assert said(copy, make).code == 0
    assert [path for path in built.web.asked if path.startswith("/conda/")] == before
    assert page.read_bytes() == packages
    first = [line for line in commands(0) if not line.startswith("imgbuild build")]
    assert [said(copy, line).code for line in first] == [0, 0]
    assert f"installer:///{NAME}" in copy.lock(), "a plain lock keeps the given installer"
    assert copy.run("lock", "tables", "--upgrade").code == 0
    assert '"given": false' in copy.lock()


def test_another_hash_is_refused_and_nothing_is_written(built: Site) -> None:
    before = built.lock()
    for place in (NAME, f"https://github.com/conda-forge/miniforge/releases/download/26.3.2-3/{NAME}"):
        done = built.run("lock", "tables", "--installer", place, "--installer-sha256", "0" * 64)
        assert done.code == 5
        assert "0" * 64 in done.err
        assert built.sha256 in done.err
    assert built.lock() == before


@pytest.mark.parametrize(
    "words",
    [
        ("--installer", "README.md", "--installer-sha256", "0" * 64),
        ("--installer", NAME),
        ("--mirror", "http://a.example.org/=x"),
    ],
)
def test_options_that_cannot_be_meant(site: Site, words: tuple[str, ...]) -> None:
    assert site.run("lock", "tables", *words).code == 2


def _defaults(project: Path, web: Web) -> None:
    change(project / "envs/tables/environment.yml", "conda-forge,", "conda-forge, defaults,")


def _mirror_of_defaults(project: Path, web: Web) -> None:
    change(
        project / "imgbuild.yml", "mirrors:", f"mirrors:\n  https://repo.anaconda.com/: {web.url}/anaconda/"
    )
    change(
        project / "envs/tables/environment.yml",
        "conda-forge,",
        f"conda-forge, '{web.url}/anaconda/pkgs/main',",
    )


def _named_in_settings(project: Path, web: Web) -> None:
    change(project / "imgbuild.yml", "channels:", "channels:\n  fast: https://repo.anaconda.com/pkgs/main")
    change(project / "envs/tables/environment.yml", "conda-forge,", "conda-forge, fast,")


def _in_the_lock(project: Path, web: Web) -> None:
    page, document = (project / "envs/tables" / name for name in ("conda-lock.yml", "imgbuild.lock.json"))
    old = hashlib.sha256(page.read_bytes()).hexdigest()
    for file in (page, document):
        file.write_text(file.read_text().replace(FORGE, "https://repo.anaconda.com/pkgs/main"))
    change(document, old, hashlib.sha256(page.read_bytes()).hexdigest())


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("spoil", [_defaults, _mirror_of_defaults, _named_in_settings, _in_the_lock])
def test_terms_that_are_not_accepted_stop_everything_before_a_request(
    built: Site, tmp_path: Path, spoil: object
) -> None:
    root = Path(shutil.copytree(built.root, tmp_path / "p", symlinks=True))
    assert callable(spoil)
    spoil(root, built.web)
    before = len(built.web.asked)
    empty = {"IMGBUILD_CACHE": str(tmp_path / "empty")}
    given = ("--installer", f"{built.web.url}/miniforge/26.3.2-3/{NAME}", "--installer-sha256", built.sha256)
    orders = [("build", "tables", "--kit", "none", "--force")]
    if spoil is not _in_the_lock:
        orders.append(("lock", "tables", *given))
    for words in orders:
        done = built.run(*words, env=empty, cwd=root)
        assert done.code in {2, 3}
        assert re.search(r"terms", done.err), done.err
    assert len(built.web.asked) == before


def test_plain_http_to_another_machine_is_refused(site: Site, tmp_path: Path) -> None:
    root = Path(shutil.copytree(site.root, tmp_path / "p", symlinks=True))
    change(root / "envs/tables/environment.yml", "conda-forge,", "'http://conda.example.org/forge',")
    done = site.run("check", "tables", cwd=root)
    assert done.code == 2
    assert "plain http" in done.err


def test_a_tag_that_the_registry_lacks_is_not_locked(site: Site, tmp_path: Path) -> None:
    from builder.engine.connect import connect

    found = connect().remote(site.base)
    assert found is not None
    assert (found.digest, found.platforms) == (site.digest, ("linux/amd64",))
    root = Path(shutil.copytree(site.root, tmp_path / "p", symlinks=True))
    change(root / "envs" / "_bases.yml", ":bookworm-slim", ":nope")
    done = site.run("lock", "tables", cwd=root)
    assert done.code == 3
    assert "the registry has no image" in done.err


def test_a_registry_that_does_not_answer_is_said(site: Site, tmp_path: Path) -> None:
    root = Path(shutil.copytree(site.root, tmp_path / "p", symlinks=True))
    change(root / "envs" / "_bases.yml", site.base, "127.0.0.1:1/lab/debian:bookworm-slim")
    for name in ("conda-lock.yml", "imgbuild.lock.json"):
        (root / "envs" / "tables" / name).unlink(missing_ok=True)
    done = site.run("lock", "tables", cwd=root)
    assert done.code == 0, done.err
    assert "the lock names the tag and not its digest" in done.err


def test_os_packages_of_a_base_that_only_a_registry_has(site: Site) -> None:
    """The lock pulls the base and asks its apt, over the archives that the base itself names."""
    folder = site.root / "envs" / "made"
    folder.mkdir()
    (folder / "environment.yml").write_text(
        "channels: [conda-forge, nodefaults]\ndependencies: [python>=3.11]\n"
    )
    (folder / "image.yml").write_text("base: lab\ninstaller: miniforge=26.3.2-3\napt: [make]\n")
    subprocess.run(
        ["docker", "rmi", "--force", f"{site.base}@{site.digest}"], capture_output=True, check=False
    )
    given = ["--installer", str(site.root / NAME), "--installer-sha256", site.sha256]
    try:
        first = site.run("lock", "made", *given)
        assert first.code == 0, first.err
        assert " from apt, lock " in first.out
        text = (folder / "imgbuild.lock.json").read_text()
        held = json.loads(text)["platforms"]["linux/amd64"]
        assert held["base"]["ref"] == f"{site.base}@{site.digest}"
        assert "make" in [package["name"] for package in held["apt"]["packages"]]
        again = site.run("lock", "made")
        assert "made linux/amd64: unchanged" in again.out
        assert "resolve the OS packages" not in again.err  # they are kept, and nobody is asked
        assert (folder / "imgbuild.lock.json").read_text() == text
        moved = site.run("lock", "made", "-P", "make")
        assert "resolve the OS packages" in moved.err
        assert "made linux/amd64: unchanged" in moved.out
        assert (folder / "imgbuild.lock.json").read_text() == text
        unknown = site.run("lock", "made", "-P", "mkae")
        assert unknown.code == 2
        assert "did you mean make" in unknown.err
        built = site.run("build", "made", "--locked")
        assert built.code == 0, built.err
        assert docker("run", "--rm", f"{PREFIX}/made", "make", "--version").startswith("GNU Make")
    finally:
        shutil.rmtree(folder)
        subprocess.run(["docker", "rmi", "--force", f"{PREFIX}/made"], capture_output=True, check=False)
