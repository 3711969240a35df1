"""Plans in their parts: what changed between two of them, and which steps a build would do again."""

from __future__ import annotations

from typing import Any

from builder.render.model import Rendered, RenderedFile
from builder.render.snapshot import Snapshot, compared
from builder.render.steps import steps
from tests.support.lock_samples import image_spec, lock_set

PAGE = """\
FROM base:1
RUN --mount=type=bind,source=lock/one,target=/mnt/lock/one \\
    --mount=type=bind,from=imgbuild/pkg:{group},target=/mnt/pkgs \\
    : 'Environment one: 2 conda packages'; \\
    set -eu
COPY ["files/0/", "/app/"]
WORKDIR /work
LABEL a="{label}"
"""


def kept(
    *, group: str = "a" * 64, label: str = "1", main: bytes = b"1", keys: dict[str, Any] | None = None
) -> Snapshot:
    files = {"files/0/main.py": RenderedFile(main), "lock/one/explicit.txt": RenderedFile(group.encode())}
    page = Rendered(PAGE.format(group=group, label=label), files)
    return Snapshot(digest="d", version="1", keys=keys or {}, lock=lock_set(image_spec()), steps=steps(page))


def again(before: Snapshot, now: Snapshot) -> list[str]:
    return [one.title.split(":")[0] for one in compared(before, now).steps if one.again]


def test_nothing_changed() -> None:
    found = compared(kept(), kept())
    assert not any(one.again for one in found.steps)
    assert (found.causes, found.lock.empty) == ((), True)


def test_a_file_of_the_definition_reaches_its_own_step_and_those_behind_it() -> None:
    found = compared(kept(), kept(main=b"2"))
    assert again(kept(), kept(main=b"2"))[0].startswith("COPY")
    assert [(one.kind, one.name) for one in found.causes] == [("file", "files/0/main.py")]
    reasons = {one.title: one.why for one in found.steps}
    assert reasons["WORKDIR /work"].startswith("comes after COPY")
    assert reasons["Environment one: 2 conda packages"] == ""


def test_packages_reach_the_step_that_installs_them() -> None:
    found = compared(kept(), kept(group="b" * 64))
    assert again(kept(), kept(group="b" * 64))[0] == "Environment one"
    assert ("packages", "Environment one: 2 conda packages") in {(one.kind, one.name) for one in found.causes}


def test_a_label_reaches_the_last_step_alone() -> None:
    assert again(kept(), kept(label="2")) == ["labels and start"]


def test_keys_of_image_yml_are_told_one_by_one() -> None:
    found = compared(
        kept(keys={"env": {"A": "1", "B": "2"}, "cuda": None}),
        kept(keys={"env": {"A": "1", "B": "3"}, "cuda": "13.0"}),
    )
    assert {(one.name, one.old, one.new) for one in found.causes} == {
        ("env.B", "2", "3"),
        ("cuda", "", "13.0"),
    }
