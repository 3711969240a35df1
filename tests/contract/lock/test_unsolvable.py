"""What is printed when nothing satisfies a definition: real rattler and uv, on channels and wheels made here."""

from __future__ import annotations

import functools
import http.server
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from rattler import Gateway, MatchSpec

from builder.errors import LockError
from builder.lock.explain import conda as conda_part
from builder.lock.explain import pip as pip_part
from builder.lock.explain.asking import Asking, Request
from builder.lock.explain.budget import Budget
from builder.lock.gateway import Gate
from builder.lock.make import make_lock
from builder.lock.model import SourceId
from builder.lock.resolve import resolve_wheels
from builder.lock.solve import attempt_environment, solve_environment
from builder.lock.uv import UnresolvableError
from builder.lock.wheels import section_of
from builder.progress import silent
from builder.settings.patience import Policy
from builder.spec.model import CondaEnvironment
from builder.store.upstream import Upstream
from scripts.explained import page, printed
from tests.support.local_channel import add_wheel
from tests.support.lock_samples import SampleSource, conda_environment, image_spec
from tests.support.random_channel import random_records, random_request, record, write_index
from tests.support.unsolvable import (
    CONDA_CASES,
    PIP_CASES,
    Case,
    LocalSource,
    fill_channels,
    fill_wheels,
    local_source,
    write_project,
)

CASES = (*CONDA_CASES, *PIP_CASES)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("unsolvable")
    fill_channels(root)
    fill_wheels(root)
    return root


def test_the_page_shows_what_is_printed(root: Path) -> None:
    written = (Path(__file__).parents[3] / "docs" / "unsolvable.md").read_text(encoding="utf-8")
    assert page(root) == written, "generate it: python -m scripts.explained > docs/unsolvable.md"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_kind_of_failure_is_told_in_our_words(root: Path, case: Case) -> None:
    lines = printed(case, root).splitlines()
    detail = [line for line in lines if line.startswith("  | ")]
    assert "own words" not in "\n".join(lines)
    assert 0 < len(detail) <= 25
    assert max(map(len, detail)) <= 80
    assert any(f"`{line}`" in text for line in (*case.conda, *case.pip) for text in detail)
    assert any("environment.yml:" in text for text in detail)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_place_is_a_line_of_a_file(root: Path, case: Case) -> None:
    spec = write_project(root, case)
    with pytest.raises(LockError) as caught:
        make_lock(spec, case.platform, local_source(root, kit=case.kit), silent)
    file, line, _ = caught.value.where.rsplit(":", 2)
    written = Path(file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
    assert any(text in written for text in (*case.conda, *case.pip))


@pytest.mark.parametrize("case", [case for case in CONDA_CASES if not case.kit], ids=lambda case: case.name)
def test_every_suggestion_for_conda_solves_when_it_is_followed(root: Path, case: Case) -> None:
    spec = write_project(root, case)
    source = local_source(root, kit=case.kit)
    asking = asking_of(Request(spec.environments[0], spec), source, case)
    for mend in conda_part.explain(asking, "").mends:
        platforms = mend.request.spec.platforms
        for platform in [case.platform] if case.platform in platforms else platforms:
            assert solve_environment(mend.request.environment, mend.request.spec, platform, source)


@pytest.mark.parametrize("case", PIP_CASES, ids=lambda case: case.name)
def test_every_suggestion_for_pip_resolves_when_it_is_followed(root: Path, case: Case) -> None:
    spec = write_project(root, case)
    source = local_source(root)
    found = pip_explained(Request(spec.environments[0], spec), source)
    assert found.mends
    for mend in found.mends:
        changed = mend.request.spec.model_copy(update={"environments": (mend.request.environment,)})
        wheels = add_wheel(root / "wheels", "uv", "0.0.1", tag="py3-none-manylinux_2_17_x86_64")
        assert make_lock(changed, case.platform, source, silent)
        wheels.unlink()


def gate() -> Gate:
    return Gate(Gateway(), Policy())


def asking_of(
    request: Request,
    source: LocalSource | SampleSource,
    case: Case | None = None,
    budget: Budget | None = None,
) -> Asking:
    def read(line: str) -> MatchSpec:
        channel, given, rest = line.partition("::")
        return MatchSpec(f"{source.channel_url(channel)}::{rest}" if given else line, strict=False)

    platform = case.platform if case else "linux/amd64"
    return Asking(request, platform, source, read, Gateway(), budget or Budget())


def pip_explained(request: Request, source: LocalSource) -> pip_part.Explained:
    packages = attempt_environment(request.environment, request.spec, "linux/amd64", source, gate())
    assert packages is not None
    section = section_of(request, packages, "linux/amd64", source, gate())
    with pytest.raises(UnresolvableError) as caught:
        resolve_wheels(request.environment, packages, section.target, source)
    return pip_part.explain(caught.value, section)


@pytest.mark.parametrize("seed", range(25))
def test_random_channels_are_always_explained(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    write_index(tmp_path / "channel", random_records(rng))
    source = SampleSource(root=tmp_path, id=SourceId())
    refusals = [
        found for _ in range(8) if (found := _refusal(conda_environment(conda=random_request(rng)), source))
    ]
    assert refusals
    for error, request in refusals:
        detail = _joined(error.detail)
        assert any(f"`{line}`" in error.what for line in request.lines)
        assert any(f"asks for `{line}`" in detail or f": `{line}`" in detail for line in request.lines)
        assert error.fix
        _hold(request, source)


def _refusal(environment: CondaEnvironment, source: SampleSource) -> tuple[LockError, Request] | None:
    spec = image_spec(environment)
    try:
        solve_environment(environment, spec, "linux/amd64", source)
    except LockError as error:
        return error, Request(environment, spec)
    return None


def _joined(text: str) -> str:
    return " ".join(text.split())


def _hold(request: Request, source: SampleSource) -> None:
    """Conflicts are conflicts, and minimal; mends mend."""
    asking = asking_of(request, source)
    found = conda_part.explain(asking, "")
    assert not asking.budget.ran_out
    assert found.conflicts
    for conflict in found.conflicts:
        assert not asking.holds(conflict.lines)
        for line in conflict.lines:
            assert asking.holds([one for one in conflict.lines if one != line])
    for mend in found.mends:
        assert solve_environment(mend.request.environment, mend.request.spec, "linux/amd64", source)


@pytest.mark.parametrize("seed", range(6))
def test_random_wheels_are_always_explained(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    (tmp_path / "forge").mkdir()
    python = record("python", "3.12.7", "0", [])
    write_index(
        tmp_path / "forge",
        [python, *(record("held", version, "0", ["python"]) for version in ("1.0", "2.0"))],
    )
    _random_wheels(rng, tmp_path / "wheels")
    source = local_source(tmp_path)
    lines = tuple(f"{name}{_range(rng)}" for name in rng.sample(("ant", "bee", "cat", "dog"), 3))
    environment = conda_environment(conda=("python", "held"), pip=(*lines, "ant==9"))
    found = pip_explained(Request(environment, image_spec(environment)), source)
    assert any(f"asks pip for `{line}`" in _joined(found.error.detail) for line in environment.pip)
    for mend in found.mends:
        packages = attempt_environment(
            mend.request.environment, mend.request.spec, "linux/amd64", source, gate()
        )
        assert packages is not None
        target = section_of(mend.request, packages, "linux/amd64", source, gate()).target
        resolve_wheels(mend.request.environment, packages, target, source)


def _random_wheels(rng: random.Random, folder: Path) -> None:
    for name in ("ant", "bee", "cat", "dog"):
        for version in ("1.0", "2.0"):
            others = [one for one in ("ant", "bee", "cat", "dog", "held", "gone") if one != name]
            needs = [f"{rng.choice(others)}{_range(rng)}" for _ in range(rng.randint(0, 2))]
            add_wheel(
                folder, name, version, needs=needs, tag=rng.choice(("py3-none-any", "cp311-cp311-win_amd64"))
            )


def _range(rng: random.Random) -> str:
    return rng.choice(("", ">=2", "<2", "==1.0"))


def test_the_questions_are_counted_and_their_end_is_told(tmp_path: Path) -> None:
    lines = tuple(f"leaf{number}" for number in range(40))
    last = [record("clash", "1.0", "0", ["leaf0 >=2"]), *(record(line, "1.0", "0", []) for line in lines)]
    both = [record("leaf0", "2.0", "0", [])]
    write_index(tmp_path / "channel", [*last, *both])
    source = SampleSource(root=tmp_path, id=SourceId())
    environment = conda_environment(conda=("leaf0<2", *lines[1:], "clash"))
    asking = asking_of(Request(environment, image_spec(environment)), source, budget=Budget(tries=4))
    found = conda_part.explain(asking, "the solver said so")
    assert asking.budget.used == 4
    assert "The search was stopped after 4 tries." in found.error.detail
    assert "may have no part in it" in found.error.detail
    assert len(found.error.detail.splitlines()) <= 25
    whole = asking_of(Request(environment, image_spec(environment)), source)
    assert conda_part.explain(whole, "").conflicts[0].lines == ("leaf0<2", "clash")
    assert whole.budget.used < 40  # forty-one lines, and not a question for each of them


def test_no_question_is_asked_when_the_time_is_over(tmp_path: Path) -> None:
    write_index(tmp_path / "channel", [record("a", "1.0", "0", ["b >=2"]), record("b", "1.0", "0", [])])
    source = SampleSource(root=tmp_path, id=SourceId())
    environment = conda_environment(conda=("a", "b"))
    moments: list[float] = [0.0, *([1000.0] * 1000)]
    clock: Callable[[], float] = lambda: moments.pop(0)  # noqa: E731
    asking = asking_of(Request(environment, image_spec(environment)), source, budget=Budget(clock=clock))
    found = conda_part.explain(asking, "the solver said so")
    assert asking.budget.used <= 1
    assert "the solver said so" in found.error.detail


def test_what_can_be_solved_after_all_keeps_the_solver_s_words(tmp_path: Path) -> None:
    """A refusal that asking again does not show (packages held by a lock) still has a reason."""
    write_index(tmp_path / "channel", [record("a", "1.0", "0", [])])
    source = SampleSource(root=tmp_path, id=SourceId())
    environment = conda_environment(conda=("a",))
    said = "Cannot solve the request because of: a 2.0 is locked"
    found = conda_part.explain(asking_of(Request(environment, image_spec(environment)), source), said)
    assert "a 2.0 is locked" in found.error.detail
    assert found.error.fix


def test_a_channel_that_goes_away_while_it_is_asked_leaves_the_solver_s_words(tmp_path: Path) -> None:
    write_index(tmp_path / "channel", [record("a", "1.0", "0", ["b >=2"]), record("b", "1.0", "0", [])])
    source = SampleSource(root=tmp_path, id=SourceId())
    environment = conda_environment(conda=("a", "b"))
    asking = asking_of(Request(environment, image_spec(environment)), source)
    (tmp_path / "channel").rename(tmp_path / "gone")
    found = conda_part.explain(asking, "the solver said so")
    assert "the solver said so" in found.error.detail
    assert not found.mends
    assert found.error.fix


def test_records_of_old_times_are_read(tmp_path: Path) -> None:
    """No blank between name and version, a limit beside a need, and a name that is asked for twice."""
    old = record("old", "1.0", "0", ["base>=2", "base <3"], ["other <1"])
    write_index(tmp_path / "channel", [old, record("base", "1.0", "0", []), record("other", "1.0", "0", [])])
    source = SampleSource(root=tmp_path, id=SourceId())
    environment = conda_environment(conda=("old", "other", "base"))
    found = conda_part.explain(asking_of(Request(environment, image_spec(environment)), source), "")
    assert "old 1.0 needs base >=2,<3" in found.error.detail
    assert "There is no base >=2,<3; there is 1.0." in found.error.detail


def test_limits_of_a_package_are_told(tmp_path: Path) -> None:
    held = [
        record("a", "1.0", "0", [], ["b <2"]),
        record("b", "2.0", "0", []),
        record("c", "1.0", "0", ["b"]),
    ]
    write_index(tmp_path / "channel", held)
    source = SampleSource(root=tmp_path, id=SourceId())
    environment = conda_environment(conda=("a", "c"))
    found = conda_part.explain(asking_of(Request(environment, image_spec(environment)), source), "")
    assert "allows only b <2 beside it" in found.error.detail
    assert "own words" not in found.error.detail


def test_the_explanation_asks_no_server_for_an_index_that_was_read(tmp_path: Path) -> None:
    """A server may not answer twice; what the solve has read is what the explanation looks at."""
    write_index(tmp_path / "channel", [record("a", "1.0", "0", ["b >=2"]), record("b", "1.0", "0", [])])
    asked: list[str] = []

    class Once(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            again = self.path in asked
            asked.append(self.path)
            self.send_error(500) if again else super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Once, directory=str(tmp_path / "channel"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        environment = conda_environment(conda=("a", "b"), channels=(url,))
        with pytest.raises(LockError) as caught:
            solve_environment(environment, image_spec(environment), "linux/amd64", Upstream())
        server.shutdown()
    assert "a 1.0 needs b >=2" in caught.value.detail
    assert "leave out `a`" in caught.value.fix
