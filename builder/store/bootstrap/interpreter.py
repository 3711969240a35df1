"""Debian's interpreter made to work as conda's: modules in site-packages, scripts in PREFIX/bin.

Debian keeps its own packages in `dist-packages` and sends what pip installs to PREFIX/local. In an
environment of its own both are wrong. Where the interpreter looks is written in `site`, which is frozen into
the program, so the program's own strings are changed: one keeps its length, the other's length field stands
beside it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from builder.errors import BuildError
from builder.store.bootstrap.package import PLACEHOLDER

_REPORT = "report this with the distribution's version of python"
_SITE = re.compile(rb"(?<=\x00)dist-packages(?=\x00)")
# A frozen ASCII string in 3.11 and 3.12: length, hash (not computed: -1), state, text.
_LOCAL = re.compile(rb"\x09\x00{7}(\xff{8}.{8,16}?)local/lib\x00", re.DOTALL)
_LEFT_OUT = ("test", "idlelib", "tkinter", "turtledemo", "turtle.py", "EXTERNALLY-MANAGED", "__pycache__",
             "sitecustomize.py", "_distutils_system_mod.py", "ensurepip", "dist-packages")  # fmt: skip
_NOT_BUILT_HERE = ("*.a", "*.o", "*.c", "*.in", "Setup*", "makesetup", "install-sh", "python-config.py")


def patch_program(data: bytes) -> bytes:
    """The interpreter that looks into site-packages. Raises BuildError when its strings are not as known."""
    data, sites = _SITE.subn(b"site-packages", data)
    data, locals_ = _LOCAL.subn(lambda found: b"\x03" + bytes(7) + found.group(1) + b"lib" + bytes(7), data)
    if (sites, locals_) != (1, 1):
        raise BuildError("this interpreter does not say where it looks in the known way", fix=_REPORT)
    return data


def patch_library(library: Path, *, minor: str, multiarch: str, headers: Path) -> None:
    """Change the standard library and the headers in place, and drop what nobody needs there."""
    for name in _LEFT_OUT:
        _remove(library / name)
    for config in library.glob("config-*"):
        for pattern in _NOT_BUILT_HERE:
            for path in config.glob(pattern):
                path.unlink()
    _edit(library / "site.py", _site)
    _edit(library / "sysconfig.py", _sysconfig)
    if (library / "distutils/command/install.py").is_file():
        _edit(library / "distutils/command/install.py", _distutils_install)
        _edit(library / "distutils/sysconfig.py", _distutils_sysconfig)
    _replace_links(library)
    for path in (*library.glob("_sysconfigdata_*.py"), *library.glob("config-*/Makefile")):
        _edit(path, lambda text: _prefixes(text, minor, multiarch))
    _one_pyconfig(headers, minor, multiarch)


def _site(text: str) -> str:
    return text.replace('"dist-packages"', '"site-packages"').replace('"local/lib"', '"lib"')


def _sysconfig(text: str) -> str:
    """The default scheme is posix_prefix, whatever variables say; Debian's two lead to the same place."""
    assigned = re.compile(r"^( +prefix_scheme = )'(?:deb_system|posix_local)'$", re.MULTILINE)
    return _schemes(assigned.sub(r"\1'posix_prefix'", text))


def _distutils_install(text: str) -> str:
    for name in ("deb_system", "posix_local", "unix_local"):
        text = text.replace(f'select_scheme("{name}")', 'select_scheme("unix_prefix")')
    return _schemes(text)


def _distutils_sysconfig(text: str) -> str:
    return text.replace('"python3", "dist-packages"', '"python" + get_python_version(), "site-packages"')


def _schemes(text: str) -> str:
    version = "python{py_version_short}"
    for old, new in (
        (f"/local/lib/{version}/dist-packages", f"/lib/{version}/site-packages"),
        (f"/local/{{platlibdir}}/{version}/dist-packages", f"/{{platlibdir}}/{version}/site-packages"),
        ("/lib/python3/dist-packages", f"/lib/{version}/site-packages"),
        ("/{platlibdir}/python3/dist-packages", f"/{{platlibdir}}/{version}/site-packages"),
        ("{base}/local/include", "{base}/include"),
        ("'{base}/local/bin'", "'{base}/bin'"),
        ("'{base}/local'", "'{base}'"),
    ):
        text = text.replace(old, new)
    return text


def _prefixes(text: str, minor: str, multiarch: str) -> str:
    """Paths of the distribution as paths of the environment; programs and data of the base keep theirs."""
    for old, new in (
        (f"/usr/lib/{multiarch}/python{minor}", f"{PLACEHOLDER}/lib/python{minor}"),
        (f"/usr/lib/python{minor}", f"{PLACEHOLDER}/lib/python{minor}"),
        (f"/usr/lib/{multiarch}", f"{PLACEHOLDER}/lib"),
        (f"/usr/include/python{minor}", f"{PLACEHOLDER}/include/python{minor}"),
        ("'INCLUDEDIR': '/usr/include'", f"'INCLUDEDIR': '{PLACEHOLDER}/include'"),
        ("'CONFINCLUDEDIR': '/usr/include'", f"'CONFINCLUDEDIR': '{PLACEHOLDER}/include'"),
        ("'BINDIR': '/usr/bin'", f"'BINDIR': '{PLACEHOLDER}/bin'"),
        ("'SCRIPTDIR': '/usr/lib'", f"'SCRIPTDIR': '{PLACEHOLDER}/lib'"),
    ):
        text = text.replace(old, new)
    text = re.sub(r"'(prefix|exec_prefix)': '/usr'", rf"'\1': '{PLACEHOLDER}'", text)
    return re.sub(r"^((?:exec_)?prefix=\s*)/usr$", rf"\1{PLACEHOLDER}", text, flags=re.MULTILINE)


def _one_pyconfig(headers: Path, minor: str, multiarch: str) -> None:
    """Debian's pyconfig.h only chooses among architectures; take the one that is meant."""
    real = headers / multiarch / f"python{minor}/pyconfig.h"
    if not real.is_file():
        raise BuildError(f"the headers lack {real.name} for {multiarch}", fix=_REPORT)
    shutil.copyfile(real, headers / f"python{minor}/pyconfig.h")


def _replace_links(library: Path) -> None:
    """Links into the distribution become the files they lead to, or go."""
    for path in [path for path in library.rglob("*") if path.is_symlink()]:
        aim = path.resolve()
        path.unlink()
        if aim.is_file() and library in aim.parents:
            shutil.copyfile(aim, path)


def _edit(path: Path, change: Callable[[str], str]) -> None:
    text = path.read_text(encoding="utf-8")
    changed = change(text)
    if changed == text and path.name != "Makefile":
        raise BuildError(f"{path.name} of this interpreter is not written in the known way", fix=_REPORT)
    path.write_text(changed, encoding="utf-8")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
