"""The list of an image's files: written, read, and what of an image it can tell."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.plan import Plan
from builder.verify.archives import Expected, Held, Place, sha256
from builder.verify.files import Found, Look, judge_files
from builder.verify.installed import Installed, read_installed, same, write_installed
from builder.verify.tree import Entry, Tree, read_layer, stack
from builder.verify.truth import ENVS, Truth, Zone
from tests.support.fake_container import environment_lock, plan_of

PREFIX = f"{ENVS}/regression"
SITE = f"{PREFIX}/lib/python3.11/site-packages"
MODULE, BYTECODE = f"{SITE}/m.py", f"{SITE}/__pycache__/m.cpython-311.pyc"
BASE, CONDA, NOTE = "/usr/bin/env", "/opt/conda/lib/tool.py", f"{PREFIX}/conda-meta/history"
FILES = {MODULE: b"source", BYTECODE: b"code", BASE: b"env", CONDA: b"tool", NOTE: b"one day"}


def tree(**changes: bytes | None) -> Tree:
    """An image of one layer over a base's. changes: by the names of the paths above, None for gone."""
    names = {MODULE: "module", BYTECODE: "bytecode", BASE: "base", CONDA: "conda", NOTE: "note"}
    files = {path: changes.get(names[path], data) for path, data in FILES.items()}
    files |= {"/opt/conda/more": changes["more"]} if "more" in changes else {}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, data in files.items():
            if data is not None:
                member = tarfile.TarInfo(path[1:])
                member.size, member.mtime = len(data), 1234567890
                tar.addfile(member, io.BytesIO(data))
    return stack([read_layer(io.BytesIO(buffer.getvalue()), lambda _path: False, "test")])


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return plan_of(tmp_path, locks=(environment_lock(versions={}),))


def installed(of: Tree) -> Installed:
    return read_installed(write_installed(Installed("regression", "sha256:1", "plan", of.entries)))


def judged(plan: Plan, image: Tree, listed: Installed | None) -> Found:
    held = Held(Place("regression", PREFIX, "3.11"))
    held.files[MODULE] = Expected("m 1 (conda)", hashes=frozenset((sha256(b"source"),)))
    truth = Truth((held,), held.files, (Zone("/opt/conda", "what the installer put there"),))
    known = Tree({BASE: Entry("file", sha256=sha256(b"env"), size=3)}, {})
    return judge_files(plan, Look(image, known, truth, surplus=1, installed=listed))


def drifts(found: Found) -> list[tuple[str, str, str]]:
    return [(one.how, one.name, one.why) for one in found.drifts]


def test_with_the_list_everything_is_judged(plan: Plan) -> None:
    without, held = judged(plan, tree(), None), judged(plan, tree(), installed(tree()))
    assert drifts(without) == drifts(held) == []
    assert sum(one.count for one in without.notes) == 3
    assert held.notes == ()


@pytest.mark.parametrize(
    ("changes", "how", "path"),
    [
        ({"bytecode": b"evil"}, "changed", BYTECODE),
        ({"conda": b"evil"}, "changed", CONDA),
        ({"conda": None}, "missing", CONDA),
        ({"bytecode": None}, "missing", BYTECODE),
        ({"more": b"evil"}, "extra", "/opt/conda/more"),
    ],
)
def test_what_no_archive_tells_is_told_by_the_list(
    plan: Plan, changes: dict[str, Any], how: str, path: str
) -> None:
    assert drifts(judged(plan, tree(**changes), None)) == []
    assert drifts(judged(plan, tree(**changes), installed(tree()))) == [(how, path, "since it was proven")]


@pytest.mark.parametrize("changes", [{"module": b"evil"}, {"base": b"evil"}])
def test_a_list_takes_nothing_back_that_archives_or_the_base_say(plan: Plan, changes: dict[str, Any]) -> None:
    """Not even one that was made from the changed image."""
    image = tree(**changes)
    assert [one.how for one in judged(plan, image, None).drifts] == ["changed"]
    assert [one.how for one in judged(plan, image, installed(image)).drifts] == ["changed"]


def test_when_conda_did_its_work_is_no_difference(plan: Plan) -> None:
    found = judged(plan, tree(note=b"another day"), installed(tree()))
    assert drifts(found) == []
    assert [one.count for one in found.notes] == [1]
    assert drifts(judged(plan, tree(note=None), installed(tree()))) == []


def test_rights_belong_to_it_and_times_do_not(plan: Plan) -> None:
    image = tree()
    later = installed(Tree({**image.entries, CONDA: image.entries[CONDA]._replace(mode=0o4755)}, {}))
    (one,) = judged(plan, image, later).drifts
    assert (one.name, one.expected, one.found) == (CONDA, "root:root 4755", "root:root 644")
    assert b"1234567890" not in write_installed(later)


MODES = st.integers(0, 0o7777)
ENTRIES = st.one_of(
    st.builds(
        lambda mode, uid, size, rights: Entry("file", mode, uid, 0, size, "a" * 64, rights=rights),
        MODES,
        st.integers(0, 9),
        st.integers(0, 9),
        st.sampled_from([(), ("security.capability",)]),
    ),
    st.builds(lambda mode, gid: Entry("folder", mode, gid=gid), MODES, st.integers(0, 9)),
    st.builds(lambda target: Entry("link", 0o777, target=target), st.text(max_size=9)),
    st.builds(lambda mode: Entry("other", mode), MODES),
)


@given(st.dictionaries(st.text(max_size=9).map(lambda name: f"/{name}"), ENTRIES, max_size=9))
def test_what_is_written_is_read(entries: dict[str, Entry]) -> None:
    body = write_installed(Installed("a", "b", "c", entries))
    found = read_installed(body)
    assert set(found.entries) == set(entries)
    assert all(same(entry, found.entries[path]) for path, entry in entries.items())
    assert write_installed(found) == body


def test_names_that_are_no_text_survive() -> None:
    path = b"/caf\xe9".decode(errors="surrogateescape")
    body = write_installed(Installed("a", "b", "c", {path: Entry("folder")}))
    assert set(read_installed(body).entries) == {path}


ROW = {"path": "/a", "kind": "file", "mode": "644", "size": 1, "sha256": "a" * 64}
WHOLE: dict[str, Any] = {"format": 1, "image": "a", "image_id": "b", "plan_digest": "c", "files": [ROW]}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"null", b"[" * 100_000, b'{"format": 1}',
        *(json.dumps(WHOLE | change).encode() for change in (
            {"format": 2}, {"image": 1}, {"files": 3}, {"files": [3]}, {"files": [{}]},
            {"files": [ROW | {"path": 1}]}, {"files": [ROW | {"kind": "pipe"}]}, {"files": [ROW | {"mode": "9"}]},
            {"files": [ROW | {"mode": 644}]}, {"files": [ROW | {"size": "1"}]}, {"files": [ROW | {"size": True}]},
            {"files": [ROW | {"sha256": "short"}]}, {"files": [ROW | {"sha256": None}]},
            {"files": [ROW | {"rights": [1]}]}, {"files": [ROW | {"rights": 1}]},
        )),
    ],
)  # fmt: skip
def test_what_is_no_list_is_refused(body: bytes) -> None:
    assert read_installed(json.dumps(WHOLE).encode()).entries["/a"].size == 1
    with pytest.raises(ValueError):  # noqa: PT011  (each has words of its own)
        read_installed(body)
