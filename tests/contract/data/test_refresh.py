"""`imgbuild data refresh` against an index on this machine, with the real uv and real HTTP."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cuda_wheels import compiler_wheel, torch_wheel
from tests.support.pieces import PieceServer, piece_server
from tests.support.workshop import REPOSITORY, Ran, imgbuild

OF_13 = (75, 80, 86, 87, 89, 90, 100, 110, 120)
COMPUTE = '["7.5", "8.0", "8.6", "8.7", "8.9", "9.0", "10.0", "11.0", "12.0"]'
TOOLKITS = f"""\
# What people wrote above.
"13.0": {{driver: "580.65.06", floor: "580", compute: {COMPUTE}, nvcc: "13.0.48", source: release notes}}

# Between two rows.
"13.2": {{driver: "595.45.04", floor: "580", compute: {COMPUTE}, nvcc: "13.2.51", source: release notes}}
"""
PINS = 'cudnn: "9.1.0.70", nccl: "2.30.7", triton: "3.9.0"'
BUILD = 'version: "2.14.0", cuda: "13.0", index: pypi, platform: linux/amd64, targets: [sm_75, sm_120]'
OTHER = 'version: "2.14.0", cuda: "12.6", index: cu126, platform: linux/amd64, targets: [sm_60]'
TORCH = f"""\
# Builds of torch.

- {{{BUILD}, python: ["3.11", "3.12"], {PINS}, source: "read in spring"}}
- {{{OTHER}, python: ["3.11", "3.12"], source: by hand}}
# The last comment.
"""


class Site:
    """An index, the tables that know what is on it, and the command."""

    def __init__(self, server: PieceServer, tables: Path) -> None:
        self.server, self.tables = server, tables

    @property
    def wheels(self) -> Path:
        return self.server.folder

    def run(self, *words: str) -> Ran:
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("IMGBUILD_", "UV_", "PIP_"))
        }
        mine = {"PYTHONPATH": str(REPOSITORY), "IMGBUILD_SETTINGS": "none", "IMGBUILD_RETRY_PAUSE": "0.01",
                "UV_CACHE_DIR": str(self.tables.parent / "uv"), "NO_PROXY": "127.0.0.1"}  # fmt: skip
        told = ("--tables", str(self.tables), "--wheel-index", self.server.index)
        return imgbuild(["data", "refresh", *words, *told], REPOSITORY, {**kept, **mine})

    def text(self, name: str) -> str:
        return (self.tables / name).read_text()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    wheels, tables = tmp_path / "wheels", tmp_path / "tables"
    wheels.mkdir()
    tables.mkdir()
    (tables / "toolkits.yml").write_text(TOOLKITS)
    (tables / "torch.yml").write_text(TORCH)
    compiler_wheel(wheels, "13.0.48", OF_13)
    compiler_wheel(wheels, "13.2.51", OF_13)
    compiler_wheel(wheels, "11.8.89", OF_13, project="nvidia-cuda-nvcc-cu11")
    compiler_wheel(wheels, "12.6.85", OF_13, project="nvidia-cuda-nvcc-cu12")
    for python in ("311", "312", "313t"):
        torch_wheel(wheels, "2.14.0", "13.0", "sm_75 sm_120", python=python)
    torch_wheel(wheels, "2.14.0", None, machine="aarch64")
    with piece_server(wheels) as server:
        yield Site(server, tables)


def test_nothing_changes_where_nothing_is_new(site: Site) -> None:
    done = site.run("torch", "--check")
    assert (done.code, done.out.strip()) == (0, "torch.yml: 1 rows read, all as before")
    assert site.run("torch").code == 0
    assert (site.text("torch.yml"), site.text("toolkits.yml")) == (TORCH, TOOLKITS)


@pytest.mark.parametrize("listed", ["json", "html"])
def test_a_new_release_becomes_a_row_and_nothing_else_changes(site: Site, listed: str) -> None:
    site.server.listed = listed  # type: ignore[assignment]
    for python in ("312", "314"):
        torch_wheel(site.wheels, "2.15.0", "13.2", "sm_80 sm_120", python=python, before=b"h")
    torch_wheel(site.wheels, "2.15.0", "13.2", "sm_90 sm_110", machine="aarch64")
    torch_wheel(site.wheels, "2.16.0rc1", "13.2")
    assert site.run("torch", "--check").code == 3
    assert site.text("torch.yml") == TORCH
    done = site.run("torch", "--json")
    assert done.code == 0, done.err
    document = done.document
    assert document["written"] is True
    (table,) = document["tables"]
    assert [(change["row"], change["new"]) for change in table["changes"]] == [
        ("torch 2.15.0 of pypi for linux/amd64", True),
        ("torch 2.15.0 of pypi for linux/arm64", True),
    ]
    before = TORCH.splitlines()
    lines = site.text("torch.yml").splitlines()
    assert [line for line in lines if line not in before] == lines[4:6]
    assert [line for line in lines if line in before] == before
    assert lines[4].startswith(
        '- {version: "2.15.0", cuda: "13.2", index: pypi, platform: linux/amd64, targets: [sm_80, sm_120], '
        'python: ["3.12", "3.14"], cudnn: "9.1.0.70", nccl: "2.30.7", triton: "3.9.0", '
        'source: "wheel on PyPI, read on 2'
    )
    assert site.run("torch", "--check").code == 0


def test_a_row_that_says_more_than_before_keeps_what_is_a_persons(site: Site) -> None:
    compiler_wheel(site.wheels, "13.2.99", (*OF_13, 121))
    for project, version in (("nvidia-cuda-nvcc-cu11", "11.8.89"), ("nvidia-cuda-nvcc-cu12", "12.6.85")):
        assert (
            site.wheels / f"{project.replace('-', '_')}-{version}-py3-none-manylinux2014_x86_64.whl"
        ).exists()
    done = site.run("toolkits")
    assert done.code == 0, done.err
    assert "~ CUDA 13.2: compute" in done.out
    assert "! CUDA 12.6 has no row: read its driver" in done.out
    lines = site.text("toolkits.yml").splitlines()
    assert lines[:4] == TOOLKITS.splitlines()[:4]
    assert '"595.45.04", floor: "580"' in lines[4]
    assert '"12.0", "12.1"], nvcc: "13.2.99", source: release notes}' in lines[4]
    assert site.run("toolkits", "--check").code == 3  # the lines without a row are still a person's to add


@pytest.mark.parametrize("kind", ["none", "no-suffix", "busy-once"])
def test_servers_without_pieces_and_busy_ones_are_read_too(site: Site, kind: str) -> None:
    site.server.kind = kind  # type: ignore[assignment]
    torch_wheel(site.wheels, "2.15.0", "13.2", "sm_80 sm_120")
    done = site.run("torch")
    assert done.code == 0, done.err
    assert "+ torch 2.15.0 of pypi for linux/amd64" in done.out


def test_of_a_wheel_only_what_tells_is_read(site: Site) -> None:
    big = torch_wheel(site.wheels, "2.15.0", "13.2", "sm_80 sm_120")
    assert site.run("torch").code == 0
    assert site.server.sent[big.name] < big.stat().st_size * 3 / 4


@pytest.mark.parametrize(("kind", "said"), [("short", "cannot read torch"), ("shifted", "another piece")])
def test_wrong_pieces_end_the_refresh(site: Site, kind: str, said: str) -> None:
    site.server.kind = kind  # type: ignore[assignment]
    done = site.run("torch")
    assert done.code == 5
    assert said in done.err
    assert site.text("torch.yml") == TORCH


def drop(site: Site, pattern: str) -> None:
    for path in site.wheels.glob(pattern):
        path.unlink()


def more_known(site: Site, count: int) -> None:
    """Releases that the table and the index both know."""
    rows = [TORCH.splitlines()[2].replace("2.14.0", f"2.13.{number}") for number in range(count)]
    head, *rest = TORCH.splitlines()
    (site.tables / "torch.yml").write_text("\n".join([head, *rows, *rest, ""]))
    for number in range(count):
        torch_wheel(site.wheels, f"2.13.{number}", "13.0", "sm_75 sm_120", python="311")
        torch_wheel(site.wheels, f"2.13.{number}", "13.0", "sm_75 sm_120", python="312")


@pytest.mark.parametrize(
    ("table", "spoil", "said"),
    [
        ("torch", lambda site: drop(site, "torch-2.13.3-*"), "torch 2.13.3 of pypi for linux/amd64 is known"),
        ("torch", lambda site: drop(site, "torch-2.13.*"), "the index has 1 of the 11 builds that are known"),
        ("torch", lambda site: (drop(site, "torch-2.14*"), torch_wheel(site.wheels, "2.14.0", "13.0", "sm_75")),
         "torch 2.14.0 of pypi for linux/amd64: a known build lost sm_120"),
        ("torch", lambda site: (drop(site, "torch-2.14*"), torch_wheel(site.wheels, "2.14.0", "13.2", "sm_75 sm_120")),
         "a known build went from CUDA 13.0 to 13.2"),
        ("torch", lambda site: torch_wheel(site.wheels, "2.15.0", "13.9"), "CUDA 13.9 has no row in toolkits.yml"),
        ("torch", lambda site: torch_wheel(site.wheels, "2.15.0", "13"), "'13', which is no CUDA line"),
        ("torch", lambda site: torch_wheel(site.wheels, "2.15.0", "13.2", "sm_70"), "sm_70 is none of the targets"),
        ("torch", lambda site: torch_wheel(site.wheels, "2.15.0", "13.2", requires=["triton==3.9.*"]), "is no version"),
        ("torch", lambda site: torch_wheel(site.wheels, "2.15.0", "13.2", ""), "does not tell what it is compiled"),
        ("torch", lambda site: (site.wheels / "torch-2.15.0-cp312-cp312-linux_x86_64.whl").write_bytes(b"no"),
         "no wheel, or a damaged one"),
        ("toolkits", lambda site: drop(site, "nvidia_cuda_nvcc-13.0*"), "CUDA 13.0 is known, and the index has no"),
        ("toolkits", lambda site: compiler_wheel(site.wheels, "13.2.99", OF_13[1:]), "its compiler lost 7.5"),
        ("toolkits", lambda site: compiler_wheel(site.wheels, "13.2.99", OF_13[:3]), "names 3 capabilities"),
        ("toolkits", lambda site: (drop(site, "*-13.2.51-*"), compiler_wheel(site.wheels, "13.2.9", OF_13)),
         "the index has nvcc 13.2.9, and 13.2.51 was read before"),
        ("toolkits", lambda site: drop(site, "nvidia_cuda_nvcc_cu11*"), "does not have nvidia-cuda-nvcc-cu11"),
    ],
)  # fmt: skip
def test_what_is_doubtful_is_refused_and_nothing_is_written(
    site: Site, table: str, spoil: object, said: str
) -> None:
    more_known(site, 10)
    compiler_wheel(site.wheels, "13.0.99", (*OF_13, 121))  # this alone would be written
    before = (site.text("torch.yml"), site.text("toolkits.yml"))
    spoil(site)  # type: ignore[operator]
    done = site.run(*(["toolkits", "torch"] if table == "torch" else ["toolkits"]))
    assert done.code == 5
    assert said in done.err
    assert (site.text("torch.yml"), site.text("toolkits.yml")) == before
    assert sorted(path.name for path in site.tables.iterdir()) == ["toolkits.yml", "torch.yml"]


def test_a_release_that_was_taken_back_is_no_new_row(site: Site) -> None:
    made = torch_wheel(site.wheels, "2.15.0", "13.2", "sm_80 sm_120")
    site.server.yanked.add(made.name)
    assert site.run("torch", "--check").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gpus"], "gpus cannot be refreshed"),
        (["drivers"], "a person edits it"),
        (["bases"], "`imgbuild lock --upgrade` asks for their digests"),
        (["compilers"], "a person edits it"),
        (["torhc"], "there are toolkits, torch and installers"),
    ],
)
def test_tables_of_people_are_named_and_not_touched(site: Site, words: list[str], said: str) -> None:
    done = site.run(*words)
    assert done.code == 2
    assert said in done.err
    assert site.server.asked == []


def test_offline_and_a_folder_that_cannot_be_written(site: Site) -> None:
    assert site.run("torch", "--offline").code == 5
    torch_wheel(site.wheels, "2.15.0", "13.2", "sm_80 sm_120")
    shutil.rmtree(site.tables)
    done = site.run("torch")
    assert done.code == 2


def test_the_command_says_what_it_does_not_read() -> None:
    done = imgbuild(["data", "refresh", "--help"], REPOSITORY, {**os.environ, "PYTHONPATH": str(REPOSITORY)})
    assert "No package index tells them" in " ".join(done.out.split())
    assert "Example" in done.out
