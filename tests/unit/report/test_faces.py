from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterator

import pytest
from rich.console import Console

from builder.progress import Event, Note, StepAdvanced, StepFinished, StepLogged, StepStarted, silent
from builder.report.folding import Gitlab, fold_for, github
from builder.report.lines import PlainFace
from builder.report.live import LiveFace
from builder.report.progress import make_face

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def ticking() -> Iterator[float]:
    """A clock's readings."""
    yield from (float(second) for second in range(1000))


STORY: list[Event] = [
    Note("no lock yet: making one"),
    StepStarted("fetch", "f", "fetch 3 files"),
    StepAdvanced("f", 500_000, 2_000_000, "bytes"),
    StepAdvanced("f", 2_000_000, 2_000_000, "bytes"),
    StepFinished("f", 1.25),
    StepStarted("build", "b1", "RUN conda create"),
    StepLogged("b1", "linking numpy"),
    StepLogged("b1", "::error::forged"),
    StepFinished("b1", 12.3),
    StepStarted("build", "b2", "RUN apt"),
    StepFinished("b2", 0.0, cached=True),
]
FAILING: list[Event] = [
    StepStarted("build", "x", "RUN false"),
    *(StepLogged("x", f"line {number}") for number in range(50)),
    StepFinished("x", 2.0, error="exit code: 1"),
]


def plain(events: list[Event], **options: object) -> str:
    stream = io.StringIO()
    face = PlainFace(stream, **options)  # type: ignore[arg-type]
    for event in events:
        face(event)
    return stream.getvalue()


def test_plain_is_one_line_a_step() -> None:
    assert plain(STORY).splitlines() == [
        "note    no lock yet: making one",
        "fetch   fetch 3 files  2 MB, 1.2 s",
        "build   RUN conda create  12.3 s",
        "build   RUN apt  cached",
    ]


def test_plain_verbose_prints_logs_as_they_come() -> None:
    lines = plain(STORY, verbose=True).splitlines()
    begun = lines.index("build   RUN conda create ...")
    logged = ["  | linking numpy", "  | ::error::forged", "build   RUN conda create  12.3 s"]
    assert lines[begun + 1 : begun + 4] == logged


def test_a_failing_step_says_why() -> None:
    lines = plain(FAILING).splitlines()
    assert lines[:2] == ["build   RUN false  FAILED after 2.0 s", "  | exit code: 1"]
    assert lines[2:] == []  # the last lines stand in the error that the command ends with


def test_colour_is_only_where_asked() -> None:
    assert "\x1b" not in plain(STORY + FAILING)
    assert "\x1b[31mFAILED" in plain(FAILING, color=True)


def test_github_folds_what_a_step_logged_and_runs_no_forged_command() -> None:
    text = plain(STORY, fold=github)
    assert (
        "::group::build   RUN conda create  12.3 s\n| linking numpy\n| ::error::forged\n::endgroup::\n"
        in text
    )
    commands = [line for line in text.splitlines() if line.lstrip().startswith("::")]
    assert [command.split("::")[1] for command in commands] == ["group", "endgroup"]
    assert github("100%", ["##[error]x"], 0) == "::group::100%25\n| ## [error]x\n::endgroup::\n"


def test_a_failure_is_not_folded_away() -> None:
    text = plain(FAILING, fold=github)
    assert "::group::" not in text
    assert text.endswith("  | exit code: 1\n")


def test_gitlab_sections_have_names_of_their_own_and_last_as_long_as_the_step() -> None:
    fold = Gitlab(clock=lambda: 1000.0)
    first = fold("title", ["one"], 12.3)
    assert first == (
        "\x1b[0Ksection_start:987:imgbuild_1[collapsed=true]\r\x1b[0Ktitle\n"
        "| one\n"
        "\x1b[0Ksection_end:1000:imgbuild_1\r\x1b[0K\n"
    )
    assert "imgbuild_2" in fold("title", [], 0)


def test_folding_is_chosen_by_the_ci_system() -> None:
    assert fold_for({"GITHUB_ACTIONS": "true"}) is github
    assert isinstance(fold_for({"GITLAB_CI": "true"}), Gitlab)
    assert fold_for({"CI": "true"}) is None


def test_events_out_of_place_never_stop_the_work() -> None:
    text = plain([StepFinished("lost", 1.0), StepLogged("odd", "x"), StepAdvanced("odd", 1, None, "files")])
    assert text == "        lost  1.0 s\n"


def test_a_step_that_did_not_measure_itself_is_measured() -> None:
    readings = ticking()
    text = plain([StepStarted("pull", "p", "pull x"), StepFinished("p", 0.0)], clock=lambda: next(readings))
    assert text == "pull    pull x  1.0 s\n"


def test_titles_cannot_steer_the_terminal_and_stay_short() -> None:
    text = plain([StepStarted("build", "k", "\x1b[2Jx" + "y" * 500 + "\nsecond"), StepFinished("k", 1.0)])
    assert text == f"build   x{'y' * 116}...  1.0 s\n"


def test_an_ascii_stream_gets_ascii() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    PlainFace(stream)(Note("gr\u00fcn"))
    stream.seek(0)
    assert stream.read() == "note    gr?n\n"


def test_many_threads_may_report() -> None:
    stream = io.StringIO()
    face = PlainFace(stream)

    def work(number: int) -> None:
        for part in range(50):
            face(StepStarted("fetch", f"{number}:{part}", "file"))
            face(StepFinished(f"{number}:{part}", 1.0))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stream.getvalue() == "fetch   file  1.0 s\n" * 400


def live(width: int, *, color: bool = False, encoding: str = "utf-8") -> tuple[LiveFace, Terminal]:
    terminal = Terminal()
    terminal.encoding = encoding
    readings = ticking()
    environ = {"COLUMNS": str(width), "LINES": "24", "TERM": "xterm"}
    return LiveFace(terminal, color=color, environ=environ, clock=lambda: next(readings)), terminal


def region(face: LiveFace) -> list[str]:
    """What stands at the bottom of the terminal now."""
    console: Console = face.console
    with console.capture() as caught:
        console.print(face.region())
    return [line.rstrip() for line in ESCAPE.sub("", caught.get()).splitlines()]


@pytest.mark.parametrize("width", [80, 40, 20])
def test_the_live_region_fits(width: int) -> None:
    face, _ = live(width)
    face(StepStarted("fetch", "f", "fetch 60 files from conda-forge and the Python package index"))
    face(StepAdvanced("f", 500_000, 2_000_000, "bytes"))
    face(StepStarted("build", "b", "RUN conda create " + "x" * 200))
    face(StepAdvanced("b", 12, 60, "packages"))
    face(StepLogged("b", "linking " + "y" * 200))
    lines = region(face)
    assert len(lines) == 5
    assert max(len(line) for line in lines) <= width
    assert lines[0].endswith("2.0 s")
    if width >= 40:
        assert "500 kB of 2 MB" in lines[1]
        assert "12 of 60 packages" in lines[3]


def test_the_live_region_is_bounded() -> None:
    face, _ = live(80)
    for number in range(20):
        face(StepStarted("fetch", str(number), f"file {number}"))
    assert len(region(face)) == 7
    assert region(face)[-1] == "  and 14 more"


def test_an_ascii_terminal_gets_ascii() -> None:
    face, _ = live(60, encoding="ascii")
    face(StepStarted("fetch", "f", "gr\u00fcn " * 30))
    face(StepAdvanced("f", 5, 10, "bytes"))
    face(StepLogged("f", "bl\u00e4u"))
    assert all(line.isascii() for line in region(face))


def test_live_leaves_finished_steps_behind_and_shows_the_cursor_again() -> None:
    face, terminal = live(80)
    with face:
        for event in [*STORY, *FAILING]:
            face(event)
    text = terminal.getvalue()
    assert text.endswith("\x1b[?25h") or "\x1b[?25h" in text.rsplit("\x1b[?25l", 1)[1]
    seen = ESCAPE.sub("", text)
    assert "build   RUN conda create  12.3 s" in seen
    assert "build   RUN apt  cached" in seen
    assert "FAILED after 2.0 s" in seen
    assert "line 49" not in seen


def test_live_without_colour_has_none() -> None:
    for color, found in ((False, False), (True, True)):
        face, terminal = live(80, color=color)
        with face:
            for event in FAILING:
                face(event)
        assert bool(re.search(r"\x1b\[[0-9;]*3[1-7]m", terminal.getvalue())) is found


def test_an_interrupt_gives_the_terminal_back() -> None:
    face, terminal = live(80)
    with pytest.raises(KeyboardInterrupt), face:
        raise KeyboardInterrupt
    assert "\x1b[?25h" in terminal.getvalue()


@pytest.mark.parametrize(
    ("stream", "environ", "kind"),
    [
        (Terminal(), {"TERM": "xterm"}, LiveFace),
        (Terminal(), {"TERM": "dumb"}, PlainFace),
        (Terminal(), {"TERM": "xterm", "CI": "true"}, PlainFace),
        (io.StringIO(), {"TERM": "xterm"}, PlainFace),
    ],
)
def test_the_face_fits_the_stream(stream: io.StringIO, environ: dict[str, str], kind: type) -> None:
    with make_face(stream, quiet=False, verbose=False, color=False, environ=environ) as face:
        assert isinstance(face, kind)


def test_quiet_is_silent() -> None:
    with make_face(Terminal(), quiet=True, verbose=True, color=True, environ={}) as face:
        assert face is silent
