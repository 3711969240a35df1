"""The changes to Debian's interpreter, on small stand-ins for its files."""

from __future__ import annotations

import pytest

from builder.errors import BuildError
from builder.store.bootstrap import interpreter
from builder.store.bootstrap.package import PLACEHOLDER

UNSET = b"\xff" * 8


def frozen(text: bytes) -> bytes:
    """A string as the interpreter's data section holds it: length, hash, state, pointer, text, zero."""
    return len(text).to_bytes(8, "little") + UNSET + b"\xe4" + bytes(15) + text + bytes(1)


def test_the_program_looks_into_site_packages() -> None:
    program = b"doc: lib/python3/dist-packages.\n" + frozen(b"dist-packages") + frozen(b"local/lib") + b"end"
    changed = interpreter.patch_program(program)
    assert len(changed) == len(program)
    assert frozen(b"site-packages") in changed
    assert frozen(b"lib") + bytes(6) in changed
    assert b"doc: lib/python3/dist-packages.\n" in changed


@pytest.mark.parametrize(
    "program",
    [
        b"",
        frozen(b"dist-packages"),
        frozen(b"local/lib"),
        frozen(b"dist-packages") * 2 + frozen(b"local/lib"),
    ],
)
def test_an_unknown_program_is_refused(program: bytes) -> None:
    with pytest.raises(BuildError):
        interpreter.patch_program(program)


def test_paths_of_the_distribution_become_those_of_the_environment() -> None:
    text = "'BINDIR': '/usr/bin',\n'INCLUDEPY': '/usr/include/python3.11',\n'prefix': '/usr',\n"
    text += "'LIBDIR': '/usr/lib/x86_64-linux-gnu',\n'INSTALL': '/usr/bin/install -c',\nprefix=\t\t/usr\n"
    changed = interpreter._prefixes(text, "3.11", "x86_64-linux-gnu")
    assert f"'BINDIR': '{PLACEHOLDER}/bin'" in changed
    assert f"'INCLUDEPY': '{PLACEHOLDER}/include/python3.11'" in changed
    assert f"'prefix': '{PLACEHOLDER}'" in changed
    assert f"'LIBDIR': '{PLACEHOLDER}/lib'" in changed
    assert f"prefix=\t\t{PLACEHOLDER}\n" in changed
    assert "'INSTALL': '/usr/bin/install -c'" in changed


def test_the_default_scheme_is_the_prefix() -> None:
    text = "        prefix_scheme = 'deb_system'\n            prefix_scheme = 'posix_local'\n"
    text += "'purelib': '{base}/local/lib/python{py_version_short}/dist-packages',\n"
    text += "'scripts': '{base}/local/bin',\n"
    changed = interpreter._sysconfig(text)
    assert "deb_system" not in changed
    assert "posix_local" not in changed
    assert "'{base}/lib/python{py_version_short}/site-packages'" in changed
    assert "'{base}/bin'" in changed
