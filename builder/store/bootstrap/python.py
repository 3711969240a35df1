"""A real conda package `python` from the interpreter of the base's own distribution."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder import proc
from builder.errors import BuildError
from builder.store.bootstrap import elf
from builder.store.bootstrap.apt import Apt
from builder.store.bootstrap.interpreter import patch_library, patch_program
from builder.store.bootstrap.package import PLACEHOLDER, Entry, Head, write_package
from builder.store.bootstrap.recipe import recipe
from builder.values import digest_of

_OF_BASE = re.compile(r"libc6|libgcc-s1|libc-.*|libperl.*|libstdc\+\+6|.*-(?:dev|common|bin|modules.*)")
_LICENSE = "PSF-2.0"
_OWN = "python"


@dataclass(frozen=True, slots=True)
class PythonSource:
    """What the distribution offers: full version, and the version of every package that goes in."""

    version: str
    packages: Mapping[str, str]

    @property
    def minor(self) -> str:
        """`3.11`."""
        return ".".join(self.version.split(".")[:2])


def find_python(apt: Apt) -> PythonSource:
    """The interpreter that the suite calls python3, and what belongs to it."""
    name = apt.first_dependency("python3", r"python3\.\d+")
    own = [name, f"{name}-minimal", f"lib{name}-minimal", f"lib{name}-stdlib", f"lib{name}-dev"]
    libraries = [one for one in apt.depends([f"lib{name}-stdlib", name]) if _carries_libraries(one)]
    # Where distutils is a package of its own, it belongs to the standard library all the same.
    versions = apt.versions(sorted({*own, *libraries, "python3-distutils", "python3-lib2to3"}))
    version = re.match(r"\d+\.\d+\.\d+", versions.get(name, ""))
    if version is None:
        raise BuildError(f"the suite's {name} has the version {versions.get(name)!r}", fix="report this")
    return PythonSource(version.group(), {key: versions[key] for key in sorted(versions)})


def make_python(source: PythonSource, apt: Apt, subdir: str, cache: Path) -> tuple[Path, bool]:
    """The package's path in `cache`, and whether an earlier bootstrap left it there."""
    key = digest_of([recipe("elf", "interpreter", "package", "python"), subdir, dict(source.packages)])[:32]
    folder = cache / key
    done = sorted(folder.glob("python-*.conda"))
    if done:
        return done[0], True
    with tempfile.TemporaryDirectory(prefix="imgbuild-python-") as name:
        debs, prefix = Path(name) / "debs", Path(name) / "prefix"
        extract(source, apt, debs)
        used = {_OWN, *lay_out(debs, prefix, source.minor, apt)}
        folder.mkdir(parents=True, exist_ok=True)
        program = debs / _OWN / f"usr/bin/python{source.minor}"
        head = _head(source, subdir, key, int(program.stat().st_mtime))
        licences = _licences(debs / one for one in sorted(used))
        made = write_package(Path(name), head, _entries(prefix), licences)
        return Path(shutil.move(made, folder / made.name)), False


def extract(source: PythonSource, apt: Apt, debs: Path) -> None:
    """Unpack what the interpreter itself is made of into one folder, and every library into its own."""
    debs.mkdir(parents=True)
    for name, archive in zip(source.packages, apt.download(list(source.packages)), strict=True):
        proc.run(["dpkg-deb", "-x", archive, debs / (_OWN if "python" in name else name)])


def lay_out(debs: Path, prefix: Path, minor: str, apt: Apt) -> set[str]:
    """Arrange unpacked packages as a conda prefix; returns the library packages that were used."""
    root, multiarch = debs / _OWN, apt.library_folders[0].rsplit("/", 1)[-1]
    library = prefix / f"lib/python{minor}"
    (prefix / "bin").mkdir(parents=True)
    shutil.copytree(root / f"usr/lib/python{minor}", library, symlinks=True)
    headers = root / "usr/include"
    patch_library(library, minor=minor, multiarch=multiarch, headers=headers)
    shutil.copytree(headers / f"python{minor}", prefix / f"include/python{minor}")
    program = prefix / f"bin/python{minor}"
    program.write_bytes(patch_program((root / f"usr/bin/python{minor}").read_bytes()))
    program.chmod(0o755)
    places = [one / folder for one in sorted(debs.iterdir()) for folder in apt.library_folders]
    own = _add_libraries(prefix, library, places)
    (library / "site-packages").mkdir()
    (library / "site-packages/README.txt").write_text("Modules that conda and pip install lie here.\n")
    for link in ("python", "python3"):
        (prefix / "bin" / link).symlink_to(program.name)
    return {path.relative_to(debs.resolve()).parts[0] for path in own.values()}


def _add_libraries(prefix: Path, library: Path, folders: Sequence[Path]) -> Mapping[str, Path]:
    modules = sorted((library / "lib-dynload").glob("*.so"))
    programs = [*sorted((prefix / "bin").iterdir()), *modules]
    own = elf.collect(programs, folders)
    for name, path in own.items():
        shutil.copyfile(path, prefix / "lib" / name)
        (prefix / "lib" / name).chmod(0o755)
    for program in [*programs, *(prefix / "lib" / name for name in own)]:
        if any(name in own for name in elf.needed(program)):
            up = os.path.relpath(prefix / "lib", program.parent)
            elf.set_search_path(program, "$ORIGIN" if up == "." else f"$ORIGIN/{up}")
    return own


def _carries_libraries(name: str) -> bool:
    return name.startswith(("lib", "zlib")) and not _OF_BASE.fullmatch(name)


def _head(source: PythonSource, subdir: str, key: str, seconds: int) -> Head:
    about = {
        "home": "https://www.python.org/",
        "license_family": "PSF",
        "summary": "General purpose programming language, from the interpreter of a Linux distribution",
        "description": "The libraries it brings have licences of their own: see info/licenses.",
        "extra": {"made_by": "imgbuild kit bootstrap", "distribution_packages": dict(source.packages)},
    }
    return Head(
        name="python",
        version=source.version,
        build=f"h{key[:8]}_0_cpython",
        subdir=subdir,
        depends=("pip",),
        license=_LICENSE,
        seconds=seconds,
        about=about,
    )


def _entries(prefix: Path) -> list[Entry]:
    found = []
    for path in sorted(prefix.rglob("*")):
        name = path.relative_to(prefix).as_posix()
        if path.is_symlink():
            found.append(Entry(name, link=str(path.readlink())))
        elif path.is_file():
            mode = 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644
            text = path.suffix in {".py", ""} and not elf.is_elf(path)
            has_prefix = text and PLACEHOLDER.encode() in path.read_bytes()
            found.append(Entry(name, path, mode, has_prefix=has_prefix))
    return found


def _licences(roots: Iterable[Path]) -> dict[str, bytes]:
    """Every package's copyright file; a documentation folder that is a link leads to another package's."""
    texts = [path for root in roots for path in sorted((root / "usr/share/doc").glob("*/copyright"))]
    return {f"licenses/{path.parent.name}.txt": path.read_bytes() for path in texts if path.is_file()}
