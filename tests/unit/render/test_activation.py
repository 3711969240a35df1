"""The two scripts that activate an environment at run time, run here with their paths moved below a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from builder import proc
from builder.plan import group_packages
from builder.render.page import render
from builder.shipped import shipped_dir
from tests.support.render_samples import sample

SHOW = 'printf "%s\\n" "$CONDA_DEFAULT_ENV" "$PATH" "${MODE-}" "${ONLY_TRAIN-}" "${HOOKED-}" "$USER" "$HOME"'


class Root:
    """A small root directory with two environments, and the variables that the image's ENV sets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        spec, lock = sample("two-environments", folder)
        files = render(spec, lock, group_packages(lock), templates=shipped_dir("dockerfiles")).files
        for name in ("rootfs/imgbuild-entrypoint", "rootfs/imgbuild.sh"):
            text = files[name].content.decode()
            for path in ("/opt/conda", "/etc/imgbuild", "/etc/profile.d"):
                text = text.replace(path, f"{folder}{path}")
            (folder / Path(name).name).write_text(text)
        self._place("etc/profile.d/imgbuild.sh", (folder / "imgbuild.sh").read_text())
        for name in ("train", "serve"):
            self._place(f"etc/imgbuild/{name}.sh", files[f"rootfs/envs/{name}.sh"].content.decode())
            hook = f"opt/conda/envs/{name}/etc/conda/activate.d/x.sh"
            self._place(hook, f'echo noise\nexport HOOKED="${{HOOKED-}}{name}"\n')
            self._place(hook.replace("activate.d", "deactivate.d"), "unset BY_SCRIPT\n")
        self.prefix = f"{folder}/opt/conda/envs"

    def _place(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, *argv: str, **env: str) -> proc.Finished:
        """Run with the environment of the image, and nothing of this machine's but PATH's directories."""
        frozen = {
            "CONDA_DEFAULT_ENV": "train",
            "CONDA_PREFIX": f"{self.prefix}/train",
            "CONDA_SHLVL": "1",
            "MODE": "train",
            "ONLY_TRAIN": "1",
            "USER": "app",
            "HOME": str(self.folder),
            "PATH": f"{self.prefix}/train/bin:{self.folder}/opt/conda/condabin:/usr/bin:/bin",
        }
        words = [f"{name}={value}" for name, value in {**frozen, **env}.items()]
        return proc.run(["env", "-i", *words, *argv], check=False)

    def enter(self, *argv: str, **env: str) -> proc.Finished:
        return self.run("bash", str(self.folder / "imgbuild-entrypoint"), *argv, **env)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


def test_the_first_environment_is_active_and_its_hooks_ran(root: Root) -> None:
    done = root.enter("sh", "-c", SHOW)
    name, path, mode, only, hooked, user, home = done.stdout.splitlines()
    assert (name, mode, only, hooked) == ("train", "train", "1", "train")
    assert path == f"{root.prefix}/train/bin:{root.folder}/opt/conda/condabin:/usr/bin:/bin"
    assert user
    assert home == str(root.folder)
    assert "noise" in done.stderr


def test_another_environment_can_be_chosen(root: Root) -> None:
    lines = root.enter("sh", "-c", SHOW, IMGBUILD_ENV="serve").stdout.splitlines()
    assert lines[0] == "serve"
    assert lines[1] == f"{root.prefix}/serve/bin:{root.folder}/opt/conda/condabin:/usr/bin:/bin"
    assert lines[2:5] == ["it's $serving", "", "serve"]


@pytest.mark.parametrize("name", ["nope", "../train", "/etc", ".", "$(id)"])
def test_an_unknown_environment_is_refused_with_what_there_is(root: Root, name: str) -> None:
    done = root.enter("echo", "ran", IMGBUILD_ENV=name)
    assert done.code == 64
    assert done.stdout == ""
    assert f"'{name}'" in done.stderr
    assert "train serve" in done.stderr


def test_the_program_takes_the_entrypoints_place(root: Root) -> None:
    assert root.enter("sh", "-c", "exit 7").code == 7
    assert root.enter("sh", "-c", "kill -TERM $$").code == -15
    assert root.enter("no-such-program").code == 127


def test_arguments_arrive_as_they_were_given(root: Root) -> None:
    words = ["a b", "", "$(id)", "*", "'\""]
    assert root.enter("printf", "<%s>\n", *words).stdout.splitlines() == [f"<{word}>" for word in words]


def test_a_home_that_cannot_be_written_is_replaced(root: Root) -> None:
    home = root.enter("sh", "-c", 'echo "$HOME"', HOME="/proc/1").stdout.strip()
    assert home == f"/tmp/home-{os.getuid()}"
    Path(home).rmdir()


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_login_shell_gets_its_path_back(root: Root, shell: str) -> None:
    script = f". {root.folder}/etc/profile.d/imgbuild.sh >&2; {SHOW}"
    lines = root.run(shell, "-c", script, PATH="/usr/bin:/bin").stdout.splitlines()
    assert lines[:2] == ["train", f"{root.prefix}/train/bin:{root.folder}/opt/conda/condabin:/usr/bin:/bin"]


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_cleared_environment_gets_everything_back(root: Root, shell: str) -> None:
    """`su -` clears the variables as well."""
    script = f". {root.folder}/etc/profile.d/imgbuild.sh >&2; {SHOW}"
    done = proc.run(["env", "-i", "PATH=/usr/bin:/bin", "USER=x", "HOME=/", shell, "-c", script])
    assert done.stdout.splitlines()[:4] == [
        "train",
        f"{root.prefix}/train/bin:{root.folder}/opt/conda/condabin:/usr/bin:/bin",
        "train",
        "1",
    ]


def test_what_was_activated_by_hand_is_left_alone(root: Root) -> None:
    """A shell below `conda activate other` is not thrown back, although IMGBUILD_ENV was given at the start."""
    script = f". {root.folder}/etc/profile.d/imgbuild.sh >&2; {SHOW}"
    lines = root.run(
        "bash",
        "-c",
        script,
        IMGBUILD_ENV="serve",
        _IMGBUILD_CHOSEN="serve",
        CONDA_DEFAULT_ENV="mine",
        CONDA_PREFIX="/home/app/envs/mine",
        PATH="/home/app/envs/mine/bin:/usr/bin:/bin",
    ).stdout.splitlines()
    assert lines[:2] == ["mine", "/home/app/envs/mine/bin:/usr/bin:/bin"]


FROZEN = {"HOOKED": "train", "_IMGBUILD_FROZEN": "HOOKED"}


def test_what_env_holds_already_is_not_run_again(root: Root) -> None:
    done = root.enter("sh", "-c", SHOW, **FROZEN, _IMGBUILD_ACTIVE=f"{root.prefix}/train")
    assert done.stdout.splitlines()[4] == "train"
    assert "noise" not in done.stderr


def test_what_env_cannot_hold_is_run_again_from_the_start(root: Root) -> None:
    """HOOKED grows at every run: what ENV holds of it goes before."""
    changing = {"_IMGBUILD_ACTIVE": f"{root.prefix}/train", "_IMGBUILD_CHANGING": "OTHER"}
    done = root.enter("sh", "-c", SHOW, **FROZEN, **changing)
    assert done.stdout.splitlines()[4] == "train"
    assert "noise" in done.stderr
    again = root.enter(
        "bash", "-c", f". {root.folder}/etc/profile.d/imgbuild.sh >&2; {SHOW}", **FROZEN, **changing
    )
    assert again.stdout.splitlines()[4] == "train"


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_what_env_holds_goes_with_its_environment(root: Root, shell: str) -> None:
    script = f'. {root.folder}/etc/profile.d/imgbuild.sh >&2; {SHOW}; echo "${{BY_SCRIPT-}}"'
    frozen = {**FROZEN, "_IMGBUILD_ACTIVE": f"{root.prefix}/train", "BY_SCRIPT": "old"}
    lines = root.run(shell, "-c", script, IMGBUILD_ENV="serve", **frozen).stdout.splitlines()
    assert lines[0] == "serve"
    assert lines[4] == ("serve" if shell == "bash" else "")  # the scripts are written for bash
    assert lines[-1] == ("" if shell == "bash" else "old")
