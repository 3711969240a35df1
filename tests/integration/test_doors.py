"""Every way into an image leads into its environment; and a door that does not is told from one that does."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from builder.smoke.doors import DOORS
from tests.support.workshop import PREFIX, Workshop

pytestmark = pytest.mark.engine
IMAGE = f"{PREFIX}/doors"


def docker(*words: str, stdin: str | None = None) -> str:
    """A docker command that must succeed; its output."""
    done = subprocess.run(["docker", *words], input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def environ(image: str) -> dict[str, str]:
    """What ENV says, without any shell."""
    rows = json.loads(docker("inspect", "-f", "{{json .Config.Env}}", image))
    return dict(row.split("=", 1) for row in rows)


@pytest.fixture(scope="module")
def tried(hooked: Workshop) -> dict[tuple[str, str], dict[str, Any]]:
    done = hooked.run("test", "doors", "--door", "all", "--json")
    assert done.code in {0, 6}, done.err
    found = {(result["name"], result["environment"]): result for result in done.document["results"]}
    assert done.document["passed"] is (done.code == 0)
    return found


@pytest.mark.parametrize("environment", ["doors", "serving"])
@pytest.mark.parametrize("door", [door.name for door in DOORS])
def test_the_door_leads_into_the_environment(
    tried: dict[tuple[str, str], dict[str, Any]], door: str, environment: str
) -> None:
    result = tried[f"door:{door}", environment]
    assert result["outcome"] == "passed", f"{result['reason']}\n{result['output']}"


def test_strangers_came_as_strangers(tried: dict[tuple[str, str], dict[str, Any]]) -> None:
    assert tried["door:any-uid", "doors"]["numbers"]["uid"] == 12345
    assert tried["door:exec-form", "doors"]["numbers"]["uid"] == 1000


def test_what_the_packages_set_is_in_env(hooked: Workshop) -> None:
    found = environ(IMAGE)
    assert found["HOOKED_DATA"] == "/opt/conda/envs/doors/share/hooked"
    assert found["HOOKED_FLAGS"] == "-O2"
    assert found["HOOKED_TEXT"] == 'it\'s "quoted" $HOME `id` \\\\ {{ x }}'
    assert "HOOKED_HOME" not in found  # another home, another value: ENV would be wrong for most
    labels = json.loads(docker("inspect", "-f", "{{json .Config.Labels}}", IMAGE))
    assert len(labels["io.imgbuild.activation"]) == 64
    assert labels["io.imgbuild.activation.changing"] == "HOOKED_HOME"


def test_what_depends_on_who_comes_is_set_for_who_comes(hooked: Workshop) -> None:
    words = ("--user", "12345:54321", IMAGE, "printenv", "HOOKED_HOME", "HOOKED_FLAGS")
    assert docker("run", "--rm", *words).splitlines() == ["/tmp/home-12345/.hooked", "-O2"]


def test_the_same_plan_freezes_the_same(hooked: Workshop) -> None:
    before = environ(IMAGE), docker("inspect", "-f", "{{json .Config.Labels}}", IMAGE)
    for tag in docker("images", "--format", "{{.Repository}}:{{.Tag}}", IMAGE).split():
        docker("rmi", tag)
    done = hooked.run("build", "doors", "--no-smoke")
    assert done.code == 0, done.err
    assert (environ(IMAGE), docker("inspect", "-f", "{{json .Config.Labels}}", IMAGE)) == before


def test_an_image_without_scripts_says_so(workshop: Workshop, engine: object) -> None:
    assert workshop.run("build", "tiny", "--kit", str(workshop.kit)).code == 0
    assert (
        docker("inspect", "-f", '{{index .Config.Labels "io.imgbuild.activation"}}', f"{PREFIX}/tiny")
        == "none\n"
    )


def test_no_working_name_is_left(hooked: Workshop) -> None:
    assert ":building-" not in docker("images", "--format", "{{.Repository}}:{{.Tag}}", f"{PREFIX}/doors")


@pytest.fixture
def spoiled(hooked: Workshop) -> Iterator[Workshop]:
    """The image with what is easily forgotten taken away: ENV without a value of activate.d, no profile.d."""
    page = f"FROM {IMAGE}\nENV HOOKED_DATA=lost\nUSER 0\nRUN : > /etc/profile.d/imgbuild.sh\nUSER 1000\n"
    image = docker("inspect", "-f", "{{.Id}}", IMAGE).strip()
    docker("build", "-q", "-t", IMAGE, "-", stdin=page)
    yield hooked
    docker("tag", image, IMAGE)


def test_a_door_that_leads_elsewhere_fails(spoiled: Workshop) -> None:
    done = spoiled.run(
        "test", "doors", "--only", "python", "--door", "docker-exec", "--door", "exec-form", "--json"
    )
    assert done.code == 6
    results = {r["name"]: r for r in done.document["results"] if r["environment"] == "doors"}
    assert results["door:docker-exec"]["outcome"] == "failed"
    assert (
        "HOOKED_DATA: expected '/opt/conda/envs/doors/share/hooked', got 'lost'"
        in results["door:docker-exec"]["reason"]
    )
    assert "HOOKED_HOME: expected 'set', got nothing" in results["door:exec-form"]["reason"]


def test_an_unknown_door_is_refused(hooked: Workshop) -> None:
    done = hooked.run("test", "doors", "--door", "login")
    assert done.code == 2
    assert "login-shell" in done.err


def test_no_container_is_left(tried: object) -> None:
    assert docker("ps", "-aq", "--filter", "name=imgbuild-door-") == ""
