"""Several named environments in one image: chosen in three ways, proven each, and what they share is there once."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.support.workshop import PREFIX, Workshop

pytestmark = pytest.mark.engine
IMAGE = f"{PREFIX}/doors"
NAMES = ("CONDA_DEFAULT_ENV", "MODE", "ONLY_TRAINING", "HOOKED_DATA", "SERVING_DATA")
SHOW = f"import json, os, sys; print(json.dumps([sys.prefix, *(os.environ.get(n) for n in {NAMES!r})]))"
TRAINING = ["/opt/conda/envs/doors", "doors", "training", "1", "/opt/conda/envs/doors/share/hooked", None]
SERVING = [
    "/opt/conda/envs/serving",
    "serving",
    'a "$serving" & {{ mode }}',
    None,
    None,
    "/opt/conda/envs/serving/share/serving",
]


def run(*words: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """`docker run --rm OPTIONS IMAGE WORDS`."""
    argv = ["docker", "run", "--rm", *options, IMAGE, *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def seen(*words: str, options: tuple[str, ...] = ()) -> object:
    done = run(*words, options=options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_first_is_active(hooked: Workshop) -> None:
    assert seen("python", "-c", SHOW) == TRAINING


def test_another_is_chosen_by_variable(hooked: Workshop) -> None:
    """And nothing of the first one stays: neither its variables nor what its packages have set."""
    assert seen("python", "-c", SHOW, options=("-e", "IMGBUILD_ENV=serving")) == SERVING


@pytest.mark.parametrize("shell", [("bash", "-c"), ("bash", "-lc"), ("sh", "-lc")])
def test_another_is_chosen_by_variable_in_shells(hooked: Workshop, shell: tuple[str, ...]) -> None:
    assert (
        seen(*shell, f"python -c '{SHOW.replace(chr(39), chr(34))}'", options=("-e", "IMGBUILD_ENV=serving"))
        == SERVING
    )


def test_another_is_chosen_by_conda_run(hooked: Workshop) -> None:
    prefix, name, mode, _only, data, serving = seen("conda", "run", "-n", "serving", "python", "-c", SHOW)  # type: ignore[misc]
    assert [prefix, name, mode, data, serving] == [SERVING[0], *SERVING[1:3], None, SERVING[5]]


@pytest.mark.parametrize("entrypoint", [(), ("--entrypoint", "")])
def test_another_is_chosen_by_conda_activate(hooked: Workshop, entrypoint: tuple[str, ...]) -> None:
    line = f". /opt/conda/etc/profile.d/conda.sh; conda activate serving; python -c '{SHOW.replace(chr(39), chr(34))}'"
    prefix, name, mode, _only, data, serving = seen("bash", "-c", line, options=entrypoint)  # type: ignore[misc]
    assert [prefix, name, mode, data, serving] == [SERVING[0], *SERVING[1:3], None, SERVING[5]]


def test_conda_activate_and_back(hooked: Workshop) -> None:
    line = f"conda activate serving; conda deactivate; python -c '{SHOW.replace(chr(39), chr(34))}'"
    found = seen("bash", "-ic", line)
    assert found[:3] == TRAINING[:3]  # type: ignore[index]


def test_an_unknown_one_is_refused(hooked: Workshop) -> None:
    done = run("python", "-V", options=("-e", "IMGBUILD_ENV=training"))
    assert done.returncode == 64
    assert done.stdout == ""
    assert "doors serving" in done.stderr


def test_each_is_proven(hooked: Workshop) -> None:
    record = json.loads((hooked.root / ".imgbuild" / "doors" / "record.json").read_text())
    assert {result["environment"] for result in record["verdict"]["results"]} == {"doors", "serving"}


def test_what_they_share_is_there_once(hooked: Workshop) -> None:
    """The interpreter, the library and its bytecode have two names each."""
    names = (
        "bin/python3.11",
        "lib/python3.11/json/decoder.py",
        "lib/python3.11/json/__pycache__/decoder.cpython-311.pyc",
    )
    paths = [f"/opt/conda/envs/{one}/{name}" for name in names for one in ("doors", "serving")]
    rows = [line.split() for line in run("stat", "-c", "%i %h", *paths).stdout.splitlines()]
    assert [links for _inode, links in rows] == ["2"] * 6
    assert [rows[0][0], rows[2][0], rows[4][0]] == [rows[1][0], rows[3][0], rows[5][0]]


def test_shared_bytecode_names_the_file_it_was_imported_from(hooked: Workshop) -> None:
    words = ("python", "-c", "import json.decoder as d; print(d.JSONDecoder.decode.__code__.co_filename)")
    for name in ("doors", "serving"):
        done = run(*words, options=("-e", f"IMGBUILD_ENV={name}"))
        assert done.stdout == f"/opt/conda/envs/{name}/lib/python3.11/json/decoder.py\n"


def test_a_second_environment_is_cheap(hooked: Workshop) -> None:
    """A whole python more would be some 60 MB; what is not shared is conda's own records, and the packages' own."""
    done = run("sh", "-c", "du -sm /opt/conda/envs/doors /opt/conda/envs | cut -f 1")
    one, both = (int(line) for line in done.stdout.split())
    assert both - one < 15
