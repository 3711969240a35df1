"""A channel over HTTP on loopback: python -m benchmarks.forge.server FOLDER prints its port and serves.

`/sharded/` has all that the folder has; `/whole/` has no sharded index. Headers as conda-forge's servers send them.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FORMS = ("sharded", "whole")


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def translate_path(self, path: str) -> str:
        form, _, rest = path.lstrip("/").partition("/")
        hidden = form not in FORMS or (form == "whole" and "shard" in rest)
        return "/nonexistent" if hidden else super().translate_path(f"/{rest}")

    def end_headers(self) -> None:
        lasting = "immutable, max-age=31536000" if "/shards/" in self.path else "max-age=600"
        self.send_header("Cache-Control", f"public, {lasting}")
        super().end_headers()

    def log_message(self, *_args: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder in a process of its own; the URL has no slash at its end."""
    argv = [sys.executable, "-m", "benchmarks.forge.server", str(folder)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


def main(folder: str) -> None:
    """Serve until the process is ended."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=folder))
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
