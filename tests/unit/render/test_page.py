from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from builder.errors import LockError, UsageError
from builder.lock.model import LockedFile
from builder.plan import group_packages
from builder.render.model import Rendered
from builder.render.page import render
from builder.shipped import shipped_dir
from builder.spec.model import CopiedFile
from tests.support.dockerfile import instructions
from tests.support.lock_samples import conda_package, image_spec, lock_set
from tests.support.render_samples import SHAPES, environment_with, sample

TEMPLATES = shipped_dir("dockerfiles")
GOLDEN = Path(__file__).parent / "golden"


def page(shape: str, folder: Path, **options: bool) -> Rendered:
    spec, lock = sample(shape, folder)
    return render(spec, lock, group_packages(lock), templates=TEMPLATES, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_page_is_as_reviewed(shape: str, tmp_path: Path) -> None:
    """IMGBUILD_ACCEPT=1 writes the pages anew: read the difference then."""
    golden = GOLDEN / f"{shape}.Dockerfile"
    text = page(shape, tmp_path).dockerfile
    if os.environ.get("IMGBUILD_ACCEPT"):
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_depends_on_place_or_time(shape: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = (page(shape, tmp_path / name) for name in ("one", "two"))
    assert one == two
    assert str(tmp_path) not in one.dockerfile


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("plain_mounts", [True, False])
def test_what_old_engines_lack_is_not_used(shape: str, plain_mounts: bool, tmp_path: Path) -> None:
    found = instructions(page(shape, tmp_path, plain_mounts=plain_mounts).dockerfile)
    text = "\n".join(f"{name} {rest}" for name, rest in found)
    for lacking in (
        "COPY --link",
        "RUN --network",
        "RUN --security",
        "type=secret",
        "type=ssh",
        "type=cache",
    ):
        assert lacking not in text
    assert "# syntax" not in page_text(shape, tmp_path / "again")


def page_text(shape: str, folder: Path) -> str:
    folder.mkdir()
    return page(shape, folder).dockerfile


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_hides_a_failed_step(shape: str, tmp_path: Path) -> None:
    for name, rest in instructions(page(shape, tmp_path).dockerfile):
        if name == "RUN" and rest != "true":
            script = rest.split(" set -eu; ", 1)
            assert len(script) == 2 or rest.startswith("set -eu; "), rest
            assert " | " not in rest.replace("||", "")
            assert "|| true" not in rest


def test_the_context_holds_what_the_build_checks(tmp_path: Path) -> None:
    _spec, lock = sample("pip", tmp_path)
    groups = group_packages(lock)
    files = {name: file.content.decode() for name, file in page("pip", tmp_path).files.items()}
    environment = lock.environments[0]
    explicit = files["lock/regression/explicit.txt"].splitlines()
    assert explicit[:2] == ["# platform: linux-64", "@EXPLICIT"]
    assert explicit[2:] == [f"{package.url}#{package.md5}" for package in environment.conda]
    assert files["lock/regression/installed.txt"].splitlines() == sorted(explicit[2:])
    places = dict(
        reversed(line.split("  ")) for line in files["lock/regression/archives.sha256"].splitlines()
    )
    conda = [group for group in groups if group.kind == "conda"]
    assert len(conda) == 2
    for place, group in enumerate(conda):
        for file in group.files:
            assert places.pop(f"{place}/{file.filename}") == file.sha256
    assert places == {}
    assert files["lock/regression/requirements.txt"].splitlines() == [
        f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}" for wheel in environment.pip
    ]
    assert files["installer/sha256"] == f"{lock.installer.sha256}  {lock.installer.filename}\n"
    assert "message" in json.loads(files["lock/regression/frozen.json"])


def test_variables_of_each_environment(tmp_path: Path) -> None:
    files = page("two-environments", tmp_path).files
    assert json.loads(files["lock/train/state.json"].content)["env_vars"] == {
        "MODE": "train",
        "ONLY_TRAIN": "1",
    }
    assert files["rootfs/envs/serve.sh"].content.decode().splitlines()[1:] == [
        "unset ONLY_TRAIN",
        "export MODE='it'\"'\"'s $serving'",
    ]


def test_own_files_keep_their_mode_and_litter_stays_out(tmp_path: Path) -> None:
    (tmp_path / "app" / "__pycache__").mkdir(parents=True)
    (tmp_path / "app" / "__pycache__" / "main.pyc").write_text("x")
    (tmp_path / "app" / "a b$(x).sh").write_text("x")
    (tmp_path / "app" / "a b$(x).sh").chmod(0o755)
    spec = image_spec(folder=tmp_path, files=(CopiedFile(source=Path("app"), to="/app"),))
    lock = lock_set(spec)
    files = render(spec, lock, group_packages(lock), templates=TEMPLATES).files
    assert {name: file.mode for name, file in files.items() if name.startswith("files/")} == {
        "files/0/a b$(x).sh": 0o755
    }


@pytest.mark.parametrize("make", ["link_out", "linked_folder", "missing", "empty"])
def test_own_files_stay_in_their_folder(tmp_path: Path, make: str) -> None:
    app = tmp_path / "project" / "app"
    app.mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    if make == "link_out":
        (app / "x").symlink_to("../../secret")
    if make == "linked_folder":
        (app / "real").mkdir()
        (app / "real" / "y").write_text("y")
        (app / "linked").symlink_to("real")
    source = Path("gone") if make == "missing" else Path("app")
    spec = image_spec(folder=tmp_path / "project", files=(CopiedFile(source=source, to="/app"),))
    lock = lock_set(spec)
    with pytest.raises(UsageError):
        render(spec, lock, group_packages(lock), templates=TEMPLATES)


@pytest.mark.parametrize("text", ["RUN true \\", "FROM scratch", "  from x", "RUN a\0b"])
def test_a_snippet_may_not_swallow_the_page(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.Dockerfile").write_text(text)
    spec = image_spec(folder=tmp_path, snippets={"end": Path("x.Dockerfile")})
    lock = lock_set(spec)
    with pytest.raises(UsageError, match="x.Dockerfile"):
        render(spec, lock, group_packages(lock), templates=TEMPLATES)


def test_a_kits_base_is_unpacked_where_everything_lies_in_the_context(tmp_path: Path) -> None:
    spec, lock = sample("minimal", tmp_path)
    tar = LockedFile(url="kit:///base/bookworm.tar", sha256="1" * 64)
    base = lock.base.model_copy(update={"ref": "imgbuild/base:" + "1" * 64, "tar": tar})
    kit = lock.model_copy(update={"base": base})
    groups = group_packages(kit)
    mounted = render(spec, kit, groups, templates=TEMPLATES)
    written = render(spec, kit, groups, templates=TEMPLATES, plain_mounts=True)
    assert ("FROM", "imgbuild/base:" + "1" * 64) in instructions(mounted.dockerfile)
    assert instructions(written.dockerfile)[:2] == [("FROM", "scratch"), ("ADD", '["base.tar", "/"]')]
    assert "from=" not in written.dockerfile
    assert f"source=packages/{groups[0].folder}," in written.dockerfile


@pytest.mark.parametrize(
    "change",
    [
        {"conda": ()},
        {"conda": (conda_package(md5=""),)},
        {"conda": (conda_package(md5="0" * 31 + "\n"),)},
        {"conda": (conda_package(sha256="x" * 64),)},
        {"conda": (conda_package(url="https://c.example.org/a b/x.conda"),)},
        {"conda": (conda_package(url="https://c.example.org/a#b/x.conda"),)},
    ],
)
def test_a_lock_that_conda_would_misread_is_refused(change: dict[str, object]) -> None:
    spec = image_spec()
    lock = lock_set(spec, environments=(environment_with(spec.environments[0], spec, **change),))
    with pytest.raises(LockError):
        render(spec, lock, group_packages(lock), templates=TEMPLATES)


def test_wheels_without_uv_are_refused(tmp_path: Path) -> None:
    spec, lock = sample("pip", tmp_path)
    lock = lock.model_copy(update={"uv": None})
    with pytest.raises(LockError, match="uv"):
        render(spec, lock, group_packages(lock), templates=TEMPLATES)


def test_a_projects_own_template_wins(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "head.j2").write_text("# Ours: {{ image | comment }}\n")
    spec, lock = sample("minimal", tmp_path)
    text = render(spec, lock, group_packages(lock), templates=[tmp_path, TEMPLATES]).dockerfile
    assert text.startswith("# Ours: regression\n")
