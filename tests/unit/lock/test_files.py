from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builder.errors import LockError
from builder.lock.files import lock_names, read_lock, write_lock
from builder.lock.model import LockSet
from tests.support.lock_samples import (
    CHANNEL,
    conda_environment,
    conda_package,
    environment_lock,
    image_spec,
    lock_set,
    pip_package,
    sha,
)

SPEC = image_spec(conda_environment(), conda_environment("tools", conda=("python=3.12",)))


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    lock = lock_set(SPEC)
    write_lock(lock, tmp_path, SPEC)
    assert read_lock(SPEC, "linux/amd64", tmp_path) == lock


def test_the_files_have_the_names_that_conda_tools_look_for(tmp_path: Path) -> None:
    variant = SPEC.model_copy(update={"variant": "cu126"})
    write_lock(lock_set(SPEC), tmp_path, SPEC)
    paths = write_lock(lock_set(variant), tmp_path, variant)
    assert {path.name for path in tmp_path.iterdir()} == {
        "conda-lock.yml",
        "conda-lock--tools.yml",
        "imgbuild.lock.json",
        "conda-lock.cu126.yml",
        "conda-lock.cu126--tools.yml",
        "imgbuild.lock.cu126.json",
    }
    assert paths[-1].name == "imgbuild.lock.cu126.json"
    assert read_lock(variant, "linux/amd64", tmp_path).image == "regression@cu126"


def test_the_same_lock_gives_the_same_bytes(tmp_path: Path) -> None:
    write_lock(lock_set(SPEC), tmp_path / "a", SPEC)
    for _ in range(2):
        write_lock(lock_set(SPEC), tmp_path / "b", SPEC)
    assert _contents(tmp_path / "a") == _contents(tmp_path / "b")


def test_the_order_in_which_platforms_are_written_does_not_matter(tmp_path: Path) -> None:
    amd, arm = lock_set(SPEC), lock_set(SPEC, "linux/arm64")
    for folder, locks in ((tmp_path / "a", (amd, arm)), (tmp_path / "b", (arm, amd))):
        for lock in locks:
            write_lock(lock, folder, SPEC)
    assert _contents(tmp_path / "a") == _contents(tmp_path / "b")
    assert read_lock(SPEC, "linux/amd64", tmp_path / "a") == amd
    assert read_lock(SPEC, "linux/arm64", tmp_path / "a") == arm


def test_a_platform_written_anew_replaces_only_itself(tmp_path: Path) -> None:
    arm = lock_set(SPEC, "linux/arm64")
    for lock in (lock_set(SPEC), arm):
        write_lock(lock, tmp_path, SPEC)
    fresh = lock_set(SPEC, uv=None)
    write_lock(fresh, tmp_path, SPEC)
    assert read_lock(SPEC, "linux/amd64", tmp_path) == fresh
    assert read_lock(SPEC, "linux/arm64", tmp_path) == arm


def test_the_file_of_a_removed_environment_goes(tmp_path: Path) -> None:
    write_lock(lock_set(SPEC), tmp_path, SPEC)
    one = SPEC.model_copy(update={"environments": SPEC.environments[:1]})
    write_lock(lock_set(one), tmp_path, one)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["conda-lock.yml", "imgbuild.lock.json"]


def test_a_renamed_image_keeps_its_lock(tmp_path: Path) -> None:
    write_lock(lock_set(SPEC), tmp_path, SPEC)
    first = SPEC.environments[0].model_copy(update={"name": "renamed"})
    renamed = SPEC.model_copy(update={"name": "renamed", "environments": (first, SPEC.environments[1])})
    lock = read_lock(renamed, "linux/amd64", tmp_path)
    assert lock.image == "renamed"
    assert [one.name for one in lock.environments] == ["renamed", "tools"]


def test_the_page_has_what_the_format_asks_for(tmp_path: Path) -> None:
    write_lock(lock_set(SPEC), tmp_path, SPEC)
    page = yaml.safe_load((tmp_path / "conda-lock.yml").read_text())
    assert page["version"] == 1
    assert page["metadata"]["channels"] == [{"url": CHANNEL, "used_env_vars": []}]
    assert page["metadata"]["platforms"] == ["linux-64"]
    assert page["metadata"]["sources"] == ["environment.yml"]
    python = next(one for one in page["package"] if one["name"] == "python")
    assert sorted(python) == sorted(
        ["name", "version", "manager", "platform", "dependencies", "url", "hash", "category", "optional"]
    )
    assert python["dependencies"] == {"zlib": ""}
    assert sorted(python["hash"]) == ["md5", "sha256"]
    wheel = next(one for one in page["package"] if one["manager"] == "pip")
    assert list(wheel["hash"]) == ["sha256"]


@pytest.mark.parametrize("version", ["1.10", "1e5", "12e34", "0o17", "2024", "1.0", "0x1f", "1_0", "on"])
def test_no_reader_can_take_text_for_a_number(tmp_path: Path, version: str) -> None:
    spec = image_spec()
    lock = _lock_with(conda=(NUMPY, conda_package("odd", version)))
    write_lock(lock, tmp_path, spec)
    assert f"version: '{version}'\n" in (tmp_path / "conda-lock.yml").read_text()
    assert read_lock(spec, "linux/amd64", tmp_path) == lock


def test_a_missing_lock_is_missing(tmp_path: Path) -> None:
    assert read_lock(SPEC, "linux/amd64", tmp_path, missing_ok=True) is None
    with pytest.raises(LockError, match=r"regression has no lock for linux/amd64.*imgbuild lock regression"):
        read_lock(SPEC, "linux/amd64", tmp_path)


def test_a_missing_platform_says_which_there_are(tmp_path: Path) -> None:
    write_lock(lock_set(SPEC), tmp_path, SPEC)
    assert read_lock(SPEC, "linux/arm64", tmp_path, missing_ok=True) is None
    with pytest.raises(LockError, match="no lock for linux/arm64; it has linux/amd64"):
        read_lock(SPEC, "linux/arm64", tmp_path)


@pytest.mark.parametrize("name", ["conda-lock.yml", "conda-lock--tools.yml", "imgbuild.lock.json"])
def test_one_file_alone_is_no_lock(tmp_path: Path, name: str) -> None:
    write_lock(lock_set(SPEC), tmp_path, SPEC)
    (tmp_path / name).unlink()
    with pytest.raises(LockError, match=name):
        read_lock(SPEC, "linux/amd64", tmp_path, missing_ok=True)


def test_a_page_edited_by_hand_is_noticed(tmp_path: Path) -> None:
    write_lock(lock_set(SPEC), tmp_path, SPEC)
    page = tmp_path / "conda-lock--tools.yml"
    page.write_text(page.read_text().replace("3.11.2", "3.11.3"))
    with pytest.raises(LockError, match=r"conda-lock--tools.yml.*was changed after it was made"):
        read_lock(SPEC, "linux/amd64", tmp_path)


def test_a_broken_lock_is_mended_by_making_it_anew(tmp_path: Path) -> None:
    write_lock(lock_set(SPEC, "linux/arm64"), tmp_path, SPEC)
    (tmp_path / "imgbuild.lock.json").write_text("{")
    write_lock(lock_set(SPEC), tmp_path, SPEC)
    assert read_lock(SPEC, "linux/amd64", tmp_path) == lock_set(SPEC)


def test_a_folder_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    write_lock(lock_set(SPEC), tmp_path, SPEC)
    before = _contents(tmp_path)
    (tmp_path / "conda-lock--more.yml").mkdir()
    more = SPEC.model_copy(update={"environments": (*SPEC.environments, conda_environment("more"))})
    with pytest.raises(LockError, match="cannot be written"):
        write_lock(lock_set(more), tmp_path, more)
    (tmp_path / "conda-lock--more.yml").rmdir()
    assert before == _contents(tmp_path)


def _lock_with(**changes: object) -> LockSet:
    spec = image_spec()
    environment = environment_lock(spec.environments[0], spec)
    return lock_set(spec, environments=(environment.model_copy(update=changes),))


NUMPY = conda_package("numpy", "2.4.6")


def _numpy_at(url: str) -> LockSet:
    return _lock_with(conda=(NUMPY.model_copy(update={"url": url}),))


HOSTILE: dict[str, LockSet] = {
    "way upwards": _numpy_at(f"{CHANNEL}/../x/numpy-2.4.6-0.conda"),
    "encoded way upwards": _numpy_at(f"{CHANNEL}/linux-64/%2e%2e%2fnumpy-2.4.6-0.conda"),
    "local file": _numpy_at("file:///etc/numpy-2.4.6-0.conda"),
    "plain http": _numpy_at(NUMPY.url.replace("https", "http")),
    "newline": _numpy_at(f"{NUMPY.url}\n"),
    "password": _numpy_at(NUMPY.url.replace("//", "//me:secret@")),
    "token": _numpy_at(NUMPY.url.replace("/forge", "/t/secret/forge")),
    "fragment": _numpy_at(f"{NUMPY.url}#0"),
    "ending": _numpy_at(NUMPY.url.replace(".conda", ".sh")),
    "short sha256": _lock_with(conda=(NUMPY.model_copy(update={"sha256": "ab"}),)),
    "no md5": _lock_with(conda=(NUMPY.model_copy(update={"md5": ""}),)),
    "other name": _lock_with(conda=(NUMPY.model_copy(update={"name": "pandas"}),)),
    "other platform": _lock_with(conda=(conda_package(subdir="linux-aarch64"),)),
    "twice": _lock_with(conda=(NUMPY, conda_package("numpy", "2.4.7"))),
    "empty": _lock_with(conda=()),
    "wheel of another name": _lock_with(pip=(pip_package().model_copy(update={"name": "other"}),)),
    "one file name, two files": _lock_with(
        pip=(pip_package(), pip_package().model_copy(update={"sha256": sha("other"), "name": "tabulate"}))
    ),
    "variable": _lock_with(variables={"A": "x\nRUN evil"}),
    "variable's name": _lock_with(variables={"A B": "x"}),
    "channel": _lock_with(channels=("https://x.example.org/a b",)),
    "base": lock_set(image_spec(), base=lock_set(SPEC).base.model_copy(update={"ref": "debian\nRUN evil"})),
    "installer": lock_set(
        image_spec(),
        installer=lock_set(SPEC).installer.model_copy(update={"url": "https://x.example.org/$(id).sh"}),
    ),
}


@pytest.mark.parametrize("lock", HOSTILE.values(), ids=HOSTILE)
def test_what_a_lock_must_not_hold_is_not_written(tmp_path: Path, lock: LockSet) -> None:
    with pytest.raises(LockError, match="cannot be used"):
        write_lock(lock, tmp_path, image_spec())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lock", HOSTILE.values(), ids=HOSTILE)
def test_what_a_lock_must_not_hold_is_not_read(
    tmp_path: Path, lock: LockSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("builder.lock.files.faults", lambda _lock: iter(()))
        write_lock(lock, tmp_path, image_spec())
    with pytest.raises(LockError, match="cannot be used"):
        read_lock(image_spec(), "linux/amd64", tmp_path)


def test_an_environment_cannot_name_a_file_elsewhere(tmp_path: Path) -> None:
    write_lock(lock_set(SPEC), tmp_path / "inner", SPEC)

    def lead_out(document: dict[str, Any]) -> None:
        name = "/../../outside"
        environment = document["platforms"]["linux/amd64"]["environments"][1]
        environment.update(name=name, file=f"conda-lock--{name}.yml")
        document["files"][f"conda-lock--{name}.yml"] = document["files"].pop("conda-lock--tools.yml")

    _edit(tmp_path / "inner" / "imgbuild.lock.json", lead_out)
    with pytest.raises(LockError, match="an environment cannot be called"):
        read_lock(SPEC, "linux/amd64", tmp_path / "inner")


Edit = Callable[[dict[str, Any]], object]
EDITS: dict[str, Edit] = {
    "package gone": lambda one: _first(one)["packages"].popitem(),
    "package added": lambda one: _first(one)["packages"].update({f"{CHANNEL}/noarch/x-1-0.conda": {}}),
    "inputs": lambda one: _first(one)["inputs"].append("conda scipy"),
    "no environments": lambda one: one["platforms"]["linux/amd64"].update(environments=[]),
    "unknown key": lambda one: one.update(more=1),
    "version": lambda one: one.update(version=2),
    "platform": lambda one: one["platforms"].update({"linux/s390x": one["platforms"]["linux/amd64"]}),
    "platform the page lacks": lambda one: one["platforms"].update(
        {"linux/arm64": one["platforms"]["linux/amd64"]}
    ),
    "file": lambda one: one["files"].update({"../x.yml": "0" * 64}),
    "no files": lambda one: one.update(files={}),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_files_that_disagree_are_refused(tmp_path: Path, edit: Edit) -> None:
    write_lock(lock_set(SPEC), tmp_path, SPEC)
    _edit(tmp_path / "imgbuild.lock.json", edit)
    with pytest.raises(LockError, match=r"imgbuild\.lock\.json: the lock of regression cannot be used"):
        read_lock(SPEC, "linux/amd64", tmp_path)


GARBAGE = [
    b"",
    b"\x00",
    b"\xff\xfe",
    b"[" * 100_000,
    b"a: &a [*a]",
    b"- 1\n- 2\n",
    b"? [a, b]\n: 1",
    b"!!python/object/apply:os.system [id]",
    b"version: 1\nmetadata: 2024-99-99\npackage: []\n",
    b"a: 1\nb: [",
    b"<<: *missing",
    b'{"version": 1, "files": {}, "platforms": {}}',
]


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("number", [0, 1])
def test_garbage_is_refused_in_a_sentence(tmp_path: Path, garbage: bytes, number: int) -> None:
    _plant(tmp_path, garbage, number)
    with pytest.raises(LockError) as caught:
        read_lock(image_spec(), "linux/amd64", tmp_path)
    assert "\n" not in caught.value.what
    assert caught.value.fix


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    garbage=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)),
    number=st.integers(0, 1),
)
def test_any_bytes_are_refused(tmp_path: Path, garbage: bytes, number: int) -> None:
    _plant(tmp_path, garbage, number)
    with pytest.raises(LockError):
        read_lock(image_spec(), "linux/amd64", tmp_path)


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_page_with_one_value_replaced_never_crashes(tmp_path: Path, data: st.DataObject) -> None:
    spec = image_spec()
    write_lock(lock_set(spec), tmp_path, spec)
    number = data.draw(st.integers(0, 1))
    path = tmp_path / lock_names(spec)[number]
    tree = json.loads(path.read_text()) if number else yaml.safe_load(path.read_text())
    _mutate(tree, data)
    _plant(tmp_path, (json.dumps(tree) if number else yaml.safe_dump(tree)).encode(), number)
    with suppress(LockError):
        assert isinstance(read_lock(spec, "linux/amd64", tmp_path), LockSet)


def _mutate(tree: Any, data: st.DataObject) -> None:
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            places.append((node, key))
            if isinstance(value, dict | list):
                walk(value)

    walk(tree)
    node, key = places[data.draw(st.integers(0, len(places) - 1))]
    node[key] = data.draw(_PLAIN)


def _plant(folder: Path, garbage: bytes, number: int) -> None:
    """Put bytes in place of the page (0), with a JSON file that knows their hash, or of the JSON file (1)."""
    spec = image_spec()
    page, extra = (folder / name for name in lock_names(spec))
    if not extra.exists() or number == 0:
        write_lock(lock_set(spec), folder, spec)
    (page, extra)[number].write_bytes(garbage)
    if number == 0:
        _edit(extra, lambda one: one["files"].update({page.name: hashlib.sha256(garbage).hexdigest()}))


def _edit(path: Path, edit: Edit) -> None:
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))


def _first(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["platforms"]["linux/amd64"]["environments"][0]
    return found


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
