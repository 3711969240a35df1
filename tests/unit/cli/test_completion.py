"""What a shell is offered, word by word, and in a real bash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import CompletionItem, ShellComplete

from builder.cli.app import imgbuild as group
from builder.cli.commands import COMMANDS
from builder.cli.complete_line import VARIABLE, Bash, Fish, Zsh
from builder.cli.documented import walk
from tests.support.typed_shell import typed_shell
from tests.support.workshop import REPOSITORY
from tests.unit.cli.test_commands import imgbuild

BREAKS = " \t\n\"'@><=;|&(:"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with two good definitions, and some that cannot be read."""
    root = tmp_path / "project"
    texts = {
        "train": 'summary: "Ours\\e[31m, trained"\nvariants: {cu126: {}, "bad name": {}}\nsmoke: [regression]\n',
        "serve": "smoke: [regression]\n",
        "broken": "summary: [\n",
        "odd": "- 1\n",
        "bin": "\x00",
        "name with blanks": "",
        "a$(touch b)": "",
    }
    for name, text in texts.items():
        folder = root / "envs" / name
        folder.mkdir(parents=True)
        (folder / "environment.yml").write_text("dependencies: [python]\n")
        (folder / "image.yml").write_text(text)
    (root / "envs" / "pipe").mkdir()
    os.mkfifo(root / "envs" / "pipe" / "image.yml")
    return root


def items(line: str) -> list[CompletionItem[str]]:
    """What click would show for a line; its last word is the one that is typed."""
    *words, last = line.split(" ")
    return ShellComplete(group, {}, "imgbuild", VARIABLE).get_completions(words[1:], last)


def offered(line: str) -> list[str]:
    return [item.value for item in items(line)]


def in_bash(line: str, monkeypatch: pytest.MonkeyPatch, breaks: str = BREAKS) -> list[str]:
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_WORDBREAKS", breaks)
    text: str = Bash(group, {}, "imgbuild", VARIABLE).complete()
    return text.splitlines()


def test_commands_with_their_phrases() -> None:
    assert [(one.value, one.help) for one in items("imgbuild ")] == [
        (name, entry.says) for name, entry in COMMANDS.items()
    ]
    assert offered("imgbuild che") == ["check", "check-host"]
    assert offered("imgbuild kit ") == ["bootstrap", "check", "create"]
    assert {"--version", "--help"} <= set(offered("imgbuild -"))
    assert "--locked" in offered("imgbuild build --lo")


def test_environments_and_variants_of_the_project(project: Path) -> None:
    found = {one.value: one.help for one in items(f"imgbuild build -C {project} ")}
    assert list(found) == ["bin", "broken", "odd", "pipe", "serve", "train", "train@cu126"]
    assert found["train"] == "Ours [31m, trained"
    assert offered(f"imgbuild build -C {project} train@") == ["train@cu126"]
    assert offered(f"imgbuild build -C {project} train se") == ["serve"]
    assert "train" not in offered(f"imgbuild build -C {project} train ")
    assert offered(f"imgbuild -C {project} build train se") == ["serve"]


def test_the_directory_as_a_shell_would_read_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(project.parent))
    monkeypatch.setenv("PLACE", str(project))
    for place in ("~/project", "$PLACE", str(project)):
        assert offered(f"imgbuild show -C {place} tr") == ["train", "train@cu126"]


def test_without_a_project_the_shipped_ones(tmp_path: Path) -> None:
    assert "regression" in offered(f"imgbuild build -C {tmp_path} ")


def test_what_was_built_and_pushed(project: Path) -> None:
    records = project / ".imgbuild" / "train"
    records.mkdir(parents=True)
    (records / "record.json").write_text(json.dumps({"tag": "imgbuild/train:latest"}))
    push = {
        "repository": "example.org:5000/team/train",
        "tags": {"stable": "sha256:1", "20261126": "sha256:1"},
    }
    (records / "push.json").write_text(json.dumps(push))
    (project / ".imgbuild" / "serve").mkdir()
    (project / ".imgbuild" / "serve" / "push.json").write_text("[")
    at = f"-C {project}"
    assert offered(f"imgbuild verify {at} imgbuild/") == ["imgbuild/train:latest"]
    assert offered(f"imgbuild verify {at} example") == [
        "example.org:5000/team/train:stable",
        "example.org:5000/team/train:20261126",
    ]
    assert offered(f"imgbuild promote {at} example.org:5000/team/train:s") == [
        "example.org:5000/team/train:stable"
    ]
    assert offered(f"imgbuild push {at} train --to ") == ["example.org:5000/team/train"]
    assert offered(f"imgbuild push {at} train --tag ") == ["stable", "20261126"]
    assert offered(f"imgbuild push {at} serve --tag ") == []


def test_words_that_options_take(project: Path) -> None:
    assert "h100" in offered("imgbuild build --for H1")
    assert offered("imgbuild audit x --gpu rtx4090") == ["rtx4090d", "rtx4090"]
    assert offered("imgbuild build --platform ") == ["linux/amd64", "linux/arm64"]
    assert {"all", "gitlab"} <= set(offered("imgbuild test x --door "))
    assert offered(f"imgbuild test -C {project} serve --only ") == ["python", "regression"]
    assert "lora" in offered(f"imgbuild test -C {project} broken --only ")
    assert offered("imgbuild run x --gpus ") == ["auto", "none", "all"]
    assert offered("imgbuild data refresh to") == ["toolkits", "torch"]
    assert offered("imgbuild diff v1:regr") == ["v1:regression"]
    assert offered("imgbuild completion ") == ["bash", "zsh", "fish"]
    assert offered("imgbuild help che") == ["check", "check-host"]
    assert offered("imgbuild help kit ") == ["bootstrap", "check", "create"]
    assert offered("imgbuild help list ") == []


def test_of_variables_the_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "abc")
    (found,) = items("imgbuild run x -e SECRET_T")
    assert (found.value, found.help) == ("SECRET_TOKEN", None)


ALL = [
    (f"imgbuild {' '.join(words)}", option)
    for words, command in walk(group)
    for option in command.params
    if option.metavar or isinstance(option.type, click.Path)
]
NOTHING = {  # what only a person knows, or what is offered where something was pushed before
    "VERSION", "LINE", "NAME", "P", "URL", "FROM=TO", "HEX", "SIZE", "UID[:GID]", "PATH", "REASON", "REF",
    "[[ADDRESS:]HOST:]PORT", "REPOSITORY", "TAG", "FROM", "TO",
}  # fmt: skip
EXPECTED = {
    "ENV": "regression",
    "GPU": "h100",
    "TABLE": "torch",
    "TEST": "python",
    "NAME|all": "gitlab",
    "auto": "all",
}


@pytest.mark.parametrize(("line", "option"), ALL, ids=[f"{line} {option.name}" for line, option in ALL])
def test_whatever_has_a_name_is_offered(line: str, option: click.Parameter) -> None:
    """By the word that stands for a value in `--help`: a new command is held to it."""
    metavar = option.metavar or ""
    context = click.Context(group, info_name="imgbuild", resilient_parsing=True)
    found = option.shell_complete(context, "")
    kinds = {one.type for one in found}
    if metavar in NOTHING:
        return
    if (
        isinstance(option.type, click.Path)
        or "DIR" in metavar
        or "FILE" in metavar
        or "COMMAND..." in metavar
    ):
        assert kinds & {"dir", "file"}, (
            f"{line}: nothing is offered for {metavar}: give it a `shell_complete=`, or a row in NOTHING"
        )
        return
    wanted = next((value for word, value in EXPECTED.items() if word in metavar), None)
    values = [one.value for one in found]
    assert values or kinds, (
        f"{line}: nothing is offered for {metavar}: give it a `shell_complete=`, or a row in NOTHING"
    )
    assert wanted is None or wanted in values


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("imgbuild build finetune-cuda@", ["plain,@cu126"]),
        ("imgbuild build finetune-cuda@c", ["plain,@cu126"]),
        ("imgbuild build --for=b30", ["plain,b300"]),
        ("imgbuild diff v1:rep", ["plain,report"]),
        ("imgbuild diff image:finetune-cuda@c", ["plain,@cu126"]),
        ("imgbuild build --kit=x/y", ["dir,x/y"]),
        ("imgbuild build 'regr", ["plain,regression"]),
        ("imgbuild list ", []),
        ("", [f"plain,{name}" for name in COMMANDS]),
    ],
)
def test_bash_gets_what_stands_in_place_of_the_last_piece(
    line: str, answer: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [one for one in in_bash(line, monkeypatch) if one != "plain,none"] == answer


def test_a_bash_that_cuts_words_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert in_bash("imgbuild build finetune-cuda@", monkeypatch, " \t\n") == ["plain,finetune-cuda@cu126"]
    assert in_bash("imgbuild build --for=b30", monkeypatch, " \t\n") == ["plain,--for=b300"]


@pytest.mark.parametrize("shell", [Zsh, Fish])
def test_shells_that_replace_the_whole_word(shell: type[Zsh] | type[Fish]) -> None:
    found = shell(group, {}, "imgbuild", VARIABLE).get_completions(["build"], "--for=b30")
    assert [one.value for one in found] == ["--for=b300"]


@pytest.mark.parametrize(
    "line", ["imgbuild build -C /nowhere r", "imgbuild build --for '", "imgbuild run x --gpus \\"]
)
def test_no_word_of_a_fault_comes_between_what_is_typed(line: str) -> None:
    done = imgbuild(COMP_LINE=line, COMP_WORDBREAKS=BREAKS, **{VARIABLE: "bash_complete"})
    assert done.err == ""
    assert "Traceback" not in done.out


@pytest.mark.parametrize("instruction", ["", "tcsh_source", "bash_nothing", "bash"])
def test_other_instructions_end_quietly(instruction: str) -> None:
    done = imgbuild("build", "--all", **{VARIABLE: instruction})
    assert (done.code, done.out, done.err) == (1, "", "")


@pytest.mark.parametrize(
    ("line", "heavy"),
    [
        ("imgbuild ", {"yaml", "pydantic", "docker", "rattler", "requests"}),
        ("imgbuild build re", {"docker", "rattler", "requests", "urllib3", "jinja2", "rich"}),
        ("imgbuild build --for h", {"docker", "rattler", "requests", "urllib3", "jinja2", "rich"}),
    ],
)
def test_an_answer_imports_nothing_heavy(line: str, heavy: set[str]) -> None:
    script = (
        "import sys\nfrom builder.cli import main\ntry: main([])\nexcept SystemExit as end: assert not end.code\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    environ = {**os.environ, "COMP_LINE": line, VARIABLE: "bash_complete"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("plain,")
    assert not heavy & set(done.stderr.split())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_scripts(shell: str) -> None:
    text = imgbuild("completion", shell).out
    assert f"{VARIABLE}={shell}_complete" in text
    assert imgbuild("completion", shell, "--json").document == {"shell": shell, "script": text}
    assert imgbuild(**{VARIABLE: f"{shell}_source"}).out.strip() == text.strip()


def test_a_real_bash_completes_what_is_typed(tmp_path: Path, project: Path) -> None:
    with typed_shell(tmp_path / "home") as shell:
        for keys, line in [
            ("imgbuild bui", "imgbuild build"),
            ("imgbuild build finetune-cuda@", "imgbuild build finetune-cuda@cu126"),
            (f"imgbuild build -C {project} se", f"imgbuild build -C {project} serve"),
            ("imgbuild build --for=b30", "imgbuild build --for=b300"),
            ("imgbuild build --for b30", "imgbuild build --for b300"),
            ("imgbuild diff v1:rep", "imgbuild diff v1:report"),
            ("imgbuild build --kit ./dockerfi", "imgbuild build --kit ./dockerfiles/"),
            ("imgbuild run report python ./pyproj", "imgbuild run report python ./pyproject.toml"),
            ("imgbuild build nothing-like-it", "imgbuild build nothing-like-it"),
        ]:
            assert shell.completed(keys) == line
