"""Token and password of private servers, looked for byte by byte in all that a build writes, says and makes."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.hostile_site import KEPT
from tests.support.hostile_upstream import Hostile, Secrets, hostile_upstream
from tests.support.leaks import Hunt
from tests.support.registry import docker
from tests.support.second_installer import NAME, second_installer
from tests.support.workshop import PREFIX, REPOSITORY, Ran, Workshop

pytestmark = pytest.mark.engine

SECRETS = Secrets("tk-5f0a91c7e2d84b36", "builder-7", "pa%ss/w0rd:9c1f&e")
BASE = "127.0.0.1:1/imgbuild-test/secrets-base:1"  # nobody listens there: the engine has it already
ENVIRONMENT = (
    "name: private\nchannels: [{channel}, nodefaults]\ndependencies: [python>=3.11, pip: [tabulate]]\n"
)
IMAGE = """\
summary: All of it from servers that want to know who asks
base: lab
installer: miniforge=26.3.2-3
smoke:
  - run: smoke/table.py
"""
BASES = f"lab: {{ref: '{BASE}', family: debian, suite: bookworm, glibc: '2.36', platforms: [linux/amd64]}}\n"
SMOKE = "from tabulate import tabulate\nassert tabulate([[1, 2]], tablefmt='plain') == '1  2'\n"
# A fault that nobody foresaw, in the middle of a download, with all that the request knows in its text.
CRASH = """\
import sys
from builder.cli import main
from builder.store.transfer import Transfer
def take(self, answer, where):
    raise RuntimeError(f"{answer.request.url} {dict(answer.request.headers)} {self}")
Transfer.take = take
sys.argv[0] = "imgbuild"
main()
"""


@dataclass
class Private:
    """A project behind guarded servers, a home that knows the way in, and everything that was said."""

    workshop: Workshop
    home: Path
    server: Hostile
    said: list[str] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.home / "project"

    @property
    def environ(self) -> dict[str, str]:
        mine = self.workshop.environ()
        return {
            **mine,
            "HOME": str(self.home / "home"),
            "TMPDIR": str(self.home / "tmp"),
            "IMGBUILD_CACHE": str(self.home / "cache"),
            "UV_CACHE_DIR": str(self.home / "uv"),
            "CHANNEL_TOKEN": SECRETS.token,
            "IMGBUILD_RETRIES": "1",
            "IMGBUILD_RETRY_PAUSE": "0",
            "NO_PROXY": "127.0.0.1",
        }

    def run(self, *words: str, program: tuple[str, ...] = ("-m", "builder.cli"), **env: str) -> Ran:
        done = subprocess.run(
            [sys.executable, *program, *words],
            cwd=self.root,
            env={**self.environ, "PYTHONPATH": str(REPOSITORY), **env},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        self.said += [done.stdout, done.stderr]
        return Ran(done.returncode, done.stdout, done.stderr)

    def keep_secrets(self, password: str = SECRETS.password) -> None:
        """The token in condarc, through a variable; the password in netrc."""
        home, host = self.home / "home", self.server.url.removeprefix("http://")
        home.mkdir(exist_ok=True)
        (home / ".condarc").write_text(f"channels: ['http://{host}/t/${{CHANNEL_TOKEN}}/conda/lab']\n")
        (home / ".netrc").write_text(f"machine 127.0.0.1\nlogin {SECRETS.user}\npassword {password}\n")
        (home / ".netrc").chmod(0o600)

    def write(self) -> None:
        folder = self.root / "envs" / "private"
        (folder / "smoke").mkdir(parents=True)
        channel = f"{self.server.url}/conda/lab"
        (folder / "environment.yml").write_text(ENVIRONMENT.format(channel=channel))
        (folder / "image.yml").write_text(IMAGE)
        (folder / "smoke" / "table.py").write_text(SMOKE)
        (self.root / "envs" / "_bases.yml").write_text(BASES)
        (self.root / "imgbuild.yml").write_text(f"wheel_index: {self.server.url}/simple/\n")
        (self.home / "tmp").mkdir()

    @property
    def installer(self) -> tuple[str, ...]:
        path = f"/miniforge/{NAME}"
        sha256 = hashlib.sha256(self.server.files[path]).hexdigest()
        return ("--installer", f"{self.server.url}{path}", "--installer-sha256", sha256)


def served(kit: Path, scratch: Path) -> dict[str, bytes]:
    """The kit's packages behind a guarded server: the channel, the wheels that are needed, an installer."""
    installer = second_installer(scratch, kit / "channel")
    channel = {
        f"/conda/lab/{path.relative_to(kit / 'channel')}": path.read_bytes()
        for path in (kit / "channel").rglob("*")
        if path.is_file()
    }
    wheels = {f"/packages/{path.name}": path.read_bytes() for path in (kit / "wheels").glob("*.whl")}
    return {**channel, **wheels, f"/miniforge/{NAME}": installer.read_bytes()}


@pytest.fixture(scope="module")
def private(
    workshop: Workshop, engine: object, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Private]:
    """The image built and proven from guarded servers."""
    home = tmp_path_factory.mktemp("private")
    with (workshop.kit / "base" / "bookworm.tar").open("rb") as tar:
        subprocess.run(["docker", "import", "-", BASE], stdin=tar, capture_output=True, check=True)
    files = served(workshop.kit, tmp_path_factory.mktemp("scratch"))
    try:
        with hostile_upstream(Hostile(files, secrets=SECRETS)) as server:
            made = Private(workshop, home, server)
            made.write()
            made.keep_secrets()
            locked = made.run("lock", "private", "-v", *made.installer)
            assert locked.code == 0, locked.err
            built = made.run("build", "private", "-v", "--json", "--locked")
            assert built.code == 0, built.err
            yield made
    finally:
        subprocess.run(
            ["docker", "rmi", "--force", f"{PREFIX}/private", BASE], capture_output=True, check=False
        )


@pytest.fixture
def hunt() -> Hunt:
    return Hunt(SECRETS.token, SECRETS.password)


def test_the_servers_were_asked_with_the_secrets_and_the_image_is_proven(private: Private) -> None:
    record = json.loads((private.root / ".imgbuild" / "private" / "record.json").read_text())
    assert {result["outcome"] for result in record["verdict"]["results"]} == {"passed"}
    for part in (
        "/conda/lab/linux-64/python-",
        "/packages/tabulate-",
        f"/miniforge/{NAME}",
        "/simple/tabulate",
    ):
        assert any(part in line for line in private.server.asked), part
    stranger = Hostile(private.server.files, secrets=Secrets("other", "x", "y"))
    with hostile_upstream(stranger) as server:
        done = private.run("lock", "private", *private.installer, "--wheel-index", f"{server.url}/simple/")
    assert done.code != 0
    assert stranger.refused


def test_no_secret_is_in_what_other_commands_say_and_write(private: Private, hunt: Hunt) -> None:
    context = private.home / "context"
    for words in (
        ("render", "private", "--output", str(context), "-v"),
        ("render", "private", "--json"),
        ("plan", "private", "--json"),
        ("list", "--json"),
        ("show", "private", "--json"),
        ("check", "private"),
        ("lock", "private", "--check"),
        ("lock", "private", "--json", *private.installer),
        ("build", "private", "-v"),
        ("test", "private", "-v"),
    ):
        done = private.run(*words)
        assert done.code == 0, f"{words}\n{done.err}"
    assert (context / "Dockerfile").is_file()
    assert list(hunt.leaks("output", "".join(private.said).encode())) == []
    assert hunt.below(private.home, but=KEPT) == []
    assert hunt.looked > 500


def test_no_secret_is_in_what_a_refusal_says(private: Private, hunt: Hunt) -> None:
    """Servers that refuse what they are given: errors, their details and, with -v, their tracebacks."""
    cases = {
        "token": {"CHANNEL_TOKEN": f"{SECRETS.token}0"},
        "password": {},
    }
    for case, env in cases.items():
        private.keep_secrets(f"{SECRETS.password}0" if case == "password" else SECRETS.password)
        store = {"IMGBUILD_CACHE": str(private.home / f"cache-{case}")}
        for words in (("-v",), ("--json",)):
            done = private.run("lock", "private", *words, *private.installer, **env, **store)
            assert done.code in {3, 5}, done.err
            assert "127.0.0.1 refuses what" in done.out + done.err
    private.keep_secrets()
    assert list(hunt.leaks("output", "".join(private.said).encode())) == []
    assert hunt.below(private.home, but=KEPT) == []


def test_no_secret_is_in_the_log_of_a_crash(private: Private, hunt: Hunt) -> None:
    store = {"IMGBUILD_CACHE": str(private.home / "cache-crash")}
    done = private.run("build", "private", "--force", "-v", program=("-c", CRASH), **store)
    if done.code == 0:  # the packages are in the engine already, and nothing has to be fetched
        done = private.run("lock", "private", "-v", *private.installer, program=("-c", CRASH), **store)
    assert done.code == 70, done.err
    (log,) = (private.home / "tmp").glob("imgbuild-*.log")
    assert "RuntimeError: http" in log.read_text()
    assert list(hunt.leaks("output", (done.out + done.err).encode())) == []
    assert hunt.below(private.home / "tmp") == []


def test_no_secret_is_in_layers_history_and_labels(private: Private, hunt: Hunt) -> None:
    """The image, and each image of packages that the build stood on."""
    label = json.loads(docker("inspect", f"{PREFIX}/private"))[0]["Config"]["Labels"]
    assert label["io.imgbuild.source"] == "upstream"
    images = [f"{PREFIX}/private", *docker("images", "-q", "--filter", "label=io.imgbuild.kind=pkg").split()]
    assert len(images) > 1
    for image in dict.fromkeys(images):
        for words in (("inspect", image), ("history", "--no-trunc", image)):
            assert list(hunt.leaks(f"docker {words[0]}", docker(*words).encode())) == []
        saved = private.home / "image.tar"
        docker("save", "--output", str(saved), image)
        assert list(hunt.leaks(image, saved.read_bytes())) == []
        saved.unlink()
    assert hunt.looked > 3000


def test_the_hunt_would_find_what_a_build_writes(private: Private) -> None:
    """The same search for something that is there: in the lock, in the output, in a layer."""
    written, layered = Hunt("/packages/tabulate-"), Hunt("site-packages/tabulate/")
    assert any("conda-lock.yml" in line for line in written.below(private.root))
    assert list(Hunt("conda and 1 pip packages").leaks("output", "".join(private.said).encode()))
    saved = private.home / "image.tar"
    docker("save", "--output", str(saved), f"{PREFIX}/private")
    assert any("layer" in line for line in layered.leaks("image", saved.read_bytes()))
    saved.unlink()
