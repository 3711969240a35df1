"""The program in a container: its signals, its exit code, its terminal, its orphans."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.terminal import Terminal
from tests.support.workshop import PREFIX, Workshop

pytestmark = pytest.mark.engine
IMAGE = f"{PREFIX}/tiny"
SLEEP = ("python", "-c", "import time; print('up', flush=True); time.sleep(600)")


@pytest.fixture(scope="module", autouse=True)
def tiny(workshop: Workshop, engine: object) -> None:
    done = workshop.run("build", "tiny", "--kit", str(workshop.kit))
    assert done.code == 0, done.err


def run(*words: str, options: tuple[str, ...] = (), stdin: str = "") -> subprocess.CompletedProcess[str]:
    """`docker run --rm OPTIONS IMAGE WORDS`."""
    argv = ["docker", "run", "--rm", *options, IMAGE, *words]
    return subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout.strip()


@contextmanager
def running(*words: str, options: tuple[str, ...] = ()) -> Iterator[str]:
    """A container whose program has said `up`; its id."""
    name = docker("run", "-d", *options, IMAGE, *words)
    try:
        with subprocess.Popen(["docker", "logs", "-f", name], stdout=subprocess.PIPE, text=True) as logs:
            assert logs.stdout is not None
            assert "up" in logs.stdout.readline()
            logs.terminate()
        yield name
    finally:
        docker("rm", "-f", name)


def events(name: str) -> dict[str, int]:
    """When docker itself sent the last signal and saw the end, in nanoseconds."""
    until = f"{time.time() + 0.5:.3f}"  # docker listens until then, and so misses nothing of this second
    wanted = ("--since", "10m", "--until", until, "--filter", f"container={name}")
    rows = docker("events", *wanted, "--format", "{{json .}}")
    return {row["Action"]: row["timeNano"] for row in map(json.loads, rows.splitlines())}


def exit_code(name: str) -> int:
    return int(docker("inspect", "-f", "{{.State.ExitCode}}", name))


@pytest.mark.parametrize(
    "words",
    [
        SLEEP,
        ("sh", "-c", "echo up; sleep 600; true"),
        ("bash", "-lc", "echo up; exec sleep 600"),
    ],
    ids=["python", "shell", "login-shell"],
)
def test_sigterm_ends_the_program(words: tuple[str, ...]) -> None:
    """docker would kill it after 30 s: within a second is what is meant, five leave room for a busy machine."""
    with running(*words) as name:
        docker("stop", "-t", "30", name)
        seen = events(name)
        assert exit_code(name) == 143
    assert (seen["die"] - seen["kill"]) / 1e9 < 5


def test_a_program_may_end_in_its_own_way() -> None:
    code = "import signal, sys; signal.signal(15, lambda *_: sys.exit(5)); print('up', flush=True); signal.pause()"
    with running("python", "-c", code) as name:
        docker("stop", "-t", "30", name)
        assert exit_code(name) == 5


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("true",), 0),
        (("python", "-c", "raise SystemExit(3)"), 3),
        (("sh", "-c", "exit 255"), 255),
        (("no-such-program",), 127),
        (("/etc/passwd",), 126),
        (("sh", "-c", "kill -9 $$"), 137),
        (("python", "-c", "import os; os.abort()"), 134),
    ],
)
def test_the_exit_code_is_the_programs(words: tuple[str, ...], code: int) -> None:
    assert run(*words).returncode == code


def test_it_is_the_same_below_dockers_own_init() -> None:
    assert run("python", "-c", "raise SystemExit(3)", options=("--init",)).returncode == 3


def test_sigint_is_a_keyboard_interrupt() -> None:
    with running(*SLEEP) as name:
        docker("kill", "--signal", "INT", name)
        docker("wait", name)
        assert exit_code(name) == 130
        logs = subprocess.run(["docker", "logs", name], capture_output=True, text=True, check=True)
    assert logs.stderr.count("KeyboardInterrupt") == 1


def test_other_signals_arrive() -> None:
    code = "trap 'exit 9' USR1; echo up; while true; do sleep 600 & wait; done"
    with running("bash", "-c", code) as name:
        docker("kill", "--signal", "USR1", name)
        assert docker("wait", name) == "9"


def test_a_broken_pipe_ends_a_program_as_it_does_outside() -> None:
    """python, which the init is, ignores SIGPIPE: the program must not inherit that."""
    done = run("bash", "-c", "yes | head -n 1 > /dev/null; echo ${PIPESTATUS[0]}")
    assert done.stdout == "141\n"


def test_orphans_are_buried() -> None:
    code = """
import os, sys, time
reading, writing = os.pipe()
child = os.fork()
if child == 0:
    orphan = os.fork()
    if orphan == 0:
        os._exit(0)
    os.write(writing, str(orphan).encode())
    os._exit(0)
orphan = int(os.read(reading, 20))
os.waitpid(child, 0)
for _ in range(3000):
    if not os.path.exists(f"/proc/{orphan}"):
        sys.exit(0)
    time.sleep(0.01)
sys.exit("a zombie: " + open(f"/proc/{orphan}/stat").read())
"""
    done = run("python", "-c", code)
    assert done.returncode == 0, done.stderr


def test_stdin_arrives() -> None:
    assert run("cat", options=("-i",), stdin="one\ntwo\n").stdout == "one\ntwo\n"


@contextmanager
def terminal_with(*words: str) -> Iterator[Terminal]:
    """`docker run -it` on a terminal of its own. The container is gone after it, also when the client was killed."""
    name = f"imgbuild-test-{uuid.uuid4().hex[:12]}"
    terminal = Terminal("docker", "run", "--rm", "--name", name, "-it", IMAGE, *words)
    try:
        yield terminal
    finally:
        terminal.close()
        subprocess.run(["docker", "rm", "-f", name], capture_output=True, check=False)


def test_a_shell_has_jobs() -> None:
    with terminal_with("bash", "--norc") as terminal:
        terminal.until(r"\$ ")
        terminal.type("sleep 600 &\n")
        terminal.until(r"\[1\] \d+")
        terminal.type("kill %1; wait %1; echo code=$?\n")
        terminal.until(r"code=143")
        # It speaks when the terminal is its own already: before that, Ctrl-Z would be the shell's.
        terminal.type("sh -c 'echo is-\"up\"; exec sleep 600'\n")
        terminal.until("is-up")
        terminal.type("\x1a")
        terminal.until("Stopped")
        # bg first: `wait` does not wait for a job that is stopped
        terminal.type("bg; kill %%; wait %%; echo code=$?\n")
        terminal.until(r"code=143")
        terminal.type("exit 4\n")
        assert terminal.end() == 4
    assert "no job control" not in terminal.text
    assert "cannot set terminal process group" not in terminal.text


def test_control_c_reaches_the_program_once() -> None:
    with terminal_with(*SLEEP) as terminal:
        terminal.until("up")
        terminal.type("\x03")
        assert terminal.end() == 130
    assert terminal.text.count("KeyboardInterrupt") == 1


def test_control_z_does_not_freeze_the_container() -> None:
    code = "import sys; print('up', flush=True); print('got', sys.stdin.readline(), flush=True)"
    with terminal_with("python", "-c", code) as terminal:
        terminal.until("up")
        terminal.type("\x1a")
        terminal.type("more\n")
        terminal.until("got more")
        assert terminal.end() == 0


def test_entrypoint_cmd_and_workdir_of_the_definition(workshop: Workshop) -> None:
    definition = workshop.root / "envs" / "tiny" / "image.yml"
    text = definition.read_text()
    more = "entrypoint: [env, GREETING=hello]\ncmd: [sh, -c, 'echo $GREETING; pwd; touch here']\nworkdir: /srv/job\n"
    try:
        definition.write_text(text + more)
        done = workshop.run("build", "tiny", "--no-smoke")
        assert done.code == 0, done.err
        assert run().stdout == "hello\n/srv/job\n"
        assert run("printenv", "GREETING", "CONDA_DEFAULT_ENV").stdout == "hello\ntiny\n"
    finally:
        definition.write_text(text)
        workshop.run("build", "tiny", "--no-smoke")


def test_the_init_costs_little_and_says_nothing() -> None:
    done = run(
        "python", "-c", "import os; print(os.getppid(), open('/proc/1/cmdline').read().split(chr(0))[2])"
    )
    assert done.stdout.split() == ["1", "/usr/local/lib/imgbuild/init"]
    assert done.stderr == ""
