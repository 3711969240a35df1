"""A kit of the real upstreams, carried to a machine without any network: the same image comes out."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from builder.engine.connect import connect
from builder.progress import silent
from tests.integration.test_real_path import ENVIRONMENT, FORGE, write_project
from tests.support.engine_base import context_of, unique
from tests.support.image_content import config_of, docker_at, files_of
from tests.support.registry import docker, registry
from tests.support.second_installer import NAME, second_installer
from tests.support.small_disk import small_disk
from tests.support.spare_engine import SpareEngine
from tests.support.web import Web, serve, simple_index
from tests.support.workshop import PREFIX, REPOSITORY, Ran, Workshop

pytestmark = pytest.mark.engine

# A base as registries have them: layers, of which one deletes what another brought, and a configuration.
BASE = """\
FROM {tar}
ENV LAB_SITE="north wing" PATH=/lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
RUN mkdir -p /lab/bin && echo one > /lab/one && echo two > /lab/two && chmod 0750 /lab/two && chown 12:34 /lab/two
RUN rm -rf /lab/one /usr/share/doc/adduser && ln -s two /lab/link
EXPOSE 8080
VOLUME /scratch
STOPSIGNAL SIGINT
LABEL lab.example.base="1"
CMD ["bash"]
"""
IMAGE = """\
summary: A table, from a kit or from upstreams
base: lab
installer: miniforge=26.3.2-3
env: {TABLE: "|"}
smoke:
  - run: smoke/table.py
variants:
  plain: {environment: environment.plain.yml}
"""
PAIR = """\
base: lab
installer: miniforge=26.3.2-3
environments: [second.yml]
"""
# What two builds of one lock differ in, wherever the bytes are from: conda notes the time.
TIMES = {
    f"opt/conda/{place}conda-meta/{name}"
    for place in ("", "envs/tables/")
    for name in ("history", "created_at")
}
LABELS = {"io.imgbuild.source", "io.imgbuild.lock", "io.imgbuild.plan"}


@dataclass(frozen=True)
class Made:
    """What the machine with a network made: an image from the upstreams, and kits. Its servers are down again."""

    workshop: Workshop
    kit: Path
    created: Ran
    again: Ran
    files: dict[str, Any]
    config: dict[str, Any]
    base: str
    base_id: str
    environ: dict[str, str]


@pytest.fixture(scope="module")
def made(workshop: Workshop, engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    home = tmp_path_factory.mktemp("created")
    root, kit = home / "project", workshop.kit
    installer = second_installer(root, kit / "channel")
    folders = {
        "conda": home / "conda",
        "miniforge": home / "miniforge",
        "simple": simple_index(home / "simple", kit / "wheels"),
        "packages": kit / "wheels",
    }
    (home / "conda").mkdir()
    (home / "conda" / "conda-forge").symlink_to(kit / "channel")
    (home / "miniforge" / "26.3.2-3").mkdir(parents=True)
    shutil.copy(installer, home / "miniforge" / "26.3.2-3" / NAME)
    own = replace(workshop, root=root, kit=home / "kit", cache=home / "cache")
    with registry(kit / "base" / "bookworm.tar", home / "registry") as host, serve(folders) as web:
        base, base_id = layered_base(host, kit / "base" / "bookworm.tar")
        project(root, base, web)
        environ = {
            "UV_CACHE_DIR": str(home / "uv"),
            "NO_PROXY": "127.0.0.1",
        }
        lock(own, environ, installer, web)
        built = own.run("build", "tables", "--locked", "--force", env=environ)
        assert built.code == 0, built.err
        files, config = files_of(f"{PREFIX}/tables"), config_of(f"{PREFIX}/tables")
        words = ("kit", "create", "tables", "tables@plain", "pair", "--locked", "--json")
        created = own.run(*words, "-o", str(own.kit), env=environ)
        assert created.code == 0, created.err
        again = own.run(
            *words, "-o", str(home / "again"), env={**environ, "IMGBUILD_CACHE": str(home / "other")}
        )
        assert again.code == 0, again.err
    locked = json.loads((root / "envs/tables/imgbuild.lock.json").read_text())
    ref = locked["platforms"]["linux/amd64"]["base"]["ref"]
    docker("rmi", "--force", ref)
    yield Made(own, own.kit, created, again, files, config, ref, base_id, environ)
    subprocess.run(["docker", "rmi", "--force", f"{PREFIX}/tables"], capture_output=True, check=False)


def layered_base(host: str, tar: Path) -> tuple[str, str]:
    """A base of several layers that only the registry holds; its name and its id."""
    flat, ref = unique("flat"), f"{host}/lab/debian:bookworm-slim"
    with tar.open("rb") as stream:
        subprocess.run(["docker", "import", "-", flat], stdin=stream, capture_output=True, check=True)
    page = BASE.format(tar=flat)
    image_id = connect().build(
        context_of(page), tag=ref, labels={}, platform="linux/amd64", network="none", observer=silent
    )
    docker("push", "--quiet", ref)
    docker("rmi", "--force", ref, flat)
    return ref, image_id


def project(root: Path, base: str, web: Web) -> None:
    write_project(root, base)
    folder, pair = root / "envs" / "tables", root / "envs" / "pair"
    (folder / "image.yml").write_text(IMAGE)
    (folder / "environment.plain.yml").write_text(ENVIRONMENT.partition("  - pip:")[0])
    pair.mkdir()
    (pair / "image.yml").write_text(PAIR)
    (pair / "environment.yml").write_text(ENVIRONMENT.replace("tables", "pair").partition("  - pip:")[0])
    (pair / "second.yml").write_text(ENVIRONMENT.replace("tables", "second"))
    (root / "imgbuild.yml").write_text(
        f"mirrors:\n  https://conda.anaconda.org/: {web.url}/conda/\n"
        f"  https://github.com/conda-forge/miniforge/releases/download/: {web.url}/miniforge/\n"
        f"  https://wheels.example.org/packages/: {web.url}/packages/\nwheel_index: {web.url}/simple/\n"
    )


def lock(own: Workshop, environ: dict[str, str], installer: Path, web: Web) -> None:
    import hashlib

    given = ("--installer", f"https://github.com/conda-forge/miniforge/releases/download/26.3.2-3/{NAME}")
    sha256 = hashlib.sha256(installer.read_bytes()).hexdigest()
    for ref in ("tables", "tables@plain", "pair"):
        done = own.run(
            "lock", ref, "--platform", "linux/amd64", *given, "--installer-sha256", sha256, env=environ
        )
        assert done.code == 0, done.err
    assert web.asked


@dataclass(frozen=True)
class Island:
    """A machine of its own: engine, home, store, a copy of project and kit, and no network interface but loopback."""

    engine: SpareEngine
    home: Path
    root: Path
    kit: Path

    def run(self, *words: str, kit: Path | None = None) -> Ran:
        """`imgbuild WORDS` where nothing can be reached, and where every proxy refuses."""
        environ = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.home),
            "DOCKER_HOST": self.engine.endpoint,
            "IMGBUILD_KIT": str(kit or self.kit),
            "IMGBUILD_PREFIX": PREFIX,
            "PYTHONPATH": str(REPOSITORY),
            **dict.fromkeys(("http_proxy", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:9"),
        }
        argv = ["unshare", "--net", sys.executable, "-m", "builder.cli", *words]
        done = subprocess.run(argv, cwd=self.root, env=environ, capture_output=True, text=True, check=False)
        return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def island(made: Made, empty: SpareEngine, tmp_path_factory: pytest.TempPathFactory) -> Island:
    home = tmp_path_factory.mktemp("island")
    root = Path(shutil.copytree(made.workshop.root, home / "elsewhere" / "project"))
    shutil.rmtree(root / ".imgbuild")
    for lock_file in root.glob("envs/*/*lock*"):  # the kit's locks stand in for the committed ones
        lock_file.unlink()
    kit = Path(shutil.copytree(made.kit, home / "media" / "kit"))
    (home / "home").mkdir()
    return Island(empty, home / "home", root, kit)


@pytest.fixture(scope="module")
def built(island: Island) -> Island:
    done = island.run("build", "tables", "--json")
    assert done.code == 0, done.err
    (image,) = done.document["images"]
    assert image["status"] == "built"
    assert image["source"].startswith("kit:")
    assert {result["outcome"] for result in image["verdict"]["results"]} == {"passed"}
    return island


def test_it_says_what_it_made_and_makes_the_same_again(made: Made) -> None:
    document, again = made.created.document, made.again.document
    assert document["images"] == ["pair", "tables", "tables@plain"]
    assert document["platform"] == "linux/amd64"
    assert document["bases"] == [{"key": "lab", "ref": made.base, "path": "base/lab.tar"}]
    assert again["kit"] == document["kit"]
    first, second = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (made.kit, Path(again["directory"]))
    )
    assert first == second
    assert document["size"] == sum(map(len, first.values())) - len(first[Path("kit.yml")])


def test_its_locks_name_the_canonical_urls(made: Made) -> None:
    for name in ("tables/conda-lock.yml", "tables/conda-lock.plain.yml", "pair/conda-lock--second.yml"):
        upstream = (made.workshop.root / "envs" / name).read_text()
        assert (made.kit / "locks" / name).read_text() == upstream
        assert f"{FORGE}/linux-64/python-" in upstream


def test_nothing_reaches_the_network_from_there(island: Island) -> None:
    look = (
        "import socket; print([name for _, name in socket.if_nameindex()]);"
        "socket.create_connection(('127.0.0.1', 9))"
    )
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", look], capture_output=True, text=True, check=False
    )
    assert done.stdout == "['lo']\n"
    assert "unreachable" in done.stderr
    assert docker_at(island.engine.endpoint, "network", "ls", "--format", "{{.Driver}}").split() == [
        "host",
        "null",
    ]


def test_the_image_is_the_same(made: Made, built: Island) -> None:
    here, there = made.files, files_of(f"{PREFIX}/tables", built.engine.endpoint)
    assert sorted(here) == sorted(there)
    assert len(here) > 5000
    differing = {name for name in here if replace(here[name], mtime=0) != replace(there[name], mtime=0)}
    assert differing <= TIMES, differing
    untouched = "usr/bin/bash"  # the base's layers are the registry's, times and all
    assert here[untouched].mtime == there[untouched].mtime


def test_its_configuration_is_the_same_but_for_three_labels(made: Made, built: Island) -> None:
    here, there = made.config, config_of(f"{PREFIX}/tables", built.engine.endpoint)
    labels = [config["Config"].pop("Labels") for config in (here, there)]
    assert here == there
    assert "LAB_SITE=north wing" in here["Config"]["Env"]
    assert here["Config"]["StopSignal"] == "SIGINT"
    assert {name for name in labels[0] if labels[0][name] != labels[1].get(name)} == LABELS
    assert set(labels[0]) == set(labels[1])


def test_the_base_is_the_very_image(made: Made, built: Island) -> None:
    ref = f"imgbuild/base:{made.base_id.removeprefix('sha256:')}"
    assert docker_at(built.engine.endpoint, "inspect", "--format", "{{.Id}}", ref) == made.base_id


def test_nothing_of_the_kit_is_written_into_the_project(built: Island) -> None:
    assert list(built.root.glob("envs/*/*lock*")) == []


def test_conda_says_where_its_packages_are_from(built: Island) -> None:
    out = docker_at(
        built.engine.endpoint, "run", "--rm", "--network", "none", f"{PREFIX}/tables",
        "conda", "list", "-n", "tables", "--explicit", "--md5",
    )  # fmt: skip
    urls = [line for line in out.splitlines() if "://" in line]
    assert urls
    assert all(line.startswith(f"{FORGE}/") for line in urls)


def test_the_other_images_are_planned_from_it(built: Island) -> None:
    done = built.run("plan", "tables", "tables@plain", "pair", "--json")
    assert done.code == 0, done.err
    for step in done.document["images"]:
        assert step["trouble"] == ""
        assert step["digest"]
        assert step["source"].startswith("kit:")


def test_a_part_of_it_is_a_kit_too(made: Made, built: Island, tmp_path: Path) -> None:
    done = built.run("kit", "create", "tables@plain", "-o", str(tmp_path / "part"), "--json")
    assert done.code == 0, done.err
    assert done.document["images"] == ["tables@plain"]
    assert not list((tmp_path / "part").rglob("*.whl"))
    assert (tmp_path / "part/base/lab.tar").read_bytes() == (made.kit / "base/lab.tar").read_bytes()
    planned = built.run("plan", "tables@plain", "--json", kit=tmp_path / "part").document["images"][0]
    assert planned["trouble"] == ""
    assert built.run("plan", "tables", "--json", kit=tmp_path / "part").document["images"][0]["trouble"]
    checked = built.run("kit", "check", str(tmp_path / "part"))
    assert checked.code == 0, checked.err


def test_render_writes_a_context_that_docker_alone_builds(built: Island, tmp_path: Path) -> None:
    done = built.run("render", "tables@plain", "--output", str(tmp_path / "context"))
    assert done.code == 0, done.err
    page = (tmp_path / "context" / "Dockerfile").read_text()
    assert "#   docker load --input DIR/base.tar\n" in page
    name = next(line.split()[1] for line in page.splitlines() if line.startswith("FROM "))
    host = built.engine.endpoint
    docker_at(host, "rmi", "--force", name)
    docker_at(host, "load", "--input", str(tmp_path / "context" / "base.tar"))
    packed = subprocess.run(
        ["tar", "-C", str(tmp_path / "context"), "-cf", "-", "--exclude=./base.tar", "."],
        capture_output=True,
        check=True,
    )
    connect(host).build(
        [packed.stdout],
        tag=f"{PREFIX}/plain",
        labels={},
        platform="linux/amd64",
        network="none",
        observer=silent,
    )
    out = docker_at(
        host,
        "run",
        "--rm",
        "--network",
        "none",
        f"{PREFIX}/plain",
        "python",
        "-c",
        "import os; print(os.environ['LAB_SITE'])",
    )
    assert out == "north wing"


@pytest.mark.parametrize(
    "what", ["channel/*/pip-*.conda", "wheels/tabulate-*.whl", "base/lab.tar", "installer/*.sh"]
)
def test_a_tampered_file_is_refused(built: Island, tmp_path: Path, what: str) -> None:
    kit = Path(shutil.copytree(built.kit, tmp_path / "kit"))
    path = next(kit.glob(what))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    checked = built.run("kit", "check", str(kit))
    assert checked.code == 5
    assert path.name in checked.err
    host = built.engine.endpoint
    for image in docker_at(host, "images", "--format", "{{.Repository}}:{{.Tag}}").split():
        if image.startswith(("imgbuild/", PREFIX)):
            docker_at(host, "rmi", "--force", image)
    for words in (("build", "tables", "--force"), ("kit", "create", "tables", "-o", str(tmp_path / "other"))):
        done = built.run(*words, kit=kit)
        assert done.code == 5, done.err
        assert path.name in done.err
        assert "sha256" in done.err
    assert not (tmp_path / "other").exists()
    assert not (tmp_path / ".other.imgbuild-partial").exists()


def test_a_small_or_read_only_disk_is_told_and_nothing_stays(built: Island, tmp_path: Path) -> None:
    with small_disk(tmp_path / "stick", "40m") as stick:
        done = built.run("kit", "create", "tables", "-o", f"{stick.path}/kit")
        assert done.code == 5
        assert re.search(r"the kit needs 0\.\d\d GB and 0\.04 GB are free", done.err)
        assert list(stick.path.iterdir()) == []
        stick.read_only()
        done = built.run("kit", "create", "tables@plain", "-o", f"{stick.path}/kit")
        assert done.code == 5
        assert "Traceback" not in done.err


def test_an_interrupt_in_the_middle_leaves_nothing(made: Made, tmp_path: Path) -> None:
    for attempt in range(20):  # it is quick: until it was stopped where the kit is half there
        target = tmp_path / f"kit{attempt}"
        partial = target.with_name(f".{target.name}.imgbuild-partial")
        running = made.workshop.start(
            "kit", "create", "tables", "-o", str(target), "--kit", str(made.kit), env=made.environ
        )
        while running.poll() is None and not (partial / "base").exists():
            time.sleep(0.001)
        running.send_signal(signal.SIGSTOP)
        half = partial.exists()
        running.send_signal(signal.SIGINT)
        running.send_signal(signal.SIGCONT)
        _, err = running.communicate()
        if half:
            break
    assert half
    assert running.returncode == 130, err
    assert not partial.exists()
    assert not target.exists()
    again = made.workshop.run(
        "kit", "create", "tables", "-o", str(target), "--kit", str(made.kit), env=made.environ
    )
    assert again.code == 0, again.err


def test_the_page_names_every_difference() -> None:
    section = (
        (REPOSITORY / "docs" / "kits.md").read_text().partition("## The same image")[2].partition("\n## ")[0]
    )
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])}
    assert named == LABELS | {"conda-meta/history", "conda-meta/created_at"}


def test_other_locks_or_another_kit_there_are_told(made: Made, tmp_path: Path) -> None:
    words = ("kit", "create", "tables", "tables@plain", "pair", "--locked")
    same = made.workshop.run(*words, "-o", str(made.kit), env=made.environ)
    assert same.code == 0, same.err
    assert "nothing to do" in same.err
    root = Path(shutil.copytree(made.workshop.root, tmp_path / "project"))
    (root / "envs/tables/environment.yml").write_text(ENVIRONMENT + "  - numpy\n")
    stale = made.workshop.run(*words, "-o", str(tmp_path / "new"), env=made.environ, cwd=root)
    assert stale.code == 3
    assert "+conda numpy" in stale.err
    assert not (tmp_path / "new").exists()
    kit = Path(shutil.copytree(made.kit, tmp_path / "kit"))
    other = made.workshop.run(
        "kit", "create", "tables", "-o", str(kit), "--kit", str(made.kit), env=made.environ
    )
    assert other.code == 2
    assert "exists already" in other.err
