"""Can containers use this machine's GPUs, and if not, what would it take? Pure.

Commands: docs.nvidia.com/datacenter/cloud-native/container-toolkit (install guide, CDI support; read as
NVIDIA/cloud-native-docs of August 2026) and docs.nvidia.com/datacenter/tesla/driver-installation-guide.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from builder.host.model import Host
from builder.values import Value

State: TypeAlias = Literal["yes", "no", "unknown"]
Case: TypeAlias = Literal[
    "ready", "no-gpu", "no-driver", "driver-broken", "no-toolkit", "not-configured", "no-engine", "elsewhere"
]
_GUIDE = "docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html"
_DRIVERS = "docs.nvidia.com/datacenter/tesla/driver-installation-guide"
_CDI = "Engine 28.3 and newer; from 25 on with features.cdi in daemon.json"
_RUNTIME = "nvidia"
_HOOK = "nvidia-container-runtime-hook"


class EngineFacts(Value):
    """What an engine says of itself. here: it runs on the machine that was looked at. rootless: as its user."""

    version: str = ""
    here: bool = True
    rootless: bool = False
    runtimes: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()


class Ready(Value):
    """state: whether containers get GPUs; case: which of the situations it is; how: in words; todo: what to do."""

    state: State
    case: Case
    how: str
    todo: tuple[str, ...] = ()


def ready(host: Host, engine: EngineFacts | None) -> Ready:
    """The situation of a machine, the first thing that is missing first. engine: None where none answers."""
    if _is_elsewhere(host, engine):
        return _ELSEWHERE
    if not host.gpus and not host.driver:
        return Ready(state="no", case="no-gpu", how="this machine has no NVIDIA GPU", todo=_no_gpu(host))
    if not host.driver:
        return Ready(state="no", case="no-driver", how=_idle(host), todo=install_driver(host))
    if host.trouble:
        return Ready(state="no", case="driver-broken", how=host.trouble, todo=_REPAIR)
    return containers(host, engine)


def containers(host: Host, engine: EngineFacts | None) -> Ready:
    """Whether an engine hands GPUs to containers, whatever driver and GPUs there are."""
    if engine is None:
        how = "no container engine answers, so it cannot be asked for its runtimes"
        return Ready(state="unknown", case="no-engine", how=how)
    if _is_elsewhere(host, engine):
        return _ELSEWHERE
    return _handed(engine) or _missing(host, engine)


def _handed(engine: EngineFacts) -> Ready | None:
    if _RUNTIME in engine.runtimes:
        return Ready(
            state="yes", case="ready", how="the engine has the runtime `nvidia`: docker run --gpus all"
        )
    if any(name.startswith("nvidia.com/") for name in engine.devices):
        how = "the engine knows the GPUs by CDI: docker run --device nvidia.com/gpu=all"
        return Ready(state="yes", case="ready", how=how)
    return None


def _missing(host: Host, engine: EngineFacts) -> Ready:
    if not host.toolkit.is_there:
        how = "NVIDIA's container toolkit is not installed"
        return Ready(
            state="no", case="no-toolkit", how=how, todo=(*install_toolkit(host), *configure(engine))
        )
    if _HOOK in host.toolkit.programs:
        how = "the toolkit is installed; `--gpus` works if the engine was started after that, which it does not tell"
        return Ready(state="unknown", case="not-configured", how=how, todo=configure(engine))
    how = "the toolkit is installed, and the engine does not know of it"
    return Ready(state="no", case="not-configured", how=how, todo=configure(engine))


def _is_elsewhere(host: Host, engine: EngineFacts | None) -> bool:
    """Docker Desktop's machine shares the GPUs of Linux within Windows, and lists the runtime where it does."""
    shared = host.wsl and engine is not None and _RUNTIME in engine.runtimes
    return engine is not None and not engine.here and not shared


_ELSEWHERE = Ready(
    state="unknown",
    case="elsewhere",
    how="the engine runs on another machine, or in a virtual one, which was not looked at",
    todo=("run `imgbuild doctor` there",),
)


def install_driver(host: Host) -> tuple[str, ...]:
    """What installs NVIDIA's driver on a system."""
    if host.wsl:
        return ("install NVIDIA's driver in Windows (and none in Linux), then `wsl --shutdown`",)
    if "ubuntu" in host.system:
        return ("sudo ubuntu-drivers install --gpgpu", "sudo reboot")
    if "debian" in host.system:
        older = "(its version is the release's own; for a newer one add NVIDIA's repository first: "
        return (
            f"sudo apt-get install -y nvidia-driver   {older}{_DRIVERS})",
            "sudo reboot",
        )
    if {"fedora", "rhel"} & set(host.system):
        return (f"add NVIDIA's repository: {_DRIVERS}", "sudo dnf install -y nvidia-open", "sudo reboot")
    return (f"install the driver: {_DRIVERS}", "sudo reboot")


def install_toolkit(host: Host) -> tuple[str, ...]:
    """What installs the container toolkit."""
    first = f"add NVIDIA's repository: {_GUIDE}"
    if {"debian", "ubuntu"} & set(host.system):
        return (first, "sudo apt-get update && sudo apt-get install -y nvidia-container-toolkit")
    if {"fedora", "rhel"} & set(host.system):
        return (first, "sudo dnf install -y nvidia-container-toolkit")
    return (f"install the toolkit: {_GUIDE}",)


def configure(engine: EngineFacts) -> tuple[str, ...]:
    """What makes an engine use the toolkit: as a runtime, or by CDI."""
    if engine.rootless:
        return (
            'nvidia-ctk runtime configure --runtime=docker --config="$HOME/.config/docker/daemon.json"',
            "systemctl --user restart docker",
            "sudo nvidia-ctk config --set nvidia-container-cli.no-cgroups --in-place",
        )
    return (
        "sudo nvidia-ctk runtime configure --runtime=docker",
        "sudo systemctl restart docker",
        f"or by CDI ({_CDI}):",
        "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml",
    )


_NO_GPU = (
    "lock, build, audit and test on the CPU all work here",
    "for a machine with a GPU: imgbuild check-host IMAGE --gpu NAME --driver VERSION",
)
_REPAIR = (
    "sudo reboot   (after an update the loaded module and the libraries differ until then)",
    f"if it stays: install the driver anew: {_DRIVERS}",
)


def _no_gpu(host: Host) -> tuple[str, ...]:
    if host.wsl:
        return ("where Windows has an NVIDIA GPU: " + install_driver(host)[0], *_NO_GPU)
    return _NO_GPU


def _idle(host: Host) -> str:
    """GPUs that no driver of NVIDIA's drives."""
    others = sorted({gpu.driven for gpu in host.gpus if gpu.driven})
    names = ", ".join(gpu.name for gpu in host.gpus)
    by = f" (driven by {', '.join(others)})" if others else ""
    return f"a GPU is there ({names}), its driver is not{by}"
