"""`imgbuild data refresh installers` against a directory and a list of releases on this machine, over real HTTP."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.web import Web, serve
from tests.support.workshop import REPOSITORY, Ran, imgbuild

HEAD = "kind,version,python,arch,url,sha256,source"
CONDA, FORGE = (
    "https://repo.anaconda.com/miniconda/",
    "https://github.com/conda-forge/miniforge/releases/download/",
)


def sha256(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def miniconda(version: str, python: str, arch: str) -> str:
    return f"Miniconda3-py{python.replace('.', '')}_{version}-Linux-{arch}.sh"


def row(name: str, source: str = "by hand") -> str:
    """A line of the table out of the name of a file."""
    stem = name.removesuffix(".sh").split("-Linux-")
    if name.startswith("Miniconda3"):
        python, version = stem[0].removeprefix("Miniconda3-py").split("_")
        return f"miniconda,{version},3.{python[1:]},{stem[1]},{CONDA}{name},{sha256(name)},{source}"
    version = stem[0].removeprefix("Miniforge3-")
    return f"miniforge,{version},,{stem[1]},{FORGE}{version}/{name},{sha256(name)},{source}"


BOTH = ("aarch64", "x86_64")
OLD = [miniconda(version, "3.13", arch) for version in ("26.5.3-1", "26.3.2-2") for arch in BOTH]
FORGED = [f"Miniforge3-26.3.2-3-Linux-{arch}.sh" for arch in BOTH]
NEW = [miniconda("26.7.0-1", python, arch) for python in ("3.14", "3.13") for arch in BOTH]


@dataclass
class Site:
    """What upstream lists, the table that knows some of it, and the command."""

    root: Path
    web: Web
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    releases: list[dict[str, Any]] = field(default_factory=list)

    def publish(self, *, page: bool = False) -> None:
        """page: there is the directory's page alone."""
        folder = self.root / "miniconda"
        (folder / ".files.json").unlink(missing_ok=True)
        rows = "".join(
            f"<tr><td><a href='{name}'>{name}</a></td><td class='s'>156.1M</td><td>2026</td><td>{one.get('sha256', '')}"
            f"</td></tr>\n" for name, one in self.files.items()
        )  # fmt: skip
        if page:
            (folder / "index.html").write_text(f"<html><body><table>{rows}</table></body></html>")
        else:
            (folder / ".files.json").write_text(json.dumps(self.files))
        (self.root / "api/repos/conda-forge/miniforge/releases").write_text(json.dumps(self.releases))

    def conda(self, *names: str, **other: object) -> None:
        for name in names:
            self.files[name] = {"sha256": sha256(name), "size": 150 << 20, "mtime": 1.0, **other}

    def forge(self, *names: str, digest: bool = True) -> None:
        assets = [
            {"name": name, "size": 90 << 20, "digest": f"sha256:{sha256(name)}" if digest else None}
            for name in names
        ]
        self.releases.append({"tag_name": "x", "draft": False, "prerelease": False, "assets": assets})

    @property
    def table(self) -> Path:
        return self.root / "tables/installers.csv"

    def run(self, *words: str) -> Ran:
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("IMGBUILD_", "UV_", "PIP_"))
        }
        mine = {"PYTHONPATH": str(REPOSITORY), "IMGBUILD_RETRY_PAUSE": "0.01", "NO_PROXY": "127.0.0.1",
                "XDG_CONFIG_HOME": str(self.root)}  # fmt: skip
        told = ("--tables", str(self.table.parent), "-C", str(self.root / "project"))
        return imgbuild(["data", "refresh", "installers", *words, *told], REPOSITORY, {**kept, **mine})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    for name in ("miniconda", "api/repos/conda-forge/miniforge", "forge", "tables", "project/envs"):
        (tmp_path / name).mkdir(parents=True)
    folders = {name: tmp_path / name for name in ("miniconda", "api", "forge")}
    with serve(folders) as web:
        mirrors = {CONDA: f"{web.url}/miniconda/", "https://api.github.com/": f"{web.url}/api/",
                   FORGE: f"{web.url}/forge/"}  # fmt: skip
        (tmp_path / "project/envs/_bases.yml").write_text("{}\n")
        (tmp_path / "project/imgbuild.yml").write_text(json.dumps({"mirrors": mirrors}))
        made = Site(tmp_path, web)
        made.table.write_text("\n".join([HEAD, *map(row, [*OLD, *FORGED]), ""]))
        made.conda("Miniconda3-latest-Linux-x86_64.sh", "Miniconda3-py313_26.5.3-1-MacOSX-arm64.pkg", *OLD)
        made.conda(
            *[miniconda("22.11.1-1", "3.10", arch) for arch in ("x86_64", "aarch64")]
        )  # before the table begins
        made.forge(*FORGED)
        made.publish()
        yield made


@pytest.mark.parametrize("page", [False, True])
def test_nothing_changes_where_nothing_is_new(site: Site, page: bool) -> None:
    site.publish(page=page)
    before = site.table.read_text()
    done = site.run("--check")
    assert (done.code, done.out.strip()) == (0, "installers.csv: 6 rows read, all as before"), done.err
    assert site.run().code == 0
    assert site.table.read_text() == before


@pytest.mark.parametrize("page", [False, True])
def test_new_installers_become_rows_and_all_others_stay(site: Site, page: bool) -> None:
    site.conda(*NEW)
    site.publish(page=page)
    before = site.table.read_text().splitlines()
    done = site.run("--check")
    assert done.code == 3
    assert site.table.read_text().splitlines() == before
    assert "installers.csv: 4 would be added, 0 would be changed, 6 as before" in done.out
    done = site.run("--json")
    assert done.code == 0, done.err
    (table,) = done.document["tables"]
    first = table["changes"][0]
    assert (first["row"], first["new"]) == ("miniconda 26.7.0-1 with Python 3.14 for aarch64", True)
    assert first["facts"] == {"sha256": ["", sha256(NEW[0])]}
    lines = site.table.read_text().splitlines()
    assert [lines[0], *lines[5:]] == before
    assert [line.rpartition(",")[0] for line in lines[1:5]] == [row(name).rpartition(",")[0] for name in NEW]
    assert lines[1].rpartition(",")[2].startswith("repo.anaconda.com/miniconda read on 2")
    assert site.run("--check").code == 0


@pytest.mark.parametrize("digest", [True, False])
def test_a_release_of_miniforge_with_its_hash_or_with_a_file_of_it(site: Site, digest: bool) -> None:
    names = [f"Miniforge3-26.7.0-0-Linux-{arch}.sh" for arch in ("aarch64", "x86_64")]
    folder = site.root / "forge/26.7.0-0"
    folder.mkdir()
    for name in names:
        (folder / f"{name}.sha256").write_text(f"{sha256(name)}  ./{name}\n")
    site.forge(*names, "Miniforge3-Linux-x86_64.sh", digest=digest)
    site.publish()
    assert site.run().code == 0
    lines = site.table.read_text().splitlines()
    assert [line.rpartition(",")[0] for line in lines[5:7]] == [
        row(name).rpartition(",")[0] for name in names
    ]
    assert any(path.endswith(".sha256") for path in site.web.asked) is not digest


def test_a_version_that_is_there_in_part_waits(site: Site) -> None:
    """The newest version of the table is what images get by default, on both platforms."""
    site.conda(*[name for name in NEW if "x86_64" in name])
    site.publish()
    done = site.run()
    assert (done.code, done.out.strip()) == (0, "installers.csv: 6 rows read, all as before")
    assert "miniconda 26.7.0-1 is listed for x86_64 alone" in done.err


def test_one_listing_that_cannot_be_asked_is_told_and_the_other_one_read(site: Site) -> None:
    site.conda(*NEW)
    site.publish()
    (site.root / "api/repos/conda-forge/miniforge/releases").unlink()
    done = site.run()
    assert done.code == 0
    assert "4 added" in done.out
    assert "! miniforge was not read: the list of Miniforge's releases is not there" in done.out
    assert site.run("--check").code == 3
    (site.root / "miniconda/.files.json").unlink()
    (site.root / "miniconda").rmdir()
    assert site.run().code == 5


def spoil_hash(site: Site) -> None:
    site.conda(OLD[1], sha256="b" * 64)


def lose(site: Site) -> None:
    del site.files[OLD[0]]


def lose_most(site: Site) -> None:
    for name in OLD[:2]:
        del site.files[name]


def far_year(site: Site) -> None:
    site.conda(*[miniconda("99.1.0-1", "3.13", arch) for arch in ("x86_64", "aarch64")])


def one_hash(site: Site) -> None:
    site.conda(*[miniconda("26.7.0-1", "3.13", arch) for arch in ("x86_64", "aarch64")], sha256="c" * 64)


def odd_python(site: Site) -> None:
    site.conda(*[miniconda("26.7.0-1", "3.99", arch) for arch in ("x86_64", "aarch64")])


def nothing(site: Site) -> None:
    site.files.clear()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil_hash, f"with Python 3.13 for x86_64: its sha256 was {sha256(OLD[1])[:12]}... and is bbbbbbbbbbbb..."),
        (lose_most, "the listing of miniconda has 2 of the 4 installers that are known"),
        (far_year, "its version is of the year 2099"),
        (one_hash, "has the sha256 of miniconda 26.7.0-1"),
        (odd_python, "Python 3.99 is not likely"),
        (nothing, "it names no installer"),
    ],
)  # fmt: skip
def test_what_is_doubtful_is_refused_and_nothing_is_written(site: Site, spoil: Any, said: str) -> None:
    site.forge(*[f"Miniforge3-26.7.0-0-Linux-{arch}.sh" for arch in ("aarch64", "x86_64")])
    before = site.table.read_text()
    spoil(site)
    site.publish()
    done = site.run()
    assert done.code == 5, done.out
    assert said in done.err
    assert site.table.read_text() == before


def test_a_single_installer_that_vanished_is_named(site: Site) -> None:
    more = [miniconda(f"26.1.{micro}-1", "3.13", "x86_64") for micro in range(5)]
    site.table.write_text(site.table.read_text() + "".join(f"{row(name)}\n" for name in more))
    site.conda(*more)
    lose(site)
    site.publish()
    done = site.run()
    assert done.code == 5
    assert "miniconda 26.5.3-1 with Python 3.13 for aarch64 is known, and not listed" in done.err


def test_small_files_and_such_without_a_hash_are_left_out(site: Site) -> None:
    site.conda(*NEW)
    site.conda(NEW[0], size=300)
    site.files[NEW[1]].pop("sha256")
    site.publish()
    done = site.run()
    assert done.code == 0
    assert "2 added" in done.out
    assert "300 bytes are no installer" in done.err
    assert "no sha256 is told" in done.err


def test_offline_another_page_and_a_table_of_another_form(site: Site) -> None:
    done = site.run("--offline")
    assert done.code == 5
    assert site.web.asked == []
    (site.root / "miniconda/.files.json").write_text("<html>Sign in</html>")
    done = site.run()
    assert done.code == 5
    assert "the listing of miniconda cannot be read" in done.err
    site.publish()
    (site.root / "api/repos/conda-forge/miniforge/releases").write_text("[3]")
    done = site.run()
    assert done.code == 5
    assert "the listing of miniforge cannot be read: it is no list of releases" in done.err
    site.table.write_text("kind,version\nminiconda,1\n")
    done = site.run()
    assert done.code == 2
    assert "its columns are not kind, version, python" in done.err
