"""Our locks in the hands of others: conda-lock's own v1 reader and renderer, rattler's, and a YAML 1.2 reader."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rattler import Version

from builder.lock.files import read_lock, write_lock
from builder.lock.inputs import digest_of_lines, input_lines
from builder.lock.model import CondaPackage, EnvironmentLock, LockSet, PipPackage
from builder.spec.model import CONDA_SUBDIR, CondaEnvironment, ImageSpec, Platform
from tests.support.lock_readers import read_by_others
from tests.support.lock_samples import CHANNEL, conda_environment, image_spec, lock_set

KIT_CHANNEL = "kit:///channel"
PLATFORMS: tuple[Platform, ...] = ("linux/amd64", "linux/arm64")
# What a reader of YAML may take for a truth, a number, a date or nothing at all.
NAMES = [
    "on", "off", "yes", "no", "y", "n", "true", "null", "nan", "inf", "1e3", "0x1f", "0o17", "017", "1_000", "12",
    "2024-01-01", "_libgcc_mutex", "zlib", "numpy", "torch", "r-base", "font-ttf-dejavu-sans-mono", "x.y",
]  # fmt: skip
VERSIONS = [
    "1e3", "1.0", "1", "3.10", "1!2.0", "2.7.1+cu126", "2024a", "0x10", "017", "0o17", "1_000", "5.e3", "20240101",
    "1.2.3rc1", "9f", "1.1.1w", "0", "00", "1e400", "12e03", "y", "no", "on",
]  # fmt: skip
BUILDS = ["0", "1e3", "py311h1234_0", "h1_0", "cuda126_py311_200", "no", "00"]
CONSTRAINTS = ["", " >=1.2,<2.0a0", " 3.11.* *_cp311", " 1e3", " =1.0", ">=2", " *", " !=1!2.0", " on"]
HASHES = ["{:032d}", "{:028d}12e4", "{:030d}e1", "ab{:030d}"]


def spec_of(*names: str, variant: str = "") -> ImageSpec:
    environments = [conda_environment(name) for name in names or ("regression",)]
    return image_spec(*environments, **({"variant": variant} if variant else {}))


def number_of(filename: str) -> int:
    """Files of one name are one file, so hashes follow from the name."""
    return int(hashlib.sha256(filename.encode()).hexdigest(), 16) % 10**20


def md5(filename: str) -> str:
    """As often as not a number, were it not a hash."""
    return HASHES[number_of(filename) % len(HASHES)].format(number_of(filename))


def random_conda(seed: random.Random, channel: str, subdir: str) -> tuple[CondaPackage, ...]:
    """Packages that need those before them, as a lock has them; python and pip need each other."""
    names = ["python", *seed.sample(NAMES, seed.randrange(1, len(NAMES))), "pip"]
    made: list[CondaPackage] = []
    for number, name in enumerate(names):
        version, build = seed.choice(VERSIONS), seed.choice(BUILDS)
        place = seed.choice([subdir, "noarch"])
        before = seed.sample(names[:number], min(number, seed.randrange(4)))
        if name == "pip":
            before = ["python"]
        needs = [f"{one}{seed.choice(CONSTRAINTS)}" for one in before] + ["__glibc >=2.17"]
        needs += ["pip"] if name == "python" else []
        filename = f"{name}-{version}-{build}{seed.choice(['.conda', '.tar.bz2'])}"
        made.append(
            CondaPackage(
                url=f"{channel}/{place}/{filename}",
                sha256=f"{number_of(filename):060d}12e4",
                md5=md5(filename),
                size=1,
                name=name,
                version=version,
                build=build,
                subdir=place,
                channel=channel,
                depends=tuple(needs),
            )
        )
    return tuple(made)


def random_wheels(seed: random.Random) -> tuple[PipPackage, ...]:
    found = []
    for name in sorted(seed.sample(["on", "y", "numpy", "tabulate", "1e3", "null"], seed.randrange(4))):
        version = seed.choice(["1.0", "1!2.0", "2.7.1+cu126", "2024.1", "3", "1.0rc1"])
        filename = f"{name}-{version}-py3-none-any.whl"
        url = f"https://wheels.example.org/packages/{filename}"
        sha = f"{number_of(filename):060d}e123"
        found.append(PipPackage(url=url, sha256=sha, size=1, name=name, version=version))
    return tuple(found)


def random_lock(spec: ImageSpec, platform: Platform, seed: random.Random) -> LockSet:
    channel = seed.choice([CHANNEL, KIT_CHANNEL, "https://conda.example.org:8443/a~b"])
    environments = [random_environment(one, spec, platform, channel, seed) for one in spec.environments]
    return lock_set(spec, platform, environments=tuple(environments))


def random_environment(
    asked: CondaEnvironment, spec: ImageSpec, platform: Platform, channel: str, seed: random.Random
) -> EnvironmentLock:
    lines = input_lines(asked, spec, platform)
    # One URL is one file, also between the environments of a lock.
    own = f"{channel}/{asked.name}"
    return EnvironmentLock(
        name=asked.name,
        channels=(own,),
        conda=random_conda(seed, own, CONDA_SUBDIR[platform]),
        pip=random_wheels(seed),
        input_digest=digest_of_lines(lines),
        inputs=lines,
    )


def needed(package: CondaPackage) -> set[str]:
    """Names only, by hand: this test must not read a line as the writer does."""
    return {line.split(">=")[0].split()[0] for line in package.depends if not line.startswith("__")}


def check(page: dict[str, Any], environment: EnvironmentLock, platform: Platform) -> None:
    """Everybody found what the lock says, and the explicit file can be linked from top to bottom."""
    subdir = CONDA_SUBDIR[platform]
    own = page["conda-lock"]
    assert own["categories"] == ["main"]
    assert own["metadata"]["content_hash"][subdir] == environment.input_digest
    assert environment.channels[0] in [channel["url"] for channel in own["metadata"]["channels"]]
    check_packages([one for one in own["package"] if one["platform"] == subdir], environment)
    check_packages([one for one in page["yaml"]["package"] if one["platform"] == subdir], environment)
    check_explicit(own["explicit"][subdir], environment, subdir)
    # rattler compares versions and does not keep how they were spelled (`00`).
    wanted = [[one.name, str(Version(one.version)), one.url, one.sha256] for one in environment.conda]
    wanted += [[one.name, one.version, one.url, one.sha256] for one in environment.pip]
    assert sorted(page["rattler"][subdir]) == sorted(wanted)


def check_packages(found: Sequence[dict[str, Any]], environment: EnvironmentLock) -> None:
    assert {
        (
            one["manager"],
            one["name"],
            one["version"],
            one["url"],
            one["hash"].get("md5"),
            one["hash"]["sha256"],
        )
        for one in found
    } == {
        *(("conda", one.name, one.version, one.url, one.md5, one.sha256) for one in environment.conda),
        *(("pip", one.name, one.version, one.url, None, one.sha256) for one in environment.pip),
    }
    assert len(found) == len(environment.conda) + len(environment.pip)
    needs = {one["name"]: set(one["dependencies"]) for one in found if one["manager"] == "conda"}
    assert needs == {one.name: needed(one) for one in environment.conda}


def check_explicit(lines: Sequence[str], environment: EnvironmentLock, subdir: str) -> None:
    assert f"# platform: {subdir}" in lines
    urls = list(lines[lines.index("@EXPLICIT") + 1 :])
    by_line = {f"{one.url}#{one.md5}": one for one in environment.conda}
    order = [by_line[line].name for line in urls if not line.startswith("#")]
    assert sorted(order) == sorted(one.name for one in environment.conda)
    for package in environment.conda:
        for name in needed(package) - ({"pip"} if package.name == "python" else set()):
            assert order.index(name) < order.index(package.name), (name, package.name)
    wheels = sorted(line for line in urls if line.startswith("#"))
    assert wheels == sorted(f"# pip {one.name} @ {one.url}#sha256={one.sha256}" for one in environment.pip)


def test_locks_of_any_shape_are_read_alike_by_all(tmp_path: Path) -> None:
    """Conda only and with pip, one and two platforms, one and several environments, variants, kits, odd words."""
    cases: list[tuple[ImageSpec, list[LockSet], Path]] = []
    for number in range(24):
        seed = random.Random(number)
        names = seed.choice([("regression",), ("regression", "serve"), ("regression", "on", "1e3")])
        spec = spec_of(*names, variant=seed.choice(["", "cu126"]))
        folder = tmp_path / str(number)
        locks = [random_lock(spec, platform, seed) for platform in seed.choice([PLATFORMS[:1], PLATFORMS])]
        for lock in locks:
            write_lock(lock, folder, spec)
        assert [read_lock(spec, lock.platform, folder) for lock in locks] == locks
        cases.append((spec, locks, folder))
    pages = [path for _, _, folder in cases for path in sorted(folder.glob("conda-lock*.yml"))]
    read = dict(zip(pages, read_by_others(pages), strict=True))
    for spec, locks, folder in cases:
        for lock in locks:
            for environment in lock.environments:
                check(read[page_of(folder, environment.name, spec)], environment, lock.platform)
    assert len(read) == sum(len(spec.environments) for spec, _, _ in cases)


def page_of(folder: Path, name: str, spec: ImageSpec) -> Path:
    variant = f".{spec.variant}" if spec.variant else ""
    further = "" if name == spec.environments[0].name else f"--{name}"
    return folder / f"conda-lock{variant}{further}.yml"


def test_the_command_renders_the_explicit_file_of_each_environment(tmp_path: Path) -> None:
    spec = spec_of("regression", "serve")
    locks = [lock_set(spec, platform) for platform in PLATFORMS]
    for lock in locks:
        write_lock(lock, tmp_path, spec)
    for environment in ("regression", "serve"):
        out = tmp_path / environment
        out.mkdir()
        rendered(page_of(tmp_path, environment, spec), out)
        for lock in locks:
            subdir = CONDA_SUBDIR[lock.platform]
            lines = (out / f"conda-{subdir}.lock").read_text().splitlines()
            own = next(one for one in lock.environments if one.name == environment)
            check_explicit(lines, own, subdir)
            assert f"# input_hash: {own.input_digest}" in lines


def rendered(page: Path, folder: Path) -> None:
    program = Path(sys.executable).with_name("conda-lock")
    done = subprocess.run(
        [program, "render", "--kind", "explicit", page],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_kit_s_lock_is_read_and_names_the_kit(tmp_path: Path) -> None:
    """The rendered file can be installed where the kit lies, once its URLs say where that is."""
    spec = spec_of()
    package = CondaPackage(
        url=f"{KIT_CHANNEL}/noarch/tiny-1.0-0.conda", sha256="0" * 64, md5="1" * 32, size=1, name="tiny",
        version="1.0", build="0", subdir="noarch", channel=KIT_CHANNEL,
    )  # fmt: skip
    plain = lock_set(spec).environments[0]
    own = plain.model_copy(update={"conda": (package,), "pip": (), "channels": (KIT_CHANNEL,)})
    write_lock(lock_set(spec, environments=(own,)), tmp_path, spec)
    (page,) = read_by_others([tmp_path / "conda-lock.yml"])
    check(page, own, "linux/amd64")
    line = page["conda-lock"]["explicit"]["linux-64"][-1]
    assert line == f"kit:///channel/noarch/tiny-1.0-0.conda#{'1' * 32}"


@pytest.mark.parametrize("line", ["python>=3.6", "python", " python >=3.6 ", "forge::python >=3.6", "Python"])
def test_an_untidy_dependency_still_orders_the_explicit_file(line: str, tmp_path: Path) -> None:
    spec = spec_of()
    plain = lock_set(spec).environments[0]
    python = plain.conda[1].model_copy(update={"depends": ()})
    # Without the dependency `a` would come before python.
    stem = "a-1.0-0"
    first = python.model_copy(
        update={
            "name": "a", "version": "1.0", "build": "0", "depends": (line,),
            "url": f"{python.channel}/{python.subdir}/{stem}.conda", "sha256": "a" * 64,
        }
    )  # fmt: skip
    own = plain.model_copy(update={"conda": (python, first), "pip": ()})
    write_lock(lock_set(spec, environments=(own,)), tmp_path, spec)
    (page,) = read_by_others([tmp_path / "conda-lock.yml"])
    lines = page["conda-lock"]["explicit"]["linux-64"]
    assert [line.rsplit("/", 1)[1].split("-")[0] for line in lines[-2:]] == ["python", "a"]
