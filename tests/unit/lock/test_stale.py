from __future__ import annotations

import pytest

from builder.errors import LockError
from builder.lock.model import LockSet, SourceId
from builder.lock.stale import stale_reasons
from builder.spec.model import ImageSpec, Platform
from tests.support.lock_samples import (
    BASE,
    INSTALLER,
    LOCKED_BASE,
    SampleSource,
    conda_environment,
    image_spec,
    lock_set,
    sha,
)

FIRST = conda_environment(conda=("python=3.11", "numpy"))
SPEC = image_spec(FIRST, conda_environment("tools"))
LOCK = lock_set(SPEC)
KIT = SourceId(kind="kit", kit=sha("kit"))


def reasons(spec: ImageSpec = SPEC, lock: LockSet = LOCK, source: SampleSource | None = None) -> str:
    return "; ".join(stale_reasons(spec, lock, source or SampleSource()))


def changed(**changes: object) -> ImageSpec:
    return SPEC.model_copy(update=changes)


def test_a_fresh_lock_has_no_reasons_and_asks_for_no_base() -> None:
    source = SampleSource()
    assert stale_reasons(SPEC, LOCK, source) == ()
    assert source.asked == []


def test_a_renamed_environment_is_not_stale() -> None:
    renamed = FIRST.model_copy(update={"name": "renamed"})
    assert reasons(changed(name="renamed", environments=(renamed, SPEC.environments[1]))) == ""


def test_what_changed_is_named() -> None:
    other = FIRST.model_copy(update={"conda": ("python=3.11", "scipy>=1")})
    assert reasons(changed(environments=(other, SPEC.environments[1]))) == (
        "the environment regression is asked for differently (+conda scipy>=1, -conda numpy)"
    )


def test_many_changes_are_cut_short() -> None:
    other = FIRST.model_copy(update={"conda": tuple(f"p{number}" for number in range(20))})
    assert "and 16 more" in reasons(changed(environments=(other, SPEC.environments[1])))


def test_environments_that_come_and_go_are_named() -> None:
    assert reasons(changed(environments=(*SPEC.environments, conda_environment("more")))) == (
        "the environment more was added"
    )
    assert reasons(changed(environments=SPEC.environments[:1])) == "the environment tools was removed"


def test_another_source() -> None:
    assert reasons(source=SampleSource(id=KIT)).startswith(
        f"it was made from upstream, and the source now is kit:{sha('kit')}"
    )


def test_a_platform_that_is_gone() -> None:
    assert "linux/amd64 is no longer among" in reasons(changed(platforms=("linux/arm64",)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"key": "ubuntu-noble"}, "the base is ubuntu-noble now, and was debian-bookworm"),
        ({"glibc": "2.41"}, "the base debian-bookworm has glibc 2.41 now, and had 2.36"),
        ({"ref": "registry.example.org:5000/debian:x"}, "is registry.example.org:5000/debian:x now"),
        ({"ref": f"docker.io/library/debian@sha256:{sha('newer')}"}, f"the digest sha256:{sha('newer')} now"),
    ],
)
def test_another_base(change: dict[str, object], reason: str) -> None:
    assert reason in reasons(changed(base=BASE.model_copy(update=change)))


def test_the_same_digest_is_the_same_base() -> None:
    assert reasons(changed(base=BASE.model_copy(update={"ref": LOCKED_BASE.ref}))) == ""


def test_a_tag_counts_where_the_lock_holds_one() -> None:
    tagged = LOCKED_BASE.model_copy(update={"ref": LOCKED_BASE.ref.replace("@", ":bookworm-slim@")})
    lock = LOCK.model_copy(update={"base": tagged})
    assert reasons(lock=lock) == ""
    trixie = BASE.model_copy(update={"ref": "docker.io/library/debian:trixie-slim"})
    assert "is docker.io/library/debian:trixie-slim now" in reasons(changed(base=trixie), lock)


def test_a_kit_s_base_is_compared_with_the_kit_s_own() -> None:
    lock = LOCK.model_copy(update={"source": KIT})
    assert reasons(lock=lock, source=SampleSource(id=KIT)) == ""
    other = LOCKED_BASE.model_copy(update={"ref": "imgbuild/base:other"})
    assert "the kit's base is imgbuild/base:other now" in reasons(
        lock=lock, source=SampleSource(id=KIT, locked_base=other)
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": "27.1.0-1"}, "the installer is miniconda=27.1.0-1 now, and was miniconda=26.5.3-1"),
        ({"sha256": sha("x")}, "the installer miniconda=26.5.3-1 has another hash or URL now"),
    ],
)
def test_another_installer(change: dict[str, object], reason: str) -> None:
    source = SampleSource(locked_installer=INSTALLER.model_copy(update=change))
    assert reasons(source=source) == reason


def test_an_installer_that_is_not_to_be_had_is_a_reason() -> None:
    class Without(SampleSource):
        def installer(self, spec: ImageSpec, platform: Platform) -> object:  # type: ignore[override]
            raise LockError("no such installer")

    assert reasons(source=Without()) == "the installer is not to be had any more: no such installer"


def test_no_installer_asked_for() -> None:
    assert reasons(changed(installer=None)).startswith("no installer is asked for now")
