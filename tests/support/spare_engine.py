"""A second Docker daemon for tests that stop it: own network name space, own data, own socket."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class SpareEngine:
    """A daemon that may be killed and started again. Its socket's path must be short (108 bytes are the most).

    hidden: directories that are empty for it, as on another machine; it has a mount name space of its own then.
    """

    home: Path
    hidden: tuple[Path, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def endpoint(self) -> str:
        """What DOCKER_HOST says."""
        return f"unix://{self.home}/docker.sock"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "docker.pid").unlink(missing_ok=True)
        places = [
            f"--data-root={self.home}/data",
            f"--exec-root={self.home}/exec",
            f"--pidfile={self.home}/docker.pid",
            f"--host={self.endpoint}",
        ]
        # Without a network name space of its own, --bridge=none would take docker0 from the machine's engine.
        argv = [
            *self._apart(),
            "dockerd",
            "--bridge=none",
            "--iptables=false",
            "--ip-forward=false",
            *places,
        ]
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._wait()

    def _apart(self) -> list[str]:
        """What stands before its command: its own name spaces."""
        if not self.hidden:
            return ["unshare", "--net"]
        mounts = "".join(f"mount -t tmpfs none {shlex.quote(str(path))} && " for path in self.hidden)
        return [
            "unshare",
            "--net",
            "--mount",
            "--propagation=private",
            "sh",
            "-c",
            f'{mounts} exec "$0" "$@"',
        ]

    def kill(self) -> None:
        """Kill it as a crash would: at once, and all of its processes."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self._kill_containerd()

    def stop(self) -> None:
        """Stop it in order, and take its mounts away."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process = None
        subprocess.run(["umount", "-R", str(self.home / "data")], capture_output=True, check=False)

    def end(self) -> None:
        """Stop it at once, when its data goes away with it."""
        self.kill()
        self.process = None
        for shim in self._shims():
            with contextlib.suppress(ProcessLookupError):
                os.kill(shim, signal.SIGKILL)
        subprocess.run(["umount", "-l", "-R", str(self.home / "data")], capture_output=True, check=False)

    def _shims(self) -> list[int]:
        """What watched over a container when its daemon was killed lives on."""
        found = []
        for place in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):  # a process that ended just now
                words = place.read_bytes()
                if b"containerd-shim" in words and f"{self.home}/exec".encode() in words:
                    found.append(int(place.parent.name))
        return found

    def _kill_containerd(self) -> None:
        """dockerd's own containerd lives in another process group and would be taken for a running one."""
        noted = self.home / "exec" / "containerd" / "containerd.pid"
        if noted.exists():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(noted.read_text()), signal.SIGKILL)
            noted.unlink()

    def _wait(self) -> None:
        end = time.monotonic() + 60
        check = ["docker", "--host", self.endpoint, "version"]
        while subprocess.run(check, capture_output=True, check=False).returncode != 0:
            if time.monotonic() > end or (self.process is not None and self.process.poll() is not None):
                raise RuntimeError((self.home / "log").read_text()[-2000:])
            time.sleep(0.2)
