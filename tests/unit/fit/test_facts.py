# ruff: noqa: E501  (rows of tables)
"""What an image for CUDA says of itself: facts, labels and the container toolkit's variables."""

from __future__ import annotations

import re

import pytest

from builder.fit.facts import Facts, image_facts
from builder.lock.model import LockSet
from builder.plan import group_packages
from builder.render.page import render
from builder.shipped import shipped_dir
from builder.spec.model import ImageSpec
from tests.support.lock_samples import conda_package, pip_package
from tests.unit.fit.samples import locked, real, tune

NEW = ("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120")
CUDA129 = conda_package(
    "pytorch", "2.13.0", "cuda129_mkl_py312_h55ea3d5_302", depends=("cuda-version >=12.9,<13",)
)


@pytest.mark.parametrize(
    ("spec", "packages", "expected"),
    [
        (tune(cuda="13.2"), real("torch 2.15.0"), Facts(cuda="13.2", driver="580", targets=NEW, torch="2.15.0")),
        (tune(gpus="h100"), real("torch 2.14.1, fine-tuning"), Facts(cuda="13.0", driver="580", targets=NEW, torch="2.14.1")),
        (tune(cuda="12.9"), (CUDA129,), Facts(cuda="12.9", driver="525.60.13", torch="2.13.0")),
        (tune(cuda="13.0"), (pip_package("numpy"),), Facts(cuda="13.0", driver="580")),
        (tune(cuda="14.1"), (pip_package("numpy"),), Facts(cuda="14.1")),
        (tune(cuda="13.0"), (pip_package("jax-cuda13-plugin", "0.12.0"),), Facts(cuda="13.0", driver="580")),
        (tune(gpus="h100"), (pip_package("jax-cuda13-plugin", "0.12.0"),), Facts(cuda="13", driver="580")),
        (tune(gpus="h100"), (pip_package("numpy"),), None),
        (tune(), real("torch 2.15.0"), None),
    ],
)  # fmt: skip
def test_facts(spec: ImageSpec, packages: tuple[object, ...], expected: Facts | None) -> None:
    assert image_facts(spec, locked(spec, *packages)) == expected  # type: ignore[arg-type]


def page(spec: ImageSpec, lock: LockSet) -> str:
    return render(spec, lock, group_packages(lock), templates=shipped_dir("dockerfiles")).dockerfile


def said(text: str) -> list[str]:
    return re.findall(r'(?:io\.imgbuild\.(?:cuda|driver|gpus|torch)|NVIDIA_[A-Z_]+)="[^"]*"', text)


def test_the_page_says_it() -> None:
    spec = tune(cuda="13.2", env={"NVIDIA_DRIVER_CAPABILITIES": "all"})
    assert said(page(spec, locked(spec, *real("torch 2.15.0")))) == [
        'NVIDIA_VISIBLE_DEVICES="all"',
        'NVIDIA_DRIVER_CAPABILITIES="compute,utility"',
        'NVIDIA_REQUIRE_CUDA="cuda>=13.0"',
        'NVIDIA_DRIVER_CAPABILITIES="all"',  # of the definition: it comes later, and wins
        'io.imgbuild.cuda="13.2"',
        'io.imgbuild.driver="580"',
        'io.imgbuild.gpus="sm_75 sm_80 sm_86 sm_90 sm_100 sm_120"',
        'io.imgbuild.torch="2.15.0"',
    ]


def test_an_image_without_cuda_says_nothing_of_it() -> None:
    spec = tune()
    assert said(page(spec, locked(spec, *real("torch 2.15.0")))) == []
