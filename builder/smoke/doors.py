"""The ways into an image. Each is a container as its users start it; behind each the same probe runs.

Sources: `docker run` and `docker exec` as their manuals have them. GitHub's runner (actions/runner,
ContainerOperationProvider and DockerCommandManager): `docker create --entrypoint tail IMAGE -f /dev/null` with
HOME=/github/home and the work directory below /__w, then `docker exec` with `sh -e SCRIPT` or
`bash --noprofile --norc -e -o pipefail SCRIPT`. GitLab's runner (shells/bash.go): the image's entrypoint, or
none when the job clears it, with a shell that looks for bash, and the job's script on its stdin.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from builder.engine.port import DoorSpec, Limits
from builder.errors import UsageError

VOLUME = "/imgbuild/door"
OUT = "out"
SEEN = "door.json"
PROBE = "test/doors.py"
JOB = "test/job.sh"
CONDA_SH = "/opt/conda/etc/profile.d/conda.sh"
LIMITS = Limits(memory=2 << 30, tmpfs=512 << 20, pids=256, seconds=120.0)
STRANGER = 12345
WORDS = ("python", f"{VOLUME}/{PROBE}", f"{VOLUME}/{OUT}/{SEEN}")
LINE = shlex.join(WORDS)
_TMPFS = {"/tmp": "exec,mode=1777,size=256m"}  # noqa: S108  (inside the container)
_GITHUB_ENV = {"HOME": "/github/home", "GITHUB_ACTIONS": "true", "CI": "true"}
_GITHUB_DIR = "/__w/imgbuild/imgbuild"
_GITLAB_DETECTION = (
    "if [ -x /usr/local/bin/bash ]; then\n\texec /usr/local/bin/bash \nelif [ -x /usr/bin/bash ]; then\n"
    "\texec /usr/bin/bash \nelif [ -x /bin/bash ]; then\n\texec /bin/bash \nelif [ -x /usr/local/bin/sh ]; then\n"
    "\texec /usr/local/bin/sh \nelif [ -x /usr/bin/sh ]; then\n\texec /usr/bin/sh \nelif [ -x /bin/sh ]; then\n"
    "\texec /bin/sh \nelif [ -x /busybox/sh ]; then\n\texec /busybox/sh \nelse\n\techo shell not found\n\texit 1\nfi\n"
)


@dataclass(frozen=True, slots=True)
class Visit:
    """Who goes through a door. chosen: the environment's name, empty for the one that is active anyway."""

    image: str
    owner: int
    chosen: str

    @property
    def by_variable(self) -> Mapping[str, str]:
        """What the entrypoint and login shells look at."""
        return {"IMGBUILD_ENV": self.chosen} if self.chosen else {}

    @property
    def by_run(self) -> tuple[str, ...]:
        """The probe for a door without entrypoint and shell: another environment is chosen by `conda run`."""
        return ("conda", "run", "--no-capture-output", "-n", self.chosen, *WORDS) if self.chosen else WORDS

    @property
    def by_activate(self) -> str:
        """The probe as a script: another environment is chosen by `conda activate`."""
        enter = f". {CONDA_SH}\nconda activate {shlex.quote(self.chosen)}\n" if self.chosen else ""
        return f"{enter}{LINE}\n"

    def run(self, *argv: str) -> DoorSpec:
        """`docker run IMAGE ARGV` with the environment chosen by variable."""
        return DoorSpec(self.image, argv, LIMITS, VOLUME, self.owner, env=self.by_variable)

    def execute(self, *argv: str) -> DoorSpec:
        """`docker exec CONTAINER ARGV` while the entrypoint runs something else."""
        return replace(self.run("sleep", "600"), env={}, inside=argv)


@dataclass(frozen=True, slots=True)
class Door:
    """One way in. shown: the command as people type it. only_env: nothing prepares the program but ENV."""

    name: str
    shown: str
    way: Callable[[Visit], DoorSpec]
    only_env: bool = False
    job: Callable[[Visit], str] = field(default=lambda _visit: "")


def _user(spec: DoorSpec, user: str) -> DoorSpec:
    return replace(spec, user=user, owner=STRANGER)


def _bare(visit: Visit) -> DoorSpec:
    return replace(visit.run(*visit.by_run), env={}, entrypoint=())


def _github(visit: Visit, *shell: str) -> DoorSpec:
    return replace(
        visit.run("-f", "/dev/null"),
        entrypoint=("tail",),
        env=_GITHUB_ENV,
        workdir=_GITHUB_DIR,
        inside=(*shell, f"{VOLUME}/{JOB}"),
        inside_workdir=_GITHUB_DIR,
    )


def _gitlab(visit: Visit, script: str) -> DoorSpec:
    """The runner pipes the job through eval, so that the job cannot eat the rest of the script."""
    whole = (
        f"#!/usr/bin/env bash\n\nset -eo pipefail\nset +o noclobber\n: | eval {shlex.quote(script)}\nexit 0\n"
    )
    spec = visit.run("sh", "-c", _GITLAB_DETECTION)
    return replace(spec, workdir="/builds/imgbuild/imgbuild", stdin=whole.encode())


def _job(visit: Visit) -> str:
    return visit.by_activate


DOORS: tuple[Door, ...] = (
    Door("exec-form", "docker run IMAGE python", lambda visit: visit.run(*WORDS)),
    Door("shell-form", "docker run IMAGE sh -c 'python'", lambda visit: visit.run("sh", "-c", LINE)),
    Door("login-shell", "docker run IMAGE bash -lc 'python'", lambda visit: visit.run("bash", "-lc", LINE)),
    Door(
        "docker-exec",
        "docker exec CONTAINER python",
        lambda visit: visit.execute(*visit.by_run),
        only_env=True,
    ),
    Door(
        "docker-exec-login",
        "docker exec CONTAINER bash -lc 'python'",
        lambda visit: replace(visit.execute("bash", "-lc", LINE), inside_env=visit.by_variable),
    ),
    Door(
        "any-uid",
        f"docker run --user {STRANGER} IMAGE python",
        lambda visit: _user(visit.run(*WORDS), f"{STRANGER}"),
    ),
    Door(
        "any-uid-and-gid",
        f"docker run --user {STRANGER}:54321 IMAGE python",
        lambda visit: _user(visit.run(*WORDS), f"{STRANGER}:54321"),
    ),
    Door("no-entrypoint", 'docker run --entrypoint "" IMAGE python', _bare, only_env=True),
    Door(
        "no-entrypoint-any-uid",
        f'docker run --entrypoint "" --user {STRANGER}:54321 IMAGE python',
        lambda visit: _user(_bare(visit), f"{STRANGER}:54321"),
        only_env=True,
    ),
    Door(
        "read-only",
        "docker run --read-only --tmpfs /tmp IMAGE python",
        lambda visit: replace(visit.run(*WORDS), read_only=True, tmpfs=_TMPFS),
    ),
    Door(
        "github-sh",
        "GitHub Actions, `container:`, `shell: sh`",
        lambda visit: _github(visit, "sh", "-e"),
        only_env=True,
        job=_job,
    ),
    Door(
        "github-bash",
        "GitHub Actions, `container:`, `shell: bash`",
        lambda visit: _github(visit, "bash", "--noprofile", "--norc", "-e", "-o", "pipefail"),
        only_env=True,
        job=_job,
    ),
    Door("gitlab", "GitLab CI, `image:`", lambda visit: _gitlab(visit, f"{LINE}\n")),
    Door(
        "gitlab-no-entrypoint",
        'GitLab CI, `image:` with `entrypoint: [""]`',
        lambda visit: replace(_gitlab(visit, visit.by_activate), env={}, entrypoint=()),
        only_env=True,
    ),
)


def find_doors(names: Sequence[str]) -> tuple[Door, ...]:
    """Doors by name, `all` for each of them. Raises UsageError for an unknown one."""
    known = {door.name: door for door in DOORS}
    if "all" in names:
        return DOORS
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            mend = f"did you mean {near[0]}?" if near else f"there are all, {', '.join(known)}"
            raise UsageError(f"no door is called {name!r}", fix=mend)
    return tuple(known[name] for name in dict.fromkeys(names))


REFERENCE = f"""\
set -eu
. {CONDA_SH}
env -0 > "$2/before"
set +u
conda activate "$1"
env -0 > "$2/after"
"""


def reference(visit: Visit, environment: str, home: str) -> DoorSpec:
    """conda itself, in a clean shell: what `conda activate` sets is what every door has to show."""
    clean = ("env", "-i", f"HOME={home}", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    argv = (*clean, "bash", "--noprofile", "--norc", f"{VOLUME}/{JOB}", environment, f"{VOLUME}/{OUT}")
    return replace(visit.run(*argv), env={}, entrypoint=())
