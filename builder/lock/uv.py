"""uv as a resolver: requirement lines go in, what pylock.toml says comes out."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from builder import proc
from builder.errors import LockError
from builder.lock.target import Target

_LONGEST_REASON = 25  # lines
_NO_WHEEL = re.compile(
    r"([A-Za-z0-9][\w.-]*?)(?:[=<>!~]=?\S+)? (?:has no (?:usable )?wheels|was found, but has no usable)|"
    r"only wheels are available for `?([A-Za-z0-9][\w.-]*)"
)
_UNKNOWN = re.compile(r"([A-Za-z0-9][\w.-]*) was not found in the (?:package registry|provided package loc)")
_NETWORK = re.compile(r"Failed to fetch|error sending request|dns error|Connection|timed out", re.IGNORECASE)


def compile_pylock(
    lines: Sequence[str],
    target: Target,
    *,
    index: Sequence[str],
    constraints: Path,
    folder: Path,
    where: str,
) -> list[dict[str, Any]]:
    """The `packages` of a pylock for these requirement lines, wheels only, on the target machine.

    index: arguments that say where wheels are found. folder: an empty working folder, so that no uv.toml of a
    project is read; the machine's own configuration is. where: the file to name in messages. Raises LockError
    when nothing satisfies the lines, something has no wheel, or the index cannot be reached.
    """
    asked = folder / "requirements.in"
    asked.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    argv: list[str | Path] = [
        _find_uv(), "pip", "compile", "--quiet", "--no-header", "--color", "never", "--format", "pylock.toml",
        "--only-binary", ":all:", "--no-python-downloads", "--python", sys.executable,
        "--python-version", target.python, "--python-platform", target.uv_platform,
        "--constraints", constraints, *index, asked,
    ]  # fmt: skip
    result = proc.run(argv, cwd=folder, env=_settings(), check=False)
    if result.code != 0:
        raise explained(result.stderr or result.stdout, target, where, folder)
    packages: list[dict[str, Any]] = _toml(result.stdout).get("packages", [])
    return packages


def explained(text: str, target: Target, where: str, folder: Path) -> LockError:
    """uv's refusal as a sentence, a mend, and its own words below."""
    reason = _readable(text, folder)
    detail = "\n".join(reason)
    if found := _NO_WHEEL.search(" ".join(reason)):
        name = next(filter(None, found.groups()))
        what = f"{name} has no wheel for {target}"
        fix = "ask for a version that has one, or take the package from conda"
    elif found := _UNKNOWN.search(" ".join(reason)):
        what = f"no package is called {found[1]} where wheels are looked for"
        fix = "check the name, or which index uv is configured to use"
    elif _NETWORK.search(text):
        what = "the package index cannot be reached"
        fix = (
            "check the network and uv's configuration (its index, SSL_CERT_FILE), or use a kit with --kit DIR"
        )
    else:
        what = f"nothing satisfies the pip section on {target}"
        fix = "loosen the requirements; what conda brings holds conda's version"
    return LockError(what, where=where, fix=fix, detail=detail)


def compile_listing(
    lines: Sequence[str],
    target: Target,
    *,
    index: Sequence[str],
    constraints: Path,
    folder: Path,
    where: str,
) -> str:
    """The same set as text, each package with those that need it behind `# via`. See compile_pylock.

    constraints: pin everything, so that nothing else than what was resolved before is found.
    """
    asked = folder / "requirements.in"
    asked.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    argv: list[str | Path] = [
        _find_uv(), "pip", "compile", "--quiet", "--no-header", "--color", "never", "--annotation-style", "line",
        "--only-binary", ":all:", "--no-python-downloads", "--python", sys.executable, "--prerelease", "allow",
        "--python-version", target.python, "--python-platform", target.uv_platform,
        "--constraints", constraints, *index, asked,
    ]  # fmt: skip
    result = proc.run(argv, cwd=folder, env=_settings(), check=False)
    if result.code != 0:
        raise explained(result.stderr or result.stdout, target, where, folder)
    return result.stdout


def _readable(text: str, folder: Path) -> list[str]:
    plain = text.replace(str(folder), "conda")
    lines = [
        re.sub(r"^\s*(error|cause|[^\w\s`]+(?=\s)):?\s*", "", line).rstrip() for line in plain.splitlines()
    ]
    kept = [line for line in lines if line]
    return kept[:_LONGEST_REASON] + (["..."] if len(kept) > _LONGEST_REASON else [])


def _toml(text: str) -> dict[str, Any]:
    # tomli is the same reader, for the Python that has none of its own.
    reader = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    found: dict[str, Any] = reader.loads(text)
    return found


def _find_uv() -> str:
    import uv  # noqa: PLC0415  (found only where a pip section is)

    return os.fspath(uv.find_uv_bin())


def _settings() -> dict[str, str]:
    # The machine's certificate store; older versions of uv know it by the second name only.
    return {name: "1" for name in ("UV_SYSTEM_CERTS", "UV_NATIVE_TLS") if name not in os.environ}
