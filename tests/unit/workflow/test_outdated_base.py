"""The base of a lock beside its registry: moved, as it was, pinned, and where nobody can tell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.errors import BuildError
from builder.lock.model import LockSet
from builder.network.offline import go_offline
from builder.spec.model import ImageSpec
from builder.store.upstream import Upstream
from builder.workflow.outdated.base import Registries
from tests.support.fake_registry import FakeRegistry, fake_registry
from tests.support.lock_samples import BASE, image_spec, lock_set, sha

OLD = f"sha256:{sha('old')}"


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("IMGBUILD_RETRIES", "0")


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with fake_registry() as site:
        yield site


def sides(ref: str, locked: str) -> tuple[ImageSpec, LockSet]:
    spec = image_spec(base=BASE.model_copy(update={"ref": ref}))
    lock = lock_set(spec)
    return spec, lock.model_copy(update={"base": lock.base.model_copy(update={"ref": locked})})


def test_the_tag_moved_and_an_image_is_asked_for_once(registry: FakeRegistry) -> None:
    ref = f"{registry.host}/team/small:1"
    entries = {platform: registry.image("team/small", platform=platform) for platform in BASE.platforms}
    digest = registry.index("team/small", "1", entries)
    known = Registries()
    spec, lock = sides(ref, f"{ref}@{OLD}")
    row = known.row(spec, lock, Upstream())
    assert (row.locked, row.now, row.size, row.behind) == (OLD, digest, 1234, True)
    asked = len(registry.asked)
    assert known.resolving(lock)(ref, "linux/amd64") == digest
    assert not known.row(*sides(ref, f"{ref}@{digest}"), Upstream()).behind
    assert len(registry.asked) == asked
    assert known.row(*sides(ref, ref), Upstream()).locked == ""


def test_a_base_that_is_pinned_in_its_row_asks_nobody(registry: FakeRegistry) -> None:
    ref = f"{registry.host}/team/small:1@{OLD}"
    row = Registries().row(*sides(ref, ref), Upstream())
    assert (row.now, row.behind, registry.asked) == (OLD, False, [])


def test_a_registry_that_nobody_answers_for_is_asked_once_for_all(registry: FakeRegistry) -> None:
    known = Registries()
    for platform in BASE.platforms:
        for name in ("one", "two"):
            ref = f"127.0.0.1:1/team/{name}:1"
            spec, lock = sides(ref, f"{ref}@{OLD}")
            row = known.row(spec, lock.model_copy(update={"platform": platform}), Upstream())
            assert row.trouble.startswith("the registry cannot be reached")
            assert (row.locked, row.now, row.behind) == (OLD, "", False)
    assert list(known.silent) == ["127.0.0.1:1"]
    ref = f"{registry.host}/team/none:1"
    spec, lock = sides(ref, ref)
    assert known.row(spec, lock, Upstream()).trouble == "the registry has no such image"
    assert list(known.silent) == ["127.0.0.1:1"]


def test_where_no_registry_answers_the_locked_digest_stays() -> None:
    ref = "127.0.0.1:1/team/small:1"
    _, lock = sides(ref, f"{ref}@{OLD}")
    assert Registries().resolving(lock)(ref, "linux/amd64") == OLD
    with pytest.raises(BuildError, match="cannot be reached"):
        Registries().resolving(lock)("127.0.0.1:1/team/other:1", "linux/amd64")


def test_offline(monkeypatch: pytest.MonkeyPatch, registry: FakeRegistry) -> None:
    monkeypatch.setenv("IMGBUILD_OFFLINE", "")
    go_offline()
    ref = f"{registry.host}/team/small:1"
    row = Registries().row(*sides(ref, f"{ref}@{OLD}"), Upstream())
    assert "offline" in row.trouble
    assert registry.asked == []
