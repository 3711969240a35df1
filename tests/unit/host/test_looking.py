"""Drivers, GPUs and the container toolkit of made-up machines; what programs print was recorded on real ones."""

from __future__ import annotations

import json

import pytest

from builder.host.look import look
from builder.host.machine import Machine
from tests.support.made_host import (
    CDI,
    CTK,
    FAILED,
    INFORMATION,
    MISMATCH,
    NO_FIELD,
    NVRM_CLOSED,
    NVRM_OPEN,
    RUNTIME,
    MadeHost,
)

H100 = "NVIDIA H100 80GB HBM3, GPU-bc5610b9-79c8-fedd-8899-07539c7f868a, 580.95.05, 9.0"
# github.com/triton-inference-server/server/pull/8070 (March 2025): one machine with both
TITAN = "NVIDIA TITAN V, GPU-b5169cef-2205-c30e-f2b3-220cfa14bafd, 570.86.15, 7.0"
ADA = "NVIDIA RTX 5880 Ada Generation, GPU-7518f6b0-991f-ce2b-3d37-c779130d3137, 570.86.15, 8.9"
AS_JSON = json.dumps({"kind": "nvidia.com/gpu", "devices": [{"name": "all"}]})


def test_nothing_of_nvidias(made: MadeHost) -> None:
    found = made.look()
    assert (found.driver, found.trouble, found.gpus, found.wsl) == ("", "", (), False)
    assert not found.toolkit.is_there
    assert made.saw("nvidia-smi") == "not on PATH"
    assert made.saw("/proc/driver/nvidia/version") == "not there"


def test_this_machine_can_be_looked_at() -> None:
    found = look(Machine())
    assert found.platform.startswith("linux/")
    assert found.looked


def test_nvidia_smi_tells_all(made: MadeHost) -> None:
    made.smi(TITAN, ADA)
    found = made.look()
    assert found.driver == "570.86.15"
    assert [(gpu.name, gpu.compute) for gpu in found.gpus] == [
        ("NVIDIA TITAN V", "7.0"),
        ("NVIDIA RTX 5880 Ada Generation", "8.9"),
    ]
    assert found.gpus[0].uuid == "GPU-b5169cef-2205-c30e-f2b3-220cfa14bafd"


def test_it_is_asked_for_these_fields(made: MadeHost) -> None:
    made.program("nvidia-smi", script=f'echo "$@" > {made.folder}/asked; printf "%s\\n" "{H100}"')
    made.look()
    words = (made.folder / "asked").read_text().split()
    assert words == ["--query-gpu=name,uuid,driver_version,compute_cap", "--format=csv,noheader"]


@pytest.mark.parametrize("code", [2, 6])
def test_an_old_one_does_not_know_compute_capabilities(made: MadeHost, code: int) -> None:
    row = "Tesla V100-SXM2-16GB, GPU-8eaaebb8-bb64-8489-fda2-62256e821983, 450.80.02"
    made.program(
        "nvidia-smi",
        script=f"case \"$1\" in *compute_cap*) printf '%s' '{NO_FIELD}'; exit {code};; esac; echo '{row}'",
    )
    found = made.look()
    assert found.driver == "450.80.02"
    assert [(gpu.name, gpu.compute) for gpu in found.gpus] == [("Tesla V100-SXM2-16GB", "")]


def test_a_capability_that_it_does_not_tell(made: MadeHost) -> None:
    made.smi("NVIDIA H100 80GB HBM3, [N/A], 580.95.05, [N/A]")
    found = made.look()
    assert (found.gpus[0].compute, found.gpus[0].uuid, found.driver) == ("", "", "580.95.05")


@pytest.mark.parametrize(("printed", "code"), [(FAILED, 9), (MISMATCH, 18)])
def test_it_fails_and_the_kernel_knows_the_driver(made: MadeHost, printed: str, code: int) -> None:
    made.program("nvidia-smi", printed, code)
    made.write("/proc/driver/nvidia/version", NVRM_OPEN)
    made.write("/proc/driver/nvidia/gpus/0000:00:1e.0/information", INFORMATION)
    found = made.look()
    assert found.driver == "580.95.05"
    assert f"code {code}: {printed.split(maxsplit=1)[0]}" in found.trouble
    assert [(gpu.name, gpu.bus) for gpu in found.gpus] == [("Tesla V100-SXM2-16GB", "0000:00:1e.0")]


def test_it_fails_and_only_the_bus_knows(made: MadeHost) -> None:
    made.program("nvidia-smi", FAILED, 9)
    made.pci("0000:41:00.0", driver="nouveau")
    found = made.look()
    assert found.driver == ""
    assert found.trouble
    assert [(gpu.name, gpu.bus, gpu.driven) for gpu in found.gpus] == [
        ("10de:2330", "0000:41:00.0", "nouveau")
    ]


def test_it_fails_where_there_is_no_gpu(made: MadeHost) -> None:
    """Left over on a machine without one: told, and nobody's trouble."""
    made.program("nvidia-smi", FAILED, 9)
    found = made.look()
    assert (found.driver, found.trouble, found.gpus) == ("", "", ())
    assert "code 9" in made.saw("nvidia-smi")


def test_it_hangs(made: MadeHost) -> None:
    made.program("nvidia-smi", script="sleep 60")
    made.write("/sys/module/nvidia/version", "580.95.05\n")
    machine = made.machine
    machine.seconds = 0.2
    found = look(machine)
    assert found.driver == "580.95.05"
    assert "gave no answer in 0.2 seconds" in found.trouble


@pytest.mark.parametrize(
    "printed",
    ["", "\n", "garbage\n", "a, b, c, d\n", "No devices were found\n", f"{H100}\nhalf a row\n", "\x1b[2J, x, 1.2.3\n",
     ", GPU-1, 580.95.05, 9.0\n"],
)  # fmt: skip
def test_it_prints_what_cannot_be_understood(made: MadeHost, printed: str) -> None:
    made.program("nvidia-smi", printed)
    made.write("/proc/driver/nvidia/version", NVRM_OPEN)
    found = made.look()
    assert found.driver == "580.95.05"
    assert "cannot be understood" in found.trouble
    assert found.trouble.isprintable()


def test_what_it_warns_of_is_no_row(made: MadeHost) -> None:
    """As of GPUs with a broken infoROM, on stdout below the rows, with code 0."""
    made.program("nvidia-smi", f"{H100}\nWARNING: infoROM is corrupted at gpu 0000:3B:00.0\n")
    found = made.look()
    assert (found.trouble, len(found.gpus)) == ("", 1)


def test_it_cannot_be_run(made: MadeHost) -> None:
    made.program("nvidia-smi", script="")
    (made.folder / "bin/nvidia-smi").write_text("#!/no/such/shell\n")
    made.write("/proc/driver/nvidia/version", NVRM_OPEN)
    assert "cannot be run" in made.look().trouble


@pytest.mark.parametrize(
    ("place", "text", "version"),
    [
        ("/proc/driver/nvidia/version", NVRM_OPEN, "580.95.05"),
        ("/proc/driver/nvidia/version", NVRM_CLOSED, "535.129.03"),
        ("/sys/module/nvidia/version", "570.26\n", "570.26"),
        ("/proc/driver/nvidia/version", "\n", ""),
        ("/proc/driver/nvidia/version", "nothing to see\n", ""),
    ],
)
def test_the_kernels_word_without_nvidia_smi(made: MadeHost, place: str, text: str, version: str) -> None:
    made.write(place, text)
    made.write("/proc/driver/nvidia/gpus/0000:00:1e.0/information", INFORMATION)
    found = made.look()
    assert found.driver == version
    assert found.trouble == ""
    assert bool(found.gpus) is bool(version)


def test_a_driver_without_a_gpu(made: MadeHost) -> None:
    made.write("/proc/driver/nvidia/version", NVRM_OPEN)
    assert "there is no GPU" in made.look().trouble


@pytest.mark.parametrize(
    ("vendor", "kind", "is_one"),
    [
        ("0x10de", "0x030000", True),
        ("0x10de", "0x030200", True),
        ("0x10de", "0x040300", False),  # the sound of a graphics card
        ("0x10de", "0x068000", False),  # a switch of NVLink
        ("0x1002", "0x030000", False),  # of another vendor
        ("0x15b3", "0x020700", False),
    ],
)
def test_gpus_on_the_bus(made: MadeHost, vendor: str, kind: str, is_one: bool) -> None:
    made.pci("0000:01:00.0", vendor=vendor, kind=kind)
    found = made.look()
    assert bool(found.gpus) is is_one
    assert found.driver == ""


def test_a_bus_that_cannot_be_read(made: MadeHost) -> None:
    made.write("/sys/bus/pci/devices", "a file where a folder should be")
    assert made.look().gpus == ()


def test_linux_within_windows(made: MadeHost) -> None:
    made.write("/usr/lib/wsl/lib/libcuda.so.1", "")
    path = made.write(
        "/usr/lib/wsl/lib/nvidia-smi", "#!/bin/sh\necho 'NVIDIA GeForce RTX 4090, GPU-1, 551.61, 8.9'\n"
    )
    path.chmod(0o755)
    found = made.look()
    assert found.wsl
    assert found.driver == "551.61"


@pytest.mark.parametrize(
    ("name", "printed", "version"),
    [
        ("nvidia-ctk", CTK, "1.12.0"),
        ("nvidia-container-runtime", RUNTIME, "1.11.0"),
        ("nvidia-ctk", "garbage", ""),
    ],
)
def test_the_toolkits_version(made: MadeHost, name: str, printed: str, version: str) -> None:
    made.program(name, printed)
    found = made.look().toolkit
    assert (found.version, found.programs, found.is_there) == (version, (name,), True)


def test_a_toolkit_that_fails(made: MadeHost) -> None:
    made.program("nvidia-ctk", "boom", 3)
    assert "code 3: boom" in made.saw("nvidia-ctk")


@pytest.mark.parametrize(
    ("place", "text", "devices"),
    [
        ("/etc/cdi/nvidia.yaml", CDI, ("nvidia.com/gpu=0", "nvidia.com/gpu=all")),
        ("/var/run/cdi/nvidia.yaml", CDI, ("nvidia.com/gpu=0", "nvidia.com/gpu=all")),
        ("/etc/cdi/n.json", AS_JSON, ("nvidia.com/gpu=all",)),
        ("/etc/cdi/amd.yaml", CDI.replace("nvidia.com", "amd.com"), ()),
        ("/etc/cdi/nvidia.yaml", "{", ()),
        ("/etc/cdi/nvidia.yaml", "", ()),
        ("/etc/cdi/nvidia.yaml", "[1, 2]", ()),
        ("/etc/cdi/nvidia.yaml", "kind: nvidia.com/gpu\n", ()),
        ("/etc/cdi/notes.txt", CDI, ()),
        ("/etc/cdi/nvidia.yaml", "kind: 2026-99-99\n", ()),  # looks like a day, and is none
        ("/etc/cdi/nvidia.yaml", "[" * 5_000, ()),
    ],
)  # fmt: skip
def test_cdi_files(made: MadeHost, place: str, text: str, devices: tuple[str, ...]) -> None:
    made.write(place, text)
    assert tuple(name for spec in made.look().toolkit.specs for name in spec.devices) == devices


@pytest.mark.parametrize(
    ("text", "system"),
    [
        ('ID=ubuntu\nID_LIKE=debian\nNAME="Ubuntu"\n', ("ubuntu", "debian")),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', ("rocky", "rhel", "centos", "fedora")),
        ("ID=debian\n", ("debian",)),
        ("", ()),
    ],
)
def test_the_system(made: MadeHost, text: str, system: tuple[str, ...]) -> None:
    made.write("/etc/os-release", text)
    assert made.look().system == system
