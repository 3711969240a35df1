"""`imgbuild kit` as a user types it, where no engine is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.kit_samples import Site, site
from tests.support.workshop import Ran
from tests.unit.cli.test_commands import imgbuild


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("IMGBUILD_SETTINGS", "none")
    monkeypatch.setenv("IMGBUILD_CACHE", str(tmp_path / "cache"))
    made = site(tmp_path / "project", tmp_path / "cache")
    made.lock("regression")
    made.create(tmp_path / "kit", "regression")
    return made


def run(lab: Site, *words: str) -> Ran:
    place = lab.project.root
    none = {"DOCKER_HOST": f"unix://{place}/none.sock", "IMGBUILD_SETTINGS": "none", "CI": ""}
    return imgbuild("kit", *words, cwd=place, IMGBUILD_CACHE=str(lab.store.root), **none)


def test_check_says_what_a_kit_is(lab: Site) -> None:
    kit = lab.project.root.parent / "kit"
    document = run(lab, "check", str(kit), "--json").document
    assert document["faults"] == []
    assert document["images"] == ["regression"]
    assert document["platform"] == "linux/amd64"
    assert document["stand_in"] is False
    assert document["bases"][0]["ref"] == f"docker.io/library/debian:bookworm-slim@{lab.image.id}"
    files = [path for path in kit.rglob("*") if path.is_file() and path.name != "kit.yml"]
    assert (document["files"], document["size"]) == (len(files), sum(path.stat().st_size for path in files))
    text = run(lab, "check", str(kit)).out
    assert text.startswith(f"kit {document['kit'][:12]} in {kit}: linux/amd64, {len(files)} files, ")
    assert "images: regression\n" in text
    assert "installer: miniconda=26.5.3-1, Miniconda3-py311_26.5.3-1-Linux-x86_64.sh\n" in text
    assert text.endswith("every file is what it says\n")


def test_check_names_every_fault_and_ends_with_5(lab: Site) -> None:
    kit = lab.project.root.parent / "kit"
    (kit / "extra").write_text("x")
    (kit / "wheels" / "link.whl").symlink_to("/etc/passwd")
    wheel = kit / "wheels" / "tabulate-0.10.0-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes().swapcase())
    next((kit / "channel").rglob("zlib*")).unlink()
    done = run(lab, "check", str(kit))
    assert done.code == 5
    for sign in (
        "extra: not named",
        "link.whl: not named",
        f"{wheel.name}: sha256 expected",
        "zlib",
        "4 files",
    ):
        assert sign in done.err


def test_an_edited_kit_yml_is_found(lab: Site) -> None:
    listing = lab.project.root.parent / "kit" / "kit.yml"
    for old, new, code in (
        ("sha256: ", "sha256: 0", 5),
        ("regression: ", "regression: 0", 5),
        ("format: 1", "format: 9", 2),
    ):
        text = listing.read_text()
        listing.write_text(text.replace(old, new, 1))
        assert run(lab, "check", str(listing.parent)).code == code
        listing.write_text(text)


def test_a_kit_of_a_kit_needs_no_engine(lab: Site, tmp_path: Path) -> None:
    done = run(lab, "create", "regression", "-o", str(tmp_path / "part"), "--kit", str(tmp_path / "kit"))
    assert done.code == 0, done.err
    assert f"imgbuild build regression --kit {tmp_path / 'part'}" in done.out


def test_one_of_a_registry_does(lab: Site, tmp_path: Path) -> None:
    done = run(lab, "create", "regression", "-o", str(tmp_path / "new"))
    assert done.code == 4
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("create", "regression"), "-o"),
        (("create", "-o", "x"), "which image?"),
        (("create", "nothing", "-o", "x"), "nothing"),
        (("create", "regression", "-o", "x", "--kit", "/does/not/exist"), "not a kit"),
        (("check", "/does/not/exist"), "not a kit"),
    ],
)
def test_wrong_words_end_with_2(lab: Site, words: tuple[str, ...], said: str) -> None:
    done = run(lab, *words)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("name", ["create", "bootstrap", "check"])
def test_every_command_has_help_with_an_example(name: str) -> None:
    assert "Example" in imgbuild("kit", name, "--help").out
