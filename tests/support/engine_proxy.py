"""A socket in front of the engine's own, which can be cut: to its client the daemon has died."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from pathlib import Path
from typing import Any


class EngineProxy:
    """Forwards connections at `path` to the engine's socket until `cut` is called. A context manager."""

    def __init__(self, path: Path, target: Path) -> None:
        self.path = path
        self._target = target
        self._listener = self._listen()
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def __enter__(self) -> EngineProxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def _listen(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(self.path))
        listener.listen()
        return listener

    def cut(self) -> None:
        """Close all connections and stop listening; safe to repeat."""
        if self._thread.is_alive():
            os.write(self._wake_write, b"x")
            self._thread.join()
            os.close(self._wake_read)
            os.close(self._wake_write)
            self.path.unlink(missing_ok=True)

    def _serve(self) -> None:
        peers: dict[socket.socket, socket.socket] = {}
        with self._listener:
            while True:
                watched: list[Any] = [self._wake_read, self._listener, *peers]
                ready, _, _ = select.select(watched, [], [])
                if self._wake_read in ready:
                    break
                for source in ready:
                    if source is self._listener:
                        self._accept(peers)
                    elif source in peers:
                        _forward(source, peers)
        for end in peers:
            end.close()

    def _accept(self, peers: dict[socket.socket, socket.socket]) -> None:
        client, _ = self._listener.accept()
        engine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        engine.connect(str(self._target))
        peers[client], peers[engine] = engine, client


class TcpProxy(EngineProxy):
    """The same on the loopback address: what a remote engine looks like."""

    def __init__(self, target: Path) -> None:
        super().__init__(target.with_name(f"{target.name}.none"), target)

    @property
    def endpoint(self) -> str:
        """What DOCKER_HOST says."""
        return "tcp://{}:{}".format(*self._listener.getsockname())

    def _listen(self) -> socket.socket:
        return socket.create_server(("127.0.0.1", 0))


def _forward(source: socket.socket, peers: dict[socket.socket, socket.socket]) -> None:
    data = b""
    with contextlib.suppress(ConnectionError):
        data = source.recv(65536)
        if data:
            peers[source].sendall(data)
            return
    for end in (source, peers[source]):
        del peers[end]
        end.close()
