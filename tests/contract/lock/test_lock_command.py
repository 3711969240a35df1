"""`imgbuild lock` as a user types it: several platforms and variants, updates, and `--check`."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.lock.files import read_locks, write_locks
from builder.spec.load import load_image
from builder.spec.project import Project
from builder.store.turns import turn
from tests.support.lock_lab import Lab, lab_at
from tests.support.workshop import COMMAND

ENVIRONMENT = """\
dependencies:
  - python=3.11
  - numpy
  - scipy
  - pip:
      - tab
"""
IMAGE = """\
platforms: [linux/amd64, linux/arm64]
variants:
  old: {environment: environment.old.yml}
"""
OLD = """\
dependencies:
  - numpy=1
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with lab_at(tmp_path / "a lab +1") as made:
        made.conda("numpy", "1.0", "python")
        made.conda("scipy", "1.0", "numpy <2")
        made.wheel("tab", "1.0")
        made.publish()
        made.define(ENVIRONMENT, IMAGE)
        (made.root / "envs" / "app" / "environment.old.yml").write_text(OLD)
        yield made


def newer(lab: Lab) -> None:
    """Everything gets a newer version."""
    lab.conda("numpy", "2.0", "python")
    lab.conda("scipy", "2.0", "numpy >=2")
    lab.wheel("tab", "2.0")
    lab.publish()


BEFORE = {"python": "3.11.2", "numpy": "1.0", "scipy": "1.0", "tab": "1.0"}
AFTER = {"python": "3.11.2", "numpy": "2.0", "scipy": "2.0", "tab": "2.0"}


def test_one_run_locks_all_platforms_and_variants(lab: Lab) -> None:
    done = lab.good("lock", "app", "--json")
    rows = [(one["image"], one["platform"], one["status"]) for one in done.document["locks"]]
    assert rows == [
        (image, platform, "new")
        for image in ("app", "app@old")
        for platform in ("linux/amd64", "linux/arm64")
    ]
    assert sorted(lab.locks()) == [
        "conda-lock.old.yml", "conda-lock.yml", "imgbuild.lock.json", "imgbuild.lock.old.json",
    ]  # fmt: skip
    for platform in ("linux/amd64", "linux/arm64"):
        assert lab.versions(platform=platform) == BEFORE
        assert lab.versions(platform=platform, variant="old") == {"python": "3.11.2", "numpy": "1.0"}


def test_a_variant_alone(lab: Lab) -> None:
    lab.good("lock", "app@old")
    assert sorted(lab.locks()) == ["conda-lock.old.yml", "imgbuild.lock.old.json"]


def test_the_same_inputs_give_the_same_bytes(lab: Lab, tmp_path: Path) -> None:
    """Again, from another folder, with another hash seed, in another order, one by one."""
    lab.good("lock", "app")
    first = lab.locks()

    def anew(*words: str, **env: str) -> dict[str, bytes]:
        for path in (lab.root / "envs" / "app").glob("*lock*"):
            path.unlink()
        lab.good("lock", *words, **env)
        return lab.locks()

    assert anew("app", PYTHONHASHSEED="1") == first
    assert anew("app@old", "app", PYTHONHASHSEED="2") == first
    assert anew("--all") == first
    lines = ENVIRONMENT.splitlines()
    lab.define("\n".join([lines[0], lines[3], lines[2], lines[1], *lines[4:]]) + "\n")
    lab.define(
        (lab.root / "envs" / "app" / "environment.yml").read_text(),
        IMAGE.replace("[linux/amd64, linux/arm64]", "[linux/arm64, linux/amd64]"),
    )
    assert anew("app") == first
    for path in (lab.root / "envs" / "app").glob("*lock*"):
        path.unlink()
    for platform in ("linux/arm64", "linux/amd64"):
        lab.good("lock", "app", "--platform", platform)
    assert lab.locks() == first
    done = lab.run("lock", "app", "-C", str(lab.root), cwd=tmp_path)
    assert done.code == 0
    assert lab.locks() == first


def test_nothing_moves_until_it_is_asked_for(lab: Lab) -> None:
    lab.good("lock", "app")
    first = lab.locks()
    newer(lab)
    done = lab.good("lock", "app")
    assert lab.locks() == first
    assert [line.split("; ")[0] for line in done.out.splitlines()] == [
        "app linux/amd64: unchanged",
        "app linux/arm64: unchanged",
        "app@old linux/amd64: unchanged",
        "app@old linux/arm64: unchanged",
    ]


def test_upgrade_takes_the_newest_of_everything(lab: Lab) -> None:
    lab.good("lock", "app")
    newer(lab)
    done = lab.good("lock", "app", "--upgrade")
    assert lab.versions() == lab.versions(platform="linux/arm64") == AFTER
    assert "3 upgraded" in done.out
    assert "the same changes as for linux/amd64" in done.out
    assert "app@old linux/amd64: unchanged" in done.out
    assert [line.split()[:5] for line in done.out.splitlines() if line.startswith("upgraded")] == [
        ["upgraded", "numpy", "conda", "1.0", "2.0"],
        ["upgraded", "scipy", "conda", "1.0", "2.0"],
        ["upgraded", "tab", "pip", "1.0", "2.0"],
    ]


@pytest.mark.parametrize(
    ("names", "moved"), [(["scipy"], {"scipy", "numpy"}), (["Tab"], {"tab"}), (["numpy", "tab"], {*AFTER})]
)
def test_upgrade_package_moves_it_and_what_that_forces(lab: Lab, names: list[str], moved: set[str]) -> None:
    lab.good("lock", "app")
    newer(lab)
    lab.good("lock", "app", *(word for name in names for word in ("--upgrade-package", name)))
    assert lab.versions() == {name: (AFTER if name in moved else BEFORE)[name] for name in BEFORE}


def test_a_package_that_nobody_knows_is_refused_before_anything_is_solved(lab: Lab) -> None:
    lab.good("lock", "app")
    first = lab.locks()
    done = lab.run("lock", "app", "-P", "nunpy", "-P", "tab")
    assert (done.code, done.out.strip()) == (2, "")
    assert "no package is called 'nunpy'" in done.err
    assert "did you mean numpy?" in done.err
    assert "solve" not in done.err
    assert lab.locks() == first


@pytest.mark.parametrize(
    "words", [["--check", "--upgrade"], ["--upgrade", "-P", "x"], ["--check", "-P", "x"]]
)
def test_what_does_not_go_together(lab: Lab, words: list[str]) -> None:
    done = lab.run("lock", "app", *words)
    assert done.code == 2
    assert "give one of" in done.err


def test_a_downgrade_is_shown(lab: Lab) -> None:
    newer(lab)
    lab.good("lock", "app")
    lab.define(ENVIRONMENT.replace("- numpy", "- numpy=1"))
    document = lab.good("lock", "app", "--json").document["locks"][0]
    changes = {
        (one["change"], one["name"], one["old"]["version"], one["new"]["version"])
        for one in document["changes"]["environments"][0]["packages"]
    }
    assert changes == {("downgraded", "numpy", "2.0", "1.0"), ("downgraded", "scipy", "2.0", "1.0")}
    assert document["status"] == "changed"
    assert document["changes"]["environments"][0]["asked"] == ["+conda numpy=1", "-conda numpy"]


def test_one_platform_that_cannot_be_solved_leaves_the_locks_of_all(lab: Lab) -> None:
    lab.good("lock", "app")
    first = lab.locks()
    lab.conda("only-amd", "1.0", subdir="linux-64")
    lab.publish()
    lab.define(ENVIRONMENT.replace("- scipy", "- only-amd"))
    (lab.root / "envs" / "app" / "environment.old.yml").write_text("dependencies: [nowhere]\n")
    done = lab.run("lock", "app", "--json")
    assert done.code == 3
    rows = [(one["image"], one["platform"], one["status"]) for one in done.document["locks"]]
    assert rows == [
        ("app", "linux/amd64", "not written"),
        ("app", "linux/arm64", "failed"),
        ("app@old", "linux/amd64", "failed"),
        ("app@old", "linux/arm64", "failed"),
    ]
    assert "app linux/arm64:\nerror:" in done.err
    assert (
        "app@old linux/amd64, linux/arm64:\nerror:" in done.err or "app@old linux/arm64:\nerror:" in done.err
    )
    assert "nothing was written of app, app@old" in done.err
    assert lab.locks() == first


def test_what_cannot_be_solved_keeps_no_other_image_from_its_lock(lab: Lab) -> None:
    lab.define("dependencies: [nowhere]\n", name="bad")
    done = lab.run("lock", "--all")
    assert done.code == 3
    assert "app linux/amd64: new" in done.out
    assert "bad linux/amd64:\nerror:" in done.err
    assert lab.locks("bad") == {}


def test_a_single_failure_is_a_plain_error(lab: Lab) -> None:
    lab.define("dependencies: [nowhere]\n", name="bad")
    done = lab.run("lock", "bad", "--json")
    assert done.code == 3
    assert list(done.document) == ["error"]


def test_a_platform_that_no_image_declares(lab: Lab) -> None:
    lab.define("dependencies: [python]\n", name="amd")
    done = lab.run("lock", "amd", "--platform", "linux/arm64")
    assert done.code == 2
    assert "not declared for linux/arm64" in done.err
    done = lab.good("lock", "--all", "--platform", "linux/arm64")
    assert "amd linux" not in done.out


def test_an_interrupt_leaves_the_old_locks(lab: Lab) -> None:
    lab.good("lock", "app")
    first = lab.locks()
    newer(lab)
    program = subprocess.Popen(
        [*COMMAND, "lock", "app", "--upgrade"],
        cwd=lab.root, env=lab.environ({}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert program.stderr is not None
    while "resolve" not in (line := program.stderr.readline()):
        assert line, "it ended before it was interrupted"
    program.send_signal(signal.SIGINT)
    program.communicate()
    assert program.returncode == 130
    assert lab.locks() == first


def test_one_at_a_time_writes_the_locks_of_an_image(lab: Lab) -> None:
    """Each reads what the files hold for other platforms and writes it back, so that the other has to wait."""
    folder = lab.root / "envs" / "app"
    with turn(Path(lab.environ({})["IMGBUILD_CACHE"]), f"lock {folder.resolve()}"):
        program = subprocess.Popen(
            [*COMMAND, "lock", "app", "--platform", "linux/amd64"],
            cwd=lab.root, env=lab.environ({}), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert program.stderr is not None
        while "another imgbuild locks app" not in (line := program.stderr.readline()):
            assert line, "it did not wait"
        assert lab.locks() == {}
    program.communicate()
    assert program.returncode == 0
    lab.good("lock", "app", "--platform", "linux/arm64")
    held = read_locks(load_image(Project(lab.root, lab.root / "envs"), "app"), folder)
    assert set(held) == {"linux/amd64", "linux/arm64"}


def test_a_lock_that_cannot_be_read_is_made_anew_and_that_is_said(lab: Lab) -> None:
    lab.good("lock", "app@old")
    (lab.root / "envs" / "app" / "imgbuild.lock.old.json").write_text("{}")
    done = lab.good("lock", "app@old")
    assert "app@old linux/amd64: new" in done.out
    assert "so nothing of it is kept" in done.err


def test_the_locked_digest_of_the_base_stays(lab: Lab) -> None:
    """Without an engine nobody could tell it again."""
    lab.good("lock", "app@old")
    spec = load_image(Project(lab.root, lab.root / "envs"), "app@old")
    held = read_locks(spec, spec.folder)
    pinned = [
        lock.model_copy(
            update={"base": lock.base.model_copy(update={"ref": f"{lock.base.ref}@sha256:{'a' * 64}"})}
        )
        for lock in held.values()
    ]
    write_locks(pinned, spec.folder, spec)
    first = lab.locks()
    done = lab.good("lock", "app@old")
    assert "could not be asked" not in done.err
    assert lab.locks() == first
    done = lab.good("lock", "app@old", "--upgrade")
    assert "so its locked digest stays" in done.err
    assert lab.locks() == first


# --- --check


def test_check_of_fresh_locks(lab: Lab) -> None:
    lab.good("lock", "app")
    done = lab.good("lock", "--all", "--check", "--json")
    assert [one["status"] for one in done.document["locks"]] == ["fresh"] * 4
    assert "error" not in done.document


def test_check_names_every_line_of_every_lock(lab: Lab) -> None:
    lab.good("lock", "app")
    first = lab.locks()
    lab.define(ENVIRONMENT.replace("- numpy", "- numpy>=2"), IMAGE + "cuda: '13.0'\n")
    (lab.root / "envs" / "app" / "imgbuild.lock.old.json").unlink()
    (lab.root / "envs" / "app" / "conda-lock.old.yml").unlink()
    done = lab.run("lock", "app", "--check")
    assert done.code == 3
    stale = [
        "  envs/app/environment.yml:3: +numpy>=2 (the lock was made for numpy)",
        "  envs/app/image.yml:4: +cuda: 13.0 (the lock was made without it)",
    ]
    kept = [line.split(", lock ")[0] for line in done.out.splitlines()]
    assert kept == [
        "app linux/amd64: stale", *stale,
        "app linux/arm64: stale", *stale,
        "app@old linux/amd64: missing",
        "app@old linux/arm64: missing",
    ]  # fmt: skip
    assert "4 of 4 locks are missing, stale or unusable" in done.err
    assert "run `imgbuild lock app app@old`" in done.err
    assert set(lab.locks()) < set(first)
    document = lab.run("lock", "app", "--check", "--json")
    assert document.code == 3
    assert document.document["locks"][0]["lines"][0] == {
        "file": "envs/app/environment.yml",
        "line": 3,
        "what": "+numpy>=2 (the lock was made for numpy)",
    }
    assert document.document["error"]["exit_code"] == 3


def test_check_through_extends_and_of_a_platform_that_was_taken_back(lab: Lab) -> None:
    lab.define(
        "dependencies: [python=3.11]\n", "extends: app\nplatforms: [linux/amd64, linux/arm64]\n", "child"
    )
    lab.good("lock", "child")
    lab.define(ENVIRONMENT.replace("- scipy", "- scipy>=1"))
    lab.define("dependencies: [python=3.11]\n", "extends: app\nplatforms: [linux/amd64]\n", "child")
    done = lab.run("lock", "child", "--check")
    lines = [line for line in done.out.splitlines() if line.startswith("  ")]
    assert lines == [
        "  envs/app/environment.yml:4: +scipy>=1 (the lock was made for scipy)",
        "  envs/app/environment.yml:4: +scipy>=1 (the lock was made for scipy)",
        "  envs/child/image.yml:2: linux/arm64 is no longer among the image's platforms",
    ]
    lab.good("lock", "child")
    assert "linux/arm64" not in json.loads(lab.locks("child")["imgbuild.lock.json"])["platforms"]


def test_check_needs_no_channel(lab: Lab) -> None:
    lab.good("lock", "app@old")
    shutil.rmtree(lab.channel)
    assert "fresh" in lab.good("lock", "app@old", "--check").out


# --- how it looks


def test_a_narrow_terminal(lab: Lab) -> None:
    lab.good("lock", "app")
    newer(lab)
    text = lab.on_a_terminal("lock", "app", "--upgrade", columns=44)
    rows = [line for line in text.splitlines() if line.startswith(("CHANGE", "upgraded"))]
    assert rows
    assert max(map(len, rows)) <= 44
