from __future__ import annotations

from dataclasses import replace

import pytest

from builder.engine import connect
from builder.engine.port import ImageInfo
from builder.errors import BuildError, EngineError, LockError
from builder.progress import Event, silent
from builder.workflow.registry import ask_engine, asking
from tests.support.fake_engine import FakeEngine

HELD = ImageInfo(id="sha256:1", tags=(), labels={}, size=1, platform="linux/amd64")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    made = FakeEngine(registry={"debian:12": HELD, "debian:11": replace(HELD, platform="linux/arm64")})
    monkeypatch.setattr(connect, "connect", lambda: made)
    return made


def test_the_digest_of_a_tag(engine: FakeEngine) -> None:
    assert ask_engine("debian:12", "linux/amd64") == "sha256:1"
    assert engine.calls == ["remote"]


@pytest.mark.parametrize(
    ("ref", "said"), [("debian:13", "has no image"), ("debian:11", "not made for linux/amd64")]
)
def test_what_the_registry_does_not_hold(engine: FakeEngine, ref: str, said: str) -> None:
    with pytest.raises(LockError, match=said):
        ask_engine(ref, "linux/amd64")


def test_a_locked_digest_outlives_a_registry_that_cannot_be_asked(engine: FakeEngine) -> None:
    events: list[Event] = []
    ask = asking("debian:12@sha256:old", events.append, anew=True)
    assert ask("debian:12", "linux/amd64") == "sha256:1"
    assert not events
    engine.gone = EngineError("no engine answers")
    assert ask("debian:12", "linux/amd64") == "sha256:old"
    assert "no engine answers" in str(events[0])


def test_a_locked_digest_stays_unless_it_is_asked_for_anew(engine: FakeEngine) -> None:
    assert asking("debian:12@sha256:old", silent, anew=False)("debian:12", "linux/amd64") == "sha256:old"
    assert engine.calls == []
    assert asking("debian:11@sha256:old", silent, anew=False)("debian:12", "linux/amd64") == "sha256:1"


@pytest.mark.parametrize("locked", ["", "debian:12", "debian:13@sha256:old", "debian@sha256:old"])
def test_another_tags_digest_is_not_taken(engine: FakeEngine, locked: str) -> None:
    engine.gone = EngineError("no engine answers")
    with pytest.raises((EngineError, BuildError)):
        asking(locked, silent, anew=False)("debian:12", "linux/amd64")
