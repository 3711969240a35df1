"""What the entrypoint says of driver and GPUs: the script run here, below roots as hosts have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder import proc
from builder.fit.facts import Facts
from builder.render.gpus import gpu_needs
from builder.shipped import shipped_dir
from tests.support.made_host import NVRM_CLOSED, NVRM_OPEN

SCRIPT = shipped_dir("dockerfiles") / "rootfs" / "imgbuild-gpus"
FACTS = Facts(
    cuda="13.0",
    driver="580",
    targets=("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"),
    torch="2.14.1",
)
QUIET = " (IMGBUILD_GPU_CHECK=off silences this)\n"


class Host:
    """A root directory with what a container sees of a host."""

    def __init__(self, root: Path, facts: Facts = FACTS) -> None:
        self.root = root
        self.place("etc/imgbuild/gpus", gpu_needs(facts))

    def place(self, name: str, text: str) -> Host:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return self

    def driver(self, text: str) -> Host:
        return self.place("proc/driver/nvidia/version", text)

    def gpu(self, *models: str) -> Host:
        self.place("dev/nvidiactl", "")
        for at, model in enumerate(models):
            told = f"Model: \t\t {model}\nIRQ:   \t\t 16\nGPU UUID: \t GPU-0\n"
            self.place(f"proc/driver/nvidia/gpus/0000:0{at}:00.0/information", told)
        return self

    def said(self, **env: str) -> str:
        words = [f"{name}={value}" for name, value in env.items()]
        done = proc.run(["env", "-i", "PATH=/usr/bin:/bin", *words, "bash", str(SCRIPT), str(self.root)])
        assert done.code == 0
        assert done.stderr == ""
        return done.stdout


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_nothing_is_said_where_all_fits(host: Host) -> None:
    assert host.driver(NVRM_OPEN).gpu("NVIDIA H100 80GB HBM3", "NVIDIA GeForce RTX 4090").said() == ""


def test_no_driver(host: Host) -> None:
    told = (
        "imgbuild: no GPU here: CUDA 13.0 needs a host with an NVIDIA driver of 580 or newer, and --gpus all"
    )
    assert host.said() == told + QUIET


def test_a_driver_and_no_device(host: Host) -> None:
    told = "this container was given no GPU, and the host has a driver for some (580.95.05): start it with --gpus all"
    assert host.driver(NVRM_OPEN).said() == f"imgbuild: {told}{QUIET}"


def test_a_driver_that_is_too_old(host: Host) -> None:
    told = "imgbuild: the host's driver 535.129.03 is too old for CUDA 13.0: it takes 580 or newer"
    assert host.driver(NVRM_CLOSED).gpu("NVIDIA H100").said() == told + QUIET


@pytest.mark.parametrize(
    ("least", "have", "fits"),
    [
        ("525.60.13", "525.60.13", True),
        ("525.60.13", "525.60.09", False),
        ("525.60.13", "525.105.17", True),
        ("525.60.13", "470.256.02", False),
        ("580", "580.65.06", True),
        ("580", "575.99", False),
        ("", "390.157", True),
    ],
)
def test_versions_are_compared_part_by_part(tmp_path: Path, least: str, have: str, fits: bool) -> None:
    host = Host(tmp_path, FACTS.model_copy(update={"driver": least}))
    host.driver(
        f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {have}  Thu Oct 19 18:56:32 UTC 2023\n"
    ).gpu()
    assert ("too old" not in host.said()) is fits


@pytest.mark.parametrize(
    "model", ["Tesla V100-SXM2-16GB", "Tesla P100-PCIE-16GB", "NVIDIA GeForce GTX 1080 Ti"]
)
def test_a_gpu_that_nothing_was_compiled_for(host: Host, model: str) -> None:
    covers = "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120"
    told = f"imgbuild: nothing in this image was compiled for {model}: CUDA 13.0, {covers}"
    assert host.driver(NVRM_OPEN).gpu("NVIDIA H100", model).said() == told + QUIET


@pytest.mark.parametrize(
    "model", ["Tesla T4", "NVIDIA A100-SXM4-40GB", "NVIDIA L4", "NVIDIA B200", "A GPU of 2030"]
)
def test_covered_and_unknown_gpus_are_no_matter(host: Host, model: str) -> None:
    assert host.driver(NVRM_OPEN).gpu(model).said() == ""


def test_without_a_list_of_architectures_the_line_decides(tmp_path: Path) -> None:
    host = Host(tmp_path, Facts(cuda="13.0", driver="580"))
    assert "was compiled for Tesla P40: CUDA 13.0 (" in host.driver(NVRM_OPEN).gpu("Tesla P40").said()


@pytest.mark.parametrize("asked", ["void", "none", ""])
def test_who_asks_for_no_gpu_is_told_nothing(host: Host, asked: str) -> None:
    assert host.said(NVIDIA_VISIBLE_DEVICES=asked) == ""
    assert host.said(NVIDIA_VISIBLE_DEVICES="all") != ""


@pytest.mark.parametrize("device", ["dxg", "nvmap"])
def test_wsl_and_jetson_have_other_devices(host: Host, device: str) -> None:
    assert host.place(f"dev/{device}", "").said() == ""


def test_odd_files_say_nothing_and_break_nothing(host: Host) -> None:
    host.driver("\0\xff garbage $(touch /tmp/x) `id`\n").place("dev/nvidiactl", "")
    host.place("proc/driver/nvidia/gpus/x/information", "Model:\nModel: $(id) * \\ \n:::\n")
    assert host.said() == ""
