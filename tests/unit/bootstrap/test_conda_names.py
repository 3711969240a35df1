"""conda specs in the words of the Python package index."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.errors import LockError
from builder.spec.model import CondaEnvironment
from builder.store.bootstrap.names import Asked, aliases, conda_names, pep440, read_specs


def environment(*specs: str) -> CondaEnvironment:
    return CondaEnvironment(name="x", channels=(), conda=specs, file=Path("environment.yml"))


@pytest.mark.parametrize(
    ("spec", "requirement"),
    [
        ("numpy", "numpy"),
        ("numpy=1.26", "numpy==1.26.*"),
        ("numpy==1.26.4", "numpy==1.26.4"),
        ("numpy>=1.20,<2", "numpy>=1.20,<2"),
        ("numpy 1.26.*", "numpy==1.26.*"),
        ("conda-forge::pandas ~=2.1", "pandas~=2.1"),
        ("numpy=2.0rc1", "numpy==2.0rc1"),
        ("pytorch>=2", "torch>=2"),
        ("typing_extensions", "typing-extensions"),
    ],
)
def test_a_spec_is_a_requirement(spec: str, requirement: str) -> None:
    (asked,) = read_specs(environment("python>=3.11", spec), "3.11.2")
    assert asked.requirement == requirement


@pytest.mark.parametrize("spec", ["python", "python=3.11", "python>=3.10,<3.13", "python=3.11.2"])
def test_the_suites_python_is_taken(spec: str) -> None:
    assert read_specs(environment(spec), "3.11.2") == ()


@pytest.mark.parametrize("spec", ["python=3.12", "python>=3.12", "python=3.11.9"])
def test_another_python_is_refused_by_name(spec: str) -> None:
    with pytest.raises(LockError) as caught:
        read_specs(environment(spec), "3.11.2")
    assert spec in caught.value.what
    assert "3.11.2" in caught.value.what
    assert "python=3.11" in caught.value.fix


@pytest.mark.parametrize("spec", ["numpy=1.26=py311*", "numpy >=2|<1"])
def test_what_wheels_cannot_answer_is_refused(spec: str) -> None:
    with pytest.raises(LockError, match="cannot be had from wheels"):
        read_specs(environment(spec), "3.11.2")


def test_a_package_has_the_name_that_was_asked_for_and_the_others_are_aliases() -> None:
    asked = [Asked("matplotlib-base", "matplotlib", ""), Asked("matplotlib", "matplotlib", ">=3")]
    names = conda_names(asked)
    assert names == {"matplotlib": "matplotlib"}
    assert aliases(asked, names) == {"matplotlib-base": "matplotlib"}


def test_any_version_is_no_clause() -> None:
    assert pep440("*") == ""
