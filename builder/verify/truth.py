"""All that is known of an image's files before it is looked at: from the lock's archives, the plan and the base."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from builder.lock.model import EnvironmentLock
from builder.plan import Plan
from builder.render.model import Rendered
from builder.render.own import own_files
from builder.render.steps import instructions
from builder.verify.archives import Archives, Expected, Held, Place, sha256
from builder.verify.conda import hold_conda
from builder.verify.tree import Tree
from builder.verify.wheels import hold_wheel

ENVS = "/opt/conda/envs"
INSTALLER = "/opt/conda"
_PASSWD, _BASHRC = "/etc/passwd", "/etc/bash.bashrc"
_OWN = "imgbuild"
_KEPT = re.compile(
    rf"{ENVS}/[^/]+/(?:conda-meta/[^/]+\.json|.*\.dist-info/(?:METADATA|RECORD|INSTALLER))|{_PASSWD}|{_BASHRC}"
)


def keep(path: str) -> bool:
    """Of which paths the content is needed, and not its hash alone."""
    return _KEPT.fullmatch(path) is not None


@dataclass(frozen=True)
class Zone:
    """A folder in which something other than archives decides what lies there. why: what it is."""

    folder: str
    why: str

    def holds(self, path: str) -> bool:
        """Whether the path lies in it, and in no environment unless the zone is one."""
        return path.startswith(f"{self.folder}/") and (
            self.folder != INSTALLER or not path.startswith(f"{ENVS}/")
        )


@dataclass(frozen=True)
class Truth:
    """files: what single paths must be. held: the same for each environment, with the records of its packages. zones:
    where other files may lie."""

    held: tuple[Held, ...]
    files: Mapping[str, Expected]
    zones: tuple[Zone, ...] = ()
    packages: int = 0

    def zone(self, path: str) -> Zone | None:
        """The first zone that holds a path."""
        return next((zone for zone in self.zones if zone.holds(path)), None)


def truth_of(plan: Plan, rendered: Rendered, paths: Archives, base: Tree | None) -> Truth:
    """Everything that can be said before. paths: the archives of the lock; base: the files of the base, if its layers
    are known. Raises BuildError for an archive that cannot be read."""
    held = tuple(_held(one, paths) for one in plan.lock.environments)
    files: dict[str, Expected] = {}
    for one in held:
        files |= one.files
    files |= dict(_own(plan, rendered, held))
    if base is not None and not plan.lock.apt:
        files |= dict(_account(plan, base))
    packages = sum(len(one.conda) + len(one.pip) for one in plan.lock.environments)
    return Truth(held, files, tuple(_zones(plan, rendered, held)), packages)


def _held(environment: EnvironmentLock, paths: Archives) -> Held:
    minor = ".".join(environment.python.split(".")[:2])
    held = Held(Place(environment.name, f"{ENVS}/{environment.name}", minor))
    for package in environment.conda:
        hold_conda(package, paths[package.sha256], held)
    for wheel in environment.pip:
        hold_wheel(wheel, paths[wheel.sha256], held)
    return held


def _own(plan: Plan, rendered: Rendered, held: tuple[Held, ...]) -> Iterator[tuple[str, Expected]]:
    """What the page puts into the image from its own context."""
    places = {
        "rootfs/imgbuild.sh": "/etc/profile.d/imgbuild.sh",
        "rootfs/imgbuild-entrypoint": "/usr/local/bin/imgbuild-entrypoint",
        "rootfs/imgbuild-init": "/usr/local/lib/imgbuild/init",
        "rootfs/imgbuild-gpus": "/usr/local/lib/imgbuild/gpus",
    }
    for one in held:
        name, prefix = one.place.name, one.place.prefix
        places[f"rootfs/pip/{name}.conf"] = f"{prefix}/pip.conf"
        places[f"lock/{name}/state.json"] = f"{prefix}/conda-meta/state"
        places[f"lock/{name}/frozen.json"] = f"{prefix}/conda-meta/frozen"
    for source, file in rendered.files.items():
        target = places.get(source)
        if source.startswith("rootfs/envs/"):
            target = f"/etc/imgbuild/{source.removeprefix('rootfs/envs/')}"
        if target is not None:
            runs = source in {"rootfs/imgbuild-entrypoint", "rootfs/imgbuild-init"}
            yield target, Expected(_OWN, hashes=frozenset((sha256(file.content),)), runs=runs)
    copies, own = own_files(plan.spec)
    for folder, target in copies:
        for name, file in own.items():
            if name.startswith(folder):
                hashes = frozenset((sha256(file.content),))
                yield (
                    target + name.removeprefix(folder),
                    Expected("files:", hashes=hashes, runs=file.mode == 0o755),
                )


def _account(plan: Plan, base: Tree) -> Iterator[tuple[str, Expected]]:
    """The two files of the base that every page changes."""
    user = plan.spec.user
    passwd = base.kept.get(_PASSWD, b"").decode(errors="surrogateescape")
    others = [
        line for line in passwd.splitlines(keepends=True) if not re.match(rf"[^:]*:[^:]*:{user.uid}:", line)
    ]
    account = f"{user.name}:*:{user.uid}:0::/home/{user.name}:/bin/bash\n"
    text = ("".join(others) + account).encode(errors="surrogateescape")
    yield _PASSWD, Expected(_OWN, hashes=frozenset((sha256(text),)))
    bashrc = base.kept.get(_BASHRC, b"") + b". /etc/profile.d/imgbuild.sh\n"
    yield _BASHRC, Expected(_OWN, hashes=frozenset((sha256(bashrc),)))


def _zones(plan: Plan, rendered: Rendered, held: tuple[Held, ...]) -> Iterator[Zone]:
    yield Zone(INSTALLER, "what the installer of conda put there")
    for one in held:
        if one.scripted:
            names = ", ".join(one.scripted)
            yield Zone(one.place.prefix, f"packages that run a script when they are linked ({names})")
    if plan.lock.apt:
        yield Zone("", "what apt and the OS packages' own scripts put there")
    if plan.spec.snippets:
        steps = [word for word, _ in instructions(rendered.dockerfile) if word in {"RUN", "COPY", "ADD"}]
        if steps:
            yield Zone("", "what the snippets of the definition put there")
