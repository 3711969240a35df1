"""Scripts that attack the sandbox: each is contained, the verdict says what happened, and nothing is left."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from builder.engine import owner
from builder.engine.connect import connect
from builder.engine.port import ContainerSpec, Engine, Limits
from builder.plan import Plan
from builder.progress import silent
from builder.smoke.prove import Proof, prove
from builder.smoke.sandbox import DEFAULT_LIMITS
from builder.smoke.verdict import TestResult
from builder.spec.load import load_image
from builder.spec.model import SmokeTest
from builder.spec.project import find_project
from tests.support.engine_base import tar_of
from tests.support.workshop import PREFIX, Workshop

pytestmark = pytest.mark.engine

IMAGE = f"{PREFIX}/hostile:latest"
SCRIPTS = Path(__file__).parents[1] / "support" / "envs" / "hostile" / "smoke"
# Small, so that what is eaten is eaten soon. The walls are the same ones.
LIMITS = replace(DEFAULT_LIMITS, memory=256 << 20, tmpfs=32 << 20, pids=32)
HEAD = "import json, os, socket, sys, threading, time\nR = os.environ['IMGBUILD_RESULT']\nOUT = os.path.dirname(R)\n"


def docker(*words: str) -> list[str]:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout.split()


def left() -> tuple[set[str], set[str]]:
    """Our containers, and all volumes."""
    ours = docker("ps", "-aq", "--no-trunc", "--filter", "label=io.imgbuild.kind=run")
    return set(ours), set(docker("volume", "ls", "-q"))


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        threading.Event().wait(0.05)


@dataclass
class Lab:
    """An image, and scripts that run in it as its smoke tests."""

    engine: Engine
    plan: Plan
    folder: Path

    def prove(self, *scripts: tuple[str, str], timeout: int = 60, limits: Limits = LIMITS) -> Proof:
        tests = []
        for name, code in scripts:
            path = self.folder / f"{name}.py"
            path.write_text(HEAD + code)
            tests.append(SmokeTest(name=name, script=path, timeout=timeout))
        spec = self.plan.spec.model_copy(update={"smoke": tuple(tests)})
        plan = self.plan.model_copy(update={"spec": spec})
        names = [name for name, _ in scripts]
        return prove(self.engine, plan, IMAGE, observer=silent, only=names, limits=limits)

    def __call__(self, code: str, timeout: int = 60, limits: Limits = LIMITS) -> TestResult:
        """The result of one script; the only one that ran."""
        proof = self.prove(("attack", code), timeout=timeout, limits=limits)
        (result,) = (result for result in proof.verdict.results if result.outcome != "not-run")
        assert proof.verdict.passed == (result.outcome == "passed")
        return result


@pytest.fixture(scope="module")
def lab(workshop: Workshop, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    from builder.workflow.planning import plan_image
    from builder.workflow.sources import choose

    done = workshop.run("build", "hostile", "--no-smoke", "--kit", str(workshop.kit))
    assert done.code == 0, done.err
    with pytest.MonkeyPatch.context() as patch:
        for key, value in workshop.environ().items():
            patch.setenv(key, value)
        project = find_project(workshop.root)
        spec, source = load_image(project, "hostile"), choose(project, "hostile", str(workshop.kit))
        plan = plan_image(project, spec, source, "linux/amd64", locked=True, observer=silent).plan
    return Lab(engine, plan, tmp_path_factory.mktemp("attacks"))


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """No container and no volume more than before, whatever the script did."""
    before = left()
    yield
    containers, volumes = left()
    assert containers <= before[0]
    assert volumes <= before[1]


CONTAINED = {
    "write to the root": ("open('/x', 'w')", "Read-only file system: '/x' (the sandbox: only /tmp and "),
    "write to conda": ("open(sys.prefix + '/x', 'w')", "Read-only file system: '/opt/conda/envs/hostile/x'"),
    "write over its own script": (
        "open(__file__, 'w')",
        "Permission denied: '/imgbuild/smoke/test/attack.py'",
    ),
    "put a script beside": ("open('/imgbuild/smoke/test/more.py', 'w')", "Permission denied"),
    "move the place of the result": ("os.rename(OUT, OUT + '2')", "Permission denied"),
    "connect": (
        "socket.create_connection(('192.0.2.1', 443), 5)",
        "Network is unreachable (the sandbox: there is no network)",
    ),
    "resolve": (
        "socket.getaddrinfo('conda.anaconda.org', 443)",
        "name resolution (the sandbox: there is no n",
    ),
    "raw socket": ("socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)", "Operation not permitted"),
    "packet socket": ("socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", "Operation not permitted"),
    "fork without end": ("while True: os.fork()", "(the sandbox: may have 32 processes and threads)"),
    "threads without end": (
        "while True: threading.Thread(target=time.sleep, args=[99], daemon=True).start()",
        "can't start new thread (the sandbox: may have 32 processes and threads)",
    ),
    "eat memory": ("x = []\nwhile True: x.append(b'x' * 10**7)", "^out of memory: .* its limit of 256 MiB$"),
    "let a child eat memory": (
        "if os.fork() == 0:\n x = []\n while True: x.append(b'x' * 10**7)\nos.wait()",
        "^out of memory: .* its limit of 256 MiB$",
    ),
    "fill /tmp": (
        "f = open('/tmp/x', 'wb')\nwhile True: f.write(bytes(10**6))",
        "No space left on device (the sandbox: /tmp holds 32 MiB, and it counts as memory)",
    ),
    "one file without end beside the result": (
        "f = open(OUT + '/x', 'wb')\nwhile True: f.write(bytes(10**6))",
        "File too large (the sandbox: no file may become that large)",
    ),
    "files without end beside the result": (
        "for n in range(10**6):\n open(f'{OUT}/{n}', 'wb').write(bytes(10**6)); time.sleep(0.01)",
        "^killed: it left over 64 MiB beside its result",
    ),
    "too many files": (
        "for n in range(10_500): open(f'{OUT}/{n}', 'w').close()",
        "^left what cannot be read: .*over 10000 files would come out",
    ),
    "leave a core": ("os.chdir(OUT); os.abort()", r"^ended with code 134 \(SIGABRT\)"),
    "change the user": ("os.setuid(0)", "Operation not permitted"),
    "make a device": ("os.mknod('/tmp/disk', 0o060666, os.makedev(8, 0))", "Operation not permitted"),
    "change the root": ("os.chroot('/tmp')", "Operation not permitted"),
    "change the host name": ("socket.sethostname('x')", "Operation not permitted"),
    "move the clock": ("time.clock_settime(time.CLOCK_REALTIME, 0)", "Operation not permitted"),
    "set a kernel parameter": ("open('/proc/sys/kernel/core_pattern', 'w')", "Read-only file system"),
    "write to the cgroup": (
        "open('/sys/fs/cgroup/x', 'w')",
        "^ended with code 1: (Perm|OS).*(Read-only file system|Permission denied)",
    ),
    "steer the terminal": (
        r"sys.exit('\x1b[2J\x1b]0;title\x07\u202egnp.exe')",
        "^ended with code 1: gnp.exe$",
    ),
}


@pytest.mark.parametrize("attack", CONTAINED)
def test_it_is_contained_and_named(lab: Lab, attack: str) -> None:
    code, reason = CONTAINED[attack]
    result = lab(code)
    assert result.outcome == "failed"
    assert re.search(reason if reason[0] == "^" else re.escape(reason), result.reason), result.reason


FORGED = {
    "link to a file": (
        "os.symlink('/etc/passwd', R)",
        "^result.json is a symbolic link, not a regular file$",
    ),
    "link to the process": ("os.symlink('/proc/self/environ', R)", "is a symbolic link, not a regular file"),
    "link to nothing": ("os.symlink('/nothing', R)", "is a symbolic link, not a regular file"),
    "directory": ("os.mkdir(R)", "is a directory, not a regular file"),
    "pipe": ("os.mkfifo(R)", "is a pipe, not a regular file"),
    "socket": ("socket.socket(socket.AF_UNIX).bind(R)", "is a socket, not a regular file"),
    "hard link": (
        "open(OUT + '/a', 'w').write('{}'); os.link(OUT + '/a', R)",
        "is a second name of another file",
    ),
    "sparse": ("open(R, 'wb').truncate(2**27)", "over 64 MiB of files would come out"),
    "large": ("open(R, 'wb').write(b' ' * 2**21)", "^result.json has 2097152 bytes, more than"),
    "deep": ("""open(R, 'w').write('{"a":' * 100_000)""", "^result.json is not JSON"),
    "wide": ("json.dump({str(n): n for n in range(9999)}, open(R, 'w'))", "has 9999 entries"),
    "no number": ("json.dump({'mse': float('nan')}, open(R, 'w'))", "^result.json holds NaN"),
    "twice": ("""open(R, 'w').write('{"mse": 1, "mse": 0}')""", "^result.json holds `mse` twice$"),
    "bytes": ("open(R, 'wb').write(b'{\"a\": \"\\xff\"}')", "^result.json is not JSON"),
    "unreadable": ("open(R, 'wb').write(b'\\0'); os.chmod(R, 0)", "^result.json is not JSON"),
    "list": ("json.dump([1], open(R, 'w'))", "^result.json is not a JSON object"),
}


@pytest.mark.parametrize("forgery", FORGED)
def test_a_forged_result_is_refused(lab: Lab, forgery: str) -> None:
    code, reason = FORGED[forgery]
    result = lab(code)
    assert (result.outcome, result.numbers) == ("failed", {})
    assert re.search(reason, result.reason), result.reason


def test_names_that_hurt_are_left_where_they_are(lab: Lab) -> None:
    code = (
        "for name in (b'new\\nline.png', b'\\xff.png', b'..png', b'...', b'\\x1b[2J.png', b'a\\\\b.png', b'-rf.png'):\n"
        "    open(OUT.encode() + b'/' + name, 'wb').write(b'\\x89PNG\\r\\n\\x1a\\n')\n"
        "os.chdir(OUT)\n"
        "for _ in range(50): os.mkdir('d' * 200); os.chdir('d' * 200)\n"
        "json.dump({'key\\n\\x1b[2J': 'value\\x07'}, open(R, 'w'))\n"
    )
    result = lab(code)
    assert (result.outcome, result.reason, result.plots) == ("passed", "", ())
    assert result.numbers == {"key??[2J": "value?"}


def test_forks_without_end_and_without_a_word_are_named(lab: Lab) -> None:
    result = lab("while True:\n try: os.fork()\n except OSError: pass", timeout=2)
    assert result.outcome == "timeout"
    assert result.reason == "killed after 2 s, its limit, with 32 processes running, as many as it may have"


def test_who_ignores_every_signal_is_killed_with_its_family(lab: Lab) -> None:
    mark = f"{time.time_ns()}"
    code = (
        "import signal\n"
        "for number in (1, 2, 3, 15): signal.signal(number, signal.SIG_IGN)\n"
        f"if os.fork() == 0: os.setsid(); os.execlp('sleep', 'sleep', '{mark}')\n"
        "while True: time.sleep(1)\n"
    )
    result = lab(code, timeout=2)
    assert (result.outcome, result.reason) == ("timeout", "killed after 2 s, its limit")
    assert not any(mark.encode() in line for line in command_lines())


def command_lines() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it ended while we looked
            yield path.read_bytes()


def test_what_is_left_running_dies_before_the_result_is_read(lab: Lab) -> None:
    code = (
        "json.dump({'mine': 1}, open(R, 'w'))\n"
        "ready, tell = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork(): os._exit(0)\n"
        "    os.write(tell, b'x')\n"
        "    time.sleep(0.3)\n"
        "    while True: open(R, 'w').write('{\"forged\": 1}')\n"
        "os.read(ready, 1)\n"
    )
    result = lab(code)
    assert (result.outcome, result.numbers) == ("passed", {"mine": 1.0})


def test_no_test_sees_what_an_earlier_one_left(lab: Lab) -> None:
    leave = (
        "for place in ('/tmp', '/dev/shm', OUT): open(place + '/left', 'w').close()\n"
        "json.dump({'left': 1}, open(R, 'w'))\n"
        "s = socket.socket(socket.AF_UNIX); s.bind('\\0left'); s.listen()\n"
        "if os.fork() == 0: time.sleep(99)\n"
    )
    look = (
        "found = [place for place in ('/tmp', '/dev/shm', OUT) if 'left' in os.listdir(place)]\n"
        "known = socket.socket(socket.AF_UNIX).connect_ex('\\0left') == 0\n"
        "others = [p for p in os.listdir('/proc') if p.isdigit() and int(p) not in (1, os.getpid())]\n"
        "if os.path.exists(R): found.append(R)\n"
        "json.dump({'found': str(found), 'known': known, 'others': len(others)}, open(R, 'w'))\n"
    )
    proof = lab.prove(("leave", leave), ("look", look))
    first, second = (result for result in proof.verdict.results if result.outcome != "not-run")
    assert first.numbers == {"left": 1.0}
    assert second.numbers == {"found": "[]", "known": "false", "others": 0.0}


def test_what_the_image_holds_at_that_place_is_no_result(lab: Lab) -> None:
    """The image has a result.json there, in a directory that everybody may write."""
    held = subprocess.run(
        ["docker", "run", "--rm", IMAGE, "cat", "/imgbuild/smoke/out/result.json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "planted" in held.stdout
    result = lab("print(os.listdir(OUT), os.access('/imgbuild/smoke', os.W_OK))")
    assert (result.outcome, result.numbers) == ("passed", {})
    assert result.output.splitlines()[-1] == "[] False"
    assert result.output.startswith("welcome to this python\n")  # a banner that no test minds


def test_it_is_nobody_with_no_rights(lab: Lab) -> None:
    numbers = dict(lab((SCRIPTS / "rights.py").read_text()).numbers)
    usual = "console core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero"
    assert set(str(numbers.pop("devices")).split()) <= set(usual.split())
    assert {numbers.pop(name) for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")} == {"0" * 16}
    assert (numbers.pop("NoNewPrivs"), numbers.pop("Seccomp"), numbers.pop("suid")) == ("1", "2", "12345")
    assert {name: answer for name, answer in numbers.items() if answer != "Operation not permitted"} == {}


def test_it_cannot_read_the_host(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the environment of the command nor the proxy that the docker command would hand to containers."""
    proxy = {"httpProxy": "http://me:secret@proxy.example:3128"}
    (tmp_path / "config.json").write_text(json.dumps({"proxies": {"default": proxy}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("IMGBUILD_HOST", "secret")
    with connect() as engine:  # anew, so that it reads that configuration
        numbers = replace(lab, engine=engine)((SCRIPTS / "looks.py").read_text()).numbers
    assert (numbers["secrets"], numbers["proxies"], numbers["sockets"], numbers["kernel"]) == (0, 0, 0, 0)
    assert (numbers["sys"], numbers["writable"]) == ("ro", "")
    assert numbers["host"] != socket.gethostname()
    assert numbers["processes"] <= 2
    known = {"/imgbuild/smoke", "/kept", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"}
    assert set(str(numbers["disks"]).split()) <= known


def test_an_abstract_socket_of_the_host_is_out_of_reach(lab: Lab) -> None:
    with socket.socket(socket.AF_UNIX) as here, socket.socket(socket.AF_UNIX) as client:
        name = f"imgbuild-test-{os.getpid()}"
        here.bind(f"\0{name}")
        here.listen()
        client.connect(f"\0{name}")  # it can be reached from where we are
        result = lab(f"socket.socket(socket.AF_UNIX).connect('\\0{name}')")
    assert "Connection refused" in result.reason


def test_a_flood_does_not_drown_the_command(lab: Lab, workshop: Workshop) -> None:
    """200 MB printed and 60 MB left pass through; a forged result is told, whatever the script printed."""
    peak = "print(next(l for l in open('/proc/self/status') if l.startswith('VmHWM')), file=sys.stderr)"
    script = f"import sys\nfrom builder.cli import main\ntry:\n    sys.exit(main())\nfinally:\n    {peak}"
    words = ["test", "hostile", "--only", "floods", "--only", "forges", "--kit", str(workshop.kit)]
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        cwd=workshop.root,
        env=workshop.environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 6, done.stderr
    assert "result.json is a symbolic link, not a regular file" in done.stderr
    assert re.search(r"floods +hostile +passed", done.stdout)
    most = re.search(r"VmHWM:\s+(\d+) kB", done.stderr)
    assert most is not None
    assert int(most[1]) < 300_000


def test_the_output_of_a_flood_is_its_end(lab: Lab) -> None:
    result = lab("for _ in range(100): sys.stdout.write('x' * 10**6)\nprint('\\nthe end')")
    assert result.outcome == "passed"
    assert result.output.endswith("the end")
    assert len(result.output) < 50_000


def working_names(image: str) -> set[str]:
    listed = docker("images", "--format", "{{.Repository}}:{{.Tag}}", f"{PREFIX}/{image}")
    return {name for name in listed if ":building-" in name}


def test_what_a_killed_run_leaves_goes_with_the_next(lab: Lab, workshop: Workshop) -> None:
    """SIGKILL in the middle of a proof: a container that runs, its volume, a working name. Nobody else's goes."""
    before = left()
    docker("rmi", IMAGE)  # so that it is built again, from the engine's cache
    process = workshop.start("build", "hostile", "--kit", str(workshop.kit))
    running = ("ps", "--no-trunc", "--format", "{{.Command}}", "--filter", "label=io.imgbuild.kind=run")
    until(lambda: any("waits.py" in word for word in docker(*running)))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    containers, volumes = left()
    assert len(containers - before[0]) == 1
    assert volumes - before[1]
    (name,) = working_names("hostile")
    assert any("waits.py" in word for word in docker(*running))  # it runs on, with nobody to wait for it

    place = f"{PREFIX}/other:building-{'0' * 16}-"
    # Of one that lives, and of another machine.
    kept = {place + owner.owner(), f"{place}{'0' * 12}.{process.pid}.1"}
    try:
        for tag in kept:
            tar = [tar_of({"a": b""})]
            lab.engine.import_tar(tag, tar, labels={"io.imgbuild.plan": "0" * 64}, platform="linux/amd64")
        with lab.engine.container(ContainerSpec(name, ("true",), {}, 1, LIMITS, "/proof", "/")) as here:
            done = workshop.run("build", "hostile", "--no-smoke", "--kit", str(workshop.kit))
            assert done.code == 0, done.err
            assert "removed what a killed run had left" in done.err
            assert left()[0] - before[0] == {here.id}
        assert working_names("hostile") == set()
        assert working_names("other") == kept
    finally:
        for tag in kept:
            lab.engine.remove(tag)
