"""`imgbuild outdated` as a user types it: a channel, an index and a registry of this machine, and a kit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builder.data.installers import newest
from builder.lock.files import read_locks, write_lock, write_locks
from builder.lock.make import make_lock
from builder.lock.model import AptRelease
from builder.progress import silent
from builder.spec.load import load_image
from builder.spec.project import Project
from builder.store.kit import Kit
from builder.store.kitfile import KitBase, KitInstaller, Manifest, list_files, write_manifest
from tests.support.fake_registry import FakeRegistry, fake_registry
from tests.support.local_channel import add_conda, add_wheel, index
from tests.support.lock_lab import Lab, lab_at
from tests.support.lock_samples import apt_package

ENVIRONMENT = """\
dependencies:
  - python=3.11
  - numpy<2
  - scipy
  - pandas
  - pip:
      - tab
      - fmt<2
"""
IMAGE = """\
base: small
installer: miniconda=26.3.2-2
platforms: [linux/amd64, linux/arm64]
"""
BASES = """\
small:
  ref: {host}/team/small:1
  family: debian
  suite: bookworm
  glibc: "2.36"
  platforms: [linux/amd64, linux/arm64]
"""


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with fake_registry() as site:
        publish_base(site, "first")
        yield site


@pytest.fixture
def lab(tmp_path: Path, registry: FakeRegistry) -> Iterator[Lab]:
    with lab_at(tmp_path / "a lab +1") as made:
        made.conda("numpy", "1.0")
        made.conda("scipy", "1.0", "numpy <2")
        made.conda("pandas", "1.0")
        made.wheel("tab", "1.0", "dep2")
        made.wheel("fmt", "1.0")
        made.wheel("dep2", "1.0")
        made.publish()
        (made.root / "envs/_bases.yml").write_text(BASES.format(host=registry.host))
        made.define(ENVIRONMENT, IMAGE)
        made.good("lock", "app")
        pin_base(made, registry)
        yield made


def publish_base(site: FakeRegistry, word: str) -> str:
    """The tag stands for another index now."""
    entries = {
        platform: site.image("team/small", platform=platform, Labels={"build": word})
        for platform in ("linux/amd64", "linux/arm64")
    }
    return site.index("team/small", "1", entries)


def pin_base(lab: Lab, site: FakeRegistry) -> None:
    """As an engine would have told it: there is none here."""
    digest = publish_base(site, "first")
    spec = load_image(Project(lab.root, lab.root / "envs"), "app")
    locks = read_locks(spec, spec.folder)
    pinned = {"ref": f"{spec.base.ref}@{digest}"}
    made = [one.model_copy(update={"base": one.base.model_copy(update=pinned)}) for one in locks.values()]
    write_locks(made, spec.folder, spec)


def newer(lab: Lab) -> None:
    lab.conda("numpy", "2.0")
    lab.conda("scipy", "1.1", "numpy <2")
    lab.conda("scipy", "2.0", "numpy >=2")
    lab.conda("pandas", "2.0", "python >=3.12")
    lab.wheel("tab", "2.0", "dep2")
    lab.wheel("fmt", "2.0")
    lab.publish()


def rows(document: Any, at: int = 0) -> dict[str, tuple[str, str, str, str]]:
    """Locked, with the update, the newest, and what holds it back, by name."""
    (environment,) = document["images"][at]["environments"]
    return {
        one["name"]: (one["locked"], one["allowed"], one["newest"],
                      "; ".join(map(said, one["held_by"])))
        for one in environment["packages"]
    }  # fmt: skip


def said(held: dict[str, object]) -> str:
    return f"{held['why']}|{held['asked']}|{held['file']}:{held['line']}"


FILE = "envs/app/environment.yml"
RELEASE = AptRelease(
    uri="http://archive.example.org/debian",
    suite="bookworm",
    date="Sat, 21 Nov 2026 10:00:00 UTC",
    sha256="a" * 64,
)


def test_what_is_behind_what_holds_it_back_and_what_an_update_would_bring(
    lab: Lab, registry: FakeRegistry
) -> None:
    newer(lab)
    moved = publish_base(registry, "second")
    before = lab.locks()
    document = lab.good("outdated", "app", "--json").document
    assert [(one["image"], one["platform"], one["status"]) for one in document["images"]] == [
        ("app", "linux/amd64", "behind"),
        ("app", "linux/arm64", "behind"),
    ]
    assert document["behind"] is True
    assert rows(document) == rows(document, 1) == {
        "numpy": ("1.0", "1.0", "2.0", f"|numpy<2|{FILE}:3"),
        "scipy": ("1.0", "1.1", "2.0", f"scipy 2.0 needs numpy >=2|numpy<2|{FILE}:3"),
        "pandas": ("1.0", "1.0", "2.0", f"pandas 2.0 needs python >=3.12|python=3.11|{FILE}:2"),
        "fmt": ("1.0", "1.0", "2.0", f"|fmt<2|{FILE}:8"),
        "tab": ("1.0", "2.0", "2.0", ""),
    }  # fmt: skip
    first = document["images"][0]
    assert first["base"]["now"] == moved
    assert first["base"]["locked"] != moved
    assert first["base"]["size"] == 1234
    assert first["installer"] == {
        "kind": "miniconda", "locked": "26.3.2-2", "newest": newest("miniconda"), "trouble": "",
        "held_by": [{"why": "", "asked": "installer: miniconda=26.3.2-2", "file": "envs/app/image.yml", "line": 2,
                     "against": False}],
    }  # fmt: skip
    changed = {one["name"]: one["change"] for one in first["update"]["environments"][0]["packages"]}
    assert changed == {"scipy": "upgraded", "tab": "upgraded"}
    assert lab.locks() == before
    size = next(lab.channel.rglob("scipy-1.1-*")).stat().st_size
    assert (first["fetch"], first["fetch_unknown"]) == (size, 1)  # the index of wheels tells no sizes


def test_it_is_what_upgrade_does_then(lab: Lab) -> None:
    newer(lab)
    told = rows(lab.good("outdated", "app", "--json", "--platform", "linux/amd64").document)
    lab.good("lock", "app", "--upgrade")
    locked = lab.versions()
    assert {name: allowed for name, (_, allowed, _, _) in told.items()} == {
        name: locked[name] for name in told
    }
    after = lab.good("outdated", "app", "--json").document
    assert {one["status"] for one in after["images"]} == {"behind"}  # the installer still is
    assert {name: (was, now) for name, (was, now, _, _) in rows(after).items() if was != now} == {}


def test_one_line_updates_miniconda(lab: Lab, registry: FakeRegistry) -> None:
    """In the definition, in the plan, and nothing is behind any more."""

    def planned() -> tuple[str, str]:
        (plan,) = lab.good("plan", "app", "--platform", "linux/amd64", "--json").document["images"]
        return plan["digest"], lab.good("render", "app", "--platform", "linux/amd64").out

    digest, page = planned()
    assert "26.3.2-2" in page
    lab.define(ENVIRONMENT, IMAGE.replace("26.3.2-2", newest("miniconda")))
    stale = lab.run("lock", "app", "--check")
    assert stale.code == 3
    assert f"image.yml:2: the installer is miniconda={newest('miniconda')} now" in stale.out
    assert "stale" in lab.good("outdated", "app").out
    lab.good("lock", "app")
    pin_base(lab, registry)
    other, page = planned()
    assert other != digest
    assert newest("miniconda") in page
    assert "26.3.2-2" not in page
    assert lab.good("outdated", "app", "--check").out.startswith(
        "app linux/amd64: nothing newer, 7 packages\n"
    )


def test_text_at_80_columns(lab: Lab, registry: FakeRegistry) -> None:
    newer(lab)
    publish_base(registry, "second")
    text = lab.on_a_terminal("outdated", "app", columns=80)
    lines = [re.sub(r"\x1b\[[0-9]*m", "", line) for line in text.splitlines()]
    lines = lines[next(at for at, line in enumerate(lines) if line.startswith("app linux/amd64: ")) :]
    assert max(map(len, lines)) <= 80
    assert "  installer  miniconda 26.3.2-2 -> " + newest("miniconda") + ", held back by installer:" in lines
    at = lines.index("PACKAGE  FROM   LOCKED  UPDATE  NEWEST  HELD BACK BY")
    assert lines[at + 1 : at + 6] == [
        "numpy    conda  1.0     1.0     2.0     numpy<2 (envs/app/environment.yml:3)",
        "pandas   conda  1.0     1.0     2.0     pandas 2.0 needs python >=3.12, against",
        "                                        python=3.11 (envs/app/environment.yml:2)",
        "scipy    conda  1.0     1.1     2.0     scipy 2.0 needs numpy >=2, against",
        "                                        numpy<2 (envs/app/environment.yml:3)",
    ]
    assert "  the same as for linux/amd64" in lines
    assert "asks upstream" in lines[-1]


def test_a_package_that_another_one_holds_and_one_that_comes_and_goes(
    lab: Lab, registry: FakeRegistry
) -> None:
    lab.define(ENVIRONMENT.replace("numpy<2", "numpy"), IMAGE)
    lab.good("lock", "app")
    lab.conda("numpy", "2.0")
    lab.conda("pandas", "1.1", "extra")
    lab.conda("extra", "1.0")
    lab.wheel("tab", "1.5")
    lab.wheel("fmt", "1.5", "tab<1.5", "dep2")
    lab.publish()
    assert rows(lab.good("outdated", "app", "--json").document) == {
        "extra": ("", "1.0", "1.0", ""),
        "numpy": ("1.0", "1.0", "2.0", f"scipy 1.0 needs numpy <2|scipy|{FILE}:4"),
        "pandas": ("1.0", "1.1", "1.1", ""),
        "fmt": ("1.0", "1.5", "1.5", ""),
        "tab": ("1.0", "1.0", "1.5", f"fmt 1.5 needs tab|fmt<2|{FILE}:8"),
    }
    lab.define(ENVIRONMENT.replace("numpy<2", "numpy").replace("  - pandas\n", ""), IMAGE)
    done = lab.good("outdated", "app")
    assert "stale      envs/app/environment.yml" in done.out
    assert re.search(r"pandas +conda +1\.0 +goes", done.out)


def test_what_the_machine_holds_back(lab: Lab, registry: FakeRegistry) -> None:
    lab.conda("pandas", "2.0", "__glibc >=2.39")
    lab.conda("scipy", "2.0", "__cuda >=13")
    lab.publish()
    told = rows(lab.good("outdated", "app", "--json").document)
    assert told["pandas"][3] == "pandas 2.0 needs __glibc >=2.39|base: small|envs/app/image.yml:1"
    assert told["scipy"][3].startswith("scipy 2.0 needs __cuda >=13|cuda: ")


def test_os_packages_stay_as_they_are_without_an_engine(lab: Lab, registry: FakeRegistry) -> None:
    spec = load_image(Project(lab.root, lab.root / "envs"), "app")
    held = {
        "apt": (apt_package("git", architecture="all"),),
        "apt_inputs": ("apt git",),
        "apt_releases": (RELEASE,),
    }
    locks = [lock.model_copy(update=held) for lock in read_locks(spec, spec.folder).values()]
    lab.define(ENVIRONMENT, f"{IMAGE}apt: [git]\n")
    spec = load_image(Project(lab.root, lab.root / "envs"), "app")
    write_locks(locks, spec.folder, spec)
    newer(lab)
    (first, _) = lab.good("outdated", "app", "--json").document["images"]
    assert (first["trouble"], first["stale"], first["update"]["system"]) == ("", [], [])
    assert {one["name"] for one in first["update"]["environments"][0]["packages"]} == {"scipy", "tab"}


def test_offline_says_what_it_cannot_tell(lab: Lab, registry: FakeRegistry) -> None:
    newer(lab)
    lab.good("outdated", "app")
    asked = len(registry.asked)
    done = lab.good("outdated", "app", "--offline")
    assert len(registry.asked) == asked
    assert re.search(r"base +127.0.0.1:[0-9]+/team/small:1 sha256:[0-9a-f]{12}; offline", done.out)
    assert "note       the newest wheels of app are not known: offline" in done.out
    assert "scipy    conda  1.0     1.1     2.0" in done.out


def test_a_registry_without_the_base_and_a_lock_without_a_digest(lab: Lab, registry: FakeRegistry) -> None:
    registry.pages.clear()
    document = lab.good("outdated", "app", "--json").document
    assert document["images"][0]["base"]["trouble"] == "the registry has no such image"
    assert document["images"][0]["base"]["now"] == ""
    for path in (lab.root / "envs/app").glob("*lock*"):
        path.unlink()
    lab.good("lock", "app")
    publish_base(registry, "second")
    assert "team/small:1 no digest -> sha256:" in lab.good("outdated", "app").out


def test_check(lab: Lab, registry: FakeRegistry) -> None:
    lab.define(ENVIRONMENT, IMAGE.replace("26.3.2-2", newest("miniconda")))
    lab.good("lock", "app")
    pin_base(lab, registry)
    lab.conda("numpy", "2.0")
    lab.publish()
    done = lab.good("outdated", "app", "--check", "--json")
    assert {one["status"] for one in done.document["images"]} == {
        "held"
    }  # nothing that an update would bring
    publish_base(registry, "second")
    assert lab.run("outdated", "app", "--check").code == 3
    publish_base(registry, "first")
    lab.conda("pandas", "1.1")
    lab.publish()
    assert lab.run("outdated", "app", "--check").code == 3


def test_no_lock_no_solution_and_the_others(lab: Lab) -> None:
    lab.define("dependencies: [python]\n", name="bare")
    lab.define("dependencies: [python=3.11]\n", name="bad")
    lab.good("lock", "bad")
    lab.define("dependencies: [python=3.11, nowhere]\n", name="bad")
    done = lab.run("outdated", "--all", "--platform", "linux/amd64")
    assert done.code == 3
    assert "bare linux/amd64: it has no lock: run `imgbuild lock bare` and commit the result" in done.out
    assert "bad linux/amd64: what an update would bring is not known" in done.out
    assert "trouble    " in done.out
    assert "app linux/amd64: `imgbuild lock app --upgrade` would bring nothing" in done.out
    assert lab.good("outdated", "bare").code == 0
    assert lab.run("outdated", "bare", "--check").code == 3
    assert lab.run("outdated").code == 2
    assert lab.run("outdated", "app", "--all").code == 2


def kit_of(lab: Lab, root: Path) -> Kit:
    """A kit as bootstrap makes one: its channel has an index, and its lock was solved there."""
    lab.conda("python", "3.11.2", subdir="linux-64")
    lab.publish()
    for name in ("base", "installer", "wheels", "locks"):
        (root / name).mkdir(parents=True)
    lab.channel.rename(root / "channel")
    for path in lab.wheels.iterdir():
        (root / "wheels" / path.name).write_bytes(path.read_bytes())
    (root / "base/small.tar").write_bytes(b"base")
    (root / "installer/Miniconda3.sh").write_bytes(b"installer")
    base = KitBase(key="small", suite="bookworm", glibc="2.36", path="base/small.tar", packages={})
    installer = KitInstaller(kind="miniconda", version="26.3.2-2", path="installer/Miniconda3.sh")
    manifest = Manifest(
        id="", stand_in=True, platform="linux/amd64", python="3.11.2", images={"app": "0" * 64}, bases=(base,),
        installers=(installer,), files=list_files(root),
    )  # fmt: skip
    write_manifest(root, manifest)
    return Kit.open(root)


def test_a_kit_is_compared_with_what_its_channel_has(
    lab: Lab, registry: FakeRegistry, tmp_path: Path
) -> None:
    kit = kit_of(lab, tmp_path / "kit")
    spec = load_image(Project(lab.root, lab.root / "envs"), "app")
    write_lock(make_lock(spec, "linux/amd64", kit, silent), kit.lock_folder(spec), spec)
    write_manifest(kit.root, kit.manifest.model_copy(update={"files": list_files(kit.root)}))
    asked = len(registry.asked)
    words = ("outdated", "app", "--platform", "linux/amd64")
    done = lab.good(*words, IMGBUILD_KIT=str(kit.root))
    assert done.out.strip() == "app linux/amd64: nothing newer, 7 packages"
    add_conda(kit.root / "channel", "pandas", "1.1")
    add_wheel(kit.root / "wheels", "fmt", "2.0")
    index(kit.root / "channel")
    document = lab.good(*words, "--json", IMGBUILD_KIT=str(kit.root)).document
    assert {name: told[2] for name, told in rows(document).items()} == {"pandas": "1.1", "fmt": "2.0"}
    done = lab.good(*words, "--kit", str(kit.root))
    assert "`imgbuild kit bootstrap DIR app` would bring: 1 upgraded; " in done.out
    assert len(registry.asked) == asked
    for path in kit.root.glob("channel/*/repodata*"):
        path.unlink()
    done = lab.good(*words, "--kit", str(kit.root))  # as `kit create` makes one
    assert "the kit was made of these locks" in done.out
