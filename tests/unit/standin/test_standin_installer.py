"""The stand-in's own installer: what it needs, and that the same packages give the same bytes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from builder import proc
from builder.store.bootstrap.installer import write_installer
from tests.support import conda_packages as makers
from tests.support.conda_packages import Made


@pytest.fixture(scope="module")
def python_package(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return makers.host_python(tmp_path_factory.mktemp("python"))


@pytest.fixture(scope="module")
def installer(tmp_path_factory: pytest.TempPathFactory, python_package: Made) -> Path:
    folder = tmp_path_factory.mktemp("installer")
    packages = [python_package.path, makers.host_zstandard(folder).path]
    return write_installer(folder, packages=packages, conda_version="26.5.3", subdir="linux-64")


def _run(
    script: Path, *words: str | Path, shell: str = "sh", env: dict[str, str] | None = None
) -> proc.Finished:
    return proc.run([shell, script, *words], env={"PYTHONPATH": "", **(env or {})}, check=False, stdin="")


def test_a_missing_tool_chain_is_enough(installer: Path, tmp_path: Path) -> None:
    """Only what a minimal Debian has: no python, no bzip2, no zstd, no awk on PATH."""
    tools = "sh bash grep sed head tail cut df mkdir rmdir chmod touch cat id dirname basename md5sum ldd uname tar"
    tools += " sort rm printf gzip"
    folder = tmp_path / "tools"
    folder.mkdir()
    for tool in tools.split():
        found = shutil.which(tool, path="/usr/bin:/bin")
        assert found is not None, tool
        (folder / tool).symlink_to(found)
    done = _run(installer, "-b", "-p", tmp_path / "conda", env={"PATH": str(folder)}, shell="/bin/sh")
    assert done.code == 0, done.stderr


def test_the_same_packages_give_the_same_bytes(tmp_path: Path, python_package: Made, installer: Path) -> None:
    zstandard = makers.host_zstandard(tmp_path / "z")
    made = [
        write_installer(
            tmp_path / name, packages=packages, conda_version="26.5.3", subdir="linux-64"
        ).read_bytes()
        for name, packages in (
            ("a", [python_package.path, zstandard.path]),
            ("b", [zstandard.path, python_package.path]),
        )
    ]
    assert made[0] == made[1]
    assert str(tmp_path).encode() not in made[0]


def test_the_script_passes_shellcheck_where_there_is_one() -> None:
    program = shutil.which("shellcheck")
    if program is None:
        pytest.skip("no shellcheck on this machine")
    folder = Path(__file__).parents[3] / "builder/store/bootstrap"
    scripts = [folder / "header.sh", folder / "bootstrapper.sh", folder / "standin/shell/conda.sh"]
    proc.run([program, "-s", "sh", *scripts])


def test_without_python_there_is_no_installer(tmp_path: Path) -> None:
    from builder.errors import BuildError

    with pytest.raises(BuildError, match="no python"):
        write_installer(tmp_path, packages=[], conda_version="26.5.3", subdir="linux-64")
    with pytest.raises(BuildError, match="osx-64"):
        write_installer(tmp_path, packages=[], conda_version="26.5.3", subdir="osx-64")
    assert not list(tmp_path.glob("*.sh"))


def test_the_version_names_itself_a_stand_in(installer: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "conda"
    assert _run(installer, "-b", "-p", prefix).code == 0
    said = proc.run([prefix / "bin/conda", "--version"], env={"PYTHONPATH": ""}).stdout
    assert said == "conda 26.5.3 (imgbuild stand-in)\n"
