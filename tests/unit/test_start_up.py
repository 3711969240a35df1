"""Heavy imports stay inside the commands that need them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.workshop import REPOSITORY

HEAVY = {"docker", "rattler", "requests", "jinja2", "urllib3"}


@pytest.mark.parametrize("words", [["--help"], ["list"], ["schema"]])
def test_light_commands_import_nothing_heavy(words: list[str]) -> None:
    script = (
        "import sys\nfrom builder.cli import main\n"
        f"try: main({words!r})\nexcept SystemExit as end: assert not end.code, end.code\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}), sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not HEAVY & set(done.stderr.split())


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["nothing-like-it"]])
def test_the_list_of_commands_imports_none_of_them(words: list[str]) -> None:
    script = (
        "import sys\nfrom builder.cli import main\n"
        f"try: main({words!r})\nexcept SystemExit: pass\n"
        "print(*sorted(sys.modules), sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert "builder.cli.app" in done.stderr
    assert not {"pydantic", "yaml", "builder.cli.build", "builder.cli.list_"} & set(done.stderr.split())


def test_engine_commands_import_no_solver() -> None:
    script = "import sys, builder.workflow.build, builder.engine.connect; assert 'rattler' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=False).returncode == 0


@pytest.mark.parametrize("loaded", [True, False])
def test_with_rattlers_threads_about_nothing_is_taken_apart(loaded: bool) -> None:
    """They abort a Python that ends around them: code 134 in place of ours (tests/soak met it)."""
    program = (
        "import atexit, sys, types\n"
        f"sys.modules.update({{'rattler': types.ModuleType('rattler')}} if {loaded} else {{}})\n"
        "atexit.register(print, 'taken apart')\n"
        "from builder.cli import main\n"
        "sys.argv = ['imgbuild', 'lock', '--all', 'x']\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "give names or --all, not both" in done.stderr
    assert (done.stdout == "") == loaded


def test_locking_loads_nothing_that_downloads_or_draws() -> None:
    """A lock of public channels asks through rattler and uv alone."""
    slow = ("requests", "docker", "jinja2", "rich")
    script = (
        f"import sys, builder.lock.make, builder.workflow.relock; assert not sys.modules.keys() & {set(slow)}"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=False).returncode == 0
