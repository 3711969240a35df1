"""What the apt of a base says, judged. The texts are those of apt 2.6.2."""

from __future__ import annotations

import pytest

from builder.errors import LockError
from builder.lock.apt.answer import Asked, packages
from builder.lock.apt.sources import Repository

ASKED = Asked(
    where="/project/envs/x/image.yml",
    base="debian-bookworm",
    names=("file", "g++", "bash"),
    repositories=(
        Repository("http://archive.example.org/debian", "bookworm", ("main",)),
        Repository("http://archive.example.org/debian-security", "bookworm-security", ("main",)),
    ),
    folder="/imgbuild/apt/archives",
)
AT = "/imgbuild/apt/archives"
URIS = (
    f"'file:{AT}/0/pool/main/g/g%2b%2b/g%2b%2b_12.2.0-3_amd64.deb' "
    f"g++_4%3a12.2.0-3_amd64.deb 1356 SHA256:{'a' * 64}\n"
    f"'file:{AT}/1/pool/updates/main/f/file/file_5.44-3%7edeb12u1_amd64.deb' "
    f"file_1%3a5.44-3~deb12u1_amd64.deb 42472 SHA256:{'b' * 64}\n"
)
BADLY_SIGNED = f"""\
W: GPG error: file:{AT}/0 bookworm InRelease: The following signatures were invalid: BADSIG 0E98404D386FA1D9 Debian
E: The repository 'file:{AT}/0 bookworm InRelease' is not signed.
"""
OTHER_BYTES = (
    f"E: Failed to fetch file:{AT}/0/dists/bookworm/main/binary-amd64/Packages.xz  Hash Sum mismatch"
)
WHOLE = {
    "stage": "done\n",
    "trusted": f"yes|bookworm|oldstable|bookworm|file:{AT}/0/dists/bookworm/main/binary-amd64/Packages\n",
    "known": "bash\nfile\nfiles\ng++\n",
    "installed": "bash\n",
    "simulate": "Inst g++ (4:12.2.0-3 Debian:12.12/oldstable [amd64])\n",
    "uris": URIS,
}


def refused(**changes: str) -> LockError:
    with pytest.raises(LockError) as caught:
        packages(ASKED, {**WHOLE, **changes})
    return caught.value


def test_packages_have_the_addresses_that_the_base_names() -> None:
    found = packages(ASKED, WHOLE)
    assert [(one.name, one.version, one.architecture, one.size) for one in found] == [
        ("file", "1:5.44-3~deb12u1", "amd64", 42472),
        ("g++", "4:12.2.0-3", "amd64", 1356),
    ]
    assert (
        found[0].url
        == "http://archive.example.org/debian-security/pool/updates/main/f/file/file_5.44-3%7edeb12u1_amd64.deb"
    )
    assert (found[1].filename, found[1].sha256) == ("g++_12.2.0-3_amd64.deb", "a" * 64)


def test_nothing_to_add_is_an_answer() -> None:
    asked = Asked(ASKED.where, ASKED.base, ("bash",), ASKED.repositories, ASKED.folder)
    assert packages(asked, {**WHOLE, "uris": ""}) == ()


@pytest.mark.parametrize(
    ("log", "what", "fix"),
    [
        (
            BADLY_SIGNED,
            "is not signed by a key that the base trusts: W: GPG error: http://archive.example.org/debian bookworm",
            "nothing was locked",
        ),
        (
            "E: Release file for file:/imgbuild/apt/archives/1/dists/x/InRelease is expired (invalid since 3d).",
            "is out of date, and apt of the base does not take it: E: Release file for http://archive.example.org/debian-sec",
            "clock",
        ),
        (
            OTHER_BYTES,
            "has indexes that are not the ones it signed",
            "in a while",
        ),
        ("", "cannot be read by apt of the base: apt gave no reason", "in a while"),
    ],
)
def test_archives_that_apt_does_not_take(log: str, what: str, fix: str) -> None:
    error = refused(stage="update", update=log)
    assert what in error.what
    assert fix in error.fix
    assert "/imgbuild/apt" not in error.what + error.detail


@pytest.mark.parametrize(
    "trusted", ["", f"no|bookworm|oldstable|bookworm|file:{AT}/0/dists/bookworm/x\n", "|\n", "||||\n"]
)
def test_an_index_without_a_signature_is_never_taken(trusted: str) -> None:
    assert "vouches for no signature" in refused(trusted=trusted).what


@pytest.mark.parametrize(
    "says", ["bookworm|oldoldstable|bullseye", "bookworm|stable-updates|bookworm-updates", "s||"]
)
def test_another_suite_well_signed_is_never_taken(says: str) -> None:
    assert (
        "is another one than the base's sources name" in refused(trusted=f"yes|{says}|file:{AT}/0/x\n").what
    )


@pytest.mark.parametrize(
    "says", ["oldstable|oldstable|bookworm", "stretch/updates|oldstable|stretch", "/||", "x/||"]
)
def test_a_suite_by_either_of_its_names(says: str) -> None:
    assert packages(ASKED, {**WHOLE, "trusted": f"yes|{says}|file:{AT}/0/x\n"})


def test_an_unknown_name() -> None:
    error = refused(stage="known", known="bash\ng++\nfile-roller\nfiles\n")
    assert error.what == "no package is called file in bookworm, bookworm-security of debian-bookworm"
    assert error.fix == "did you mean files?"
    assert error.where == ASKED.where


def test_what_cannot_be_installed_together() -> None:
    log = "The following packages have unmet dependencies:\n a : Depends: b but it is not going\nE: Unable to correct"
    error = refused(stage="simulate", simulate=log)
    assert error.what.endswith("cannot install file, g++, bash together: a : Depends: b but it is not going")


def test_what_would_be_taken_out_of_the_base() -> None:
    assert (
        "would take mawk, x out of the base" in refused(simulate="Remv mawk [1.3]\nInst a\nRemv x [1]").what
    )


def test_a_name_that_others_provide() -> None:
    error = refused(known="bash\nfile\ng++\n", uris=URIS.splitlines()[0] + "\n")
    assert error.what.startswith("file is the name of no package")


@pytest.mark.parametrize(
    "line",
    [
        "'file:/imgbuild/apt/archives/7/pool/a.deb' a_1_amd64.deb 1 SHA256:" + "a" * 64,
        "'http://other/pool/a.deb' a_1_amd64.deb 1 SHA256:" + "a" * 64,
        "'file:/imgbuild/apt/archives/0/pool/a.deb' a_1_amd64.deb 1 MD5Sum:" + "a" * 32,
        "'file:/imgbuild/apt/archives/0/pool/a.deb' a_1_amd64.deb 1 ",
    ],
)
def test_an_answer_that_cannot_be_locked(line: str) -> None:
    assert "cannot be locked" in refused(uris=line).what
