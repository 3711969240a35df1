"""The python package made from the distribution's interpreter, laid out and used for real."""

from __future__ import annotations

import json
import platform
import subprocess
from pathlib import Path

import pytest
from conda_package_streaming.extract import extract
from uv import find_uv_bin

from builder.errors import BuildError
from builder.store.bootstrap.apt import Apt, machine_apt
from builder.store.bootstrap.package import PLACEHOLDER
from builder.store.bootstrap.python import PythonSource, find_python, make_python
from tests.support.wheel_samples import write_wheel

ALL_MODULES = (
    "ssl, sqlite3, ctypes, lzma, bz2, readline, zlib, hashlib, uuid, decimal, curses, dbm.ndbm, venv"
)


@pytest.fixture(scope="module")
def apt(tmp_path_factory: pytest.TempPathFactory) -> Apt:
    suite = platform.freedesktop_os_release()["VERSION_CODENAME"]
    found = machine_apt(suite, tmp_path_factory.mktemp("apt"))
    found.update()
    return found


@pytest.fixture(scope="module")
def source(apt: Apt) -> PythonSource:
    return find_python(apt)


@pytest.fixture(scope="module")
def package(apt: Apt, source: PythonSource, tmp_path_factory: pytest.TempPathFactory) -> Path:
    cache = tmp_path_factory.mktemp("python")
    made, reused = make_python(source, apt, "linux-64", cache)
    assert not reused
    assert make_python(source, apt, "linux-64", cache) == (made, True)
    return made


@pytest.fixture
def prefix(package: Path, tmp_path: Path) -> Path:
    """The package as conda links it: the placeholder replaced where paths.json says so."""
    root = tmp_path / "prefix"
    extract(str(package), str(root))
    for row in json.loads((root / "info/paths.json").read_text())["paths"]:
        if "prefix_placeholder" in row:
            path = root / row["_path"]
            path.write_text(path.read_text().replace(PLACEHOLDER, str(root)))
    return root


def python(prefix: Path, *words: str, check: bool = True) -> str:
    done = subprocess.run(
        [prefix / "bin/python", *words],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin"},
    )
    assert not check or done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_module_works_with_the_libraries_it_brings(prefix: Path) -> None:
    code = f"import sys, {ALL_MODULES}; print(sys.prefix); print(open('/proc/self/maps').read())"
    where, maps = python(prefix, "-W", "ignore", "-c", code).split("\n", 1)
    assert where == str(prefix)
    loaded = {line.split()[-1] for line in maps.splitlines() if ".so" in line}
    foreign = {Path(path).name for path in loaded if not path.startswith(str(prefix))}
    assert not {name for name in foreign if not name.startswith(("libc.", "libm.", "ld-linux", "libresolv."))}


def test_it_looks_and_installs_where_conda_does(prefix: Path, source: PythonSource) -> None:
    modules = f"{prefix}/lib/python{source.minor}/site-packages"
    code = "import json, site, sys, sysconfig as s; "
    code += "print(json.dumps([site.getsitepackages()[0], sys.path, s.get_paths(), "
    code += "s.get_config_var('INCLUDEPY'), s.get_config_var('BINDIR')]))"
    first, path, paths, include, binaries = json.loads(python(prefix, "-c", code))
    assert first == modules
    assert path[-1] == modules
    assert paths["purelib"] == paths["platlib"] == modules
    assert paths["scripts"] == f"{prefix}/bin" == binaries
    assert paths["data"] == str(prefix)
    assert (Path(include) / "Python.h").is_file()
    assert not [entry for entry in path if "dist-packages" in entry or "/local/" in entry]


def test_uv_puts_a_console_script_on_path(prefix: Path, source: PythonSource, tmp_path: Path) -> None:
    points = "[console_scripts]\nsample-tool = sample:main\n"
    files = {"sample/__init__.py": b"def main():\n    print('ran')\n"}
    wheel = write_wheel(tmp_path, files=files, entry_points=points)
    words = [find_uv_bin(), "pip", "install", "-q", "--offline", "--no-index", "--no-deps", "--no-cache"]
    subprocess.run([*words, "--python", str(prefix / "bin/python"), wheel], check=True, capture_output=True)
    ran = subprocess.run([prefix / "bin/sample-tool"], capture_output=True, text=True, check=True)
    assert ran.stdout == "ran\n"
    assert (prefix / f"lib/python{source.minor}/site-packages/sample/__init__.py").is_file()
    assert not (prefix / "local").exists()


def test_the_package_says_what_it_is(prefix: Path, source: PythonSource) -> None:
    index = json.loads((prefix / "info/index.json").read_text())
    assert (index["name"], index["version"]) == ("python", source.version)
    assert index["depends"] == ["pip"]
    about = json.loads((prefix / "info/about.json").read_text())
    assert f"python{source.minor}" in about["extra"]["distribution_packages"]
    licences = {path.name for path in (prefix / "info/licenses").iterdir()}
    assert f"python{source.minor}.txt" in licences
    assert any(name.startswith("libssl") for name in licences)
    library = prefix / f"lib/python{source.minor}"
    left_out = ("test", "idlelib", "tkinter", "turtledemo", "EXTERNALLY-MANAGED", "sitecustomize.py")
    assert not [name for name in left_out if (library / name).exists()]


def test_nothing_but_its_own_version_can_be_had(apt: Apt) -> None:
    with pytest.raises(BuildError, match="depends on nothing like"):
        apt.first_dependency("python3", r"python3\.99")
