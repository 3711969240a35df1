"""`imgbuild run` and `imgbuild shell` as a user types them: streams, terminal, signals, files, what is left."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.terminal import Terminal
from tests.support.workshop import Ran, Workshop

pytestmark = pytest.mark.engine
UP = ("sh", "-c", "echo up; exec sleep 600")


@pytest.fixture(scope="module", autouse=True)
def tiny(workshop: Workshop, engine: object) -> None:
    done = workshop.run("build", "tiny", "--kit", str(workshop.kit))
    assert done.code == 0, done.err


@pytest.fixture(autouse=True)
def _nothing_is_left(workshop: Workshop) -> Iterator[None]:
    yield
    left = ours()
    for name in left:
        docker("rm", "-f", name)
    assert left == []


@pytest.fixture
def account(workshop: Workshop) -> Iterator[str]:
    """A user's name of this test's own, for a cache of its own."""
    name = f"run-test-{os.getpid()}"
    yield name
    docker("volume", "rm", "-f", f"imgbuild-cache-{name}")


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout.strip()


def ours() -> list[str]:
    """Containers of this test, which all have its mark as a variable."""
    names = docker("ps", "-aq", "--filter", "label=io.imgbuild.run").split()
    marked = []
    for name in names:
        shown = subprocess.run(["docker", "inspect", name], capture_output=True, text=True, check=False)
        if MARK in shown.stdout:  # one of another run may be gone meanwhile
            marked.append(name)
    return marked


MARK = f"RUN_TEST={os.getpid()}"


def words_of(workshop: Workshop, *words: str, options: tuple[str, ...] = ()) -> tuple[str, ...]:
    return ("run", "-C", str(workshop.root), "tiny", "--no-cache-volume", "-e", MARK, *options, "--", *words)


def run(workshop: Workshop, cwd: Path, *words: str, options: tuple[str, ...] = (), **env: str) -> Ran:
    return workshop.run(*words_of(workshop, *words, options=options), cwd=cwd, env=env)


@contextmanager
def started(
    workshop: Workshop, *words: str, options: tuple[str, ...] = ()
) -> Iterator[subprocess.Popen[str]]:
    """A program that has said `up`."""
    process = workshop.start(*words_of(workshop, *words, options=("--no-mount", *options)))
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        yield process
    finally:
        process.terminate()  # a killed one would leave its program to the next run
        process.communicate()


def test_it_works_in_the_current_directory_as_its_caller(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "given").write_text("from here\n")
    done = run(workshop, tmp_path, "sh", "-c", "pwd; cat given; echo made > made; id -u; id -g; id -G")
    where, text, uid, gid, groups = done.out.splitlines()
    assert (where, text) == ("/work", "from here")
    assert (int(uid), int(gid)) == (os.getuid(), os.getgid())
    assert "0" in groups.split()
    assert (tmp_path / "made").read_text() == "made\n"
    assert (tmp_path / "made").stat().st_uid == os.getuid()
    assert done.err == ""


def test_stdout_stderr_and_the_exit_code_are_the_programs(workshop: Workshop, tmp_path: Path) -> None:
    done = run(workshop, tmp_path, "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.code, done.out, done.err) == (7, "out\n", "err\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [(("no-such-program",), 127), (("/etc/passwd",), 126), (("sh", "-c", "kill -9 $$"), 137)],
)
def test_codes_that_docker_has(workshop: Workshop, tmp_path: Path, words: tuple[str, ...], code: int) -> None:
    assert run(workshop, tmp_path, *words).code == code


def test_options_of_the_program_are_the_programs(workshop: Workshop, tmp_path: Path) -> None:
    done = workshop.run(
        "run", "-C", str(workshop.root), "tiny", "--no-mount", "--no-cache-volume",
        "python", "-c", "import sys; print(sys.argv)",
        "--json", "-e", "--", "--help", cwd=tmp_path,
    )  # fmt: skip
    assert done.out == "['-c', '--json', '-e', '--', '--help']\n", done.err


def test_megabytes_go_through_byte_for_byte(workshop: Workshop, tmp_path: Path) -> None:
    data = random.Random(1).randbytes(8 << 20)
    argv = workshop.argv(*words_of(workshop, "cat", options=("--no-mount",)))
    done = subprocess.run(
        argv, input=data, capture_output=True, cwd=tmp_path, env=workshop.environ(), check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == data


def test_a_program_may_end_before_it_has_read_all(workshop: Workshop, tmp_path: Path) -> None:
    argv = workshop.argv(*words_of(workshop, "sh", "-c", "head -c 3; exit 4", options=("--no-mount",)))
    data = b"abc" + bytes(8 << 20)
    done = subprocess.run(
        argv, input=data, capture_output=True, cwd=tmp_path, env=workshop.environ(), check=False
    )
    assert (done.returncode, done.stdout) == (4, b"abc")


def test_a_reader_that_goes_away_ends_the_program(workshop: Workshop) -> None:
    argv = workshop.argv(*words_of(workshop, "yes", options=("--no-mount",)))
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=workshop.environ()
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"y\n"
        process.stdout.close()
        assert process.wait() == 141


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_the_program(workshop: Workshop, number: signal.Signals, code: int) -> None:
    with started(workshop, *UP) as process:
        process.send_signal(number)
        assert process.wait() == code


def test_a_program_may_end_in_its_own_way(workshop: Workshop) -> None:
    script = "import signal, sys; signal.signal(15, lambda *_: sys.exit(5)); print('up', flush=True); signal.pause()"
    with started(workshop, "python", "-c", script) as process:
        process.terminate()
        assert process.wait() == 5


def test_who_insists_kills_it(workshop: Workshop) -> None:
    with started(workshop, "sh", "-c", "trap '' INT TERM; echo up; while :; do sleep 1; done") as process:
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            process.poll()
            signal.sigtimedwait([], 0.2)  # two of one kind at once are one to the kernel
        assert process.wait() == 137


def test_what_a_killed_run_leaves_goes_with_the_next(workshop: Workshop, tmp_path: Path) -> None:
    with started(workshop, *UP) as process:
        process.kill()
        process.wait()
        (name,) = ours()
        done = run(workshop, tmp_path, "true")
        assert done.code == 0
        assert "removed what a killed run had left: imgbuild-run-" in done.err
        assert ours() == []
        assert name


def test_a_terminal(workshop: Workshop, tmp_path: Path) -> None:
    """Its size and its changes arrive, keys go to the program as they are, and at the end it is as it was."""
    words = ("shell", "-C", str(workshop.root), "tiny", "--no-cache-volume", "-e", MARK)
    terminal = Terminal(
        *workshop.argv(*words), env=workshop.environ({"TERM": "xterm-kitty"}), cwd=tmp_path, size=(33, 101)
    )
    try:
        terminal.until(r"@tiny:/work[#$] ")
        terminal.type("stty size; echo $TERM $CONDA_DEFAULT_ENV\n")
        assert "33 101" in terminal.until("xterm-256color tiny")
        assert terminal.is_raw
        terminal.resize(20, 50)
        terminal.type("until [ \"$(stty size)\" = '20 50' ]; do sleep 0.1; done; echo new size\n")
        terminal.until(r"[\r\n]new size")
        terminal.type("sh -c 'echo is u''p; sleep 600'\n")  # before it runs, Ctrl-C would be the shell's
        terminal.until("is up")
        time.sleep(1)  # and the shell has made it the one that Ctrl-C is for
        terminal.type("\x03")
        terminal.until(r"[#$] ")
        terminal.type("echo code=$?\n")
        terminal.until("code=130")
        terminal.type("echo Ctrl-P\n")
        terminal.until(r"[\r\n]Ctrl-P\r")
        terminal.type("\x10\n")  # the line before once more: Docker's own client would keep this key
        terminal.until(r"[\r\n]Ctrl-P\r")
        terminal.type("exit 5\n")
        assert terminal.end() == 5
        assert terminal.state() == terminal.before
    finally:
        terminal.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_terminal_is_as_it_was_after_a_signal(
    workshop: Workshop, tmp_path: Path, number: signal.Signals
) -> None:
    """An interactive shell ignores SIGTERM."""
    words = ("shell", "-C", str(workshop.root), "tiny", "--no-cache-volume", "-e", MARK)
    terminal = Terminal(*workshop.argv(*words), env=workshop.environ(), cwd=tmp_path)
    try:
        terminal.until(r"@tiny:/work[#$] ")
        terminal.process.send_signal(number)
        assert terminal.end() == 129
        assert terminal.state() == terminal.before
    finally:
        terminal.close()


def test_a_value_by_name_is_on_no_command_line(workshop: Workshop, tmp_path: Path) -> None:
    """Neither ours nor the container's; a name that is not set is told."""
    (tmp_path / "more.env").write_text("# a remark\n\nFROM_FILE=a file's\nRUN_SECRET\nBOTH=file\n")
    script = 'echo "$RUN_SECRET|$FROM_FILE|$BOTH|${UNSET-}"'
    options = ("-e", "UNSET", "-e", "BOTH=word", "--env-file", "more.env")
    done = run(workshop, tmp_path, "sh", "-c", script, options=options, RUN_SECRET="quiet please")
    assert done.out == "quiet please|a file's|word|\n"
    assert done.err == "note: UNSET is not set here, and so it is not set for the program\n"
    options = ("--no-mount", "-e", "RUN_SECRET")
    process = workshop.start(*words_of(workshop, *UP, options=options), env={"RUN_SECRET": "quiet please"})
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        assert b"quiet" not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
        (row,) = json.loads(docker("inspect", *ours()))
        assert "quiet" not in json.dumps([row["Path"], row["Args"], row["Config"]["Cmd"]])
        assert "RUN_SECRET=quiet please" in row["Config"]["Env"]
    finally:
        process.terminate()
        process.communicate()


def test_caches_stay_from_run_to_run_and_are_the_callers(
    workshop: Workshop, tmp_path: Path, account: str
) -> None:
    words = ("run", "-C", str(workshop.root), "tiny", "-e", MARK, "--user", "4321:4322", "--no-mount")
    first = workshop.run(
        *words, "sh", "-c", "echo kept > $HF_HOME-model", cwd=tmp_path, env={"LOGNAME": account}
    )
    assert (first.code, first.err) == (0, "")
    second = workshop.run(*words, "sh", "-c", "cat $HF_HOME-model", cwd=tmp_path, env={"LOGNAME": account})
    assert second.out == "kept\n"
    label = docker("volume", "inspect", "-f", "{{.Labels}}", f"imgbuild-cache-{account}")
    assert label == "map[io.imgbuild.kind:cache]"
    without = workshop.run(*words, "--no-cache-volume", "--", "ls", "/cache", cwd=tmp_path)
    assert without.code == 0
    assert "huggingface-model" not in without.out


def test_more_directories_and_those_that_may_only_be_read(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/x").write_text("x\n")
    script = "cat /data/x; touch /data/y || echo read-only; touch /more/y; pwd; ls /work"
    options = ("--no-mount", "-v", "./data:/data:ro", "-v", "data/:/more", "-w", "/tmp")
    done = run(workshop, tmp_path, "sh", "-c", script, options=options)
    assert done.out == "x\nread-only\n/tmp\n", done.err
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["x", "y"]


def test_left_running(workshop: Workshop, tmp_path: Path) -> None:
    """Its container goes when it ends, and not with what started it."""
    words = words_of(workshop, *UP, options=("--no-mount", "--detach", "--json", "--shm-size", "96m"))
    done = workshop.run(*words, cwd=tmp_path)
    assert done.code == 0, done.err
    name = done.document["container"]
    try:
        assert run(workshop, tmp_path, "true").err == ""  # nothing is swept
        assert (
            docker("inspect", "-f", "{{.State.Running}} {{.HostConfig.ShmSize}}", name) == f"true {96 << 20}"
        )
    finally:
        docker("rm", "-f", name)


def test_a_port_is_for_this_machine_alone(workshop: Workshop, tmp_path: Path) -> None:
    with started(workshop, *UP, options=("-p", ":8000")):
        (row,) = json.loads(docker("inspect", *ours()))
        (bound,) = row["NetworkSettings"]["Ports"]["8000/tcp"]
        assert bound["HostIp"] == "127.0.0.1"
        taken = bound["HostPort"]
        done = run(workshop, tmp_path, "true", options=("-p", f"{taken}:8000"))
    assert done.code == 125
    assert "publish another port" in done.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("regressoin", "true"), 125, "regression"),
        (("report", "--prefix", "nothing-here", "true"), 125, "run `imgbuild build report`"),
        (("tiny", "--gpus", "all", "true"), 125, "no container starts with the GPUs of --gpus all"),
        (("tiny", "--gpus", "many", "true"), 2, "names no GPUs"),
        (("tiny", "-v", "/does/not/exist:/x", "true"), 2, "there is no /does/not/exist"),
        (("tiny", "-p", "99999", "true"), 2, "is no port"),
        (("tiny", "--memory", "1k", "true"), 2, "6m is the least"),
        (("tiny", "--network", "no-such-network-at-all", "true"), 125, "no-such-network-at-all"),
        (("tiny", "--json", "true"), 2, "stdout is the program's"),
        (("tiny", "--nonsense", "true"), 2, "--nonsense"),
    ],
)
def test_what_cannot_be_is_said(
    workshop: Workshop, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    done = workshop.run("run", "-C", str(workshop.root), "--no-cache-volume", *words, cwd=tmp_path)
    assert done.code == code, done.err
    assert said in done.err
    assert "Traceback" not in done.err


def test_an_old_image_is_told_and_runs(workshop: Workshop, tmp_path: Path) -> None:
    definition = workshop.root / "envs/tiny/image.yml"
    text = definition.read_text()
    try:
        definition.write_text(f"{text}labels: {{org.example.new: yes please}}\n")
        done = run(workshop, tmp_path, "echo", "ran")
    finally:
        definition.write_text(text)
    assert (done.code, done.out) == (0, "ran\n")
    assert (
        "note: this image is older than what tiny says now; `imgbuild build tiny` makes it anew" in done.err
    )
