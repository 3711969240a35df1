"""The main job on real parts: a kit, an engine, an image, a verdict."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.support.workshop import PREFIX, Ran, Workshop

pytestmark = pytest.mark.engine


def docker_run(image: str, *words: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """`docker run --rm IMAGE WORDS`."""
    argv = ["docker", "run", "--rm", *options, image, *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def built(workshop: Workshop, engine: object) -> Ran:
    done = workshop.run("build", "regression", "--kit", str(workshop.kit), "--json")
    assert done.code == 0, done.err
    return done


def test_it_is_proven(built: Ran) -> None:
    (image,) = built.document["images"]
    results = {result["name"]: result for result in image["verdict"]["results"]}
    numbers = results["regression"]["numbers"]
    assert results["regression"]["outcome"] == "passed"
    assert abs(numbers["prediction_at_3"] - 6) < 1e-6
    assert numbers["mse"] < 1e-9 < numbers["baseline_mse"] == 5.0
    assert image["verdict"]["stand_in"] is True
    assert "gpu" in image["verdict"]["not_proven"]


def test_it_serves_its_packages(built: Ran) -> None:
    done = docker_run(f"{PREFIX}/regression", "python", "-c", "import sklearn; print(sklearn.__version__)")
    assert done.returncode == 0, done.stderr


def test_conda_shows_the_environment(built: Ran) -> None:
    done = docker_run(f"{PREFIX}/regression", "conda", "env", "list")
    assert "/opt/conda/envs/regression" in done.stdout, done.stderr


def test_conda_list_is_the_lock(built: Ran, workshop: Workshop) -> None:
    done = docker_run(f"{PREFIX}/regression", "conda", "list", "-n", "regression", "--explicit", "--md5")
    installed = {line for line in done.stdout.splitlines() if "#" in line and not line.startswith("#")}
    lock = (workshop.kit / "locks" / "regression" / "conda-lock.yml").read_text()
    assert installed
    for line in installed:
        url, md5 = line.split("#")
        assert url in lock
        assert md5 in lock


def test_it_is_under_700_megabytes(built: Ran) -> None:
    (image,) = built.document["images"]
    assert image["size"] < 700_000_000


def test_nothing_of_the_build_stays(built: Ran) -> None:
    script = "ls -A /mnt; ls -d /opt/conda/pkgs/*.conda /opt/conda/_conda 2>/dev/null; find / -xdev -name 'uv' -type f"
    assert docker_run(f"{PREFIX}/regression", "bash", "-c", script).stdout == ""


def test_it_runs_as_nobody_in_particular(built: Ran) -> None:
    done = docker_run(
        f"{PREFIX}/regression",
        "python",
        "-c",
        "import getpass, os; print(os.getuid(), getpass.getuser()); import matplotlib.pyplot",
        options=("--user", "12345", "--read-only", "--tmpfs", "/tmp", "--tmpfs", "/cache:mode=1777"),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("12345 ")


def test_an_unchanged_image_is_found_and_not_rebuilt(built: Ran, workshop: Workshop) -> None:
    again = workshop.run("build", "regression", "--json")  # and the kit is found by the image's label
    assert again.code == 0, again.err
    (image,), (before,) = again.document["images"], built.document["images"]
    assert image["status"] == "unchanged"
    assert image["image_id"] == before["image_id"]
    assert image["verdict"] == before["verdict"]


def test_a_changed_definition_is_built_again(workshop: Workshop, engine: object) -> None:
    assert workshop.run("build", "tiny", "--kit", str(workshop.kit)).code == 0
    definition = workshop.root / "envs" / "tiny" / "image.yml"
    text = definition.read_text()
    try:
        definition.write_text(text + "env: {NEW: value}\n")
        again = workshop.run("build", "tiny", "--json")
    finally:
        definition.write_text(text)
    assert again.code == 0, again.err
    assert again.document["images"][0]["status"] == "built"
    assert docker_run(f"{PREFIX}/tiny", "printenv", "NEW").stdout == "value\n"


def test_force_builds_and_proves_again(workshop: Workshop, engine: object) -> None:
    first = workshop.run("build", "tiny", "--kit", str(workshop.kit), "--json").document["images"][0]
    again = workshop.run("build", "tiny", "--force", "--json").document["images"][0]
    assert again["status"] == "built"
    assert again["verdict"]["started"] != first["verdict"]["started"]


def test_a_proven_image_can_be_proven_again(built: Ran, workshop: Workshop) -> None:
    done = workshop.run("test", "regression", "--json")
    assert done.code == 0, done.err
    assert done.document["passed"] is True
    assert done.document["image_id"] == built.document["images"][0]["image_id"]


def test_a_gpu_that_is_not_there_is_not_a_pass(built: Ran, workshop: Workshop) -> None:
    done = workshop.run("test", "regression", "--require", "gpu")
    assert done.code == 6
    assert "not proven on a gpu" in done.err


def test_the_extending_image_has_its_wheels_and_its_parents_proof(workshop: Workshop, engine: object) -> None:
    done = workshop.run("build", "report", "--kit", str(workshop.kit), "--json")
    assert done.code == 0, done.err
    names = {result["name"] for result in done.document["images"][0]["verdict"]["results"]}
    assert "regression" in names
    assert len(names) >= 2
    listed = docker_run(f"{PREFIX}/report", "conda", "list", "--json").stdout
    assert "tabulate" in {package["name"] for package in json.loads(listed)}


def test_several_environments_and_hostile_values(workshop: Workshop, engine: object) -> None:
    done = workshop.run("build", "two", "--kit", str(workshop.kit), "--json")
    assert done.code == 0, done.err
    image = f"{PREFIX}/two"
    tricky = docker_run(image, "printenv", "TRICKY").stdout
    assert tricky == "a'b\"c $(touch /pwned) `id` {{ x }} \\ ${HOME} $HOME #%\n"
    assert docker_run(image, "printenv", "GREETING").stdout == 'say "$HOME" & {{ done }}\n'
    assert docker_run(image, "ls", "/pwned").returncode != 0
    assert docker_run(image).stdout == "its $HOME\n"
    prefix = ("python", "-c", "import sys; print(sys.prefix)")
    assert docker_run(image, *prefix).stdout == "/opt/conda/envs/two\n"
    other = docker_run(image, *prefix, options=("-e", "IMGBUILD_ENV=tools"))
    assert other.stdout == "/opt/conda/envs/tools\n"
    label = subprocess.run(
        ["docker", "inspect", "-f", '{{index .Config.Labels "org.example.note"}}', image],
        capture_output=True,
        text=True,
        check=True,
    )
    assert label.stdout == "quote ' and \" and $(x) and {{ y }}\n"
