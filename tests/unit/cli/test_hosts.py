"""`check-host` and `doctor` as a user types them, without an engine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.fake_registry import fake_registry
from tests.support.workshop import REPOSITORY, Ran, imgbuild

CUDA = {"io.imgbuild.cuda": "13.0", "io.imgbuild.driver": "580", "io.imgbuild.gpus": "sm_80 sm_90"}


def run(home: Path, *words: str, **more: str) -> Ran:
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(REPOSITORY),
        "DOCKER_HOST": f"unix://{home}/none.sock",
        "IMGBUILD_CACHE": str(home / "store"),
        "IMGBUILD_RETRIES": "0",
        **more,
    }
    return imgbuild(words, home, environ)


@pytest.mark.parametrize("name", ["check-host", "doctor"])
def test_help_names_the_exit_codes(tmp_path: Path, name: str) -> None:
    done = run(tmp_path, name, "--help")
    assert done.code == 0
    assert "\n  0    " in done.out.split("Exit codes:")[1]


@pytest.mark.parametrize(
    ("words", "code", "fits"),
    [
        (("--gpu", "h100", "--driver", "580"), 0, "yes"),
        (("--gpu", "v100", "--driver", "580"), 6, "no"),
        (("--gpu", "h100", "--driver", "535"), 6, "no"),
        (("--gpu", "h100"), 6, "unknown"),
    ],
)
def test_an_image_in_a_registry(tmp_path: Path, words: tuple[str, ...], code: int, fits: str) -> None:
    with fake_registry() as site:
        site.image("train", "1", Labels=CUDA)
        ref = f"{site.host}/train:1"
        done = run(tmp_path, "check-host", ref, *words, "--platform", "linux/amd64", "--json")
        text = run(tmp_path, "check-host", ref, *words, "--platform", "linux/amd64")
    assert (done.code, text.code) == (code, code), done.err
    assert done.document["fits"] == fits
    assert done.document["passed"] is (code == 0)
    assert ("error" in done.document) is (code != 0)
    assert {"yes": "verdict: it runs there", "no": "verdict: it does not run there", "unknown": "NOT KNOWN"}[
        fits
    ] in text.out


def test_an_unknown_answer_says_that_it_is_no_yes(tmp_path: Path) -> None:
    with fake_registry() as site:
        site.image("plain", "1")
        done = run(tmp_path, "check-host", f"{site.host}/plain:1", "--gpu", "h100", "--driver", "580")
    assert done.code == 6
    assert "the image says nothing about GPUs" in done.out
    assert "no yes" in done.out
    assert "is not known" in done.err


def test_a_registry_that_does_not_have_it_is_no_refusal_of_the_host(tmp_path: Path) -> None:
    with fake_registry() as site:
        done = run(tmp_path, "check-host", f"{site.host}/none:1", "--json")
    assert done.code == 7
    assert done.document["error"]["what"] == "the registry has no such image"


def test_offline(tmp_path: Path) -> None:
    with fake_registry() as site:
        done = run(tmp_path, "check-host", f"{site.host}/train:1", "--offline")
        assert done.code == 5
        assert "offline" in done.err
        assert site.asked == []


def test_doctor_without_an_engine(tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", "--json")
    assert done.code == 4
    assert not done.document["passed"]
    assert done.document["error"]["exit_code"] == 4
    assert {row["name"] for row in done.document["rows"]} >= {
        "engine",
        "Python",
        "store",
        "GPUs",
        "CUDA containers",
    }
    text = run(tmp_path, "doctor", "-v")
    assert "to do for engine:" in text.out
    assert "looked at:" in text.out


def test_no_label_steers_the_terminal(tmp_path: Path) -> None:
    evil = "\x1b]0;evil\x07\x1b[31m"
    with fake_registry() as site:
        labels = {**CUDA, "io.imgbuild.torch": f"2.9{evil}"}
        site.image("train", "1", Labels=labels, Env=[f"NVIDIA_REQUIRE_{evil}=cuda>=99.0", f"A={evil}"])
        done = run(tmp_path, "check-host", f"{site.host}/train:1", "--gpu", "t4", "--driver", "580")
    assert done.code == 6
    assert "2.9 has no code for 7.5" in done.out
    assert (done.out + done.err).replace("\n", "").isprintable()
