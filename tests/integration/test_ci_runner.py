"""The image for CI jobs: proven, entered through every door, and used as GitHub's and GitLab's runners use it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from builder.smoke.doors import DOORS, Visit, find_doors
from tests.support.workshop import PREFIX, Workshop

pytestmark = pytest.mark.engine
IMAGE = f"{PREFIX}/ci-runner"
RUNNER = "1001"  # who a GitHub-hosted runner is, and whose its work directory is
CHECK_OUT = """\
git init --quiet --initial-branch=main
printf 'all: program\\nprogram: program.c\\n\\t$(CC) -o $@ $<\\n' > Makefile
printf '#include <stdio.h>\\nint main(void) { puts("compiled"); return 0; }\\n' > program.c
printf 'def test_it() -> None:\\n    assert 1 + 1 == 2\\n' > test_it.py
git add --all
git -c user.name=job -c user.email=job@example.org commit --quiet --message=First
"""
JOB = """\
git log --format=%s
make --silent
./program
python -m pytest -q
python -c 'import sys; print(sys.prefix)'
git status --porcelain --untracked-files=no
"""


def docker(*words: str, stdin: str | None = None) -> str:
    done = subprocess.run(["docker", *words], input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def site(workshop: Workshop, engine: object, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """The image, built from a kit of its own."""
    kit = tmp_path_factory.mktemp("ci") / "kit"
    made = Workshop(workshop.root, kit, workshop.cache)
    done = made.run("kit", "bootstrap", str(kit), "ci-runner")
    assert done.code == 0, done.err
    done = made.run("build", "ci-runner", "--kit", str(kit), "--json")
    assert done.code == 0, done.err
    return made


@pytest.fixture(scope="module")
def tried(site: Workshop) -> dict[str, dict[str, Any]]:
    done = site.run("test", "ci-runner", "--door", "all", "--json")
    assert done.code in {0, 6}, done.err
    return {result["name"]: result for result in done.document["results"]}


@pytest.mark.parametrize("name", ["tools", *(f"door:{door.name}" for door in DOORS)])
def test_tools_and_doors(tried: dict[str, dict[str, Any]], name: str) -> None:
    assert tried[name]["outcome"] == "passed", f"{tried[name]['reason']}\n{tried[name]['output']}"


@pytest.fixture
def github(site: Workshop) -> Iterator[str]:
    """A job container as the runner creates it, with `options: --user 1001`, and its work directory."""
    place = (
        "--workdir",
        "/__w/project/project",
        "--env",
        "HOME=/github/home",
        "--env",
        "GITHUB_ACTIONS=true",
    )
    words = (*place, "--env", "CI=true", "--user", RUNNER, "--network", "none", "--entrypoint", "tail")
    container = docker("create", *words, IMAGE, "-f", "/dev/null").strip()
    try:
        docker("start", container)
        folders = "/__w/_temp /__w/project/project /github/home"
        made = f"mkdir -p {folders} && chown -R {RUNNER}:{RUNNER} /__w /github"
        docker("exec", "--user", "0", "--workdir", "/", container, "sh", "-c", made)
        yield container
    finally:
        docker("rm", "-f", container)


@pytest.mark.parametrize("shell", ["sh -e", "bash --noprofile --norc -e -o pipefail"])
def test_a_job_of_github(github: str, shell: str) -> None:
    def step(script: str) -> str:
        docker("exec", "-i", github, "sh", "-c", "cat > /__w/_temp/step.sh", stdin=script)
        return docker("exec", "-i", github, *shell.split(), "/__w/_temp/step.sh")

    step(CHECK_OUT)
    said = step(JOB).splitlines()
    assert said[:2] == ["First", "compiled"]
    assert any(line.startswith("1 passed") for line in said)
    assert said[-1] == "/opt/conda/envs/ci-runner"


@pytest.mark.parametrize("door", ["gitlab", "gitlab-no-entrypoint"])
def test_a_job_of_gitlab(site: Workshop, door: str) -> None:
    """The runner's helper checks out as root, with a umask of 0; the job is another user."""
    (found,) = find_doors([door])
    entered = found.way(Visit(IMAGE, 1000, ""))
    entrypoint = ("--entrypoint", "") if entered.entrypoint == () else ()
    job = f"set -eo pipefail\ncd /builds/group/project\n: | eval {_quoted(JOB)}\nexit 0\n"
    volume = docker("volume", "create").strip()
    try:
        mount = ("--network", "none", "--volume", f"{volume}:/builds")
        helper = f"umask 0; mkdir -p /builds/group/project; cd /builds/group/project\n{CHECK_OUT}"
        docker("run", "--rm", *mount, "--user", "0", "--entrypoint", "", IMAGE, "sh", "-ec", helper)
        words = ("--rm", "-i", *mount, "--workdir", "/builds/group/project", *entrypoint, IMAGE)
        said = docker("run", *words, *entered.argv, stdin=job).splitlines()
    finally:
        docker("volume", "rm", "-f", volume)
    assert said[:2] == ["First", "compiled"]
    assert said[-1] == "/opt/conda/envs/ci-runner"


def _quoted(script: str) -> str:
    return "'" + script.replace("'", "'\\''") + "'"
