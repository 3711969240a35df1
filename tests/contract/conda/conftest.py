"""A base environment with conda in it: the stand-in, or what IMGBUILD_REAL_INSTALLER names, through its installer."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from builder import proc
from builder.store.bootstrap.installer import write_installer
from tests.contract.conda.rows import ROWS
from tests.support import conda_packages as makers
from tests.support.conda_packages import File, Made, Recipe
from tests.support.conda_program import CHANNEL, CI_VARIABLES, REAL, UNWANTED, Conda

# What only a real installer can show is not collected without one; the summary names those rows.
collect_ignore = [] if REAL else ["test_real_http.py"]
_SEEN: dict[str, set[str]] = defaultdict(set)
_WHY: dict[str, str] = {}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "row(*ids): rows of conda's contract (rows.py) that this test shows")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" or report.outcome != "passed":
        for row in (row for mark in item.iter_markers("row") for row in mark.args):
            _SEEN[row].add(report.outcome)
            if report.skipped and isinstance(report.longrepr, tuple):
                _WHY[row] = report.longrepr[2]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Always, not only with -ra: what was shown against what, and what was not."""
    if not _SEEN:
        return
    say = terminalreporter.write_line
    shown = [row for row in ROWS if _SEEN[row.id] == {"passed"}]
    broken = [row for row in ROWS if "failed" in _SEEN[row.id]]
    target = f"the real conda of {Path(REAL).name}" if REAL else "the stand-in for conda"
    terminalreporter.section("conda's contract", sep="-")
    say(f"{len(shown)} of {len(ROWS)} rows shown against {target}: {' '.join(row.id for row in shown)}")
    for row in broken:
        say(f"NOT TRUE here: {row.id}: {row.fact}")
    for row in ROWS:
        if row in shown or row in broken:
            continue
        if row.real:
            say(f"not shown without a real installer: {row.id}: {row.fact} ({row.real})")
        elif row.unmet:
            say(f"not met by an image build: {row.id}: {row.fact} ({row.unmet})")
        else:
            say(f"not shown in this run: {row.id}: {row.fact} ({_WHY.get(row.id, 'its tests were not run')})")


@pytest.fixture(scope="session")
def python_package(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A python that links alone: of IMGBUILD_REAL_CHANNEL, or the interpreter that runs the tests."""
    if CHANNEL:
        found = sorted(Path(CHANNEL).rglob("python-3*.conda"))
        assert found, f"no python-3*.conda below {CHANNEL}"
        return Made(found[-1], "python", "linux-64")
    return makers.host_python(tmp_path_factory.mktemp("python"))


@pytest.fixture(scope="session")
def installer(tmp_path_factory: pytest.TempPathFactory, python_package: Made) -> Path:
    if REAL:
        return Path(REAL)
    folder = tmp_path_factory.mktemp("installer")
    zstandard = makers.host_zstandard(folder)
    return write_installer(
        folder, packages=[python_package.path, zstandard.path], conda_version="26.5.3", subdir="linux-64"
    )


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory, installer: Path) -> Path:
    folder = tmp_path_factory.mktemp("base")
    prefix = folder / "conda"
    proc.run(
        ["sh", installer, "-b", "-p", prefix],
        env={"HOME": str(folder), "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": ""},
    )
    return prefix


@pytest.fixture
def conda(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Conda]:
    for name in [*CI_VARIABLES, *UNWANTED, *(name for name in os.environ if name.startswith("CONDA"))]:
        monkeypatch.delenv(name, raising=False)
    for name in ("home", "work"):
        (tmp_path / name).mkdir()
    settings = (base / ".condarc").read_text()
    yield Conda(base, tmp_path / "home", tmp_path / "pkgs", tmp_path / "kit", tmp_path / "work")
    (base / ".condarc").write_text(settings)
    shutil.rmtree(base / "conda-meta/tos", ignore_errors=True)
    shutil.rmtree(base / "envs", ignore_errors=True)
    (base / "envs").mkdir()


@pytest.fixture
def hello(tmp_path: Path) -> Made:
    """A package with a text file that holds the prefix."""
    script = f"#!{makers.PLACEHOLDER}/bin/python\nprint('hello')\n".encode()
    return makers.make(
        tmp_path / "made",
        Recipe("hello", {"bin/hello": File(script, 0o755, "text"), "share/hello.txt": b"hi\n"}),
    )


@pytest.fixture
def greeter(tmp_path: Path) -> Made:
    """A noarch python package with a console script."""
    files = {
        "site-packages/greeter/__init__.py": b"def main():\n    print('greetings')\n",
        "site-packages/greeter-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: greeter\nVersion: 1.0\n",
        "python-scripts/greet-script": b"#!/bin/sh\necho script\n",
    }
    return makers.make(
        tmp_path / "made",
        Recipe(
            "greeter", files, noarch="python", depends=("python",), entry_points=("greet = greeter:main",)
        ),
    )


@pytest.fixture
def read_only(conda: Conda) -> Conda:
    """conda that may not write the second package directory, as where a kit is bind-mounted."""
    conda.second.mkdir()
    if os.geteuid() != 0:
        conda.second.chmod(0o555)
        return conda
    script = f'mount --bind "{conda.second}" "{conda.second}" && mount -o remount,bind,ro "{conda.second}" && exec "$@"'
    conda.wrapper = ("unshare", "-m", "sh", "-c", script, "sh")
    if proc.run([*conda.wrapper, "true"], check=False).code:
        pytest.skip("this machine forbids mounts, so nothing can be read-only for root")
    return conda
