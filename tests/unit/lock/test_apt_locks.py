"""OS packages in a lock: written and read, bounded, compared, and no part of locks that have none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builder.errors import LockError
from builder.lock.apt.packages import AptPackages
from builder.lock.apt.sources import read_sources
from builder.lock.check import faults
from builder.lock.files import read_lock, write_lock
from builder.lock.inputs import apt_lines
from builder.lock.kept import Kept, moving
from builder.lock.model import AptPackage, LockSet
from builder.lock.stale import stale_reasons
from builder.spec.model import ImageSpec
from tests.support.lock_samples import APT_RELEASE, SampleSource, apt_package, image_spec, lock_set

SPEC = image_spec(apt=("make", "git"))


def with_apt(*packages: AptPackage, spec: ImageSpec = SPEC) -> LockSet:
    held = packages or (apt_package("git", "1:2.39.5-0+deb12u2"), apt_package())
    return lock_set(spec, apt=held, apt_inputs=apt_lines(spec), apt_releases=(APT_RELEASE,))


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    write_lock(with_apt(), tmp_path, SPEC)
    assert read_lock(SPEC, "linux/amd64", tmp_path) == with_apt()
    document = json.loads((tmp_path / "imgbuild.lock.json").read_text())
    assert document["platforms"]["linux/amd64"]["apt"]["inputs"] == ["apt git", "apt make"]
    assert "make_4.3" not in (tmp_path / "conda-lock.yml").read_text()


def test_locks_without_any_are_what_they_were(tmp_path: Path) -> None:
    plain = lock_set(image_spec())
    assert plain.digest == "4aa7523230bb7e1a4315dc4b411d8f7edca99e9557569f702bba23318e60abc0"
    write_lock(plain, tmp_path, image_spec())
    path = tmp_path / "imgbuild.lock.json"
    document = json.loads(path.read_text())
    assert document["platforms"]["linux/amd64"].pop("apt") is None
    path.write_text(json.dumps(document))
    assert read_lock(image_spec(), "linux/amd64", tmp_path) == plain


def test_they_are_fetched_with_the_others() -> None:
    lock = with_apt()
    assert set(lock.apt) <= set(lock.files)


def test_the_digest_is_of_what_gets_installed() -> None:
    lock = with_apt()
    later = APT_RELEASE.model_copy(update={"sha256": "8" * 64})
    assert lock.model_copy(update={"apt_releases": (later,)}).digest == lock.digest
    assert with_apt(apt_package()).digest != lock.digest


def test_another_apt_is_stale_and_named() -> None:
    source = SampleSource()
    assert stale_reasons(SPEC, with_apt(), source) == ()
    assert stale_reasons(image_spec(apt=("git", "make")), with_apt(), source) == ()
    (reason,) = stale_reasons(image_spec(apt=("make", "gcc")), with_apt(), source)
    assert reason == "the OS packages are asked for differently (+apt gcc, -apt git)"
    (reason,) = stale_reasons(SPEC, lock_set(SPEC), source)
    assert reason == "the OS packages are asked for differently (+apt git, +apt make)"


def test_they_stay_while_nothing_about_them_moves() -> None:
    lock = with_apt()
    kept = Kept(lock).apt(apt_lines(SPEC), lock.base)
    assert kept == AptPackages(packages=lock.apt, releases=lock.apt_releases)
    other = lock.base.model_copy(update={"ref": "another"})
    assert Kept(lock).apt(apt_lines(SPEC), other) is None
    assert Kept(lock).apt(apt_lines(image_spec(apt=("make",))), lock.base) is None
    assert Kept(lock, moving(["make"])).apt(apt_lines(SPEC), lock.base) is None
    assert Kept(lock, moving(["numpy"])).apt(apt_lines(SPEC), lock.base) == kept
    assert Kept().apt(apt_lines(SPEC), lock.base) is None


HOSTILE = {
    "another scheme": apt_package(url="ftp://archive.example.org/debian/pool/make_4.3-4.1_amd64.deb"),
    "a password": apt_package(url="http://me:secret@archive.example.org/pool/make_4.3-4.1_amd64.deb"),
    "a query": apt_package(url="http://archive.example.org/pool/make_4.3-4.1_amd64.deb?x"),
    "a way up": apt_package(url="http://archive.example.org/../make_4.3-4.1_amd64.deb"),
    "a hidden way up": apt_package(url="http://archive.example.org/%2e%2e/make_4.3-4.1_amd64.deb"),
    "a hidden slash": apt_package(url="http://archive.example.org/pool/a%2fmake_4.3-4.1_amd64.deb"),
    "a file of the kit": apt_package(url="kit:///apt/make_4.3-4.1_amd64.deb"),
    "no package": apt_package(url="http://archive.example.org/pool/make.sh"),
    "an option": apt_package(url="http://archive.example.org/pool/-o.deb"),
    "a name": apt_package(name="make;id"),
    "a version": apt_package(version="4.3 $(id)"),
    "a hash": apt_package(sha256="x"),
    "another machine": apt_package(architecture="arm64"),
    "no size": apt_package(size=None),
}


@pytest.mark.parametrize("package", HOSTILE.values(), ids=HOSTILE)
def test_what_a_lock_must_not_hold_is_not_written(tmp_path: Path, package: AptPackage) -> None:
    with pytest.raises(LockError):
        write_lock(with_apt(package), tmp_path, SPEC)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("field", ["uri", "suite", "date", "sha256"])
def test_releases_are_bounded_too(field: str) -> None:
    bad = APT_RELEASE.model_copy(update={field: "x\n$(id)"})
    assert list(faults(with_apt().model_copy(update={"apt_releases": (bad,)})))


def test_a_package_that_is_there_twice() -> None:
    twice = (apt_package(), apt_package(url="https://other.example.org/make_4.3-4.1_amd64.deb"))
    assert "the OS package 'make:amd64' stands there twice" in list(faults(with_apt(*twice)))


def test_all_machines_and_odd_names_are_good() -> None:
    url = "http://archive.example.org/debian/pool/main/g/gcc-12/libstdc%2b%2b-12-dev_12.2.0-14%7edeb12u1_all.deb"
    name = "libstdc++-12-dev"
    odd = apt_package(name=name, version="1:12.2.0-14~deb12u1", url=url, architecture="all")
    assert list(faults(with_apt(odd))) == []


@pytest.mark.parametrize("suite", ["./", "jammy+x", "~a", "/", "bookworm-updates", "stable/x86"])
def test_every_suite_that_sources_may_name_can_be_locked(suite: str) -> None:
    component = "" if suite.endswith("/") else " main"
    assert read_sources({"sources.list": f"deb https://h.example.org/repo {suite}{component}\n"}, "amd64")
    release = APT_RELEASE.model_copy(update={"suite": suite})
    assert list(faults(with_apt().model_copy(update={"apt_releases": (release,)}))) == []


@pytest.mark.parametrize("suite", ["../x", "a/../b", "a b", "$(id)", ""])
def test_no_other_suite_can(suite: str) -> None:
    release = APT_RELEASE.model_copy(update={"suite": suite})
    assert list(faults(with_apt().model_copy(update={"apt_releases": (release,)}))) != []
