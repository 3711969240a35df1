"""Requirements of wheels in conda's words."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.errors import BuildError
from builder.store.bootstrap.metadata import WheelFacts, conda_depends, conda_version, read_facts
from builder.store.bootstrap.target import Target
from tests.support.wheel_samples import write_wheel

TARGET = Target("3.11.2", "linux/amd64", "2.36")


def facts(folder: Path, *lines: str, name: str = "sample") -> WheelFacts:
    return read_facts(write_wheel(folder, name=name, metadata=lines))


def depends(found: WheelFacts, **options: object) -> tuple[str, ...]:
    others: dict[str, WheelFacts] = options.get("others", {})  # type: ignore[assignment]
    names: dict[str, str] = options.get("names", {})  # type: ignore[assignment]
    return conda_depends(found, TARGET, pinned_python=False, names=names, find=others.get)


def test_markers_are_evaluated_for_the_target(tmp_path: Path) -> None:
    found = facts(
        tmp_path,
        'Requires-Dist: tomli>=1 ; python_version < "3.11"',
        'Requires-Dist: newer ; python_version >= "3.11"',
        'Requires-Dist: winapi ; sys_platform == "win32"',
        'Requires-Dist: arm ; platform_machine == "aarch64"',
        'Requires-Dist: pytest ; extra == "test"',
    )
    assert depends(found) == ("python", "newer")


def test_versions_are_spelled_as_conda_spells_them(tmp_path: Path) -> None:
    found = facts(
        tmp_path,
        "Requires-Python: >=3.9",
        "Requires-Dist: a (>=1.0,<2)",
        "Requires-Dist: b ==1.2.*",
        "Requires-Dist: c ~=1.4",
        "Requires-Dist: d",
        "Requires-Dist: E_f.G !=1.5",
    )
    assert depends(found) == ("python >=3.9", "a <2,>=1.0", "b 1.2.*", "c ~=1.4", "d", "e-f-g !=1.5")


def test_names_are_mapped(tmp_path: Path) -> None:
    assert depends(facts(tmp_path, "Requires-Dist: torch>=2"), names={"torch": "pytorch"}) == (
        "python",
        "pytorch >=2",
    )


def test_what_an_extra_brings_is_a_dependency_of_its_own(tmp_path: Path) -> None:
    other = facts(
        tmp_path,
        'Requires-Dist: speed>=3 ; extra == "fast"',
        'Requires-Dist: no ; extra == "x"',
        name="other",
    )
    found = facts(tmp_path, "Requires-Dist: other[fast]>=1")
    assert depends(found, others={"other": other}) == ("python", "other >=1", "speed >=3")


def test_a_package_may_name_extras_of_itself(tmp_path: Path) -> None:
    lines = ('Requires-Dist: sample[fast] ; extra == "all"', 'Requires-Dist: speed ; extra == "fast"')
    found = facts(tmp_path, *lines, "Requires-Dist: other")
    assert depends(found) == ("python", "other")
    wants_all = facts(tmp_path, "Requires-Dist: sample[all]", name="user")
    assert depends(wants_all, others={"sample": found}) == ("python", "other", "sample", "speed")


@pytest.mark.parametrize(
    ("operator", "version", "conda"),
    [("==", "1.2", "==1.2"), ("===", "1.2", "==1.2"), ("==", "1.2.*", "1.2.*"), ("!=", "1.*", "!=1.*")],
)
def test_clauses(operator: str, version: str, conda: str) -> None:
    assert conda_version(operator, version) == conda


@pytest.mark.parametrize(
    ("lines", "licence"),
    [
        (("License-Expression: MIT OR Apache-2.0", "License: whatever"), "MIT OR Apache-2.0"),
        (("License: BSD-3-Clause",), "BSD-3-Clause"),
        (("Classifier: License :: OSI Approved :: MIT License",), "MIT License"),
        (("License: ======",), "see info/licenses"),
        ((), "see info/licenses"),
    ],
)
def test_the_licence_is_a_name(tmp_path: Path, lines: tuple[str, ...], licence: str) -> None:
    assert facts(tmp_path, *lines).license == licence


@pytest.mark.parametrize("line", ["Requires-Dist: a >=", "Requires-Python: three", "Requires-Dist: ../a"])
def test_unreadable_requirements_name_the_wheel(tmp_path: Path, line: str) -> None:
    with pytest.raises(BuildError) as caught:
        facts(tmp_path, line)
    assert caught.value.where == "sample-1.2-py3-none-any.whl"
    assert caught.value.fix
