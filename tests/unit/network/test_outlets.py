"""Every way out of the program: errors as text and JSON, the log of a surprise, `-v`, progress, results."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.cli.app import App, _set_up_logging
from builder.cli.boundary import run
from builder.errors import BuildError, LockError
from builder.network.secret import Secret
from builder.progress import Event, Note, StepFinished, StepLogged, StepStarted
from builder.report.lines import PlainFace
from builder.report.progress import redacting

PLAIN = "word-nobody-may-see"
URL = "https://h.test/t/tk-unknown-to-us/team"


@pytest.fixture(autouse=True)
def secret() -> Secret:
    return Secret("basic", PLAIN, "me", "~/.netrc")


def fails() -> None:
    try:
        int(f"{URL}/inner said {PLAIN}")
    except ValueError as error:
        raise LockError(f"{URL} is bad", where=URL, fix=f"not {PLAIN}", detail=f"it said\n{PLAIN}") from error


def surprises() -> None:
    raise RuntimeError(f"{URL} and {PLAIN}")


def interrupts_usage() -> None:
    raise BuildError(f"cannot: {PLAIN}")


@pytest.mark.parametrize("command", [fails, surprises, interrupts_usage])
@pytest.mark.parametrize("argv", [["lock", "--json"], ["lock"]])
def test_errors_and_logs(
    command: Callable[[], None],
    argv: list[str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    loggers = (logging.getLogger(), logging.getLogger("builder"))
    before = [(one, one.level, list(one.handlers)) for one in loggers]
    _set_up_logging(verbose=True)
    try:
        assert run(command, [*argv, f"--mirror=a={URL}"]) in {3, 5, 70}
    finally:
        for logger, level, handlers in before:  # this test's stderr is closed when others log
            logger.setLevel(level)
            logger.handlers[:] = handlers
    out, err = capsys.readouterr()
    logs = "".join(path.read_text() for path in tmp_path.iterdir())
    assert bool(logs) == (command is surprises)
    if "--json" in argv:
        assert json.loads(out)["error"]["what"]
    assert err
    for text in (out, err, logs):
        assert PLAIN not in text
        assert "tk-unknown" not in text


def test_progress() -> None:
    stream = io.StringIO()
    face = redacting(PlainFace(stream, verbose=True))
    events: list[Event] = [
        Note(f"note {PLAIN}"),
        StepStarted("lock", "key", f"solve {URL}"),
        StepLogged("key", f"line {PLAIN}"),
        StepFinished("key", 0.1, error=f"it was {PLAIN} at {URL}"),
    ]
    for event in events:
        face(event)
    assert stream.getvalue().count("***") >= 4
    assert PLAIN not in stream.getvalue()
    assert "tk-unknown" not in stream.getvalue()


@pytest.mark.parametrize("as_json", [True, False])
def test_results(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    app = App(None, as_json=as_json, quiet=False, verbose=False, color=False)
    app.result(f"it is {PLAIN}", {"one": [f"at {URL}"], PLAIN[:3]: PLAIN})
    app.say(f"said {PLAIN}")
    out, err = capsys.readouterr()
    assert PLAIN not in out + err
    assert "tk-unknown" not in out
    if as_json:
        assert json.loads(out) == {"one": ["at https://h.test/t/***/team"], PLAIN[:3]: "***"}
