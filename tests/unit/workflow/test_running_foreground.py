"""Somebody who attends a program: signals, insisting, a reader that goes away, a terminal that is put right again."""

from __future__ import annotations

import os
import pty
import signal
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builder.errors import EngineError, ImgbuildError
from builder.workflow.running.foreground import attend
from builder.workflow.running.terminal import Seat, known_terminal
from tests.support.fake_program import FakeProgram


@pytest.fixture
def seat(tmp_path: Path) -> Iterator[Seat]:
    """Nothing to read; two files to write to."""
    out, err = (os.open(tmp_path / name, os.O_RDWR | os.O_CREAT) for name in ("out", "err"))
    yield Seat(None, out, err)
    os.close(out)
    os.close(err)


def beside(act: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def test_streams_and_the_code_come_through(seat: Seat, tmp_path: Path) -> None:
    program = FakeProgram(code=7)
    for piece in (("stdout", b"a"), ("stderr", b"e"), ("stdout", b"b\0\xff"), None):
        program.output_pieces.put(piece)  # type: ignore[arg-type]
    assert attend(program, seat) == 7
    assert ((tmp_path / "out").read_bytes(), (tmp_path / "err").read_bytes()) == (b"ab\0\xff", b"e")


def test_what_is_read_goes_in_and_its_end_too(seat: Seat) -> None:
    reading, writing = os.pipe()
    program = FakeProgram()

    def behave() -> None:
        os.write(writing, b"some")
        os.close(writing)
        program.until("end of input")
        program.output_pieces.put(None)

    thread = beside(behave)
    assert attend(program, Seat(reading, seat.stdout, seat.stderr)) == 0
    thread.join()
    os.close(reading)
    assert program.read == b"some"


def test_what_is_typed_after_the_end_stays(seat: Seat) -> None:
    reading, writing = os.pipe()
    program = FakeProgram()
    program.output_pieces.put(None)
    attend(program, Seat(reading, seat.stdout, seat.stderr))
    os.write(writing, b"for the next")
    assert os.read(reading, 99) == b"for the next"
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"])
def test_signals_are_passed_on_and_kept_from_us(name: str, seat: Seat) -> None:
    program = FakeProgram(ends_at=name, code=99)
    number = signal.Signals[name]
    before = signal.getsignal(number)

    def behave() -> None:
        program.until("start")
        os.kill(os.getpid(), number)

    thread = beside(behave)
    assert attend(program, seat) == 99
    thread.join()
    assert program.said == ["start", name]
    assert signal.getsignal(number) is before


def test_a_signal_that_is_ignored_stays_so(seat: Seat) -> None:
    """nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    program = FakeProgram()
    program.output_pieces.put(None)
    try:
        attend(program, seat)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert "SIGHUP" not in program.said
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_shell_gets_sigterm_as_a_hang_up(seat: Seat) -> None:
    program = FakeProgram(ends_at="SIGHUP")

    def behave() -> None:
        program.until("start")
        os.kill(os.getpid(), signal.SIGTERM)

    thread = beside(behave)
    attend(program, seat, hang_up=True)
    thread.join()
    assert program.said == ["start", "SIGHUP"]


def test_one_that_does_not_end_when_told_is_killed(seat: Seat, caplog: pytest.LogCaptureFixture) -> None:
    program = FakeProgram(ends_at="SIGKILL", code=137)

    def behave() -> None:
        program.until("start")
        os.kill(os.getpid(), signal.SIGTERM)

    thread = beside(behave)
    assert attend(program, seat, grace=0.05) == 137
    thread.join()
    assert program.said == ["start", "SIGTERM", "SIGKILL"]
    assert "did not end in 0.05 seconds" in caplog.text


def test_ctrl_c_alone_kills_nobody_until_the_third(seat: Seat) -> None:
    program = FakeProgram(ends_at="SIGKILL")

    def behave() -> None:
        program.until("start")
        for number in range(1, 4):
            os.kill(os.getpid(), signal.SIGINT)
            with program.changed:
                assert program.changed.wait_for(lambda n=number: len(program.said) > n, 30)  # type: ignore[misc]

    thread = beside(behave)
    attend(program, seat, grace=0.01)
    thread.join()
    assert program.said == ["start", "SIGINT", "SIGINT", "SIGKILL"]


def test_a_reader_that_goes_away_ends_it(seat: Seat) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    program = FakeProgram(ends_at="SIGTERM", code=143)
    program.output_pieces.put(("stdout", b"lost"))
    program.output_pieces.put(("stdout", b"lost too"))
    assert attend(program, Seat(None, writing, seat.stderr)) == 141
    os.close(writing)
    assert program.said == ["start", "SIGTERM"]


def test_a_full_disk_is_told(seat: Seat) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    program = FakeProgram()
    program.output_pieces.put(("stdout", b"x"))
    with pytest.raises(ImgbuildError, match="cannot write what the program writes: No space left") as error:
        attend(program, Seat(None, full, seat.stderr))
    assert error.value.where == "stdout"
    os.close(full)


def test_a_pipe_that_does_not_block_gets_everything(seat: Seat) -> None:
    """Whoever shares it may have set it so."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    program = FakeProgram()
    program.output_pieces.put(("stdout", bytes(1 << 20)))
    program.output_pieces.put(None)
    got: list[int] = []

    def behave() -> None:
        while sum(got) < 1 << 20:
            got.append(len(os.read(reading, 65536)))

    thread = beside(behave)
    assert attend(program, Seat(None, writing, seat.stderr)) == 0
    thread.join()
    assert sum(got) == 1 << 20
    os.close(reading)
    os.close(writing)


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """The two sides of one."""
    there, here = pty.openpty()
    yield there, here
    os.close(there)
    os.close(here)


def test_a_terminal_is_raw_meanwhile_and_told_about(terminal: tuple[int, int]) -> None:
    there, here = terminal
    termios.tcsetwinsize(there, (33, 101))
    before = termios.tcgetattr(here)
    program = FakeProgram()
    modes: list[bool] = []

    def behave() -> None:
        program.until("33x101")
        modes.append(bool(termios.tcgetattr(here)[3] & termios.ICANON))
        termios.tcsetattr(here, termios.TCSANOW, before)  # as the shell does while we are stopped
        termios.tcsetwinsize(there, (20, 50))
        os.kill(os.getpid(), signal.SIGCONT)
        program.until("20x50")
        modes.append(bool(termios.tcgetattr(here)[3] & termios.ICANON))
        program.output_pieces.put(None)

    thread = beside(behave)
    attend(program, Seat(here, here, here, terminal=True))
    thread.join()
    assert modes == [False, False]
    assert termios.tcgetattr(here) == before


@pytest.mark.parametrize("trouble", [EngineError("it is gone"), None], ids=["start", "interrupt"])
def test_a_terminal_is_put_right_whatever_happens(
    terminal: tuple[int, int], trouble: EngineError | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, here = terminal
    before = termios.tcgetattr(here)
    program = FakeProgram(gone=trouble)
    if trouble is None:
        program.output_pieces.put(None)

        def interrupted() -> int:
            raise KeyboardInterrupt

        monkeypatch.setattr(program, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt if trouble is None else EngineError):
        attend(program, Seat(here, here, here, terminal=True))
    assert termios.tcgetattr(here) == before


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("xterm-256color", "xterm-256color"),
        ("screen", "screen"),
        ("xterm-kitty", "xterm-256color"),
        ("", "xterm-256color"),
    ],
)
def test_a_terminals_name_is_one_that_images_know(name: str, known: str) -> None:
    assert known_terminal(name) == known
