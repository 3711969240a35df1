"""An index of wheels over HTTP whose files can be had in pieces, or cannot, as servers differ."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from tests.support.replying import Replying
from tests.support.threads import running

Kind = Literal["ranges", "none", "no-suffix", "short", "shifted", "busy-once"]


@dataclass
class PieceServer:
    """folder: the wheels. kind: how ranges are answered. listed: the form of the index. sent: bytes of each file."""

    folder: Path
    kind: Kind = "ranges"
    listed: Literal["json", "html"] = "json"
    url: str = ""
    sent: dict[str, int] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    yanked: set[str] = field(default_factory=set)

    @property
    def index(self) -> str:
        """What --wheel-index names."""
        return f"{self.url}/simple"

    def names(self, project: str) -> list[str]:
        found = []
        for path in sorted(self.folder.iterdir()):
            try:
                name = parse_wheel_filename(path.name)[0]
            except InvalidWheelFilename:
                name = canonicalize_name(path.name.rpartition("-")[0])
            if name == project:
                found.append(path.name)
        return found


class _Handler(Replying, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of: PieceServer

    def do_GET(self) -> None:
        first, _, rest = self.path.lstrip("/").partition("/")
        site = self.server_of
        span = self.headers.get("Range", "")
        site.asked.append((self.path, span))
        if first == "simple":
            self._list(rest.strip("/"))
        elif (site.folder / rest).is_file():
            self._file(rest, (site.folder / rest).read_bytes(), span)
        else:
            self.reply(404, b"")

    def _list(self, project: str) -> None:
        site = self.server_of
        names = site.names(project)
        if not names:
            self.reply(404, b"")
        elif site.listed == "json":
            rows = ", ".join(
                f'{{"filename": "{name}", "url": "../../files/{name}", "hashes": {{}},'
                f' "yanked": {str(name in site.yanked).lower()}}}'
                for name in names
            )
            text = f'{{"meta": {{"api-version": "1.0"}}, "name": "{project}", "files": [{rows}]}}'
            self.reply(200, text.encode(), {"Content-Type": "application/vnd.pypi.simple.v1+json"})
        else:
            links = "".join(
                f'<a href="../../files/{name}#sha256={"0" * 64}"{" data-yanked" if name in site.yanked else ""}>'
                f"{name}</a>\n"
                for name in names
            )
            self.reply(200, f"<!DOCTYPE html><html><body>{links}</body></html>".encode(),
                        {"Content-Type": "text/html"})  # fmt: skip

    def _file(self, name: str, body: bytes, span: str) -> None:
        kind = self.server_of.kind
        found = re.fullmatch(r"bytes=(\d*)-(\d*)", span)
        if kind == "busy-once" and sum(path == self.path for path, _ in self.server_of.asked) == 1:
            self.reply(503, b"")
            return
        if found is None or kind == "none":
            self._count(name, len(body))
            self.reply(200, body)
            return
        if not found[1] and kind == "no-suffix":
            self.reply(416, b"")
            return
        start = int(found[1]) if found[1] else max(0, len(body) - int(found[2]))
        end = min(len(body), int(found[2]) + 1) if found[1] and found[2] else len(body)
        if kind == "shifted" and found[1]:
            start, end = start + 1, min(len(body), end + 1)
        piece = body[start:end]
        told = f"bytes {start}-{end - 1}/{len(body)}"
        if kind == "short" and found[1]:
            piece = piece[:-1]
        self._count(name, len(piece))
        self.reply(206, piece, {"Content-Range": told})

    def _count(self, name: str, size: int) -> None:
        self.server_of.sent[name] = self.server_of.sent.get(name, 0) + size


@contextmanager
def piece_server(folder: Path, kind: Kind = "ranges") -> Iterator[PieceServer]:
    """Serve the wheels of a folder as an index: `simple/PROJECT/` and `files/NAME`."""
    site = PieceServer(folder, kind)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"server_of": site}))
    server.daemon_threads = True
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    with running(server):
        yield site
