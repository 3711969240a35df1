"""What was proven of an image, what failed, and what nobody tried."""

from typing import Literal

from builder.values import Value

Outcome = Literal["passed", "failed", "timeout", "not-run"]
TIERS = {0: "audit", 1: "cpu", 2: "gpu", 3: "multi-gpu"}


class TestResult(Value):
    """One test in one environment. numbers: what the script measured. reason: why it is not `passed`.

    plots: file names the script left beside its result; output: the last lines it printed.
    """

    __test__ = False

    name: str
    environment: str
    tier: int
    outcome: Outcome
    seconds: float
    reason: str = ""
    numbers: dict[str, float | str] = {}
    plots: tuple[str, ...] = ()
    output: str = ""


class Verdict(Value):
    """All of it, for one image id. not_proven: tiers that were not run, each with the reason. notes: what is right and
    good to know."""

    image: str
    image_id: str
    plan_digest: str
    source: str
    stand_in: bool
    engine: str
    started: str
    seconds: float
    results: tuple[TestResult, ...]
    not_proven: dict[str, str] = {}
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """At least one CPU test ran, and nothing that ran failed."""
        ran = [result for result in self.results if result.outcome != "not-run"]
        return any(result.tier == 1 for result in ran) and all(result.outcome == "passed" for result in ran)

    @property
    def whole(self) -> bool:
        """It passed, and every CPU test ran: a run of some of them (`test --only`) proves a part."""
        return self.passed and "cpu" not in self.not_proven
