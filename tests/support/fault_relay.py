"""A relay in front of a server on loopback that cuts connections after some bytes, or answers in the server's place."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fault:
    """after: bytes towards the server until the connection is cut; None for none. answer: a status that is answered to
    whatever is asked first, and the connection closed."""

    after: int | None = None
    answer: int | None = None


Plan = Callable[[int], Fault | None]


@dataclass
class Relay:
    """plan: what becomes of a connection, by its number from 0. host: where it listens, `127.0.0.1:PORT`."""

    target: tuple[str, int]
    plan: Plan = lambda _number: None
    host: str = ""
    connections: int = 0
    faults: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> Fault | None:
        with self._lock:
            fault = self.plan(self.connections)
            self.connections += 1
            self.faults += fault is not None
            return fault


@contextmanager
def relay(target: str, plan: Plan = lambda _number: None) -> Iterator[Relay]:
    """Relay to `127.0.0.1:PORT` until the context ends."""
    name, _, port = target.partition(":")
    made = Relay((name, int(port)), plan)
    with socket.create_server(("127.0.0.1", 0)) as server:
        made.host = f"127.0.0.1:{server.getsockname()[1]}"
        server.settimeout(0.1)
        over = threading.Event()
        threads: list[threading.Thread] = []

        def listen() -> None:
            while not over.is_set():
                try:
                    client, _ = server.accept()
                except (TimeoutError, OSError):
                    continue
                thread = threading.Thread(target=_serve, args=(client, made), daemon=True)
                threads.append(thread)
                thread.start()

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        try:
            yield made
        finally:
            over.set()
            listener.join()
            for thread in threads:
                thread.join(5)


def _serve(client: socket.socket, made: Relay) -> None:
    fault = made.next()
    with client:
        client.settimeout(20)
        if fault is not None and fault.answer is not None:
            _answered(client, fault.answer)
            return
        with contextlib.suppress(OSError), socket.create_connection(made.target) as server:
            server.settimeout(20)
            back = threading.Thread(target=_pump, args=(server, client, None), daemon=True)
            back.start()
            cut = _pump(client, server, fault.after if fault else None)
            if cut:  # at once, and both ways: no end of a message is ever seen
                for side in (client, server):
                    side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                return
            back.join(20)


def _pump(source: socket.socket, target: socket.socket, limit: int | None) -> bool:
    """Bytes from one to the other until the end; True where it was cut at the limit."""
    done = 0
    with contextlib.suppress(OSError):
        while piece := source.recv(1 << 16):
            if limit is not None and done + len(piece) >= limit:
                target.sendall(piece[: limit - done])
                return True
            target.sendall(piece)
            done += len(piece)
        target.shutdown(socket.SHUT_WR)
    return False


def _answered(client: socket.socket, status: int) -> None:
    body = b'{"errors": [{"code": "TOOMANYREQUESTS", "message": "later"}]}'
    with contextlib.suppress(OSError):
        client.recv(1 << 16)
        head = f"HTTP/1.1 {status} Fault\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        client.sendall(f"{head}Connection: close\r\n\r\n".encode() + body)
        client.shutdown(socket.SHUT_WR)
        while client.recv(1 << 16):  # a body that is still under way
            pass
