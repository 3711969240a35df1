"""Make sure that a Docker engine answers: use the one there is, else install and start Debian's docker.io.

Run by `make demo` and `make test`. Ends with 0 when an engine answers, and with one sentence on stderr and 4 when
none does and this user may not start one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from builder.engine.connect import connect
from builder.errors import EngineError

PACKAGES = ("docker.io", "debootstrap")
NOTED = {
    Path("/var/run/docker.pid"): "dockerd",
    Path("/var/run/docker/containerd/containerd.pid"): "containerd",
}
LOG = Path("/var/log/imgbuild-dockerd.log")


def say(text: str) -> None:
    """A line about what is done."""
    print(f"==> {text}", file=sys.stderr, flush=True)


def stop(text: str) -> None:
    """One sentence, and the exit code for engine faults."""
    print(f"error: {text}", file=sys.stderr)
    sys.exit(4)


def answers() -> str:
    """Empty when an engine answers, else why not."""
    try:
        info = connect().info()
    except EngineError as error:
        return str(error)
    say(f"Docker engine {info.version} answers at {info.endpoint}")
    return ""


def install() -> None:
    """Debian's engine, and debootstrap for bases, where they are missing."""
    missing = [
        name
        for name, program in zip(PACKAGES, ("dockerd", "debootstrap"), strict=True)
        if not shutil.which(program)
    ]
    if not missing:
        return
    if not shutil.which("apt-get"):
        stop(
            "no Docker engine answers and this is not Debian or Ubuntu; install and start Docker, then run this again"
        )
    say(f"installing {' and '.join(missing)} with apt-get")
    run("apt-get", "update", "-qq")
    run("apt-get", "install", "-y", "-qq", *missing)


def forget_dead_engine() -> None:
    """What a killed dockerd leaves behind: process ids that make the next one refuse to start, or wait for ever."""
    for noted, program in NOTED.items():
        if not noted.exists():
            continue
        process = Path("/proc", noted.read_text().strip() or "0", "comm")
        if process.exists() and process.read_text().strip() == program:
            stop(
                f"{program} runs already ({process.parent}) and does not answer; stop it, or look at its log"
            )
        noted.unlink()


def run(*words: str) -> None:
    """Run a program of the system's; its failure is one sentence."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    code = subprocess.run(words, check=False, stdout=sys.stderr, env=quiet).returncode
    if code:
        stop(f"`{' '.join(words)}` ended with code {code}; mend that and run this again")


def start() -> None:
    """Start the engine: through systemd where it runs this machine, else in a process session of its own."""
    if Path("/run/systemd/system").is_dir():
        say("starting docker with systemd")
        run("systemctl", "start", "docker")
        return
    say(f"starting dockerd in the background, log in {LOG}")
    forget_dead_engine()
    with LOG.open("ab") as log:
        subprocess.Popen(
            ["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def wait(seconds: float) -> str:
    """Wait until the engine answers; returns why not, or nothing."""
    end = time.monotonic() + seconds
    while (trouble := answers()) and time.monotonic() < end:
        time.sleep(0.5)
    return trouble


def main() -> None:
    """Find, or install and start."""
    trouble = answers()
    if not trouble and shutil.which("debootstrap"):
        return
    if os.geteuid() != 0:
        if not trouble:
            return  # an engine is all that most work needs; `kit bootstrap` says it itself when debootstrap is missing
        stop(
            f"{trouble} (installing and starting one needs root: run this as root, or start Docker and run it again)"
        )
    install()
    if not trouble:
        return
    named = os.environ.get("DOCKER_HOST") or os.environ.get("DOCKER_CONTEXT")
    if named:
        stop(
            f"{trouble} (the engine is named by DOCKER_HOST or DOCKER_CONTEXT: {named}; start it, or unset that)"
        )
    start()
    trouble = wait(60)
    if trouble:
        tail = LOG.read_text(errors="replace").splitlines()[-5:] if LOG.exists() else []
        stop("the Docker engine did not start: " + trouble + "".join(f"\n  | {line}" for line in tail))


if __name__ == "__main__":
    main()
