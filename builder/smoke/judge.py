"""Compare what a test measured with what must be so. Every failure names what was expected and what came."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.version import InvalidVersion, Version

from builder.lock.model import EnvironmentLock
from builder.smoke.evidence import Evidence
from builder.smoke.png import png_fault

TOLERANCE = 1e-6
MSE_LIMIT = 1e-9
BASELINE_MSE = 5.0  # the variance of 2, 4, 6, 8: what a model that learned nothing scores
PREFIX = "/opt/conda/envs"
# The names under which a lock may hold each package that the regression needs.
REGRESSION_PACKAGES: dict[str, tuple[str, ...]] = {
    "numpy": ("numpy",),
    "pandas": ("pandas",),
    "scikit-learn": ("scikit-learn",),
    "matplotlib": ("matplotlib", "matplotlib-base"),
}

Numbers = Mapping[str, "float | str"]


def locked_version(lock: EnvironmentLock, names: tuple[str, ...]) -> str:
    """Version the lock holds under the first name it knows, wheels before conda packages; empty without."""
    held = {package.name: package.version for package in lock.conda}
    held.update({package.name: package.version for package in lock.pip})
    return next((held[name] for name in names if name in held), "")


def judge_interpreter(evidence: Evidence, lock: EnvironmentLock) -> list[str]:
    """The python on PATH is the environment's own, in the version that was locked."""
    numbers = evidence.numbers
    prefix = f"{PREFIX}/{lock.name}"
    found = _show(numbers, "prefix")
    wrong = [] if numbers.get("prefix") == prefix else [f"prefix: expected {prefix}, got {found}"]
    return [*wrong, *_version(numbers, "python", lock.python)]


def judge_regression(evidence: Evidence, lock: EnvironmentLock) -> list[str]:
    """The fit is Y = 2X, the libraries are the locked ones, and the plot shows something."""
    numbers = evidence.numbers
    checks = [
        judge_interpreter(evidence, lock),
        _near(numbers, "coefficient", 2.0),
        _near(numbers, "intercept", 0.0),
        _near(numbers, "prediction_at_3", 6.0),
        _near(numbers, "baseline_mse", BASELINE_MSE),
        _mse(numbers),
        *(_version(numbers, name, locked_version(lock, held)) for name, held in REGRESSION_PACKAGES.items()),
        _plot(evidence, "regression.png"),
    ]
    return [fault for check in checks for fault in check]


def _near(numbers: Numbers, name: str, expected: float) -> list[str]:
    got = numbers.get(name)
    if isinstance(got, float) and abs(got - expected) <= TOLERANCE:
        return []
    return [f"{name}: expected {expected:g} within {TOLERANCE:g}, got {_show(numbers, name)}"]


def _mse(numbers: Numbers) -> list[str]:
    """Below the limit and below what the baseline scored in the same run."""
    got, baseline = numbers.get("mse"), numbers.get("baseline_mse")
    shown = _show(numbers, "mse")
    if not isinstance(got, float) or not 0 <= got < MSE_LIMIT:
        return [f"mse: expected at least 0 and below {MSE_LIMIT:g}, got {shown}"]
    if isinstance(baseline, float) and got >= baseline:
        return [f"mse: expected below the baseline's {baseline:g}, got {shown}"]
    return []


def _version(numbers: Numbers, name: str, locked: str) -> list[str]:
    got = numbers.get(name)
    if locked and isinstance(got, str) and _same_version(got, locked):
        return []
    return [f"{name}: expected version {locked or 'in the lock'}, got {_show(numbers, name)}"]


def _same_version(one: str, other: str) -> bool:
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return one == other


def _plot(evidence: Evidence, name: str) -> list[str]:
    fault = png_fault(evidence.plots[name]) if name in evidence.plots else "none"
    return [f"{name}: expected a PNG that shows the fit, got {fault}"] if fault else []


def _show(numbers: Numbers, name: str) -> str:
    """A number as written, a text in quotes, `nothing` where the script left it out."""
    got = numbers.get(name)
    return "nothing" if got is None else f"{got!r}"
