"""The one place that turns a fault into words and an exit code."""

from __future__ import annotations

import errno
import importlib
import json
import logging
import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TextIO

import click

from builder import __version__
from builder.errors import DefinitionError, ImgbuildError
from builder.network.redact import redacted, redacted_values
from builder.report.plain import many_lines

INTERRUPTED = 130
UNEXPECTED = 70
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF})
_LOST = "cannot write the result: {}"
_ELSEWHERE = "send stdout to another place"


class Told(Exception):  # noqa: N818  (no error of its own)
    """A fault that was told already, as a part of the result; only its exit code is left to say."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


def run(command: Callable[[], object], argv: Sequence[str]) -> int:
    """Run a command to its end and return the exit code; every exception becomes text (or JSON) here."""
    code = _ending(command, argv)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget(sys.stdout)
    except OSError as error:  # the result is lost, and nobody may take it for a success
        _forget(sys.stdout)
        return _say(_LOST.format(error.strerror), UNEXPECTED, False, fix=_ELSEWHERE)
    return code


def write(text: str, stream: TextIO) -> None:
    """Write a line, without secrets.

    A reader that went away (`imgbuild list | head -1`) is not our fault and changes no exit code.
    """
    _put(redacted(text), stream)


def write_json(document: object, *, ascii_only: bool = False) -> None:
    """Write one JSON document on stdout, without secrets in its values; its keys are ours and stay."""
    _put(json.dumps(redacted_values(document), indent=2, ensure_ascii=ascii_only), sys.stdout)


def _put(text: str, stream: TextIO) -> None:
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        _forget(stream)
    except OSError as error:
        _forget(stream)
        if stream is sys.stdout:  # the result is lost, and nobody may take that for a success
            raise ImgbuildError(_LOST.format(error.strerror), fix=_ELSEWHERE) from error


def _forget(stream: TextIO) -> None:
    """Send what is still to come to nowhere, so that the interpreter's own flush at its end is quiet too."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _ending(command: Callable[[], object], argv: Sequence[str]) -> int:  # noqa: PLR0911  (a table of endings)
    as_json = wants_json(argv)
    try:
        command()
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except Told as told:
        return told.exit_code
    except click.ClickException as error:
        return _usage(error, as_json)
    except ImgbuildError as error:
        return _expected(error, as_json)
    except (KeyboardInterrupt, click.Abort):
        return _say(
            "interrupted", INTERRUPTED, as_json, fix="what was finished is kept; run it again to go on"
        )
    except BrokenPipeError:  # of click's own printing, `--help`
        _forget(sys.stdout)
    except OSError as error:
        if error.errno in _FULL and error.filename is None:  # of click's own printing as well
            _forget(sys.stdout)
            return _say(_LOST.format(error.strerror), UNEXPECTED, as_json, fix=_ELSEWHERE)
        return _surprise(error, argv, as_json)
    except Exception as error:  # noqa: BLE001  (the boundary: a surprise becomes a log to attach)
        return _surprise(error, argv, as_json)
    return 0


def wants_json(argv: Sequence[str]) -> bool:
    """Whether `--json` was asked for, also when the rest of the line could not be parsed."""
    ours = argv[: argv.index("--")] if "--" in argv else argv
    if "--json" in ours and ours[0] in {"run", "shell"}:
        from builder.cli.attended import BeforeProgram

        found = importlib.import_module(f"builder.cli.{ours[0]}").COMMAND
        ours = found.own_words(list(ours[1:])) if isinstance(found, BeforeProgram) else ours
    return "--json" in ours


def error_document(error: ImgbuildError) -> dict[str, Any]:
    """The error as data: what `--json` prints in place of a result."""
    document: dict[str, Any] = {
        "what": error.what,
        "where": error.where,
        "fix": error.fix,
        "detail": error.detail,
        "exit_code": error.exit_code,
    }
    if isinstance(error, DefinitionError):
        fields = ("file", "line", "column", "path", "what", "fix", "warning")
        document["problems"] = [
            {name: getattr(problem, name) for name in fields} for problem in error.problems
        ]
    return document


def error_text(error: ImgbuildError) -> str:
    """The error for people: what, where, what to do next, then the detail. Nothing in it steers a terminal."""
    if isinstance(error, DefinitionError):
        return f"{error}\nerror: {error.what}"
    lines = many_lines(f"error: {error.what}")
    if error.where:
        lines += many_lines(f"  where: {error.where}")
    if error.fix:
        lines += many_lines(f"  to do: {error.fix}")
    if error.detail:
        lines.extend(f"  | {line}" for line in many_lines(error.detail.rstrip()))
    return "\n".join(lines)


def _expected(error: ImgbuildError, as_json: bool) -> int:
    logging.getLogger(__name__).debug("expected error", exc_info=error)
    if as_json:
        write_json({"error": error_document(error)}, ascii_only=True)
    write(error_text(error), sys.stderr)
    return error.exit_code


def _usage(error: click.ClickException, as_json: bool) -> int:
    context = getattr(error, "ctx", None)
    hint = f"see `{context.command_path} --help`" if context else "see `imgbuild --help`"
    missing = error.param if isinstance(error, click.MissingParameter) else None
    if missing is not None and (missing.metavar or "").startswith("ENV"):
        hint = f"`imgbuild list` has the names of environments; {hint}"
    return _say(error.format_message().rstrip("."), 2, as_json, fix=hint)


def _say(what: str, code: int, as_json: bool, *, fix: str = "") -> int:
    if as_json:
        document = {"what": what, "where": "", "fix": fix, "detail": "", "exit_code": code}
        write_json({"error": document}, ascii_only=True)
    write(f"error: {what}" + (f"\n  to do: {fix}" if fix else ""), sys.stderr)
    return code


def _surprise(error: Exception, argv: Sequence[str], as_json: bool) -> int:
    """An error nobody expected: keep everything in a log, tell its name."""
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    header = [
        f"imgbuild {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"arguments: {list(argv)}",
        "",
    ]
    text = redacted("\n".join(header) + "".join(traceback.format_exception(error)))
    what = f"unexpected {type(error).__name__}: {error}"
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix=f"imgbuild-{stamp}-", suffix=".log", delete=False
        ) as log:
            log.write(text)
        fix = f"please report it with the log {Path(log.name)}"
    except OSError:
        write(text, sys.stderr)
        fix = "please report it with the lines above (no log could be written)"
    return _say(what, UNEXPECTED, as_json, fix=fix)
