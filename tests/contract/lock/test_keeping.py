"""What a lock keeps of the one before: real rattler and real uv, where newer versions appear and others go."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.errors import LockError
from builder.lock.kept import Kept, moving
from builder.lock.make import make_lock
from builder.lock.model import LockSet
from builder.progress import silent
from builder.spec.model import ImageSpec
from tests.support.local_channel import add_conda, add_wheel, index
from tests.support.lock_samples import SampleSource, conda_environment, image_spec


class Place:
    """A channel and a wheelhouse that grow."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.conda("python", "3.11.2")
        add_wheel(root / "wheels", "uv", "0.0.1")

    def conda(self, name: str, version: str, *depends: str, build: str = "0") -> Place:
        add_conda(self.root / "channel", name, version, build, depends=depends)
        return self

    def wheel(self, name: str, version: str, *needs: str) -> Place:
        add_wheel(self.root / "wheels", name, version, needs=needs)
        return self

    def gone(self, name: str) -> None:
        for path in [*self.root.rglob(f"{name}-*"), *(self.root / "channel").rglob("repodata*")]:
            path.unlink()

    def lock(self, spec: ImageSpec, before: LockSet | None = None, *names: str) -> LockSet:
        index(self.root / "channel")
        kept = Kept(before, moving(names))
        return make_lock(spec, "linux/amd64", SampleSource(root=self.root), silent, kept=kept)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "place")


def asked(*conda: str, pip: tuple[str, ...] = ()) -> ImageSpec:
    return image_spec(conda_environment(conda=conda, pip=pip))


def conda_of(lock: LockSet) -> dict[str, str]:
    return {one.name: one.version for one in lock.environments[0].conda}


def pip_of(lock: LockSet) -> dict[str, str]:
    return {one.name: one.version for one in lock.environments[0].pip}


# --- conda


def test_a_newer_version_moves_nothing_until_it_is_asked_for(place: Place) -> None:
    spec = asked("b", "a")
    first = place.conda("a", "1").conda("b", "1").lock(spec)
    second = place.conda("a", "2").conda("b", "2").lock(spec, first)
    assert second == first
    assert conda_of(place.lock(spec)) == {"a": "2", "b": "2"}


def test_another_build_of_the_same_version_moves_nothing(place: Place) -> None:
    first = place.conda("a", "1", build="0").lock(asked("a"))
    assert place.conda("a", "1", build="1").lock(asked("a"), first) == first


def test_one_package_moves_with_what_that_forces_and_nothing_else(place: Place) -> None:
    spec = asked("app", "other", "lib")
    first = place.conda("lib", "1").conda("app", "1", "lib <2").conda("other", "1").lock(spec)
    place.conda("lib", "2").conda("lib", "3").conda("app", "2", "lib >=2").conda("other", "2")
    moved = place.lock(spec, first, "App")
    assert conda_of(moved) == {"app": "2", "lib": "3", "other": "1"}


@pytest.mark.parametrize("app", ["app", "zapp"])
def test_a_package_goes_as_far_as_it_would_if_everything_were_new(place: Place, app: str) -> None:
    """Although an older one would do without moving anything else."""
    spec = asked("lib", app)
    first = place.conda("lib", "1").conda(app, "1", "lib").lock(spec)
    place.conda("lib", "2").conda(app, "1.5", "lib").conda(app, "2", "lib >=2")
    assert conda_of(place.lock(spec, first, app)) == {app: "2", "lib": "2"}


@pytest.mark.parametrize("app", ["app", "zapp"])
def test_a_package_does_not_go_back_for_the_sake_of_others(place: Place, app: str) -> None:
    spec = asked("lib", app)
    first = place.conda("lib", "1").conda(app, "2", "lib <2").lock(spec)
    place.conda("lib", "9").conda(app, "1", "lib")
    assert place.lock(spec, first, app) == first


@pytest.mark.parametrize("names", [("d", "b"), ("a", "b"), ("b", "z")])
def test_a_new_package_moves_no_held_one(place: Place, names: tuple[str, str]) -> None:
    """In whatever order the solver decides: the newest of the new one would need another `b`."""
    new = next(name for name in names if name != "b")
    first = place.conda("b", "5").lock(asked("b"))
    place.conda("b", "6").conda(new, "4", "b").conda(new, "5", "b >=6")
    assert conda_of(place.lock(asked(*names), first)) == {"b": "5", new: "4"}
    assert conda_of(place.lock(asked(new), first)) == {"b": "5", new: "4"}


def test_a_pin_that_no_longer_holds_is_followed_and_the_rest_stays(place: Place) -> None:
    spec = asked("a=1", "b", "c")
    first = place.conda("a", "1").conda("b", "1", "a").conda("c", "1").lock(spec)
    place.conda("a", "2").conda("b", "2", "a").conda("c", "2")
    assert conda_of(place.lock(asked("a=2", "b", "c"), first)) == {"a": "2", "b": "1", "c": "1"}


def test_of_packages_that_have_to_move_only_those_do(place: Place) -> None:
    spec = asked("a=1", "b", "c", "d")
    first = place.conda("a", "1").conda("b", "1", "a <2").conda("c", "1").conda("d", "1", "c <2").lock(spec)
    place.conda("a", "2").conda("b", "2", "a >=2").conda("c", "2").conda("d", "2", "c")
    moved = place.lock(asked("a=2", "b", "c", "d"), first)
    assert conda_of(moved) == {"a": "2", "b": "2", "c": "1", "d": "1"}


def test_a_package_that_has_to_move_takes_no_other_along(place: Place) -> None:
    """Not all of them can stay, and the solver alone would move `c` for the sake of the newest `aa`."""
    first = place.conda("a", "1").conda("b", "1", "a <2").conda("c", "1").lock(asked("a=1", "b", "c"))
    place.conda("a", "2").conda("b", "2", "a").conda("c", "2").conda("aa", "4", "c").conda("aa", "5", "c >=2")
    moved = place.lock(asked("a=2", "aa", "b", "c"), first)
    assert conda_of(moved) == {"a": "2", "aa": "4", "b": "2", "c": "1"}


def test_a_package_that_vanished_is_replaced_and_the_rest_stays(place: Place) -> None:
    spec = asked("a", "b")
    first = place.conda("a", "1").conda("b", "1").lock(spec)
    place.conda("b", "2").gone("a")
    assert conda_of(place.conda("a", "0.9").lock(spec, first)) == {"a": "0.9", "b": "1"}


def test_a_package_that_is_no_longer_needed_goes(place: Place) -> None:
    first = place.conda("a", "1", "b").conda("b", "1").conda("c", "1").lock(asked("a", "c"))
    assert conda_of(place.lock(asked("c"), first)) == {"c": "1"}


def test_what_a_channel_of_higher_priority_holds_by_now_is_taken_from_there(
    tmp_path: Path, place: Place
) -> None:
    """The solver takes what it is handed whatever the priority, so that it must not be handed it."""
    near, far = tmp_path / "near", tmp_path / "far"

    class Two(SampleSource):
        def channel_url(self, channel: str) -> str:
            return {"near": near, "far": far}[channel].as_uri()

        def canonical(self, url: str) -> str:
            return url.replace(tmp_path.as_uri(), "https://channels.example.org")

    spec = image_spec(conda_environment(conda=("a",), channels=("near", "far")))
    add_conda(near, "other", "1")
    add_conda(far, "a", "3")
    index(near)
    index(far)
    first = make_lock(spec, "linux/amd64", Two(root=place.root), silent)
    assert conda_of(first) == {"a": "3"}
    assert make_lock(spec, "linux/amd64", Two(root=place.root), silent, kept=Kept(first)) == first
    add_conda(near, "a", "1")
    index(near)
    assert conda_of(make_lock(spec, "linux/amd64", Two(root=place.root), silent, kept=Kept(first))) == {
        "a": "1"
    }
    named = image_spec(conda_environment(conda=("far::a",), channels=("near", "far")))
    assert conda_of(make_lock(named, "linux/amd64", Two(root=place.root), silent, kept=Kept(first))) == {
        "a": "3"
    }


def test_what_the_channel_says_of_a_held_package_counts_and_not_what_the_lock_says(place: Place) -> None:
    first = place.conda("a", "1", "b").conda("b", "1").lock(asked("a"))
    environment = first.environments[0]
    forged = environment.model_copy(
        update={"conda": tuple(one.model_copy(update={"depends": ()}) for one in environment.conda)}
    )
    assert place.lock(asked("a"), first.model_copy(update={"environments": (forged,)})) == first


def test_nothing_satisfies_is_told_as_without_a_lock(place: Place) -> None:
    first = place.conda("a", "1").lock(asked("a"))
    with pytest.raises(LockError) as alone:
        place.lock(asked("a=9"))
    with pytest.raises(LockError) as kept:
        place.lock(asked("a=9"), first)
    assert (kept.value.what, kept.value.detail) == (alone.value.what, alone.value.detail)


def test_the_order_of_the_lines_changes_nothing(place: Place) -> None:
    """`b` and `d` pull at each other: the first one that is decided wins."""
    place.conda("b", "5").conda("b", "6").conda("d", "4").conda("d", "5", "b <6")
    assert place.lock(asked("b", "d")).environments == place.lock(asked("d", "b")).environments


# --- pip


def test_a_newer_wheel_moves_nothing_until_it_is_asked_for(place: Place) -> None:
    spec = asked("python", pip=("tab", "other"))
    first = place.wheel("tab", "1.0", "dep").wheel("dep", "1.0").wheel("other", "1.0").lock(spec)
    place.wheel("tab", "2.0", "dep").wheel("dep", "2.0").wheel("other", "2.0")
    assert place.lock(spec, first) == first
    assert pip_of(place.lock(spec, first, "TAB")) == {"tab": "2.0", "dep": "1.0", "other": "1.0"}
    assert pip_of(place.lock(spec)) == {"tab": "2.0", "dep": "2.0", "other": "2.0"}


def test_a_wheel_moves_with_what_that_forces(place: Place) -> None:
    spec = asked("python", pip=("dep", "tab", "zoo"))
    first = place.wheel("tab", "1.0", "dep").wheel("dep", "1.0").wheel("zoo", "1.0").lock(spec)
    place.wheel("tab", "1.5", "dep").wheel("tab", "2.0", "dep>=2").wheel("dep", "2.0").wheel("zoo", "2.0")
    assert pip_of(place.lock(spec, first, "tab")) == {"tab": "2.0", "dep": "2.0", "zoo": "1.0"}


def test_a_wheel_does_not_go_back_for_the_sake_of_others(place: Place) -> None:
    spec = asked("python", pip=("lib", "zapp"))
    first = place.wheel("lib", "1.0").wheel("zapp", "2.0", "lib<2").lock(spec)
    place.wheel("lib", "9.0").wheel("zapp", "1.0", "lib")
    assert pip_of(place.lock(spec)) == {"lib": "9.0", "zapp": "1.0"}
    assert place.lock(spec, first, "zapp") == first


def test_a_new_wheel_moves_no_held_one(place: Place) -> None:
    first = place.wheel("dep", "1.0").lock(asked("python", pip=("dep",)))
    place.wheel("dep", "2.0").wheel("aaa", "4.0", "dep").wheel("aaa", "5.0", "dep>=2")
    assert pip_of(place.lock(asked("python", pip=("aaa",)), first)) == {"aaa": "4.0", "dep": "1.0"}


def test_a_requirement_that_no_longer_holds_is_followed(place: Place) -> None:
    first = place.wheel("tab", "1.0").wheel("dep", "1.0").lock(asked("python", pip=("tab<2", "dep")))
    place.wheel("tab", "2.0").wheel("dep", "2.0")
    assert pip_of(place.lock(asked("python", pip=("tab>=2", "dep")), first)) == {"tab": "2.0", "dep": "1.0"}


def test_a_wheel_that_vanished_is_replaced(place: Place) -> None:
    spec = asked("python", pip=("tab", "dep"))
    first = place.wheel("tab", "1.0").wheel("dep", "1.0").lock(spec)
    place.wheel("dep", "2.0").gone("tab")
    assert pip_of(place.wheel("tab", "0.9").lock(spec, first)) == {"tab": "0.9", "dep": "1.0"}


def test_a_better_wheel_of_the_same_version_is_not_taken_in_its_place(place: Place) -> None:
    spec = asked("python", pip=("native",))
    first = place.wheel("native", "1.0").lock(spec)
    add_wheel(place.root / "wheels", "native", "1.0", tag="cp311-cp311-manylinux_2_17_x86_64")
    assert place.lock(spec, first) == first
    assert place.lock(spec).environments[0].pip[0].filename.endswith("x86_64.whl")


def test_a_wheel_that_conda_brings_by_now_goes(place: Place) -> None:
    first = place.wheel("tab", "1.0", "dep").wheel("dep", "1.0").lock(asked("python", pip=("tab",)))
    place.conda("dep", "3", "python")
    moved = place.lock(asked("python", "dep", pip=("tab",)), first)
    assert pip_of(moved) == {"tab": "1.0"}
    assert conda_of(moved)["dep"] == "3"


def test_the_tool_that_installs_wheels_stays_as_well(place: Place) -> None:
    spec = asked("python", pip=("tab",))
    first = place.wheel("tab", "1.0").lock(spec)
    place.wheel("uv", "0.0.2")
    assert place.lock(spec, first).uv == first.uv
    newest = place.lock(spec).uv
    assert newest is not None
    assert newest.filename.startswith("uv-0.0.2-")


def test_environments_are_kept_each_by_itself(place: Place) -> None:
    spec = image_spec(conda_environment(conda=("a",)), conda_environment("tools", conda=("a",)))
    first = place.conda("a", "1").lock(spec)
    place.conda("a", "2")
    turned = image_spec(conda_environment("renamed", conda=("a",)), conda_environment("more", conda=("a",)))
    versions = [one.conda[0].version for one in place.lock(turned, first).environments]
    assert versions == ["1", "2"]
