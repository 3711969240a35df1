"""Offline, no registry is asked, neither by us nor by the engine for us."""

from __future__ import annotations

import pytest

from builder.engine import connect
from builder.engine.port import ImageInfo
from builder.errors import BuildError
from builder.plan import Plan
from builder.progress import silent
from builder.store.bootstrap import bootstrap_kit
from builder.store.upstream import Upstream
from builder.workflow.planning import Planned
from builder.workflow.registry import ask_engine
from builder.workflow.supply import base_image
from tests.support.fake_engine import FakeEngine
from tests.support.lock_samples import LOCKED_BASE, image_spec, lock_set

HELD = ImageInfo(id="sha256:1", tags=(LOCKED_BASE.ref,), labels={}, size=1, platform="linux/amd64")


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    monkeypatch.setenv("IMGBUILD_OFFLINE", "1")
    made = FakeEngine(registry={LOCKED_BASE.ref: HELD, "debian:12": HELD})
    monkeypatch.setattr(connect, "connect", lambda: made)
    return made


@pytest.fixture
def planned() -> Planned:
    spec = image_spec()
    return Planned(Plan(spec=spec, lock=lock_set(spec), groups=(), digest="0" * 64), Upstream())


def test_a_base_that_is_not_here_is_named_and_not_pulled(engine: FakeEngine, planned: Planned) -> None:
    with pytest.raises(BuildError, match="offline") as caught:
        base_image(planned, engine, silent, pull=False)
    assert caught.value.where == LOCKED_BASE.ref
    assert "pull" not in engine.calls


@pytest.mark.parametrize("offline", ["1", "0"])
def test_a_base_that_is_here_is_not_pulled_again(
    engine: FakeEngine, planned: Planned, monkeypatch: pytest.MonkeyPatch, offline: str
) -> None:
    """Also when `--pull` asks for it; online it is."""
    monkeypatch.setenv("IMGBUILD_OFFLINE", "0")
    base_image(planned, engine, silent, pull=False)
    engine.calls.clear()
    monkeypatch.setenv("IMGBUILD_OFFLINE", offline)
    base_image(planned, engine, silent, pull=True)
    assert ("pull" in engine.calls) == (offline == "0")


def test_no_digest_is_asked_for(engine: FakeEngine) -> None:
    with pytest.raises(BuildError, match="offline"):
        ask_engine("debian:12", "linux/amd64")
    assert engine.calls == []


def test_no_kit_is_bootstrapped(tmp_path: object) -> None:
    with pytest.raises(BuildError, match="offline"):
        bootstrap_kit(tmp_path, [image_spec()])  # type: ignore[arg-type]
