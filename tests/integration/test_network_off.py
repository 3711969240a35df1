"""No network in the build and none in the proof: shown from inside, beside a container that has one."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.workshop import PREFIX, Workshop

pytestmark = pytest.mark.engine


def test_only_loopback_is_there(workshop: Workshop, engine: object) -> None:
    done = workshop.run("build", "offline", "--kit", str(workshop.kit), "--json")
    assert done.code == 0, done.err
    results = {result["name"]: result for result in done.document["images"][0]["verdict"]["results"]}
    numbers = next(result["numbers"] for name, result in results.items() if "network" in name)
    assert numbers["interfaces"] == "lo"
    assert numbers["routes"] == 0
    assert "reached" not in {numbers["look-up"], numbers["connect"]}
    seen = subprocess.run(
        ["docker", "run", "--rm", f"{PREFIX}/offline", "cat", "/interfaces", "/routes"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert seen.stdout.split() == ["lo"]


def test_the_same_question_sees_a_network_where_there_is_one(workshop: Workshop, engine: object) -> None:
    assert workshop.run("build", "offline", "--kit", str(workshop.kit)).code == 0
    script = "import socket; print(*(name for _, name in socket.if_nameindex()))"
    seen = subprocess.run(
        ["docker", "run", "--rm", f"{PREFIX}/offline", "python", "-c", script],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "eth0" in seen.stdout.split()
