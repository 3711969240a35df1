"""What the regression must have measured."""

from __future__ import annotations

from builder.lock.model import EnvironmentLock
from builder.smoke.evidence import Evidence
from builder.smoke.measured import (
    Numbers,
    Setting,
    faults,
    judge_interpreter,
    locked_version,
    near,
    shown,
    version,
)
from builder.smoke.png import png_fault

TOLERANCE = 1e-6
MSE_LIMIT = 1e-9
BASELINE_MSE = 5.0  # the variance of 2, 4, 6, 8: what a model that learned nothing scores
# The names under which a lock may hold each package that the regression needs.
REGRESSION_PACKAGES: dict[str, tuple[str, ...]] = {
    "numpy": ("numpy",),
    "pandas": ("pandas",),
    "scikit-learn": ("scikit-learn",),
    "matplotlib": ("matplotlib", "matplotlib-base"),
}


def judge_regression(evidence: Evidence, lock: EnvironmentLock, setting: Setting) -> list[str]:
    """The fit is Y = 2X, the libraries are the locked ones, and the plot shows something."""
    numbers = evidence.numbers
    return faults(
        [
            judge_interpreter(evidence, lock, setting),
            near(numbers, "coefficient", 2.0, TOLERANCE),
            near(numbers, "intercept", 0.0, TOLERANCE),
            near(numbers, "prediction_at_3", 6.0, TOLERANCE),
            near(numbers, "baseline_mse", BASELINE_MSE, TOLERANCE),
            _mse(numbers),
            *(
                version(numbers, name, locked_version(lock, held))
                for name, held in REGRESSION_PACKAGES.items()
            ),
            _plot(evidence, "regression.png"),
        ]
    )


def _mse(numbers: Numbers) -> list[str]:
    """Below the limit and below what the baseline scored in the same run."""
    got, baseline = numbers.get("mse"), numbers.get("baseline_mse")
    text = shown(numbers, "mse")
    if not isinstance(got, float) or not 0 <= got < MSE_LIMIT:
        return [f"mse: expected at least 0 and below {MSE_LIMIT:g}, got {text}"]
    if isinstance(baseline, float) and got >= baseline:
        return [f"mse: expected below the baseline's {baseline:g}, got {text}"]
    return []


def _plot(evidence: Evidence, name: str) -> list[str]:
    fault = png_fault(evidence.plots[name]) if name in evidence.plots else "none"
    return [f"{name}: expected a PNG that shows the fit, got {fault}"] if fault else []
