"""README and tutorial, followed by somebody who has nothing: every command is run, every output is as shown.

IMGBUILD_ACCEPT=1 writes what was printed into the pages.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.engine.port import Engine
from tests.support.real_registry import RealRegistry, htpasswd, log_in, real_registry
from tests.support.registry import docker
from tests.support.transcript import Shell, played
from tests.support.workshop import REPOSITORY

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1500)]
ACCEPT = bool(os.environ.get("IMGBUILD_ACCEPT"))
PREFIX = "imgbuild-pages"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `git clone` takes: the files of this tree that git knows or would take, as one commit."""
    home = tmp_path_factory.mktemp("repository")
    listed = subprocess.run(
        ["git", "-C", REPOSITORY, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (REPOSITORY / name).exists():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, home / name, follow_symlinks=False)
    who = ("-c", "user.name=tests", "-c", "user.email=tests@example.org")
    for words in (("init", "-q"), ("add", "-A"), (*who, "commit", "-q", "-m", "As it is")):
        subprocess.run(["git", *words], cwd=home, check=True)
    return home


@pytest.fixture
def home(tmp_path: Path, engine: Engine) -> Iterator[Path]:
    """Somebody's home. Images of the pages have names of their own here, and go with it, as does a new cache volume."""
    (tmp_path / "home").mkdir()
    before = volumes()
    yield tmp_path / "home"
    for volume in volumes() - before:
        docker("volume", "rm", volume)
    for image in engine.find_by_label({}):
        for tag in image.tags:
            if tag.startswith(f"{PREFIX}/"):
                engine.remove(tag)


def volumes() -> set[str]:
    """Those with a name; what containers of other tests leave has none."""
    return {name for name in docker("volume", "ls", "-q").split() if name.startswith("imgbuild-")}


@pytest.fixture
def registry(tmp_path: Path, home: Path) -> Iterator[RealRegistry]:
    """A registry that wants a password, and a docker that has it."""
    with real_registry(tmp_path / "registry", **htpasswd(tmp_path / "registry")) as made:
        log_in(home, made.host)
        yield made


def environ(home: Path, **more: str) -> dict[str, str]:
    """Variables of somebody without settings of imgbuild."""
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith("IMGBUILD_") and key != "CI"
    }
    python = Path(sys.executable).parent
    path = os.pathsep.join(one for one in kept["PATH"].split(os.pathsep) if Path(one) != python)
    return {**kept, "HOME": str(home), "PATH": path, "COLUMNS": "100", "IMGBUILD_PREFIX": PREFIX, **more}


def test_the_tutorial(clone: Path, home: Path, registry: RealRegistry) -> None:
    words = {
        "REPOSITORY": str(clone),
        "/home/you": str(home),
        "imgbuild/digits": f"{PREFIX}/digits",
        "registry.example.org": registry.host,
        "registry.example.org_team": f"{registry.host.replace(':', '_')}_team",  # the name of a record
    }
    with Shell(home, environ(home, REGISTRY=registry.host), words) as shell:
        found = played(REPOSITORY / "docs/tutorial.md", shell, ACCEPT)
    assert not found, "\n\n".join(found)


def test_the_readme(clone: Path, home: Path) -> None:
    words = {
        "REPOSITORY": str(clone),
        "/home/you": str(home),
        "imgbuild/regression": f"{PREFIX}/regression",
    }
    with Shell(home, environ(home), words) as shell:
        found = played(REPOSITORY / "README.md", shell, ACCEPT)
    assert not found, "\n\n".join(found)
