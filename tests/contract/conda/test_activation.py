"""Activation through the shell hook, profile.d and bin/activate: PATH is not enough."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import conda_packages as makers
from tests.support.conda_packages import Recipe
from tests.support.conda_program import Conda

SHOW = 'echo "$CONDA_PREFIX|$CONDA_DEFAULT_ENV|$CONDA_SHLVL|$CONDA_PROMPT_MODIFIER|${HOOKED-unset}|${FROM_STATE-unset}"'


@pytest.fixture
def hooked(conda: Conda, tmp_path: Path) -> Path:
    """An environment `hooked` with activation scripts that read unset variables, and a variable in its state."""
    files: dict[str, makers.File | bytes] = {
        "etc/conda/activate.d/a.sh": b'export HOOKED="a${NOT_SET}"\n',
        "etc/conda/activate.d/b.sh": b'if [[ -n $HOOKED ]]; then export HOOKED="${HOOKED}b"; fi\n',
        "etc/conda/deactivate.d/a.sh": b"unset HOOKED\n",
        "bin/tool": makers.File(b"#!/bin/sh\necho tool\n", 0o755),
    }
    made = makers.make(tmp_path / "made", Recipe("hooks", files))
    conda.provide(made)
    prefix = conda.root / "envs/hooked"
    assert conda.create(prefix, made.line).code == 0
    (prefix / "conda-meta/state").write_text(json.dumps({"version": 1, "env_vars": {"FROM_STATE": "is set"}}))
    return prefix


def _show(prefix: Path) -> str:
    return f"{prefix}|hooked|1|(hooked) |ab|is set"


@pytest.mark.row("run-hooks")
@pytest.mark.parametrize("way", ["hook", "profile", "activate"])
def test_each_way_activates(conda: Conda, hooked: Path, way: str) -> None:
    start = {
        "hook": f"""eval "$('{conda.exe}' shell.bash hook)"; conda deactivate; conda activate hooked""",
        "profile": f". '{conda.root}/etc/profile.d/conda.sh'; conda activate hooked",
        "activate": f". '{conda.root}/bin/activate' hooked",
    }[way]
    done = conda.shell(f"{start}; {SHOW}; tool; command -v tool")
    assert done.stdout.splitlines() == [_show(hooked), "tool", f"{hooked}/bin/tool"], done.stderr


def test_the_hook_activates_base_unless_told(conda: Conda) -> None:
    script = f"""eval "$('{conda.exe}' shell.bash hook)"; echo "$CONDA_DEFAULT_ENV\""""
    assert conda.shell(script).stdout == "base\n"
    (conda.home / ".condarc").write_text("auto_activate: false\n")
    assert conda.shell(script).stdout == "\n"


def test_deactivation_undoes_it(conda: Conda, hooked: Path) -> None:
    start = f". '{conda.root}/etc/profile.d/conda.sh'; before=$PATH"
    script = f'{start}; conda activate hooked; conda deactivate; {SHOW}; [ "$PATH" = "$before" ] && echo same'
    done = conda.shell(script)
    assert done.stdout.splitlines() == ["||0||unset|", "same"], done.stderr


def test_a_variable_from_before_comes_back(conda: Conda, hooked: Path) -> None:
    start = f"export FROM_STATE=mine; . '{conda.root}/etc/profile.d/conda.sh'"
    script = f'{start}; conda activate hooked; echo "$FROM_STATE"; conda deactivate; echo "$FROM_STATE"'
    assert conda.shell(script).stdout.splitlines() == ["is set", "mine"]


def test_environments_stack_and_come_back(conda: Conda, hooked: Path) -> None:
    start = f". '{conda.root}/etc/profile.d/conda.sh'; conda activate base; conda activate hooked"
    done = conda.shell(
        f'{start}; echo "$CONDA_SHLVL $CONDA_PREFIX_1"; conda deactivate; {SHOW}; echo "$PATH"'
    )
    lines = done.stdout.splitlines()
    assert lines[0] == f"2 {conda.root}"
    assert lines[1] == f"{conda.root}|base|1|(base) |unset|"
    assert str(hooked) not in lines[2]
    assert lines[2].split(":").count(f"{conda.root}/bin") == 1


def test_an_unknown_name_fails_and_changes_nothing(conda: Conda) -> None:
    start = f". '{conda.root}/etc/profile.d/conda.sh'"
    done = conda.shell(f'{start}; conda activate nope; echo "code $? level $CONDA_SHLVL"')
    assert done.stdout == "code 1 level 0\n"
    assert "EnvironmentNameNotFound" in done.stderr


def test_without_the_hook_the_program_says_so(conda: Conda) -> None:
    done = conda("activate", "base")
    assert done.code == 1
    assert "conda init" in done.stderr


def test_posix_sh_and_strict_shells_can_read_profile_d(conda: Conda) -> None:
    script = (
        f"set -eu; . '{conda.root}/etc/profile.d/conda.sh'; conda activate base; echo \"$CONDA_DEFAULT_ENV\""
    )
    for shell in ("sh", "bash"):
        assert conda.shell(script, shell=shell).stdout == "base\n"


def test_condabin_is_put_on_path(conda: Conda) -> None:
    done = conda.shell(f". '{conda.root}/etc/profile.d/conda.sh'; echo \"$PATH\"")
    assert done.stdout.split(":")[0] == f"{conda.root}/condabin"
    assert conda.ok("--version").code == 0
    assert (conda.root / "condabin/conda").is_file()


@pytest.mark.row("run-hooks", "run-codes")
def test_run_uses_activation_scripts(conda: Conda, hooked: Path) -> None:
    done = conda.ok("run", "-n", "hooked", "bash", "-c", SHOW)
    assert done.stdout.strip().replace("|2|", "|1|") == _show(hooked)
