"""docker-compose as Debian has it, and a registry for it: in a container of the project's own base, with TLS."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

from tests.support.real_registry import HTPASSWD, written
from tests.support.registry import docker, program
from tests.support.tls import Company

PORT = 5000
_PAGE = "FROM {base}\nCOPY registry /registry\nCOPY conf /conf\nCMD /registry serve /conf/registry.yml\n"


def compose_command(folder: Path) -> str:
    """docker-compose, installed or taken out of Debian's packages without installing them."""
    installed = shutil.which("docker-compose")
    if installed:
        return installed
    wanted = ["apt-get", "install", "--simulate", "--no-install-recommends", "docker-compose"]
    done = subprocess.run(wanted, capture_output=True, text=True, check=False)
    if done.returncode:  # a machine whose lists are old, or that never had any
        subprocess.run(["apt-get", "update", "-qq"], capture_output=True, check=False)
        done = subprocess.run(wanted, capture_output=True, text=True, check=False)
    names = re.findall(r"^Inst (\S+)", done.stdout, re.MULTILINE)
    assert names, f"these tests want docker-compose: apt-get install docker-compose\n{done.stderr}"
    folder.mkdir()
    subprocess.run(["apt-get", "download", *names], cwd=folder, capture_output=True, check=True)
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(package), str(folder / "root")], check=True)
    return f"env PYTHONPATH={folder / 'root/usr/lib/python3/dist-packages'} /usr/bin/python3 -m compose"


def write_service(folder: Path, base_tar: Path, base: str, address: str, company: Company) -> Path:
    """The compose file of a registry that listens at this address of the engine's machine; base: a name for the image
    of the base, which is imported."""
    with base_tar.open("rb") as tar:
        subprocess.run(["docker", "import", "-", base], stdin=tar, capture_output=True, check=True)
    conf = folder / "conf"
    conf.mkdir(parents=True)
    (conf / "htpasswd").write_text(HTPASSWD)
    places = {name: f"/conf/{Path(path).name}" for name, path in written(conf, company).items()}
    config = {
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": "/data"}},
        "http": {"addr": f":{PORT}", "tls": places},
        "auth": {"htpasswd": {"realm": "lab", "path": "/conf/htpasswd"}},
    }
    (conf / "registry.yml").write_text(json.dumps(config))  # JSON is YAML
    shutil.copy(program(), folder / "registry")
    (folder / "Dockerfile").write_text(_PAGE.format(base=base))
    service = {"build": ".", "image": f"{base}-with-registry", "ports": [f"{address}::{PORT}"]}
    page = folder / "docker-compose.yml"
    page.write_text(json.dumps({"version": "2.4", "services": {"registry": service}}))
    return page


def bridge_address() -> str:
    """Where containers reach the engine's machine: no loopback, so that nothing there is trusted without a reason."""
    found = docker("network", "inspect", "bridge", "--format", "{{range .IPAM.Config}}{{.Gateway}}{{end}}")
    if found:
        return found
    shown = subprocess.run(
        ["ip", "-4", "-o", "address", "show", "docker0"], capture_output=True, text=True, check=True
    ).stdout
    return re.findall(r"inet ([0-9.]+)/", shown)[0]
