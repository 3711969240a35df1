"""The shipped tables agree with one another, and with what was read of NVIDIA's and PyTorch's builds."""

from __future__ import annotations

import itertools
import re

import pytest

from builder.gpu.drivers import driver
from builder.gpu.gpus import find_gpu, spelling
from builder.gpu.tables import Gpu, TorchBuild, compilers, gpus, toolkits, torch_builds
from builder.gpu.target import RENAMED, capability

LINES = list(toolkits())


def order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def the_build(version: str, index: str = "pypi", platform: str = "linux/amd64") -> TorchBuild:
    return next(
        row for row in torch_builds() if (row.version, row.index, row.platform) == (version, index, platform)
    )


def default_releases(gpu: str, platform: str = "linux/amd64") -> list[str]:
    """Releases whose wheel on PyPI has machine code for a GPU."""
    return [
        row.version
        for row in torch_builds()
        if row.index == "pypi" and row.platform == platform and row.cover(find_gpu(gpu).capability) == "runs"
    ]


def test_every_row_has_a_source() -> None:
    rows = [*gpus().values(), *toolkits().values(), *torch_builds()]
    rows += [row for some in compilers().values() for row in some]
    assert len(rows) > 200
    assert [row for row in rows if len(row.source.strip()) < 8] == []


def test_lines_and_releases_stand_oldest_first() -> None:
    assert sorted(LINES, key=order) == LINES
    assert LINES[0] == "11.8"
    assert "12.7" not in LINES
    versions = [row.version for row in torch_builds()]
    assert sorted(versions, key=order) == versions


def test_gpus_stand_oldest_architecture_first() -> None:
    found = [gpu.capability for gpu in gpus().values()]
    assert sorted(found) == found


@pytest.mark.parametrize("gpu", gpus().values(), ids=lambda gpu: gpu.key)
def test_compilers_know_a_gpu_between_its_first_and_last_line(gpu: Gpu) -> None:
    assert re.fullmatch(r"[a-z0-9]+", gpu.key)
    assert gpu.last_cuda is None or order(gpu.first_cuda) <= order(gpu.last_cuda)
    known = [line for line, kit in toolkits().items() if gpu.capability in kit.capabilities]
    expected = [
        line
        for line in LINES
        if order(gpu.first_cuda) <= order(line)
        and (gpu.last_cuda is None or order(line) <= order(gpu.last_cuda))
    ]
    assert known == expected


def test_no_two_gpus_share_a_spelling() -> None:
    owner: dict[str, str] = {}
    for gpu in gpus().values():
        for name in {spelling(one) for one in (gpu.key, gpu.title, *gpu.names)}:
            assert owner.setdefault(name, gpu.key) == gpu.key


def test_the_driver_of_a_line_is_no_older_than_its_floor_and_grows() -> None:
    for row in toolkits().values():
        assert driver(row.driver).reaches(driver(row.floor))
    drivers = [driver(row.driver) for row in toolkits().values()]
    assert all(new.reaches(old) for old, new in itertools.pairwise(drivers))


@pytest.mark.parametrize("row", torch_builds(), ids=lambda row: f"{row.version}-{row.index}-{row.platform}")
def test_a_torch_build_is_compiled_for_what_its_toolkit_compiles(row: TorchBuild) -> None:
    assert row.cuda in toolkits()
    known = toolkits()[row.cuda].capabilities
    assert {target.capability for target in row.compiled} <= {
        *known,
        *(RENAMED.get(one, one) for one in known),
    }
    assert row.targets
    assert len(set(row.targets)) == len(row.targets)
    assert order(row.python[0]) <= order(row.python[1])
    assert row.index in {"pypi", "cu" + row.cuda.replace(".", "")}


def test_no_build_stands_twice() -> None:
    keys = [(row.version, row.cuda, row.platform) for row in torch_builds()]
    assert len(set(keys)) == len(keys)


def test_the_wheels_on_the_index_tell_cudnn_nccl_and_triton() -> None:
    for row in torch_builds():
        if row.index == "pypi":
            assert order(row.cudnn)[0] in {8, 9}
            assert order(row.nccl)[0] == 2
            assert order(row.triton)[0] in {2, 3}


# facts of PyTorch's releases: which one was the last, or the first, with machine code for a GPU
@pytest.mark.parametrize(
    ("gpu", "first", "last"),
    [
        ("p100", "2.1.0", "2.7.1"),
        ("p40", "2.1.0", "2.7.1"),
        ("gtx1080", "2.1.0", "2.7.1"),
        ("v100", "2.1.0", "2.10.0"),
        ("titanv", "2.1.0", "2.10.0"),
        ("t4", "2.1.0", "2.15.0"),
        ("a100", "2.1.0", "2.15.0"),
        ("rtx3090", "2.1.0", "2.15.0"),
        ("l40s", "2.1.0", "2.15.0"),
        ("rtx4090", "2.1.0", "2.15.0"),
        ("h100", "2.1.0", "2.15.0"),
        ("b200", "2.8.0", "2.15.0"),
        ("b300", "2.8.0", "2.15.0"),
        ("rtx5090", "2.8.0", "2.15.0"),
        ("rtxpro6000", "2.8.0", "2.15.0"),
    ],
)
def test_which_releases_from_the_index_run_on_a_gpu(gpu: str, first: str, last: str) -> None:
    found = default_releases(gpu)
    assert (found[0], found[-1]) == (first, last)


def test_what_the_index_has_for_arm() -> None:
    assert default_releases("gb10", "linux/arm64")[0] == "2.11.0"
    assert default_releases("gh200", "linux/arm64")[0] == "2.11.0"
    assert default_releases("jetsonthor", "linux/arm64")[0] == "2.11.0"
    assert default_releases("jetsonorin", "linux/arm64") == [
        "2.15.0"
    ]  # CUDA 13.2: code for 8.0 runs on Jetson
    assert default_releases("jetsonthor") == []
    assert the_build("2.9.1", "cu130", "linux/arm64").cover(find_gpu("gb10").capability) == "runs"


def test_builds_of_other_indexes() -> None:
    assert the_build("2.7.1", "cu128").cover(find_gpu("rtx5090").capability) == "runs"
    assert the_build("2.15.0", "cu126").cover(find_gpu("p100").capability) == "runs"
    assert the_build("2.15.0", "cu130").cover(find_gpu("v100").capability) == "none"
    assert the_build("2.5.1", "cu118").cover(find_gpu("k80").capability) == "runs"


def test_a_compiler_warns_above_what_it_needs_and_the_newest_row_stands_first() -> None:
    for rows in compilers().values():
        assert [row.since for row in rows] == sorted((row.since for row in rows), key=order, reverse=True)
        assert rows[-1].since == "0"
        for row in rows:
            assert row.warns is None or capability(row.warns) > capability(row.compute)
    assert compilers()["triton"][0].compute == "7.0"
