"""What the options of `run` say, and in which order its words may stand."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from builder.cli.run import COMMAND
from builder.engine.attended import Mount, Publish
from builder.errors import UsageError
from builder.workflow.running.words import (
    read_memory,
    read_mount,
    read_name,
    read_port,
    read_size,
    read_user,
    read_variables,
    read_workdir,
)


@pytest.mark.parametrize(
    ("words", "name", "program", "env"),
    [
        ("tiny", "tiny", "", ""),
        ("tiny true", "tiny", "true", ""),
        ("tiny -- true -e A", "tiny", "true -e A", ""),
        ("tiny -e A true -e B", "tiny", "true -e B", "A"),
        ("-e A tiny true -e B", "tiny", "true -e B", "A"),
        ("-e A tiny -e B -- true", "tiny", "true", "A B"),
        ("-e A -- tiny true -e B", "tiny", "true -e B", "A"),
        ("tiny -eA --env=B=1 true", "tiny", "true", "A B=1"),
        ("tiny -e A -- --help", "tiny", "--help", "A"),
        ("tiny sh -- x", "tiny", "sh -- x", ""),
        ("tiny -e A --", "tiny", "", "A"),
    ],
)
def test_options_end_where_the_program_begins(words: str, name: str, program: str, env: str) -> None:
    context = click.Context(COMMAND)
    COMMAND.parse_args(context, words.split())
    assert context.params["name"] == name
    assert context.params["words"] == tuple(program.split())
    assert context.params["env"] == tuple(env.split())


@pytest.mark.parametrize("words", ["", "tiny --nonsense true", "tiny -e", "--nonsense tiny"])
def test_words_that_cannot_be(words: str) -> None:
    with pytest.raises(click.UsageError):
        COMMAND.parse_args(click.Context(COMMAND), words.split())


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("64m", 64 << 20), ("16G", 16 << 30), ("1.5GiB", 3 << 29), ("2kb", 2048), (" 8g ", 8 << 30)],
)
def test_sizes(text: str, size: int) -> None:
    assert read_size(text, "--shm-size") == size


@pytest.mark.parametrize("text", ["", "0", "-1", "much", "1x", "1 g", "1e9", "0.1b"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(UsageError, match="is no size") as error:
        read_size(text, "--shm-size")
    assert error.value.where == "--shm-size"


def test_the_least_memory() -> None:
    assert read_memory("6m") == 6 << 20
    with pytest.raises(UsageError, match="less than any container needs"):
        read_memory("5m")


@pytest.mark.parametrize(
    ("text", "mount"),
    [
        ("data:/data", Mount("volume", "data", "/data")),
        ("./data:/data", Mount("bind", "BASE/data", "/data")),
        ("data/sub:/data:ro", Mount("bind", "BASE/data/sub", "/data", True)),
        (".:/here:rw", Mount("bind", "BASE", "/here")),
        ("/:/host:ro", Mount("bind", "/", "/host", True)),
        ("~:/home/me", Mount("bind", "HOME", "/home/me")),
    ],
)
def test_mounts(text: str, mount: Mount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data/sub").mkdir(parents=True)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    source = mount.source.replace("BASE", str(tmp_path)).replace("HOME", str(tmp_path / "home"))
    assert read_mount(text, tmp_path) == Mount(mount.kind, source, mount.target, mount.read_only)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no mount"),
        ("data", "is no mount"),
        ("data:", "is no mount"),
        ("data:relative", "is no mount"),
        (":/x", "is no mount"),
        ("a:/b:ro:/c", "is no mount"),
        ("./nothing:/x", "there is no BASE/nothing"),
        (".:/x:z", "no way to mount"),
        ("na me:/x", "no name of a volume"),
        ("C:\\data:/x", "there is no"),
    ],
)
def test_no_mounts(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        read_mount(text, tmp_path)
    assert said.replace("BASE", str(tmp_path)) in error.value.what
    assert error.value.fix


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("8888", Publish(8888, "tcp", "127.0.0.1", 8888)),
        ("9000:8888", Publish(8888, "tcp", "127.0.0.1", 9000)),
        (":8888", Publish(8888, "tcp", "127.0.0.1", None)),
        ("0.0.0.0:80:8080/udp", Publish(8080, "udp", "0.0.0.0", 80)),
        ("0.0.0.0::8080", Publish(8080, "tcp", "0.0.0.0", None)),
        ("[::1]:80:8080", Publish(8080, "tcp", "::1", 80)),
        ("10.0.0.1:8080", Publish(8080, "tcp", "10.0.0.1", 8080)),
    ],
)
def test_ports(text: str, port: Publish) -> None:
    assert read_port(text) == port


@pytest.mark.parametrize(
    "text", ["", "0", "65536", "99999:80", "80:", "a:80", "80/icmp", "8000-8010:8000-8010", "1:2:3"]
)
def test_no_ports(text: str) -> None:
    with pytest.raises(UsageError, match="is no port"):
        read_port(text)


def test_variables_of_files_come_before_those_of_the_line(tmp_path: Path) -> None:
    file = tmp_path / "more.env"
    file.write_text("\ufeffA=1\n# B=2\n\n  C= spaces \nHERE\nGONE\nD=\n", encoding="utf-8")
    environ = {"HERE": "of here", "TOKEN": "quiet"}
    found, unset = read_variables([file], ["A=word", "TOKEN", "ALSO_GONE", "E=a=b"], environ)
    assert found == {"A": "word", "C": " spaces ", "HERE": "of here", "D": "", "TOKEN": "quiet", "E": "a=b"}
    assert unset == ("GONE", "ALSO_GONE")


@pytest.mark.parametrize("word", ["", "=x", "A B=quiet-please"])
def test_what_is_no_variable_is_not_repeated(word: str, tmp_path: Path) -> None:
    """It may be a secret that stands in the wrong place."""
    file = tmp_path / "more.env"
    file.write_text(f"# first\n{word}\n")
    for files, words in (([], [word]), ([file], [])):
        if not word and files:
            continue  # an empty line of a file says nothing
        with pytest.raises(UsageError, match="this is no variable") as error:
            read_variables(files, words, {})
        assert error.value.where == (f"{file}:2" if files else "--env")
        assert "quiet" not in str(error.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read") as error:
        read_variables([tmp_path / "none"], [], {})
    assert error.value.where == str(tmp_path / "none")


def test_users_directories_and_names() -> None:
    assert [read_user(text) for text in ("0", "1000:100", "app")] == ["0", "1000:100", "app"]
    assert [read_workdir(text) for text in ("", "/srv/job")] == ["", "/srv/job"]
    assert [read_name(text) for text in ("", "job-1")] == ["", "job-1"]
    for read, text in (
        (read_user, "1000:"),
        (read_user, ""),
        (read_workdir, "srv"),
        (read_name, "-x"),
        (read_name, "a/b"),
    ):
        with pytest.raises(UsageError):
            read(text)
