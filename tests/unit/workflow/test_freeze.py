"""What the packages' activation scripts set, from two runs of them to lines of ENV; on an engine in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.engine.port import RunResult
from builder.errors import BuildError
from builder.plan import Plan
from builder.progress import Event, Note, silent
from builder.workflow.activation import LABEL, NONE, Activation, compare, freeze, page, variables
from tests.support.fake_container import plan_of
from tests.support.fake_engine import FakeContainer, FakeEngine

TAG = "imgbuild/regression:building-0"


def rows(**values: str) -> bytes:
    return "".join(f"{name}={value}\0" for name, value in values.items()).encode()


class Scripts:
    """A container whose scripts set what a test wants."""

    def __init__(self, first: bytes, second: bytes, code: int | None = 0) -> None:
        self.files = {
            "out/hooks": b"1\n",
            "out/before": rows(PATH="/bin"),
            "out/first": first,
            "out/second": second,
        }
        self.code = code
        self.seen: list[FakeContainer] = []

    def __call__(self, container: FakeContainer) -> RunResult:
        self.seen.append(container)
        container.volume.update(self.files)
        return RunResult(self.code, "why it failed", 0.1, timed_out=self.code is None)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return plan_of(tmp_path)


def engine_with(scripts: Scripts) -> tuple[FakeEngine, str]:
    engine = FakeEngine(on_container=scripts)
    image = engine.import_tar(TAG, [b"\0" * 10240], labels={}, platform="linux/amd64")
    return engine, image.id


def test_the_result_takes_the_working_name_over(plan: Plan) -> None:
    engine, image = engine_with(Scripts(rows(PATH="/bin", A="1"), rows(PATH="/bin", A="1")))
    frozen = freeze(engine, plan, image, TAG, silent)
    assert engine.tags == {TAG: frozen}
    assert image not in engine.images


def test_the_scripts_run_in_a_sandbox(plan: Plan) -> None:
    scripts = Scripts(rows(PATH="/bin"), rows(PATH="/bin"))
    engine, image = engine_with(scripts)
    freeze(engine, plan, image, TAG, silent)
    spec = scripts.seen[0].spec
    assert (spec.network, spec.read_only, spec.entrypoint) == ("none", True, ())


def test_scripts_that_fail_stop_the_build(plan: Plan) -> None:
    engine, image = engine_with(Scripts(b"", b"", code=1))
    with pytest.raises(BuildError, match="activation scripts of regression ended with code 1") as error:
        freeze(engine, plan, image, TAG, silent)
    assert error.value.detail == "why it failed"
    assert engine.tags == {}
    assert engine.images == {}


def test_scripts_that_hang_stop_the_build(plan: Plan) -> None:
    engine, image = engine_with(Scripts(b"", b"", code=None))
    with pytest.raises(BuildError, match="did not end in time"):
        freeze(engine, plan, image, TAG, silent)
    assert engine.running == {}


def test_what_env_cannot_hold_is_told(plan: Plan) -> None:
    told: list[Event] = []
    engine, image = engine_with(
        Scripts(rows(PATH="/bin", H="/home/app/x"), rows(PATH="/bin", H="/tmp/another/x"))
    )
    freeze(engine, plan, image, TAG, told.append)
    (note,) = (event for event in told if isinstance(event, Note))
    assert "H" in note.text


def test_what_both_runs_agree_on_is_frozen() -> None:
    same = {"PATH": "/x:/bin", "KEPT": "1", "NEW": "a=b", "TWO": "a\nb", "BASH_FUNC_f%%": "() {"}
    found = compare(
        {"PATH": "/bin", "KEPT": "1", "GONE": "1"},
        {**same, "PID": "7", "HOME": "/home/app"},
        {**same, "PID": "8", "HOME": "/tmp/another"},
    )
    assert found.frozen == {"PATH": "/x:/bin", "NEW": "a=b"}
    assert found.new == ("NEW",)  # PATH was there before: it must not be unset when the environment is left
    assert found.changing == ("GONE", "PID", "TWO")


def test_the_page_adds_no_layer_and_quotes_its_values(plan: Plan) -> None:
    text = page(TAG, plan, Activation({"A": 'it\'s "$HOME" `id` \\'}, ("A",), ()))
    assert [line.split()[0] for line in text.splitlines()] == ["FROM", "ENV", "ENV", "ENV", "LABEL"]
    assert 'ENV A="it\'s \\"\\$HOME\\" `id` \\\\"' in text
    assert 'ENV _IMGBUILD_ACTIVE="/opt/conda/envs/regression"' in text


def test_the_page_says_when_there_is_nothing(plan: Plan) -> None:
    assert page(TAG, plan, None) == f'FROM {TAG}\nLABEL {LABEL}="{NONE}"\n'


def test_the_digest_is_of_all_that_enters() -> None:
    one = Activation({"A": "1"}, ("A",), ())
    others = [
        Activation({"A": "2"}, ("A",), ()),
        Activation({"A": "1"}, (), ()),
        Activation({"A": "1"}, ("A",), ("B",)),
    ]
    assert len({one.digest, *(other.digest for other in others)}) == 4


def test_values_with_line_ends_are_read_whole() -> None:
    assert variables(b"A=1\nB=2\0C==\0") == {"A": "1\nB=2", "C": "="}
