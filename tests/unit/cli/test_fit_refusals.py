# ruff: noqa: E501  (rows of tables)
"""What will not run where it is meant to ends before anything is fetched: no network, no engine, code 3."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.workshop import REPOSITORY, Ran

REFUSALS = {
    "v100": ('cuda: "13.0"\ntargets: {gpus: [v100]}', "numpy", "v100 (Tesla V100, 7.0) cannot run CUDA 13.0"),
    "b200": ("targets: {gpus: [b200]}", "torch==2.6.0", "b200 (NVIDIA B200, 10.0) cannot run torch 2.6.0 for CUDA 12.4"),
    "p100": ("targets: {gpus: [p100]}", "torch==2.9.1", "p100 (Tesla P100, 6.0) cannot run torch 2.9.1 for CUDA 12.8"),
    "535": ('cuda: "13.0"\ntargets: {driver: "535"}', "numpy", "driver 535 is below 580, the lowest for CUDA 13.0"),
}  # fmt: skip


def project(root: Path, image: str, pip: str) -> Path:
    folder = root / "envs/tune"
    folder.mkdir(parents=True)
    (folder / "image.yml").write_text(f"platforms: [linux/amd64]\n{image}\n")
    (folder / "environment.yml").write_text(
        f"channels: [conda-forge]\ndependencies:\n- python=3.12\n- pip:\n  - {pip}\n"
    )
    return root


def imgbuild(root: Path, *words: str) -> Ran:
    """Without an engine, and with proxies that nobody answers at: whatever asks the network fails otherwise."""
    nobody = "http://127.0.0.1:9"
    clean = {key: value for key, value in os.environ.items() if not key.startswith("IMGBUILD_")}
    environ = {
        **clean,
        "PYTHONPATH": str(REPOSITORY),
        "XDG_CACHE_HOME": str(root / "cache"),
        "DOCKER_HOST": f"unix://{root}/none.sock",
        "HTTPS_PROXY": nobody,
        "HTTP_PROXY": nobody,
        "https_proxy": nobody,
        "http_proxy": nobody,
        "CI": "",
    }
    command = [sys.executable, "-m", "builder.cli", *words]
    done = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=False)
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("command", ["lock", "build", "check"])
@pytest.mark.parametrize("name", REFUSALS)
def test_refused(name: str, command: str, tmp_path: Path) -> None:
    image, pip, said = REFUSALS[name]
    done = imgbuild(project(tmp_path, image, pip), command, "tune")
    assert done.code == 3, done.err
    assert said in done.err
    assert "why: " in done.err
    assert "fix: " in done.err
    assert sorted(one.name for one in (tmp_path / "envs/tune").iterdir()) == ["environment.yml", "image.yml"]


@pytest.mark.parametrize("name", REFUSALS)
def test_plan_tells_it_as_trouble(name: str, tmp_path: Path) -> None:
    image, pip, said = REFUSALS[name]
    (step,) = imgbuild(project(tmp_path, image, pip), "plan", "tune", "--json").document["images"]
    assert step["trouble"].endswith(said)
    assert step["digest"] == ""


def test_several_images_are_told_together(tmp_path: Path) -> None:
    project(tmp_path, *REFUSALS["v100"][:2])
    (tmp_path / "envs/tune").rename(tmp_path / "envs/other")
    done = imgbuild(project(tmp_path, *REFUSALS["535"][:2]), "check", "--json")
    assert done.code == 3
    error = done.document["error"]
    assert error["what"] == "2 images will not run as declared"
    assert all(said in error["detail"] for said in (REFUSALS["v100"][2], REFUSALS["535"][2]))


def test_an_unknown_gpu_is_a_problem_with_its_place(tmp_path: Path) -> None:
    done = imgbuild(project(tmp_path, "targets: {gpus: [t4, h1000]}", "numpy"), "check")
    assert done.code == 2
    assert (
        "envs/tune/image.yml:2:22: targets.gpus[1]: 'h1000' is no GPU that imgbuild knows; did you mean"
        in done.err
    )


@pytest.mark.parametrize("command", ["plan", "build", "lock"])
def test_for_a_gpu_that_nothing_covers(command: str, tmp_path: Path) -> None:
    done = imgbuild(project(tmp_path, 'cuda: "13.0"', "numpy"), command, "tune", "--for", "v100")
    assert done.code == 3, done.err
    assert "no variant of tune is known to run on v100" in done.err
    assert "tune: no: v100 (Tesla V100, 7.0) cannot run CUDA 13.0" in done.err


def test_for_takes_the_variant(tmp_path: Path) -> None:
    image = 'cuda: "13.0"\nvariants: {old: {cuda: "12.6", targets: {gpus: [v100]}}}'
    done = imgbuild(project(tmp_path, image, "numpy"), "plan", "tune", "--for", "v100", "--json")
    assert [one["image"] for one in done.document["images"]] == ["tune@old"]
    for words in (["--all", "--for", "v100"], ["--for", "v100"]):
        assert imgbuild(tmp_path, "plan", *words).code == 2
