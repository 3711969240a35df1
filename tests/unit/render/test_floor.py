from __future__ import annotations

import pytest

from builder.errors import UsageError
from builder.lock.model import LockSet
from builder.render.floor import check_base
from builder.spec.model import ImageSpec
from tests.support.lock_samples import (
    BASE,
    INSTALLER,
    LOCKED_BASE,
    conda_package,
    image_spec,
    lock_set,
    pip_package,
)
from tests.support.render_samples import environment_with

SPEC = image_spec()


def lock_of(glibc: str, **changes: object) -> LockSet:
    installer = changes.pop("installer", INSTALLER)
    environment = environment_with(SPEC.environments[0], SPEC, **changes)
    base = LOCKED_BASE.model_copy(update={"glibc": glibc})
    return lock_set(SPEC, base=base, environments=(environment,), installer=installer)


def refused(lock: LockSet, spec: ImageSpec = SPEC) -> str:
    with pytest.raises(UsageError) as caught:
        check_base(spec, lock)
    return str(caught.value)


def test_the_installers_floor() -> None:
    check_base(SPEC, lock_of("2.28"))
    message = refused(lock_of("2.27"))
    assert "glibc 2.27, and 2.28 is needed" in message
    assert "Miniconda3" in message
    assert "base: in image.yml" in message
    old = INSTALLER.model_copy(update={"version": "24.9.2-0"})
    check_base(SPEC, lock_of("2.17", installer=old))
    check_base(SPEC, lock_of("2.17", installer=INSTALLER.model_copy(update={"stand_in": True})))


@pytest.mark.parametrize(
    ("depends", "fits"),
    [
        (("__glibc >=2.39",), False),
        (("__glibc >=2.39,<3.0.a0",), False),
        (("__glibc >=2.4",), True),
        (("libglibc >=9.9",), True),
        ((), True),
    ],
)
def test_a_conda_packages_floor(depends: tuple[str, ...], fits: bool) -> None:
    lock = lock_of("2.36", conda=(conda_package(depends=depends),))
    if fits:
        check_base(SPEC, lock)
    else:
        assert "2.39 is needed" in refused(lock)


@pytest.mark.parametrize(
    ("tag", "fits"),
    [
        ("manylinux_2_39_x86_64", False),
        ("manylinux_2_17_x86_64.manylinux_2_39_x86_64", True),
        ("manylinux2014_x86_64", True),
        ("any", True),
        ("manylinux_2_17_aarch64", False),
    ],
)
def test_a_wheels_floor_and_machine(tag: str, fits: bool) -> None:
    wheel = pip_package(url=f"https://w.example.org/x-1.0-py3-none-{tag}.whl")
    lock = lock_of("2.36", pip=(wheel,))
    if fits:
        check_base(SPEC, lock)
    else:
        refused(lock)


def test_another_machines_packages_are_refused() -> None:
    assert "not made for linux/amd64" in refused(
        lock_of("2.36", conda=(conda_package(subdir="linux-aarch64"),))
    )
    arm = INSTALLER.model_copy(update={"url": INSTALLER.url.replace("x86_64", "aarch64")})
    assert "not made for linux/amd64" in refused(lock_of("2.36", installer=arm))


def test_a_base_for_other_platforms_is_refused() -> None:
    spec = image_spec(base=BASE.model_copy(update={"platforms": ("linux/arm64",)}))
    assert "only for linux/arm64" in refused(lock_of("2.36"), spec)
