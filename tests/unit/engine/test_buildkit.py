"""BuildKit's status as progress events."""

from __future__ import annotations

import pytest

from builder.engine.buildkit import BuildProgress, shorten
from builder.engine.trace import Status, Vertex, VertexLog, VertexStatus
from builder.progress import Event, StepAdvanced, StepFinished, StepLogged, StepStarted


def follow(*statuses: Status) -> tuple[BuildProgress, list[Event]]:
    events: list[Event] = []
    progress = BuildProgress(events.append)
    for status in statuses:
        progress.feed(status)
    return progress, events


def test_a_step_from_start_to_end() -> None:
    _, events = follow(
        Status((Vertex("a", "[2/2] RUN x"),)),
        Status((Vertex("a", "[2/2] RUN x", started=10.0),)),
        Status(logs=(VertexLog("a", 1, b"one\ntw"), VertexLog("a", 2, b"err\n"), VertexLog("a", 1, b"o"))),
        Status((Vertex("a", "[2/2] RUN x", started=10.0, completed=12.5),)),
    )
    assert events == [
        StepStarted("build", "build:a", "[2/2] RUN x"),
        StepLogged("build:a", "one"),
        StepLogged("build:a", "err"),
        StepLogged("build:a", "two"),
        StepFinished("build:a", 2.5),
    ]


def test_one_status_with_everything_is_told_in_order() -> None:
    vertex = Vertex("a", "RUN x", cached=True, started=1.0, completed=1.0)
    _, events = follow(Status((vertex,), logs=(VertexLog("a", 1, b"x\n"),)))
    assert [type(event) for event in events] == [StepStarted, StepLogged, StepFinished]
    assert events[-1] == StepFinished("build:a", 0.0, cached=True)


def test_the_same_report_again_tells_nothing_new() -> None:
    done = Status((Vertex("a", "RUN x", started=1.0, completed=2.0),))
    _, events = follow(done, done)
    assert len(events) == 2


def test_a_step_that_is_reported_twice_is_told_once() -> None:
    _, events = follow(
        Status((Vertex("a", "FROM x", started=1.0, completed=1.0),)),
        Status((Vertex("a", "FROM x", cached=True, started=2.0, completed=2.0),)),
    )
    assert [type(event) for event in events] == [StepStarted, StepFinished]


@pytest.mark.parametrize("name", ["[internal] load metadata for x", "copy /context /", ""])
def test_the_builders_own_steps_are_not_told(name: str) -> None:
    _, events = follow(Status((Vertex("a", name, started=1.0),)), Status((Vertex("a", name, completed=2.0),)))
    assert events == []


def test_bytes_are_summed_over_the_parts_of_a_step() -> None:
    started = Vertex("a", "FROM x", started=1.0)
    _, events = follow(
        Status(
            (started,), (VertexStatus("a", "l1", current=5, total=10), VertexStatus("a", "l2", current=1))
        ),
        Status(statuses=(VertexStatus("a", "l2", current=2, total=4), VertexStatus("zz", "l", current=1))),
    )
    assert events[1:] == [
        StepAdvanced("build:a", 5, 10, "bytes"),
        StepAdvanced("build:a", 6, None, "bytes"),
        StepAdvanced("build:a", 7, 14, "bytes"),
    ]


def test_the_failed_step_is_the_one_of_its_own_fault() -> None:
    error = "process did not complete successfully: exit code: 3"
    progress, events = follow(
        Status((Vertex("b", "[3/3] RUN other", started=1.0), Vertex("a", "[2/3] RUN x", started=1.0))),
        Status(logs=(VertexLog("a", 1, b"".join(b"%d\n" % n for n in range(50)) + b"why"),)),
        Status(
            (
                Vertex("b", "[3/3] RUN other", started=1.0, completed=2.0, error="context canceled"),
                Vertex("a", "[2/3] RUN x", started=1.0, completed=2.0, error=error),
            )
        ),
    )
    failed = progress.failed_step(f"failed to solve: {error}")
    assert failed is not None
    assert (failed.name, failed.exit_code) == ("[2/3] RUN x", 3)
    assert failed.tail == (*map(str, range(21, 50)), "why")
    assert StepFinished("build:a", 1.0, error=error) in events


def test_without_a_failed_step_there_is_none() -> None:
    progress, _ = follow(Status((Vertex("a", "RUN x", started=1.0, completed=2.0),)))
    assert progress.failed_step("dockerfile parse error") is None


def test_closing_ends_the_open_steps_once() -> None:
    progress, events = follow(
        Status((Vertex("a", "RUN x", started=1.0), Vertex("b", "RUN y", started=1.0, completed=2.0)))
    )
    progress.close("interrupted")
    progress.close("interrupted")
    assert [event for event in events if isinstance(event, StepFinished)] == [
        StepFinished("build:b", 1.0),
        StepFinished("build:a", 0.0, error="interrupted"),
    ]


def test_a_long_name_is_shortened_to_one_line() -> None:
    assert shorten("RUN a  \\\n  b") == "RUN a \\ b"
    assert len(shorten("x" * 500)) == 160


def test_a_step_is_called_by_its_title_and_never_by_its_mounts() -> None:
    mounts = r"RUN --mount=type=tmpfs,target=/mnt \ --mount=type=bind,source=a,target=/mnt/a"
    assert shorten(f"[stage-0 2/5] {mounts} : 'Miniconda 26.5.3'; set -eu; x") == "[2/5] Miniconda 26.5.3"
    assert shorten(f"{mounts} set -eu; x") == "RUN set -eu; x"
    assert shorten("FROM docker.io/imgbuild/pkg:" + "ab" * 32) == "FROM docker.io/imgbuild/pkg:abababababab"
