"""Release files, signed in the text or apart."""

from __future__ import annotations

from builder.lock.apt.release import read_release

SHA = "a" * 64
TEXT = f"""\
Origin: Debian
Suite: oldstable
Codename: bookworm
Date: Sat, 11 Jul 2026 10:16:37 UTC
Acquire-By-Hash: yes
No-Support-for-Architecture-all: Packages
Architectures: all amd64 arm64
MD5Sum:
 {"b" * 32}  100 main/binary-amd64/Packages.xz
SHA256:
 {SHA}  8790396 main/binary-amd64/Packages.xz
 {"c" * 64}  99 main/binary-amd64/Packages.gz
 {"d" * 64} 5 contrib/binary-amd64/Packages
"""
SIGNED = f"""\
-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

{TEXT}-----BEGIN PGP SIGNATURE-----

SHA256:
 {"e" * 64} 1 main/binary-amd64/Packages.xz
-----END PGP SIGNATURE-----
"""


def test_signed_and_plain_say_the_same() -> None:
    plain, signed = read_release(TEXT), read_release(SIGNED)
    assert plain.indexes == signed.indexes
    assert (signed.date, signed.by_hash) == ("Sat, 11 Jul 2026 10:16:37 UTC", True)


def test_the_smallest_form_of_an_index() -> None:
    folder = "http://archive.example.org/debian/dists/bookworm/"
    found = read_release(SIGNED).index("main/binary-amd64/Packages", folder)
    assert found is not None
    assert (found.url, found.sha256, found.size) == (f"{folder}main/binary-amd64/Packages.xz", SHA, 8790396)
    plain = read_release(TEXT).index("contrib/binary-amd64/Packages", folder)
    assert plain is not None
    assert plain.url.endswith("contrib/binary-amd64/Packages")
    assert read_release(TEXT).index("x/binary-amd64/Packages", folder) is None


def test_indexes_of_packages_for_all_machines() -> None:
    assert read_release(TEXT).architectures("amd64") == ("amd64",)
    apart = TEXT.replace("No-Support-for-Architecture-all: Packages\n", "")
    assert read_release(apart).architectures("amd64") == ("amd64", "all")


def test_text_that_is_no_release_file_has_nothing() -> None:
    for text in ("", "<html>Date: now</html>", "SHA256:\n x 1 y\n", "\x00\xff"):
        assert read_release(text).indexes == {}
