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
from builder.lock.again import until_readable
from builder.lock.index import network_reason, settings, signed
from builder.lock.model import PipPackage
from builder.lock.target import Target
from builder.network.offline import is_offline
from builder.network.redact import redacted
from builder.settings.patience import read_policy

_LONGEST_REASON = 25  # lines
_NO_WHEEL = re.compile(
    r"([A-Za-z0-9][\w.-]*?)(?:[=<>!~]=?\S+)? (?:(?:has|have) no (?:usable )?wheels|was found, but has no usable)|"
    r"only wheels are available for `?([A-Za-z0-9][\w.-]*)"
)
_UNKNOWN = re.compile(r"([A-Za-z0-9][\w.-]*) was not found in the (?:package registry|provided package loc)")
_FROM = re.compile(r"^\s*# from (\S+)$", re.MULTILINE)
_NETWORK = re.compile(
    r"Failed to fetch|error sending request|dns error|connection (?:refused|reset|closed|aborted|error)|timed out|"
    r"HTTP status (?:client|server) error|unexpected JSON|`Content-Type`|decoding response body",
    re.IGNORECASE,
)


class UnresolvableError(LockError):
    """Nothing satisfies the requirement lines; `said` is what uv says of it, as one text."""

    @property
    def said(self) -> str:
        """uv's words in one line."""
        return " ".join(self.detail.split())


def compile_pylock(
    lines: Sequence[str],
    target: Target,
    *,
    index: Sequence[str],
    constraints: Path,
    folder: Path,
    where: str,
    preferred: Sequence[PipPackage] = (),
) -> list[dict[str, Any]]:
    """The `packages` of a pylock for these requirement lines, wheels only, on the target machine.

    index: arguments that say where wheels are found. folder: a working folder of this question alone, so that no
    uv.toml of a project is read; the machine's own configuration is. where: the file to name in messages.
    preferred: wheels whose versions are taken where nothing speaks against them. Raises LockError
    when nothing satisfies the lines, something has no wheel, or the index cannot be reached.
    """
    asked = folder / "requirements.in"
    asked.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    # uv prefers what the output file holds before it writes it.
    answer = folder / "pylock.toml"
    answer.unlink(missing_ok=True)
    if preferred:
        answer.write_text(_pylock(preferred), encoding="utf-8")
    shape: list[str | Path] = ["--format", "pylock.toml", "--output-file", answer]
    _compile(asked, shape, target, index=index, constraints=constraints, where=where)
    packages: list[dict[str, Any]] = _toml(answer.read_text(encoding="utf-8")).get("packages", [])
    return packages


def _pylock(wheels: Sequence[PipPackage]) -> str:
    """The least that makes a pylock: names and versions."""
    packages = "".join(
        f'\n[[packages]]\nname = "{wheel.name}"\nversion = "{wheel.version}"\n' for wheel in wheels
    )
    return f'lock-version = "1.0"\ncreated-by = "imgbuild"\n{packages}'


def explained(text: str, target: Target, where: str, folder: Path) -> LockError:
    """uv's refusal as a sentence, a mend, and its own words below."""
    reason = _readable(redacted(text), folder)
    detail = "\n".join(reason)
    if (network := network_reason(" ".join(reason))) is not None:
        return LockError(network[0], where=where, fix=network[1], detail=detail)
    if found := _NO_WHEEL.search(" ".join(reason)):
        name = next(filter(None, found.groups()))
        what = f"{name} has no wheel for {target}"
        fix = "ask for a version that has one, or take the package from conda"
    elif found := _UNKNOWN.search(" ".join(reason)):
        what = f"no package is called {found[1]} where wheels are looked for"
        fix = "check the name, or which index uv is configured to use"
    elif _NETWORK.search(text):
        fix = (
            "check the network and uv's configuration (its index, SSL_CERT_FILE), or use a kit with --kit DIR"
        )
        return LockError("the package index cannot be reached", where=where, fix=fix, detail=detail)
    else:
        what = f"nothing satisfies the pip section on {target}"
        fix = "loosen the requirements; what conda brings holds conda's version"
    return UnresolvableError(what, where=where, fix=fix, detail=detail)


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
    shape = ["--annotation-style", "line", "--prerelease", "allow"]
    return _compile(asked, shape, target, index=index, constraints=constraints, where=where)


def index_of(project: str, *, index: Sequence[str], folder: Path) -> str:
    """The URL of the index that uv takes a project from, by the given arguments and by this machine's configuration.

    Nothing else tells it: uv.toml, its variables and its default are uv's. Raises LockError as compile_pylock.
    """
    asked = folder / "requirements.in"
    asked.write_text(f"{project}\n", encoding="utf-8")
    index, secrets = signed(index)
    argv: list[str | Path] = [
        _find_uv(), "pip", "compile", "--quiet", "--no-header", "--color", "never", "--universal", "--no-deps",
        "--emit-index-annotation", "--no-python-downloads", "--python", sys.executable, *index, asked,
    ]  # fmt: skip
    result = proc.run(argv, cwd=folder, env={**settings(), **secrets}, check=False)
    found = _FROM.search(result.stdout)
    if result.code == 0 and found is not None:
        return found[1]
    detail = "\n".join(_readable(redacted(result.stderr or result.stdout), folder))
    what, fix = network_reason(detail) or (
        f"the package index does not have {project}, or cannot be reached",
        "check the network and which index uv is configured to use, or name one with --wheel-index",
    )
    raise LockError(what, fix=fix, detail=detail)


def _compile(
    asked: Path,
    shape: Sequence[str | Path],
    target: Target,
    *,
    index: Sequence[str],
    constraints: Path,
    where: str,
) -> str:
    """What uv prints about the lines in a file, of whose folder it knows nothing else. shape: of its answer."""
    index, secrets = signed(index)
    argv: list[str | Path] = [
        _find_uv(), "pip", "compile", "--quiet", "--no-header", "--color", "never", *shape,
        "--only-binary", ":all:", "--no-python-downloads", "--python", sys.executable,
        "--python-version", target.python, "--python-platform", target.uv_platform,
        "--constraints", constraints, *index, asked,
    ]  # fmt: skip

    def run(anew: bool) -> proc.Finished:
        words = [*argv, "--refresh"] if anew else argv
        return proc.run(words, cwd=asked.parent, env={**settings(), **secrets}, check=False)

    result = run(False) if "--no-index" in index or is_offline() else until_readable(run, read_policy())
    if result.code != 0:
        raise explained(result.stderr or result.stdout, target, where, asked.parent)
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
