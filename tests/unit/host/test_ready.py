"""What it takes to run CUDA containers: a case for each thing that may be missing."""

from __future__ import annotations

import pytest

from builder.host.model import Host, HostGpu, Toolkit
from builder.host.ready import EngineFacts, ready

GPU = (HostGpu(name="NVIDIA H100 80GB HBM3", compute="9.0"),)
IDLE = (HostGpu(name="10de:2330", bus="0000:41:00.0", driven="nouveau"),)
TOOLKIT = Toolkit(version="1.18.1", programs=("nvidia-ctk",))
HOOK = Toolkit(version="1.18.1", programs=("nvidia-ctk", "nvidia-container-runtime-hook"))
RUNC = EngineFacts(version="20.10.24", runtimes=("runc",))
NVIDIA = EngineFacts(version="28.5.2", runtimes=("nvidia", "runc"))
BY_CDI = EngineFacts(version="29.0.0", runtimes=("runc",), devices=("nvidia.com/gpu=all",))


def host(**fields: object) -> Host:
    return Host.model_validate({"platform": "linux/amd64", "system": ("ubuntu", "debian"), **fields})


@pytest.mark.parametrize(
    ("machine", "engine", "case", "state", "command"),
    [
        (host(), RUNC, "no-gpu", "no", "imgbuild check-host IMAGE --gpu"),
        (host(gpus=IDLE), RUNC, "no-driver", "no", "sudo ubuntu-drivers install --gpgpu"),
        (
            host(gpus=IDLE, system=("debian",)),
            RUNC,
            "no-driver",
            "no",
            "sudo apt-get install -y nvidia-driver",
        ),
        (
            host(gpus=IDLE, system=("rocky", "rhel")),
            RUNC,
            "no-driver",
            "no",
            "sudo dnf install -y nvidia-open",
        ),
        (host(gpus=IDLE, system=()), RUNC, "no-driver", "no", "docs.nvidia.com/datacenter/tesla"),
        (host(wsl=True), RUNC, "no-gpu", "no", "install NVIDIA's driver in Windows"),
        (
            host(gpus=GPU, driver="580.95.05", trouble="mismatch"),
            NVIDIA,
            "driver-broken",
            "no",
            "sudo reboot",
        ),
        (host(gpus=GPU, driver="580.95.05"), RUNC, "no-toolkit", "no", "install -y nvidia-container-toolkit"),
        (host(gpus=GPU, driver="580.95.05"), RUNC, "no-toolkit", "no", "nvidia-ctk runtime configure"),
        (
            host(gpus=GPU, driver="580.95.05", toolkit=TOOLKIT),
            RUNC,
            "not-configured",
            "no",
            "--runtime=docker",
        ),
        (
            host(gpus=GPU, driver="580.95.05", toolkit=TOOLKIT),
            RUNC,
            "not-configured",
            "no",
            "nvidia-ctk cdi generate",
        ),
        (
            host(gpus=GPU, driver="580.95.05", toolkit=HOOK),
            RUNC,
            "not-configured",
            "unknown",
            "restart docker",
        ),
        (host(gpus=GPU, driver="580.95.05", toolkit=TOOLKIT), NVIDIA, "ready", "yes", ""),
        (host(gpus=GPU, driver="580.95.05", toolkit=TOOLKIT), BY_CDI, "ready", "yes", ""),
        (host(gpus=GPU, driver="580.95.05", toolkit=TOOLKIT), None, "no-engine", "unknown", ""),
        (
            host(gpus=GPU, driver="580.95.05"),
            EngineFacts(here=False),
            "elsewhere",
            "unknown",
            "imgbuild doctor",
        ),
    ],
)
def test_each_case_has_its_commands(
    machine: Host, engine: EngineFacts | None, case: str, state: str, command: str
) -> None:
    found = ready(machine, engine)
    assert (found.case, found.state) == (case, state)
    assert command in "\n".join(found.todo)
    assert bool(found.todo) is bool(command)


def test_what_drives_a_gpu_instead_is_told() -> None:
    assert "driven by nouveau" in ready(host(gpus=IDLE), RUNC).how


def test_a_rootless_engine_is_configured_for_its_user() -> None:
    machine = host(gpus=GPU, driver="580.95.05", toolkit=TOOLKIT)
    found = ready(machine, EngineFacts(rootless=True, runtimes=("runc",)))
    assert "systemctl --user restart docker" in found.todo
    assert not any("sudo systemctl" in one for one in found.todo)
