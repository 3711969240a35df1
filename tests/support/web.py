"""Folders served over HTTP on loopback, in threads, with every request written down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.threads import running


@dataclass
class Web:
    """url has no slash at its end; asked holds the path of each request."""

    url: str
    asked: list[str] = field(default_factory=list)


class Handler(SimpleHTTPRequestHandler):
    """Folders by the first part of the path."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *args: object, folders: Mapping[str, Path], web: Web) -> None:
        self.folders, self.web = folders, web
        super().__init__(*args)  # type: ignore[arg-type]

    def translate_path(self, path: str) -> str:
        first, _, rest = path.split("?", maxsplit=1)[0].lstrip("/").partition("/")
        folder = self.folders.get(first, Path("/nonexistent"))
        plain = super().translate_path(f"/{rest}")
        return str(folder / Path(plain).relative_to(self.directory)) + ("/" if path.endswith("/") else "")

    def log_request(self, *_args: object) -> None:
        self.web.asked.append(self.path)

    def log_message(self, *_args: object) -> None:
        pass


@contextmanager
def serve(folders: Mapping[str, Path]) -> Iterator[Web]:
    """Serve each folder below its name."""
    web = Web("")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, folders=folders, web=web))
    server.daemon_threads = True
    web.url = f"http://127.0.0.1:{server.server_address[1]}"
    with running(server):
        yield web


def simple_index(folder: Path, wheels: Path) -> Path:
    """A PEP 503 index of the wheels: `simple/NAME/index.html` with links into `../../packages/`."""
    import hashlib

    from packaging.utils import parse_wheel_filename

    links: dict[str, list[str]] = {}
    for wheel in sorted(wheels.glob("*.whl")):
        sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
        link = f'<a href="../../packages/{wheel.name}#sha256={sha256}">{wheel.name}</a>'
        links.setdefault(parse_wheel_filename(wheel.name)[0], []).append(link)
    for name, rows in links.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "index.html").write_text(
            f"<!DOCTYPE html><html><body>{'<br>'.join(rows)}</body></html>"
        )
    return folder
