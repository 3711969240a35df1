from __future__ import annotations

import pytest

from builder.lock.inputs import input_digest, input_lines, virtual_packages
from builder.spec.model import CondaEnvironment, ImageSpec
from tests.support.lock_samples import BASE, conda_environment, image_spec

PLAIN = conda_environment(conda=("python=3.11", "numpy>=2"), pip=("tabulate",), channels=("forge", "bio"))


def digest(environment: CondaEnvironment = PLAIN, **changes: object) -> str:
    return input_digest(environment, image_spec(environment, **changes), "linux/amd64")


def test_the_name_of_environment_and_image_do_not_matter() -> None:
    assert digest(PLAIN.model_copy(update={"name": "other"}), name="other", summary="x") == digest()


@pytest.mark.parametrize(
    "same", [{"conda": ("numpy>=2", "python=3.11")}, {"conda": ("python=3.11", "numpy>=2", "  numpy>=2 ")}]
)
def test_order_and_blanks_of_specs_do_not_matter(same: dict[str, object]) -> None:
    assert digest(PLAIN.model_copy(update=same)) == digest()


@pytest.mark.parametrize(
    "change",
    [
        {"conda": ("python=3.11",)},
        {"pip": ("tabulate", "rich")},
        {"channels": ("bio", "forge")},
        {"variables": {"A": "1"}},
    ],
)
def test_what_is_asked_for_matters(change: dict[str, object]) -> None:
    assert digest(PLAIN.model_copy(update=change)) != digest()


def test_the_machine_matters() -> None:
    spec = image_spec(PLAIN)
    digests = {
        digest(),
        digest(cuda="13.0"),
        digest(cuda="12.6"),
        digest(base=BASE.model_copy(update={"glibc": "2.41"})),
        digest(base=BASE.model_copy(update={"key": "debian-trixie"})),
        input_digest(PLAIN, spec, "linux/arm64"),
    }
    assert len(digests) == 6


def test_cuda_is_declared_only_when_it_is_asked_for() -> None:
    def names(spec: ImageSpec) -> set[str]:
        return {str(one) for one in virtual_packages(spec, "linux/arm64")}

    plain = {"__archspec=1=aarch64", "__glibc=2.36=0", "__linux=4.18=0", "__unix=0=0"}
    assert names(image_spec()) == plain
    assert names(image_spec(cuda="13.0")) == plain | {"__cuda=13.0=0"}


def test_the_lines_are_for_people() -> None:
    lines = input_lines(PLAIN, image_spec(PLAIN), "linux/amd64")
    assert {"channels forge, bio", "conda numpy>=2", "pip tabulate", "base debian-bookworm"} <= set(lines)
