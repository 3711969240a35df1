"""Images beside machines: each need is met, not met or not known, and the last is never a yes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as some

from builder.fit.needs import Needs, needs
from builder.fit.there import Point, Verdict, judge
from builder.host.model import Host, HostGpu

AMD64 = "linux/amd64"
TORCH_29 = "sm_70 sm_75 sm_80 sm_86 sm_90 sm_100 sm_120"
OURS = {"io.imgbuild.image": "x"}


def labelled(
    cuda: str = "13.0", driver: str = "580", gpus: str = "sm_75 sm_80 sm_86 sm_90 compute_90", **more: str
) -> dict[str, str]:
    told = {"cuda": cuda, "driver": driver, "gpus": gpus, "torch": "2.13.0", **more}
    return {**OURS, **{f"io.imgbuild.{name}": value for name, value in told.items() if value}}


def machine(*names: str, driver: str = "580.95.05", **more: object) -> Host:
    gpus = tuple(HostGpu(name=name) for name in names)
    return Host.model_validate({"platform": AMD64, "driver": driver, "gpus": gpus, **more})


def judged(
    labels: Mapping[str, str], host: Host, env: Mapping[str, str] | None = None, platform: str = AMD64
) -> tuple[str, dict[str, Point]]:
    points = judge(needs(labels, env or {}, platform), host)
    return Verdict.of(points).fits, {point.what: point for point in points}


@pytest.mark.parametrize(
    ("labels", "host", "fits", "why"),
    [
        (labelled(), machine("NVIDIA H100 80GB HBM3"), "yes", ""),
        (labelled(), machine("NVIDIA L40S"), "yes", ""),  # 8.9 runs code for 8.6
        (labelled(), machine("Tesla V100-SXM2-16GB"), "no", "no code for 7.0"),
        (labelled(), machine("NVIDIA H100 80GB HBM3", driver="570.124.06"), "no", ""),
        (labelled(), machine("NVIDIA H100 80GB HBM3", driver="535.183.01"), "no", ""),
        (labelled(), machine("NVIDIA H100 80GB HBM3", "Tesla V100-SXM2-16GB"), "no", "no code for 7.0"),
        (labelled(), machine("NVIDIA B200"), "yes", "only PTX"),
        (labelled(), machine("NVIDIA B200", driver="580"), "yes", "only PTX"),
        (labelled(cuda="13.2", driver="580"), machine("NVIDIA B200"), "no", "that takes 595.45.04"),
        (labelled(cuda="13"), machine("NVIDIA B200"), "unknown", "only PTX"),
        (labelled(gpus=""), machine("NVIDIA H100 80GB HBM3"), "unknown", "compiled for is not said"),
        (labelled(gpus=""), machine("Tesla V100-SXM2-16GB"), "no", "CUDA 13.0 has nothing for Volta"),
        (
            labelled(cuda="12.8", driver="525.60.13", gpus=TORCH_29),
            machine("Tesla V100-SXM2-16GB"),
            "yes",
            "",
        ),
        (
            labelled(cuda="12.8", driver="525.60.13", gpus=TORCH_29),
            machine("Tesla V100-SXM2-16GB", driver="590.44.01"),
            "no",
            "the driver no longer serves it",
        ),
        (labelled(), machine("Some GPU of tomorrow"), "unknown", "capability is not known"),
        (labelled(), machine(), "no", ""),
        (labelled(), machine(driver=""), "no", ""),
    ],
)
def test_images_of_ours(labels: dict[str, str], host: Host, fits: str, why: str) -> None:
    answer, _ = judged(labels, host)
    assert answer == fits
    assert why in " ".join(point.note for point in judge(needs(labels, {}, AMD64), host))


def test_each_no_says_what_to_do() -> None:
    for host in (machine("Tesla V100-SXM2-16GB", driver="535.1"), machine(driver=""), machine("NVIDIA B200")):
        points = judge(needs(labelled(cuda="13.2"), {}, "linux/arm64"), host)
        assert all(point.fix for point in points if point.fits == "no")


def test_a_driver_of_the_major_but_below_the_line_is_told() -> None:
    answer, points = judged(labelled(cuda="13.2"), machine("NVIDIA H100 80GB HBM3"))
    assert answer == "yes"
    assert "minor-version compatibility" in points["driver"].note
    assert "595.45.04" in points["driver"].note


def test_the_label_says_the_lowest_driver() -> None:
    answer, points = judged(labelled(driver="595.45.04"), machine("NVIDIA H100 80GB HBM3"))
    assert answer == "no"
    assert points["driver"].needs.startswith("595.45.04 or newer")


def test_the_capability_that_the_driver_tells_wins_over_the_name() -> None:
    gpu = HostGpu(name="NVIDIA something new", compute="8.9")
    host = Host(platform=AMD64, driver="580.95.05", gpus=(gpu,))
    assert judged(labelled(), host)[0] == "yes"


@pytest.mark.parametrize("platform", ["linux/arm64", "linux/arm64/v8"])
def test_another_platform(platform: str) -> None:
    answer, points = judged(OURS, machine(), platform=platform)
    assert (answer, points["platform"].fits) == ("no", "no")


def test_an_image_without_cuda_fits_everywhere() -> None:
    for host in (machine(driver=""), machine("NVIDIA H100 80GB HBM3"), machine(driver="", trouble="broken")):
        assert judged(OURS, host)[0] == "yes"


def test_an_image_that_says_nothing() -> None:
    answer, points = judged({}, machine("NVIDIA H100 80GB HBM3"))
    assert answer == "unknown"
    assert points["GPU"].needs == "the image says nothing about GPUs"


@pytest.mark.parametrize(
    ("labels", "unread"),
    [
        (labelled(gpus="sm_80 sm_nonsense"), "sm_nonsense"),
        (labelled(driver="new"), "io.imgbuild.driver=new"),
        (labelled(cuda="thirteen"), "io.imgbuild.cuda=thirteen"),
    ],
)
def test_labels_that_cannot_be_understood_are_no_yes(labels: dict[str, str], unread: str) -> None:
    answer, points = judged(labels, machine("NVIDIA A100-SXM4-80GB"))
    assert answer == "unknown"
    assert unread in points["label"].needs


def test_code_of_which_a_part_is_not_understood_is_no_refusal() -> None:
    answer, _ = judged(labelled(gpus="sm_80 sm_nonsense"), machine("NVIDIA H100 80GB HBM3"))
    assert answer == "unknown"


NVIDIAS = {
    "CUDA_VERSION": "13.0.2",
    "NVIDIA_REQUIRE_CUDA": "cuda>=13.0 brand=tesla,driver>=535,driver<536",
    "NVIDIA_VISIBLE_DEVICES": "all",
}


@pytest.mark.parametrize(
    ("env", "driver", "what", "fits"),
    [
        (NVIDIAS, "580.95.05", "NVIDIA_REQUIRE_CUDA", "yes"),
        (NVIDIAS, "570.26", "NVIDIA_REQUIRE_CUDA", "no"),
        (NVIDIAS, "535.104.05", "NVIDIA_REQUIRE_CUDA", "unknown"),  # if it is a Tesla
        ({"CUDA_VERSION": "12.4.1"}, "570.26", "CUDA_VERSION", "yes"),
        ({"CUDA_VERSION": "12.4.1"}, "535.104.05", "CUDA_VERSION", "no"),
        ({**NVIDIAS, "NVIDIA_REQUIRE_ARCH": "arch>=10.0"}, "580.95.05", "NVIDIA_REQUIRE_ARCH", "no"),
        ({**NVIDIAS, "NVIDIA_REQUIRE_CUDA": "cuda"}, "580.95.05", "NVIDIA_REQUIRE_CUDA", "no"),
    ],
)
def test_images_of_others(env: dict[str, str], driver: str, what: str, fits: str) -> None:
    answer, points = judged({}, machine("NVIDIA H100 80GB HBM3", driver=driver), env)
    assert points[what].fits == fits
    assert answer == ("no" if fits == "no" else "unknown")  # nobody says what they are compiled for


@pytest.mark.parametrize("value", ["true", "1", "TRUE"])
def test_the_check_can_be_switched_off_in_the_image(value: str) -> None:
    found = needs({}, {**NVIDIAS, "NVIDIA_DISABLE_REQUIRE": value}, AMD64)
    assert found.requires == {}
    _, points = judged(
        {}, machine("NVIDIA H100 80GB HBM3", driver="570.26"), {**NVIDIAS, "NVIDIA_DISABLE_REQUIRE": value}
    )
    assert points["driver"].fits == "no"  # it still would not run


def test_jetpack_is_another_check() -> None:
    assert needs({}, {"NVIDIA_REQUIRE_JETPACK_HOST_MOUNTS": "x"}, AMD64).requires == {}


@pytest.mark.parametrize("value", ["", "void", "none"])
def test_devices_that_are_none(value: str) -> None:
    assert needs({}, {"NVIDIA_VISIBLE_DEVICES": value}, AMD64).said == "nothing"


def test_the_variables_of_our_own_images_agree_with_their_labels() -> None:
    env = {"NVIDIA_REQUIRE_CUDA": "cuda>=13.0", "NVIDIA_VISIBLE_DEVICES": "all"}
    answer, points = judged(labelled(), machine("NVIDIA H100 80GB HBM3"), env)
    assert answer == "yes"
    assert points["NVIDIA_REQUIRE_CUDA"].fits == "yes"


def test_a_machine_that_was_only_named() -> None:
    asked = machine("H100", driver="", asked=True)
    answer, points = judged(labelled(), asked)
    assert answer == "unknown"
    assert points["driver"].fix == "say it with --driver"
    answer, points = judged(labelled(), machine(driver="580", asked=True))
    assert answer == "unknown"
    assert points["GPU"].fix == "say it with --gpu"
    assert judged(labelled(), machine("H100", driver="580", asked=True))[0] == "yes"


def test_a_driver_in_trouble_is_no_driver() -> None:
    host = machine("NVIDIA H100 80GB HBM3", trouble="Driver/library version mismatch")
    answer, points = judged(labelled(), host)
    assert answer == "no"
    assert "mismatch" in points["driver"].has


def test_a_driver_newer_than_the_tables_is_not_held_against_a_requirement() -> None:
    host = machine("NVIDIA H100 80GB HBM3", driver="900.10.10")
    _, points = judged(labelled(), host, {"NVIDIA_REQUIRE_CUDA": "cuda>=14.0"})
    assert points["NVIDIA_REQUIRE_CUDA"].fits == "unknown"


TEXT = some.text(max_size=12) | some.sampled_from(["13.0", "580", "sm_80", "cuda>=13.0", "all", "true"])


@given(
    some.dictionaries(
        some.sampled_from([f"io.imgbuild.{x}" for x in ("cuda", "driver", "gpus", "torch", "image")]), TEXT
    ),
    some.dictionaries(some.sampled_from([*NVIDIAS, "NVIDIA_REQUIRE_X", "NVIDIA_DISABLE_REQUIRE"]), TEXT),
    some.sampled_from(["", "580.95.05", "470.57.02"]),
)
def test_nothing_that_an_image_says_breaks_the_judge(
    labels: dict[str, str], env: dict[str, str], driver: str
) -> None:
    wanted: Needs = needs(labels, env, AMD64)
    points = judge(wanted, machine("NVIDIA H100 80GB HBM3", driver=driver))
    answers = {point.fits for point in points}
    verdict = Verdict.of(points).fits
    assert verdict == ("no" if "no" in answers else "unknown" if "unknown" in answers else "yes")
