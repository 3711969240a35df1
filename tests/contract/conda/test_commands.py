"""list, run, info, env list, clean, config: what they print and with which exit code."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from builder import proc
from tests.support import conda_packages as makers
from tests.support.conda_packages import Made, Recipe
from tests.support.conda_program import Conda

ACCEPT = {"CONDA_PLUGINS_AUTO_ACCEPT_TOS": "yes", "CONDA_OFFLINE": "yes"}


@pytest.fixture
def env(conda: Conda, tmp_path: Path, hello: Made) -> Path:
    conda.provide(hello)
    """Below envs: root finds others only in the homes that the user database names."""
    prefix = conda.root / "envs" / "mine"
    done = conda.create(prefix, hello.line)
    assert done.code == 0, done.stderr
    return prefix


@pytest.mark.row("zero-list-missing")
def test_list_of_no_environment_fails(conda: Conda, tmp_path: Path) -> None:
    done = conda("list", "-p", tmp_path / "none")
    assert done.code == 1
    assert "EnvironmentLocationNotFound" in done.stderr


def test_list_json_names_channel_and_build(conda: Conda, env: Path) -> None:
    (row,) = conda.json("list", "-p", env)
    assert row["name"] == "hello"
    assert row["channel"] == "conda-forge"
    assert row["base_url"] == makers.CHANNEL
    assert (row["version"], row["build_string"], row["platform"]) == ("1.0", "0", "linux-64")


def test_list_for_people_and_by_pattern(conda: Conda, env: Path) -> None:
    assert "hello" in conda.ok("list", "-p", env).stdout
    assert conda("list", "-p", env, "nothing").code == 1, "a pattern that matches nothing is an error"
    assert [row["name"] for row in conda.json("list", "-p", env, "^hel")] == ["hello"]
    assert conda.ok("list", "-p", env, "-e").stdout.splitlines()[-1] == "hello=1.0=0"


@pytest.mark.row("format-order")
def test_list_explicit_is_in_link_order(conda: Conda, tmp_path: Path) -> None:
    """`conda list --explicit` writes the addresses in link order: what is depended on comes first."""
    folder = tmp_path / "made"
    top = makers.make(folder, Recipe("aaa", {"share/a": b"a"}, depends=("mmm >=1", "zzz")))
    mid = makers.make(folder, Recipe("mmm", {"share/m": b"m"}, depends=("zzz 1.0 0",)))
    low = makers.make(folder, Recipe("zzz", {"share/z": b"z"}))
    conda.provide(top, mid, low)
    assert conda.create(tmp_path / "env", top.line, mid.line, low.line).code == 0
    lines = conda.ok("list", "-p", tmp_path / "env", "--explicit").stdout.splitlines()
    assert [line for line in lines if line.startswith("https")] == [low.url, mid.url, top.url]


@pytest.mark.row("run-codes")
def test_run_passes_exit_codes_and_activates(conda: Conda, env: Path) -> None:
    """Exit codes pass; output is printed at the end; the environment is active."""
    assert conda("run", "-p", env, "sh", "-c", "exit 7").code == 7
    script = 'echo "$CONDA_PREFIX|$CONDA_DEFAULT_ENV"; echo problem >&2'
    done = conda.ok("run", "-p", env, "sh", "-c", script)
    assert done.stdout.strip().startswith(f"{env}|")
    assert "problem" in done.stderr
    assert conda.ok("run", "-p", env, "--no-capture-output", "sh", "-c", "echo live").stdout == "live\n"


@pytest.mark.row("run-output")
@pytest.mark.parametrize("live", [False, True])
def test_run_holds_output_back(conda: Conda, env: Path, tmp_path: Path, live: bool) -> None:
    """The program waits until somebody read its first word; who holds it back would wait for ever."""
    words = ["--no-capture-output"] if live else []
    script = 'echo first; for i in $(seq 100); do [ -e "$0" ] && exec echo seen; sleep 0.1; done; echo unseen'
    fifo = tmp_path / "answer"
    reader = 'read -r line; touch "$0"; echo "$line"; cat'
    command = [conda.exe, "run", "-p", env, *words, "sh", "-c", script, fifo]
    piped = proc.run(
        ["bash", "-c", f"\"$@\" | sh -c '{reader}' '{fifo}'", "bash", *command],
        env=conda.variables(),
        check=False,
    )
    assert piped.stdout.splitlines() == ["first", "seen" if live else "unseen"]


@pytest.mark.row("run-sigterm")
def test_run_does_not_pass_sigterm_on(conda: Conda, env: Path, tmp_path: Path) -> None:
    """conda ends, and the program goes on without it."""
    said = tmp_path / "said"
    wait = "for i in $(seq 200); do [ -e {} ] && break; sleep 0.1; done; "
    program = (
        'trap "echo term > $0; exit" TERM; touch "$0.up"; ' + wait.format('"$0.gone"') + 'echo alive > "$0"'
    )
    outer = (
        'said=$0; "$@" & p=$!; ' + wait.format('"$said.up"') + 'kill -TERM $p; wait $p; code=$?; '
        'touch "$said.gone"; ' + wait.format('"$said"') + "exit $code"
    )  # fmt: skip
    words = [conda.exe, "run", "-p", env, "--no-capture-output", "sh", "-c", program, said]
    done = proc.run(["bash", "-c", outer, said, *words], env=conda.variables(), check=False, cwd=conda.work)
    assert done.code != 0
    assert said.read_text() == "alive\n"


def test_run_passes_arguments_unchanged(conda: Conda, env: Path) -> None:
    words = ["a b", "$(id)", "'q\"", "-n", "--json", "*"]
    done = conda.ok("run", "-p", env, "--no-capture-output", "printf", "%s\\n", *words)
    assert done.stdout.splitlines() == words


def test_run_without_environment_or_command_fails(conda: Conda, env: Path, tmp_path: Path) -> None:
    assert conda("run", "-p", tmp_path / "none", "true").code == 1
    assert conda("run", "-p", env).code != 0
    assert conda("run", "-p", env, "no-such-program").code == 127


def test_info(conda: Conda, env: Path) -> None:
    facts = conda.json("info")
    assert facts["root_prefix"] == str(conda.root)
    assert facts["pkgs_dirs"] == [str(conda.pkgs), str(conda.second)]
    assert str(env) in facts["envs"]
    assert conda.ok("info", "--base").stdout.strip() == str(conda.root)
    assert str(env) in conda.ok("info", "--envs").stdout
    assert facts["conda_version"]


def test_env_list_marks_the_active_one(conda: Conda, env: Path) -> None:
    listed = conda.ok("env", "list", env={"CONDA_PREFIX": str(env), "CONDA_SHLVL": "1"}).stdout.splitlines()
    (line,) = [line for line in listed if line.endswith(str(env))]
    assert "*" in line
    assert any(line.startswith("base ") and line.endswith(str(conda.root)) for line in listed)


def test_env_remove(conda: Conda, env: Path) -> None:
    conda.ok("env", "remove", "-p", env, "-y", env=ACCEPT)
    assert not env.exists()
    assert str(env) not in conda.json("env", "list")["envs"]


def test_clean_all_keeps_what_is_linked(conda: Conda, env: Path, tmp_path: Path) -> None:
    """--all takes archives and unused packages; a package with a second name in an environment stays."""
    unused = makers.make(tmp_path / "made", Recipe("unused", {"share/unused": b"u"}))
    conda.provide(unused)
    assert conda.create(tmp_path / "other", unused.line).code == 0
    conda.ok("env", "remove", "-p", tmp_path / "other", "-y", env=ACCEPT)
    conda.ok("clean", "--all", "-y")
    left = {
        path.name for folder in (conda.pkgs, conda.second) if folder.is_dir() for path in folder.iterdir()
    }
    assert "hello-1.0-0" in left
    assert not any(name.endswith(".conda") or name.startswith("unused") for name in left)


def test_clean_force_removes_the_directories_and_keeps_environments(conda: Conda, env: Path) -> None:
    """--force-pkgs-dirs is not part of --all; hard-linked files of environments survive it."""
    conda.ok("clean", "-a", "-f", "-y")
    assert not conda.pkgs.exists()
    assert (env / "share/hello.txt").read_text() == "hi\n"


def test_clean_names_what_it_would_do(conda: Conda, env: Path) -> None:
    document = json.loads(conda.ok("clean", "-a", "-f", "-y", "--dry-run", "--json").stdout)
    assert document["success"]
    assert (conda.second / "urls.txt").exists()


@pytest.mark.row("net-own-channels")
def test_config_show_sources(conda: Conda) -> None:
    """Which file says what; the base prefix's .condarc is one of them, and later files win."""
    (conda.home / ".condarc").write_text("channels: [mine]\nauto_activate: false\n")
    sources = conda.json("config", "--show-sources")
    assert sources[str(conda.root / ".condarc")]["channels"] == ["defaults"]
    assert sources[str(conda.home / ".condarc")]["channels"] == ["mine"]
    assert conda.json("config", "--show", "channels")["channels"] == ["mine", "defaults"]
    text = conda.ok("config", "--show-sources").stdout
    assert f"==> {conda.root / '.condarc'} <==" in text


@pytest.mark.row("net-own-channels", "net-kept-keys", "net-notices")
def test_the_base_condarc_is_ours_to_write(conda: Conda) -> None:
    """Overwriting <prefix>/.condarc replaces `defaults`; the keys that the installer wrote can be kept."""
    path = conda.root / ".condarc"
    assert "solver" in path.read_text()
    kept = path.read_text().replace("- defaults", "- conda-forge") + "number_channel_notices: 0\n"
    path.write_text(kept)
    shown = conda.json("config", "--show", "channels", "number_channel_notices", "solver")
    assert shown["channels"] == ["conda-forge"]
    assert shown["number_channel_notices"] == 0


@pytest.mark.parametrize("text", ["channels: [a", "channels:\n\t- a\n", "- a\n", "a: b\n  c: d\n"])
def test_a_broken_condarc_is_named(conda: Conda, text: str) -> None:
    (conda.home / ".condarc").write_text(text)
    """Never taken silently: conda says that it ignores the file, or stops."""
    done = conda("info")
    assert done.code != 0 or "Ignoring configuration file" in done.stderr


def test_a_setting_of_the_wrong_type_fails(conda: Conda, env: Path) -> None:
    (conda.home / ".condarc").write_text("offline: perhaps\n")
    assert conda("create", "-n", "x", "-y", "-O", "-c", "conda-forge", "--file", conda.lock()).code == 1


@pytest.mark.row("net-kept-keys")
def test_config_changes_one_file(conda: Conda) -> None:
    conda.ok("config", "--add", "channels", "one")
    conda.ok("config", "--append", "channels", "two")
    conda.ok("config", "--set", "auto_activate", "false")
    conda.ok("config", "--system", "--remove", "channels", "defaults")
    assert conda("config").code == 0, "nothing asked, nothing done"
    assert conda.json("config", "--show", "channels", "auto_activate") == {
        "channels": ["one", "defaults", "two"],
        "auto_activate": False,
    }
    assert "solver" in (conda.root / ".condarc").read_text(), "other keys stay"
    assert conda("config", "--remove", "channels", "three").code == 1


def test_variables_of_an_environment(conda: Conda, env: Path) -> None:
    conda.ok("env", "config", "vars", "set", "A=1 2", "B=3", "-p", env)
    conda.ok("env", "config", "vars", "unset", "B", "-p", env)
    assert conda.ok("env", "config", "vars", "list", "-p", env).stdout == "A = 1 2\n"
    assert conda.ok("run", "-p", env, "sh", "-c", 'echo "$A"').stdout == "1 2\n"


@pytest.mark.row("run-no-user", "run-home")
def test_a_user_that_nothing_knows_can_look_and_run(conda: Conda, env: Path) -> None:
    """No name and no HOME: no command works; with a HOME, even one that is not there, these do."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    folders = {*env.parents, env, *conda.work.parents, conda.work} - {Path("/")}
    modes = {folder: folder.stat().st_mode for folder in folders}
    for folder, mode in modes.items():
        folder.chmod(mode | 0o055)
    user = ("setpriv", "--reuid", "54321", "--regid", "0", "--clear-groups", "env")
    try:
        conda.wrapper = (*user, "-u", "HOME")
        assert conda("list", "-p", env).code != 0
        assert conda("run", "-p", env, "true").code != 0
        conda.wrapper = (*user, "HOME=/nonexistent")
        assert conda.ok("run", "-p", env, "sh", "-c", 'echo "$CONDA_PREFIX"').stdout.strip() == str(env)
        assert conda.ok("list", "-p", env).code == 0
        assert conda.json("env", "list")["envs"][0] == str(conda.root)
        refused = conda("create", "-y", "-p", env.parent / "other", "-O", "-c", "x", "--file", conda.lock())
        assert refused.code != 0
    finally:
        for folder, mode in modes.items():
            folder.chmod(mode)


def test_init_writes_one_block(conda: Conda) -> None:
    (conda.home / ".bashrc").write_text("mine=1\n")
    conda.ok("init", "bash")
    conda.ok("init", "bash")
    text = (conda.home / ".bashrc").read_text()
    assert text.startswith("mine=1\n")
    assert text.count(">>> conda initialize >>>") == 1
    done = conda.shell('. "$HOME/.bashrc"; echo "$CONDA_DEFAULT_ENV"')
    assert done.stdout == "base\n"
    conda.ok("init", "bash", "--reverse")
    assert (conda.home / ".bashrc").read_text().strip() == "mine=1"


@pytest.mark.row("error-not-found")
def test_search_update_need_channels(conda: Conda) -> None:
    for words in (["search", "numpy"], ["update", "-n", "base", "numpy"], ["create", "-n", "x", "numpy"]):
        done = conda(*words, "--offline", "-O", "-c", "conda-forge")
        assert done.code == 1
        assert "numpy" in done.stderr
