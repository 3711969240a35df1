"""`kit create` with an engine in memory: what lies in a kit, when it is the same, and what is refused."""

from __future__ import annotations

import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest

from builder.engine.port import Engine
from builder.errors import BuildError, EngineError, LockError, UsageError
from builder.lock.files import read_lock
from builder.lock.stale import stale_reasons
from builder.progress import Note, silent
from builder.spec.load import load_image
from builder.store import kitdir
from builder.store.archive import check_archive
from builder.store.cache import Store
from builder.store.kit import Kit
from builder.workflow.kits import Options, create_kit
from tests.support.kit_samples import REF, Site, bytes_of, site
from tests.support.lock_samples import CHANNEL, INSTALLER, conda_package, sha

ALL = ("regression", "gpu", "gpu@old")


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("IMGBUILD_SETTINGS", "none")
    monkeypatch.setenv("IMGBUILD_CACHE", str(tmp_path / "cache"))
    for name in ("IMGBUILD_KIT", "CI"):
        monkeypatch.delenv(name, raising=False)
    made = site(tmp_path / "project", tmp_path / "cache")
    for ref in ALL:
        made.lock(ref)
    return made


def test_everything_has_its_place(lab: Site, tmp_path: Path) -> None:
    kit = lab.create(tmp_path / "kit", *ALL)
    assert sorted(bytes_of(kit.root)) == [
        "base/debian-bookworm.tar",
        "channel/linux-64/python-3.11.2-0.conda",
        "channel/linux-64/zlib-1.3-h1_0.conda",
        "channel/noarch/tzdata-2024a-0.conda",
        f"installer/{INSTALLER.filename}",
        "kit.yml",
        "locks/gpu/conda-lock--serve.yml",
        "locks/gpu/conda-lock.old--serve.yml",
        "locks/gpu/conda-lock.old.yml",
        "locks/gpu/conda-lock.yml",
        "locks/gpu/imgbuild.lock.json",
        "locks/gpu/imgbuild.lock.old.json",
        "locks/regression/conda-lock.yml",
        "locks/regression/imgbuild.lock.json",
        "wheels/tabulate-0.10.0-py3-none-any.whl",
        "wheels/uv-0.13.9-py3-none-manylinux_2_17_x86_64.whl",
    ]
    assert kit.check() == []
    assert (
        kit.root / "channel/noarch/tzdata-2024a-0.conda"
    ).read_text() == f"{CHANNEL}/noarch/tzdata-2024a-0.conda"
    assert not kit.manifest.stand_in
    assert (kit.manifest.platform, kit.manifest.python) == ("linux/amd64", "3.11.2")
    assert not list(tmp_path.glob(".*imgbuild-partial"))


def test_its_locks_are_the_committed_ones_with_the_kits_base(lab: Site, tmp_path: Path) -> None:
    kit = lab.create(tmp_path / "kit", *ALL)
    for ref in ALL:
        spec = load_image(lab.project, ref)
        before, after = (
            read_lock(spec, "linux/amd64", folder) for folder in (spec.folder, kit.lock_folder(spec))
        )
        assert after.source == kit.id
        same = {"source": before.source, "base": before.base}
        assert after.model_copy(update=same) == before
        assert after.base.image_id == lab.image.id
        assert after.base.ref == f"imgbuild/base:{lab.image.id.removeprefix('sha256:')}"
        assert stale_reasons(spec, after, kit) == ()
        assert all(kit.local(file) for file in after.files)
        assert kit.installer(spec, "linux/amd64") == before.installer
    check_archive(kit.root / "base/debian-bookworm.tar", lab.image.id)


def test_the_same_inputs_are_the_same_kit_in_any_order(lab: Site, tmp_path: Path) -> None:
    first = lab.create(tmp_path / "one", *ALL)
    shutil.rmtree(tmp_path / "cache")
    for ref in ALL:
        lab.lock(ref)
    second = lab.create(tmp_path / "two", *reversed(ALL))
    assert bytes_of(first.root) == bytes_of(second.root)
    assert lab.create(tmp_path / "three", "regression").id != first.id


def test_a_whole_kit_is_kept_and_no_engine_is_asked(lab: Site, tmp_path: Path) -> None:
    first = lab.create(tmp_path / "kit", *ALL)
    lab.engine.gone = EngineError("gone")
    assert lab.create(tmp_path / "kit", *ALL).id == first.id
    assert lab.create(tmp_path / "kit", "regression").id == first.id
    assert sum("nothing to do" in event.text for event in lab.told if isinstance(event, Note)) == 2


def test_another_lock_makes_another_kit(lab: Site, tmp_path: Path) -> None:
    before = lab.create(tmp_path / "kit", "regression")
    environment = read_lock(
        load_image(lab.project, "regression"), "linux/amd64", lab.project.envs / "regression"
    )
    fewer = environment.environments[0].model_copy(update={"pip": ()})
    lab.lock("regression", environments=(fewer,), uv=None)
    with pytest.raises(UsageError, match="exists already"):
        lab.create(tmp_path / "kit", "regression")
    after = lab.create(tmp_path / "other", "regression")
    assert after.id != before.id
    assert not (after.root / "wheels").exists()


def test_a_stale_or_missing_lock_stops_it(lab: Site, tmp_path: Path) -> None:
    folder = lab.project.envs / "regression"
    with pytest.raises(LockError, match="has no lock for linux/arm64"):
        lab.create(tmp_path / "kit", "regression", platform="linux/arm64", locked=True)
    (folder / "environment.yml").write_text("dependencies: [python=3.11]\n")
    with pytest.raises(LockError, match="stale"):
        lab.create(tmp_path / "kit", "regression")
    assert lab.engine.calls == ["import_tar", "remove"]  # by the samples
    assert not (tmp_path / "kit").exists()


def test_terms_that_are_not_accepted_stop_it(lab: Site, tmp_path: Path) -> None:
    (lab.project.root / "imgbuild.yml").write_text("channels: {forge: https://repo.anaconda.com/pkgs/main}\n")
    with pytest.raises(LockError, match="terms"):
        lab.create(tmp_path / "kit", "regression")


def test_files_under_terms_are_told(lab: Site, tmp_path: Path) -> None:
    installer = read_lock(
        load_image(lab.project, "regression"), "linux/amd64", lab.project.envs / "regression"
    ).installer
    lab.create(tmp_path / "one", "regression")
    assert not any("terms" in event.text for event in lab.told if isinstance(event, Note))
    url = "https://repo.anaconda.com/miniconda/Miniconda3-py311_26.5.3-1-Linux-x86_64.sh"
    lab.lock("regression", installer=installer.model_copy(update={"url": url}))
    lab.create(tmp_path / "two", "regression")
    (told,) = [event.text for event in lab.told if isinstance(event, Note) and "terms" in event.text]
    assert told.startswith("Miniconda3-py311_26.5.3-1-Linux-x86_64.sh: Anaconda's terms")


def test_what_a_killed_run_left_goes(lab: Site, tmp_path: Path) -> None:
    (tmp_path / ".kit.imgbuild-partial" / "base").mkdir(parents=True)
    (tmp_path / ".kit.imgbuild-partial" / "base" / "half.tar").write_text("half")
    kit = lab.create(tmp_path / "kit", "regression")
    assert kit.check() == []
    assert not (tmp_path / ".kit.imgbuild-partial").exists()


def test_a_file_of_the_store_that_was_altered_is_named_and_nothing_stays(lab: Site, tmp_path: Path) -> None:
    url = f"{CHANNEL}/noarch/tzdata-2024a-0.conda"
    lab.store.path(sha(url)).write_bytes(url.upper().encode())
    with pytest.raises(BuildError, match=r"tzdata-2024a-0\.conda is not what the lock names"):
        lab.create(tmp_path / "kit", "regression")
    assert {path.name for path in tmp_path.iterdir()} == {"cache", "project"}


def test_an_interrupt_leaves_nothing(lab: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_ref: str) -> object:
        yield b"x" * 512
        raise KeyboardInterrupt

    monkeypatch.setattr(lab.engine, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lab.create(tmp_path / "kit", "regression")
    assert {path.name for path in tmp_path.iterdir()} == {"cache", "project"}


def test_what_an_engine_saves_cut_short_is_refused(
    lab: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.engine.pull(f"{REF}@{lab.image.id}", "linux/amd64", silent)
    whole = b"".join(lab.engine.save(lab.image.id))
    monkeypatch.setattr(lab.engine, "save", lambda _ref: iter([whole[: len(whole) // 2]]))
    with pytest.raises(BuildError, match="not the archive of one image"):
        lab.create(tmp_path / "kit", "regression")
    assert not (tmp_path / "kit").exists()


def test_a_disk_that_is_too_small_is_told_before_anything_is_asked(
    lab: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(kitdir.shutil, "disk_usage", lambda _path: usage(100, 90, 10))
    with pytest.raises(BuildError, match=r"the kit needs 0\.00 GB and 0\.00 GB are free"):
        lab.create(tmp_path / "kit", "regression")
    assert "pull" not in lab.engine.calls


def test_the_base_that_is_there_is_not_pulled_again(lab: Site, tmp_path: Path) -> None:
    lab.create(tmp_path / "one", "regression")
    assert lab.engine.calls.count("pull") == 1
    lab.create(tmp_path / "two", "regression")
    assert lab.engine.calls.count("pull") == 1


def test_a_base_of_another_platform_is_pulled_for_this_one_or_refused(lab: Site, tmp_path: Path) -> None:
    lab.lock("regression", "linux/arm64")
    lab.engine.pull(f"{REF}@{lab.image.id}", "linux/amd64", silent)
    with pytest.raises(BuildError, match=r"for linux/amd64, and linux/arm64 was asked for"):
        lab.create(tmp_path / "kit", "regression", platform="linux/arm64")
    assert lab.engine.calls.count("pull") == 2
    lab.engine.images[lab.image.id] = replace(lab.image, platform="linux/arm64/v8")
    kit = lab.create(tmp_path / "kit", "regression", platform="linux/arm64")
    assert kit.manifest.platform == "linux/arm64"
    assert (kit.root / "channel/linux-aarch64").is_dir()
    with pytest.raises(LockError, match="made for linux/arm64, not linux/amd64"):
        kit.base(load_image(lab.project, "regression"), "linux/amd64")


def test_a_tag_without_a_digest_is_told(lab: Site, tmp_path: Path) -> None:
    base = read_lock(
        load_image(lab.project, "regression"), "linux/amd64", lab.project.envs / "regression"
    ).base
    lab.lock("regression", base=base.model_copy(update={"ref": REF}))
    kit = lab.create(tmp_path / "kit", "regression")
    assert kit.manifest.bases[0].ref == REF
    assert any("names the tag" in event.text for event in lab.told if isinstance(event, Note))


def test_locks_of_two_days_may_have_two_bases_and_installers(lab: Site, tmp_path: Path) -> None:
    engine = lab.engine
    newer = engine.import_tar("flat:2", [b"\0" * 10240], labels={}, platform="linux/amd64")
    engine.registry[f"{REF}@{newer.id}"] = newer
    held = read_lock(load_image(lab.project, "gpu"), "linux/amd64", lab.project.envs / "gpu")
    installer = held.installer.model_copy(update={"sha256": sha("newer")})
    lab.lock("gpu", base=held.base.model_copy(update={"ref": f"{REF}@{newer.id}"}), installer=installer)
    lab.keep(installer, b"newer")
    kit = lab.create(tmp_path / "kit", "regression", "gpu")
    for ref, image in (("regression", lab.image), ("gpu", newer)):
        spec = load_image(lab.project, ref)
        assert kit.base(spec, "linux/amd64").image_id == image.id
        lock = read_lock(spec, "linux/amd64", kit.lock_folder(spec))
        assert stale_reasons(spec, lock, kit) == ()
        assert kit.installer(spec, "linux/amd64").sha256 == lock.installer.sha256
    assert sorted(path.name for path in (kit.root / "base").iterdir()) == [
        "debian-bookworm-2.tar",
        "debian-bookworm.tar",
    ]
    assert len(list((kit.root / "installer").rglob("*.sh"))) == 2


def test_two_channels_may_have_a_file_of_one_name(lab: Site, tmp_path: Path) -> None:
    lock = read_lock(load_image(lab.project, "gpu"), "linux/amd64", lab.project.envs / "gpu")
    other = "https://conda.example.org/other"
    url = f"{other}/noarch/tzdata-2024a-0.conda"
    package = conda_package(
        "tzdata", "2024a", subdir="noarch", url=url, sha256=sha(url), size=len(url), channel=other
    )
    first = lock.environments[0].model_copy(update={"conda": (*lock.environments[0].conda[:2], package)})
    lab.lock("gpu", environments=(first, lock.environments[1].model_copy(update={"conda": first.conda})))
    kit = lab.create(tmp_path / "kit", "regression", "gpu")
    found = sorted(
        path.relative_to(kit.root / "channel/noarch").as_posix() for path in kit.root.rglob("tzdata*")
    )
    assert len(found) == 2
    assert found[0] == f"{sha(url)[:12]}/tzdata-2024a-0.conda"
    assert kit.local(package) == kit.root / "channel/noarch" / found[0]


def test_a_part_of_a_kit_is_a_kit_and_needs_no_engine(lab: Site, tmp_path: Path) -> None:
    whole = lab.create(tmp_path / "kit", *ALL)
    shutil.rmtree(tmp_path / "cache")
    lab.engine.gone = EngineError("gone")
    part = lab.create(tmp_path / "part", "gpu@old", kit=str(whole.root))
    assert list(part.manifest.images) == ["gpu@old"]
    assert part.check() == []
    spec = load_image(lab.project, "gpu@old")
    lock = read_lock(spec, "linux/amd64", part.lock_folder(spec))
    assert stale_reasons(spec, lock, part) == ()
    assert lock.base == read_lock(spec, "linux/amd64", whole.lock_folder(spec)).base
    assert (part.root / "base/debian-bookworm.tar").read_bytes() == (
        whole.root / "base/debian-bookworm.tar"
    ).read_bytes()
    again = lab.create(tmp_path / "again", "gpu@old", kit=str(whole.root))
    assert bytes_of(again.root) == bytes_of(part.root)


def test_images_of_different_sources_do_not_make_one_kit(lab: Site, tmp_path: Path) -> None:
    from builder.workflow import kits

    whole = lab.create(tmp_path / "kit", *ALL)
    real = kits.choose

    def choose(project: object, ref: str, kit: str | None, **rest: object) -> object:
        return whole if ref == "gpu" else real(project, ref, kit, **rest)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kits, "choose", choose)
        with pytest.raises(UsageError, match="different sources: regression from upstream, gpu from kit:"):
            lab.create(tmp_path / "mixed", "regression", "gpu")


def test_a_base_that_is_named_anew_makes_the_kits_lock_stale(lab: Site, tmp_path: Path) -> None:
    kit = lab.create(tmp_path / "kit", "regression")
    table = lab.project.envs / "_bases.yml"
    table.write_text(table.read_text().replace("bookworm-slim", "bookworm-20990101-slim"))
    spec = load_image(lab.project, "regression")
    with pytest.raises(LockError, match="the kit has docker"):
        kit.base(spec, "linux/amd64")
    with pytest.raises(LockError, match="stale"):
        lab.create(tmp_path / "part", "regression", kit=str(kit.root))


def test_an_engine_that_cannot_be_reached_leaves_nothing(lab: Site, tmp_path: Path) -> None:
    def connect() -> Engine:
        raise EngineError("no container engine answers")

    with pytest.raises(EngineError):
        create_kit(lab.project, ["regression"], tmp_path / "kit", Options(), connect, lab.told.append)
    assert {path.name for path in tmp_path.iterdir()} == {"cache", "project"}


def test_a_kit_that_lacks_a_file_is_not_handed_out(lab: Site, tmp_path: Path) -> None:
    from builder.store.kitwriter import Part, check_complete

    kit = lab.create(tmp_path / "kit", "regression")
    lock = read_lock(load_image(lab.project, "regression"), "linux/amd64", lab.project.envs / "regression")
    files = tuple(file for file in kit.manifest.files if not file.path.startswith("wheels/tabulate"))
    lacking = Kit(kit.root, kit.manifest.model_copy(update={"files": files}))
    with pytest.raises(BuildError, match="tabulate"):
        check_complete(lacking, [Part(load_image(lab.project, "regression"), lock)])


def test_a_mount_point_is_refused_before_anything_is_collected(lab: Site) -> None:
    """A kit is moved to its place as a whole, and nothing can take the place of a mount point."""
    with pytest.raises(UsageError, match="is a mount point"):
        lab.create(Path("/proc"), "regression")
    assert not Path("/.proc.imgbuild-partial").exists()


def test_a_link_is_no_place_for_a_kit(lab: Site, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="is a symbolic link"):
        lab.create(tmp_path / "link", "regression")


def test_a_folder_of_the_users_beside_it_is_left_alone(lab: Site, tmp_path: Path) -> None:
    (tmp_path / "kit.partial").mkdir()
    (tmp_path / "kit.partial" / "thesis").write_text("years")
    lab.create(tmp_path / "kit", "regression")
    assert (tmp_path / "kit.partial" / "thesis").read_text() == "years"


def test_variables_are_a_part_of_what_is_asked_of_a_kit(lab: Site) -> None:
    spec = load_image(lab.project, "regression")
    environment = spec.environments[0].model_copy(update={"variables": {"A": "1"}})
    assert kitdir.asked_for(spec.model_copy(update={"environments": (environment,)})) != kitdir.asked_for(
        spec
    )


def test_room_is_counted_on_the_stores_own_disk(
    lab: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is a mount of its own, and the kit goes into it: what is missing comes there as well."""
    free = shutil.disk_usage("/dev/shm").free
    store = Store(Path("/dev/shm"))
    kitdir.check_room(Path("/dev/shm/kit"), free // 2, store, 0)
    with pytest.raises(BuildError, match="are free"):
        kitdir.check_room(Path("/dev/shm/kit"), free // 2, store, free)
