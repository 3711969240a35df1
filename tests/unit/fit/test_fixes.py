"""A suggested fix, applied to the definition, is not refused again."""

from __future__ import annotations

import re

import pytest

from builder.fit.judge import fit
from builder.fit.model import Finding
from builder.spec.model import ImageSpec, Targets
from tests.support.lock_samples import BASE
from tests.unit.fit.samples import CUDA_BASE, tune

GPUS = ("k80", "p100", "v100", "t4", "rtx4090", "h100", "b200", "rtx5090", "rubin")
TORCH = ("2.1.2", "2.6.0", "2.7.1", "2.9.1", "2.11.0", "2.15.0")


def applied(spec: ImageSpec, fix: str) -> ImageSpec:
    """The definition as a reader of the sentence would change it."""
    environment, targets = spec.environments[0], spec.targets
    changes: dict[str, object] = {}
    if line := re.search(r'declare cuda: "([0-9.]+)"', fix):
        changes["cuda"] = line[1]
    if torch := re.search(r"torch==([0-9.]+(?:\+cu[0-9]+)?)", fix):
        environment = environment.model_copy(update={"pip": (f"torch=={torch[1].rstrip('.')}",)})
    if python := re.search(r"ask for python=([0-9.]+)", fix):
        environment = environment.model_copy(update={"conda": (f"python={python[1]}",)})
    if driver := re.search(r'declare driver: "([0-9.]+)"', fix):
        targets = Targets(gpus=targets.gpus, driver=driver[1])
    if gone := re.search(r"take (.+) out of targets", fix):
        left = tuple(one for one in targets.gpus if one not in gone[1].split(" and "))
        targets = Targets(gpus=left, driver=targets.driver)
    if base := re.search(r"`base: ([a-z-]+)`", fix):
        changes["base"] = BASE.model_copy(update={"key": base[1]})
    return spec.model_copy(update={**changes, "environments": (environment,), "targets": targets})


def ways(spec: ImageSpec, finding: Finding) -> list[ImageSpec]:
    """Each of the alternatives that a fix names."""
    whole, _, variant = finding.fix.partition(", and give it a variant of its own")
    made = [applied(spec, one) for one in whole.split(", or ")]
    if variant:
        alone = spec.model_copy(
            update={"targets": Targets(gpus=(finding.package,), driver=spec.targets.driver)}
        )
        made.append(applied(alone, variant.partition("; there ")[2]))
    return made


def found(spec: ImageSpec) -> set[tuple[str, str]]:
    return {(one.check, one.package) for one in fit(spec, None)}


def check_fixes(spec: ImageSpec) -> None:
    """Each fix takes its finding away and brings no other."""
    for finding in fit(spec, None):
        for way in ways(spec, finding):
            assert way != spec, finding
            assert found(way) <= found(spec) - {(finding.check, finding.package)}, finding


@pytest.mark.parametrize("version", TORCH)
@pytest.mark.parametrize(("driver", "python"), [(None, "3.10"), ("535", "3.12"), ("590", "3.14")])
def test_torch(version: str, driver: str | None, python: str) -> None:
    for first in GPUS:
        for second in GPUS:
            names = " ".join(dict.fromkeys((first, second)))
            spec = tune(f"torch=={version}", gpus=names, driver=driver, conda=(f"python={python}",))
            check_fixes(spec)


@pytest.mark.parametrize("cuda", ["11.8", "12.1", "12.6", "12.9", "13.0", "13.5"])
@pytest.mark.parametrize("driver", [None, "450.80.02", "535"])
def test_lines(cuda: str, driver: str | None) -> None:
    for first in GPUS:
        for second in GPUS:
            spec = tune(gpus=" ".join(dict.fromkeys((first, second))), driver=driver, cuda=cuda)
            check_fixes(spec)


def test_base() -> None:
    spec = tune("torch==2.9.1", base=CUDA_BASE)
    assert len(fit(spec, None)) == 1
    check_fixes(spec)


def test_a_build_without_the_python_that_is_asked_for_is_no_fix() -> None:
    spec = tune("torch==2.15.0", gpus="k80", conda=("python=3.14",))
    (finding,) = fit(spec, None)
    assert finding.fix.startswith("take k80 out of targets.gpus")
    check_fixes(spec)
