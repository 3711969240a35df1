"""What the options of `run` and `shell` say, word by word. Each raises UsageError and asks nobody."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from builder.engine.attended import Mount, Publish
from builder.errors import UsageError
from builder.userpath import user_path

_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)([bkmgt]?)(?:i?b)?", re.IGNORECASE)
_VOLUME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_PORT = re.compile(
    r"(?:(?P<address>\[[0-9a-fA-F:.]+\]|[0-9]{1,3}(?:\.[0-9]{1,3}){3}):)?"
    r"(?:(?P<host>[0-9]{0,5}):)?(?P<port>[0-9]{1,5})(?:/(?P<protocol>tcp|udp|sctp))?"
)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_NAME = re.compile(r"[^=\0\s]+")
_USER = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_.-]*(:[a-zA-Z0-9_][a-zA-Z0-9_.-]*)?")
LEAST_MEMORY = 6 << 20
"""What Docker starts no container below."""


def read_size(text: str, option: str) -> int:
    """Bytes from `512m`, `16g`, `1.5GiB`: as Docker counts them, in powers of 1024."""
    found = _SIZE.fullmatch(text.strip())
    size = int(float(found[1]) * _UNITS[found[2].lower()]) if found else 0
    if size <= 0:
        raise UsageError(f"`{text}` is no size", where=option, fix="write it as 512m or 16g")
    return size


def read_memory(text: str) -> int:
    """What `--memory` says, in bytes."""
    size = read_size(text, "--memory")
    if size < LEAST_MEMORY:
        raise UsageError(
            f"`{text}` is less than any container needs", where="--memory", fix="6m is the least"
        )
    return size


def read_user(text: str) -> str:
    """What `--user` says: `1000`, `1000:100`, a name that the image knows."""
    if _USER.fullmatch(text) is None:
        raise UsageError(
            f"`{text}` is no user", where="--user", fix="write it as UID, UID:GID or a name in the image"
        )
    return text


def read_workdir(text: str) -> str:
    """What `--workdir` says; empty where it is not given."""
    if text and (not text.startswith("/") or "\0" in text):
        fix = "write a path in the container, from its root"
        raise UsageError(f"`{text}` is no absolute path", where="--workdir", fix=fix)
    return text


def read_name(text: str) -> str:
    """What `--name` says; empty where it is not given."""
    if text and _VOLUME.fullmatch(text) is None:
        fix = "use letters, digits, `_`, `.` and `-`"
        raise UsageError(f"`{text}` cannot be a container's name", where="--name", fix=fix)
    return text


def read_mount(text: str, base: Path) -> Mount:
    """`HOST:PATH[:ro|:rw]` as docker has it: with a `/`, a `.` or a `~` in front HOST is a path (from `base`), else the
    name of a volume. A path of this machine must be there; whether the engine sees it is another question."""
    drive = _DRIVE.match(text)
    head = drive[0] if drive else ""
    source, *rest = text[len(head) :].split(":")
    source = head + source
    fix = "write it as HOST:PATH or HOST:PATH:ro, PATH as an absolute path in the container"
    if not source or len(rest) not in {1, 2} or not rest[0].startswith("/") or "\0" in text:
        raise UsageError(f"`{text}` is no mount", where="--volume", fix=fix)
    if len(rest) == 2 and rest[1] not in {"ro", "rw"}:
        raise UsageError(f"`{rest[1]}` is no way to mount", where=f"--volume {text}", fix="write ro or rw")
    target, read_only = rest[0], rest[1:] == ["ro"]
    if not (drive or "/" in source or source.startswith((".", "~"))):
        if _VOLUME.fullmatch(source) is None:
            raise UsageError(
                f"`{source}` is no name of a volume", where=f"--volume {text}", fix=f"write ./{source}"
            )
        return Mount("volume", source, target, read_only)
    path = base / user_path(source)
    if not path.exists():
        raise UsageError(
            f"there is no {path}", where=f"--volume {text}", fix="make it first, or correct the path"
        )
    return Mount("bind", str(path.absolute()), target, read_only)


def read_port(text: str) -> Publish:
    """`[ADDRESS:][HOST:]PORT[/PROTOCOL]`. Without an address only the engine's own machine can connect."""
    found = _PORT.fullmatch(text)
    numbers = [int(found[name]) for name in ("host", "port") if found[name]] if found else [0]
    if found is None or not all(1 <= number <= 65535 for number in numbers):
        fix = "write it as PORT, HOST:PORT or ADDRESS:HOST:PORT, and one option for each port"
        raise UsageError(f"`{text}` is no port", where="--publish", fix=fix)
    address = (found["address"] or "127.0.0.1").strip("[]")
    # `8888` alone is the same port on both sides; `:8888` lets the engine choose.
    host = found["host"] if found["host"] is not None else found["port"]
    return Publish(int(found["port"]), found["protocol"] or "tcp", address, int(host) if host else None)


def read_variables(
    files: Sequence[Path], words: Sequence[str], environ: Mapping[str, str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Variables of `--env-file` and then of `--env`, and the names that were asked for and are not set here.

    `NAME=VALUE` gives a value, `NAME` takes it from `environ`. Files hold one a line, taken as they are, and lines that
    begin with `#`.
    """
    found: dict[str, str] = {}
    unset: list[str] = []
    lines = [row for path in files for row in _lines(path)]
    for word, where in [*lines, *((word, "--env") for word in words)]:
        name, given, value = word.partition("=")
        if _NAME.fullmatch(name) is None or "\0" in value:
            # The line may hold a secret: it is not told.
            raise UsageError("this is no variable", where=where, fix="write it as NAME or NAME=VALUE")
        if given:
            found[name] = value
        elif name in environ:
            found[name] = environ[name]
        else:
            unset.append(name)
    return found, tuple(name for name in dict.fromkeys(unset) if name not in found)


def _lines(path: Path) -> list[tuple[str, str]]:
    """The lines of a file that say something, each with its place."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot be read: {error}", where=str(path), fix="correct --env-file") from error
    rows = ((line.lstrip(), f"{path}:{number}") for number, line in enumerate(text.splitlines(), 1))
    return [(line, where) for line, where in rows if line and not line.startswith("#")]
