"""Comparing locks: by examples, and by properties over any two of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.lock.compare import (
    _OF_SYSTEM,
    Bytes,
    Change,
    EnvironmentDiff,
    Fact,
    LockDiff,
    Package,
    PackageChange,
    compare,
    compare_all,
)
from builder.lock.model import LockSet
from tests.support.lock_samples import (
    LOCKED_BASE,
    conda_environment,
    conda_package,
    environment_lock,
    image_spec,
    lock_set,
    pip_package,
    sha,
)

SPEC = image_spec()
LOCK = lock_set(SPEC)


def with_conda(*packages: object, **changes: object) -> LockSet:
    held = LOCK.environments[0].model_copy(update={"conda": packages, **changes})
    return LOCK.model_copy(update={"environments": (held,)})


def only(diff: LockDiff) -> PackageChange:
    assert len(diff.packages) == 1
    return diff.packages[0]


def test_equal_locks() -> None:
    diff = compare(LOCK, LOCK)
    assert diff.empty
    assert diff.counts == {}
    assert (diff.old, diff.new) == (LOCK.digest, LOCK.digest)


@pytest.mark.parametrize(
    ("old", "new", "change", "size"),
    [
        (None, conda_package("a", "1"), "added", 1000),
        (conda_package("a", "1"), None, "removed", -1000),
        (conda_package("a", "1.9"), conda_package("a", "1.10", size=1500), "upgraded", 500),
        (conda_package("a", "1.10"), conda_package("a", "1.9"), "downgraded", 0),
        (conda_package("a", "1", "0"), conda_package("a", "1", "1", size=1), "rebuilt", -999),
        (conda_package("a", "1"), conda_package("a", "1", sha256=sha("x")), "rebuilt", 0),
        (conda_package("a", "1.0"), conda_package("a", "1"), "rebuilt", 0),
        (
            conda_package("a", "1"),
            conda_package("a", "1", url="https://x.example.org/a-1-0.conda"),
            "moved",
            0,
        ),
        (conda_package("a", "1"), conda_package("a", "1", depends=()), "amended", 0),
        (conda_package("a", "1", size=None), conda_package("a", "2"), "upgraded", None),
        (None, conda_package("a", "1", size=None), "added", None),
    ],
)
def test_what_happened_to_a_package(old: object, new: object, change: Change, size: int | None) -> None:
    stays = conda_package("python")
    sides = [with_conda(stays, *([one] if one else [])) for one in (old, new)]
    found = only(compare(*sides))
    assert (found.change, found.manager, found.name, found.bytes) == (change, "conda", "a", size)
    assert (found.old is None, found.new is None) == (old is None, new is None)


def test_the_order_of_versions_is_the_manager_s_own() -> None:
    """2024a is no PEP 440 version, and 1.0.post1 is older than 1.0 to nobody."""
    assert only(
        compare(with_conda(conda_package("a", "2023d")), with_conda(conda_package("a", "2024a")))
    ).change == ("upgraded")
    before, after = (
        with_conda(conda_package(), pip=(pip_package("tab", version),)) for version in ("1.0", "1.0rc1")
    )
    assert only(compare(before, after)).change == "downgraded"


def test_a_package_that_goes_from_one_manager_to_the_other() -> None:
    before = with_conda(conda_package(), conda_package("tab"), pip=())
    after = with_conda(conda_package(), pip=(pip_package("tab"),))
    assert [(one.change, one.manager) for one in compare(before, after).packages] == [
        ("removed", "conda"),
        ("added", "pip"),
    ]


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"base": LOCKED_BASE.model_copy(update={"ref": "debian@sha256:1"})}, ["base"]),
        ({"base": LOCKED_BASE.model_copy(update={"glibc": "2.41"})}, ["base glibc"]),
        ({"uv": None}, ["uv", "uv sha256"]),
    ],
)
def test_what_else_a_lock_says(change: dict[str, object], names: list[str]) -> None:
    diff = compare(LOCK, LOCK.model_copy(update=change))
    assert [fact.name for fact in diff.facts] == names
    assert not diff.empty


def test_what_is_asked_for_and_the_channels() -> None:
    spec = image_spec(conda_environment(conda=("python=3.12", "scipy")))
    after = lock_set(spec)
    held = after.environments[0].model_copy(update={"channels": ("https://x.example.org/c",)})
    (found,) = compare(LOCK, after.model_copy(update={"environments": (held,)})).environments
    assert found.asked == ("+conda python=3.12", "+conda scipy", "-conda python=3.11")
    assert [fact.name for fact in found.facts] == ["channels"]


def test_the_first_environment_is_compared_with_the_first_whatever_its_name() -> None:
    renamed = LOCK.environments[0].model_copy(update={"name": "other"})
    assert compare(LOCK, LOCK.model_copy(update={"environments": (renamed,)})).empty


def test_environments_that_come_and_go() -> None:
    spec = image_spec(conda_environment(), conda_environment("tools"))
    diff = compare(LOCK, lock_set(spec))
    assert [one.name for one in diff.environments] == ["tools"]
    assert {one.change for one in diff.packages} == {"added"}
    assert {one.change for one in compare(lock_set(spec), LOCK).packages} == {"removed"}


def test_bytes_count_a_file_once_and_what_nobody_told() -> None:
    spec = image_spec(conda_environment(), conda_environment("tools"))
    assert compare(lock_set(spec), lock_set(spec)).bytes == compare(LOCK, LOCK).bytes
    unsized = with_conda(conda_package(size=None))
    assert compare(unsized, unsized).bytes == Bytes(old=39814, new=39814, unknown=0)
    assert compare(None, unsized).bytes == Bytes(new=39814, unknown=1)


def test_a_side_that_is_not_there() -> None:
    arm = lock_set(SPEC, "linux/arm64")
    first, second = compare_all({"linux/amd64": LOCK}, {"linux/amd64": LOCK, "linux/arm64": arm})
    assert first.empty
    assert (second.platform, second.old, second.new, second.empty) == ("linux/arm64", "", arm.digest, False)
    with pytest.raises(ValueError, match="nothing to compare"):
        compare(None, None)


@dataclass(frozen=True)
class SystemPackage:
    name: str
    version: str
    architecture: str
    url: str
    sha256: str
    size: int


def test_packages_of_the_system_are_compared_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    held = {
        "old": SystemPackage("gcc", "4:12.2.0-3", "amd64", "https://x.example.org/a.deb", sha("a"), 10),
        "new": SystemPackage("gcc", "4:12.2.0-3+b1", "amd64", "https://x.example.org/b.deb", sha("b"), 30),
    }
    monkeypatch.setitem(_OF_SYSTEM, "apt", lambda lock: [held[lock.image]])
    diff = compare(*(LOCK.model_copy(update={"image": image}) for image in ("old", "new")))
    assert [(one.change, one.manager, one.bytes) for one in diff.system] == [("upgraded", "apt", 20)]
    assert diff.bytes.new - diff.bytes.old == 20


# --- over any locks

FEW = settings(max_examples=40)
NAMES = st.sampled_from(["a", "b", "c", "d"])
CONDA = st.builds(
    conda_package,
    NAMES,
    st.sampled_from(["1", "1.0", "1.10", "1.9", "2024a"]),
    st.sampled_from(["0", "h1_1"]),
    size=st.none() | st.integers(0, 10**9),
    depends=st.sampled_from([(), ("python",)]),
)
WHEEL = st.builds(
    pip_package, NAMES, st.sampled_from(["1", "1.0", "2.0rc1", "2.0"]), size=st.none() | st.integers(0, 10**9)
)


@st.composite
def locks(draw: st.DrawFn) -> LockSet:
    names = ["regression", *draw(st.lists(st.sampled_from(["tools", "more"]), unique=True))]
    spec = image_spec(*(conda_environment(name, conda=draw(asks)) for name in names))
    made = [
        environment_lock(one, spec).model_copy(
            update={
                "conda": tuple(draw(st.lists(CONDA, unique_by=lambda one: one.name))),
                "pip": tuple(
                    sorted(draw(st.lists(WHEEL, unique_by=lambda one: one.name)), key=lambda one: one.name)
                ),
                "channels": draw(channels),
            }
        )
        for one in spec.environments
    ]
    return lock_set(spec, environments=tuple(made))


asks = st.lists(st.sampled_from(["python", "numpy>=1", "numpy>=2"]), unique=True).map(tuple)
channels = st.lists(st.sampled_from(["https://a.example.org/c", "https://b.example.org/c"]), unique=True).map(
    tuple
)
Held = Mapping[tuple[str, str, str], Package]


@FEW
@given(locks())
def test_a_lock_does_not_differ_from_itself(lock: LockSet) -> None:
    assert compare(lock, lock).empty


@FEW
@given(locks(), locks())
def test_only_equal_locks_do_not_differ(old: LockSet, new: LockSet) -> None:
    assert compare(old, new).empty == (old == new)


@FEW
@given(locks(), locks())
def test_the_other_way_round_is_the_mirror(old: LockSet, new: LockSet) -> None:
    assert mirrored(compare(old, new)) == mirrored(mirrored(compare(new, old)))


@FEW
@given(locks(), locks())
def test_applied_to_the_old_one_it_gives_the_new_one(old: LockSet, new: LockSet) -> None:
    assert applied(packages_of(old), compare(old, new)) == packages_of(new)


@FEW
@given(locks(), locks())
def test_bytes_agree_with_the_changes(old: LockSet, new: LockSet) -> None:
    """Where every file is in one environment only, and every size is known."""
    sides = [one.model_copy(update={"environments": one.environments[:1]}) for one in (old, new)]
    diff = compare(*sides)
    if all(one.bytes is not None for one in diff.packages):
        assert diff.bytes.new - diff.bytes.old == sum(one.bytes or 0 for one in diff.packages)


OPPOSITE: dict[Change, Change] = {
    "added": "removed",
    "removed": "added",
    "upgraded": "downgraded",
    "downgraded": "upgraded",
}


def mirrored(diff: LockDiff) -> LockDiff:
    """The diff the other way round, in an order of its own."""
    return LockDiff(
        platform=diff.platform,
        old=diff.new,
        new=diff.old,
        facts=tuple(_turned(one) for one in diff.facts),
        environments=tuple(
            sorted((_turned_environment(one) for one in diff.environments), key=lambda one: one.name)
        ),
        system=tuple(_turned_change(one) for one in diff.system),
        bytes=Bytes(old=diff.bytes.new, new=diff.bytes.old, unknown=diff.bytes.unknown),
    )


def _turned(fact: Fact) -> Fact:
    return Fact(name=fact.name, old=fact.new, new=fact.old)


def _turned_environment(one: EnvironmentDiff) -> EnvironmentDiff:
    signs = {"+": "-", "-": "+"}
    return EnvironmentDiff(
        name=one.name,
        facts=tuple(_turned(fact) for fact in one.facts),
        asked=tuple(sorted(signs[line[0]] + line[1:] for line in one.asked)),
        packages=tuple(_turned_change(change) for change in one.packages),
    )


def _turned_change(one: PackageChange) -> PackageChange:
    return PackageChange(
        change=OPPOSITE.get(one.change, one.change),
        manager=one.manager,
        name=one.name,
        old=one.new,
        new=one.old,
        bytes=None if one.bytes is None else -one.bytes,
    )


def packages_of(lock: LockSet) -> dict[tuple[str, str, str], Package]:
    return {
        (environment.name, manager, one.name): Package(
            version=one.version,
            build=getattr(one, "build", ""),
            url=one.url,
            sha256=one.sha256,
            size=one.size,
        )
        for environment in lock.environments
        for manager, packages in (("conda", environment.conda), ("pip", environment.pip))
        for one in packages
    }


def applied(held: Held, diff: LockDiff) -> Held:
    after = dict(held)
    for environment in diff.environments:
        for change in environment.packages:
            key = (environment.name, change.manager, change.name)
            assert after.get(key) == change.old
            if change.new is None:
                del after[key]
            else:
                after[key] = change.new
    return after


@pytest.mark.parametrize("name", ["given", "stand_in"])
def test_an_installer_of_another_kind_is_a_difference(name: str) -> None:
    """Equal digests and no difference go together, whatever differs."""
    other = LOCK.model_copy(update={"installer": LOCK.installer.model_copy(update={name: True})})
    assert other.digest != LOCK.digest
    assert not compare(LOCK, other).empty
