"""The files of a lock that the build reads: what conda and uv are told, and what they are compared with."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence

from builder.errors import LockError
from builder.lock.model import CondaPackage, EnvironmentLock, LockSet, PipPackage
from builder.render.held import variables
from builder.render.model import RenderedFile
from builder.render.quoting import clean, key
from builder.spec.model import CONDA_SUBDIR
from builder.store.group import PackageGroup

MD5 = re.compile(r"[0-9a-f]{32}")
SHA256 = re.compile(r"[0-9a-f]{64}")
URL = re.compile(r"[a-z][a-z0-9+.-]*://[!-~]+")
ENVIRONMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
WHEEL_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
VERSION = re.compile(r"[A-Za-z0-9.!+_-]+")


def lock_files(lock: LockSet, groups: Sequence[PackageGroup]) -> dict[str, RenderedFile]:
    """All of them by path below the context. Raises LockError for a lock that must not be built from."""
    installer = lock.installer
    files = {
        "installer/sha256": _text(f"{_hash(installer.sha256)}  {installer.filename}\n"),
        "installer/condarc": _text(condarc(channels(lock))),
    }
    if lock.apt:
        files |= {f"apt/{name}": _text(text) for name, text in _apt(lock, groups).items()}
    for environment in lock.environments:
        mine = [group for group in groups if group.environment == environment.name]
        folder = f"lock/{_name(environment)}"
        files |= {
            f"{folder}/{name}": _text(text) for name, text in _environment(environment, lock, mine).items()
        }
    return files


def _apt(lock: LockSet, groups: Sequence[PackageGroup]) -> dict[str, str]:
    """What the packages' files are compared with, and what dpkg says afterwards."""
    there = sorted(f"{one.name} {one.architecture} {one.version}" for one in lock.apt)
    return {
        "archives.sha256": _archives([group for group in groups if group.kind == "apt"]),
        "installed.txt": _lines([clean(line) for line in there]),
    }


def channels(lock: LockSet) -> list[str]:
    """Every environment's channels, in their order, each once."""
    return list(
        dict.fromkeys(channel for environment in lock.environments for channel in environment.channels)
    )


def condarc(names: Sequence[str]) -> str:
    """The keys that imgbuild decides, as YAML (JSON strings are YAML)."""
    lines = "".join(f"  - {json.dumps(clean(name))}\n" for name in names)
    return f"channels:\n{lines}number_channel_notices: 0\n"


def _environment(
    environment: EnvironmentLock, lock: LockSet, groups: Sequence[PackageGroup]
) -> dict[str, str]:
    if not environment.conda:
        what = "the lock names no conda package, and conda would make an empty environment of it"
        raise LockError(what, where=environment.name, fix="add python to its dependencies and lock again")
    if environment.pip and lock.uv is None:
        what = "the lock names wheels and not the uv that installs them"
        raise LockError(what, where=environment.name, fix="make the lock again: imgbuild lock")
    urls = [_explicit(package) for package in environment.conda]
    files = {
        "explicit.txt": f"# platform: {CONDA_SUBDIR[lock.platform]}\n@EXPLICIT\n" + _lines(urls),
        "installed.txt": _lines(sorted(urls)),
        "archives.sha256": _archives([group for group in groups if group.kind == "conda"]),
        "frozen.json": json.dumps({"message": _frozen(lock.image)}) + "\n",
    }
    if environment.pip:
        files["requirements.txt"] = _lines([_requirement(package) for package in environment.pip])
    told = variables(environment, lock)
    if told:
        state = {"env_vars": {str(key(name)): clean(value) for name, value in _sorted(told)}}
        files["state.json"] = json.dumps(state, sort_keys=True) + "\n"
    return files


def variables_script(environment: EnvironmentLock, lock: LockSet) -> str:
    """Shell lines that change the first environment's variables into this one's."""
    told = variables(environment, lock)
    gone = sorted(set(variables(lock.environments[0], lock)) - set(told))
    lines = [f"unset {key(name)}" for name in gone]
    lines += [f"export {key(name)}={shlex.quote(clean(value))}" for name, value in _sorted(told)]
    return f"# Variables of the environment {_name(environment)}.\n" + _lines(lines)


def _explicit(package: CondaPackage) -> str:
    """conda takes an archive from a package directory by its md5 only; the sha256 is checked before."""
    if not URL.fullmatch(package.url) or "#" in package.url or not MD5.fullmatch(package.md5):
        what = f"{package.name} has no usable URL and md5"
        raise LockError(what, where=package.url, fix="make the lock again: imgbuild lock")
    return f"{package.url}#{package.md5}"


def _archives(groups: Sequence[PackageGroup]) -> str:
    """The list for `sha256sum --check`, below the directory that holds the mounts 0, 1, ..."""
    return _lines(
        [
            f"{_hash(file.sha256)}  {place}/{file.filename}"
            for place, group in enumerate(groups)
            for file in group.files
        ]
    )


def _requirement(package: PipPackage) -> str:
    if not WHEEL_NAME.fullmatch(package.name) or not VERSION.fullmatch(package.version):
        what = f"{package.name!r} {package.version!r} is not a package and its version"
        raise LockError(what, where=package.url, fix="make the lock again: imgbuild lock")
    return f"{package.name}=={package.version} --hash=sha256:{_hash(package.sha256)}"


def _hash(sha256: str) -> str:
    if not SHA256.fullmatch(sha256):
        raise LockError(f"not a sha256: {sha256!r}", where="lock", fix="make the lock again: imgbuild lock")
    return sha256


def _name(environment: EnvironmentLock) -> str:
    if not ENVIRONMENT.fullmatch(environment.name):
        what = f"{environment.name!r} cannot name an environment"
        raise LockError(what, where="lock", fix="use letters, digits and . _ -")
    return environment.name


def _frozen(image: str) -> str:
    what = f"This environment was baked by imgbuild from a lock and stays as it is (image {image})."
    return f"{what} Change its environment.yml, then run imgbuild lock and imgbuild build."


def _sorted(variables: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted(variables.items())


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _text(text: str) -> RenderedFile:
    return RenderedFile(text.encode())
