"""Small conda packages for the contract's tests, and a throwaway python from the interpreter that runs the tests."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import os
import sys
import sysconfig
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHANNEL = "https://conda.anaconda.org/conda-forge"
PLACEHOLDER = "/opt/placehold_placehold_placehold_placehold_placehold_placehold_placehold_placehold_placehold"
UNWANTED = {"test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "site-packages",
            "dist-packages", "__pycache__", "pydoc_data"}  # fmt: skip
STAMP = 1700000000


@dataclass(frozen=True)
class File:
    """One file of a package. prefix: `text` or `binary` when PLACEHOLDER stands in it. link: a symbolic link."""

    content: bytes | Path = b""
    mode: int = 0o644
    prefix: str = ""
    link: str = ""


@dataclass(frozen=True)
class Made:
    """An archive and what a lock says of it."""

    path: Path
    name: str
    subdir: str

    @property
    def url(self) -> str:
        return f"{CHANNEL}/{self.subdir}/{self.path.name}"

    @property
    def md5(self) -> str:
        return hashlib.md5(self.path.read_bytes(), usedforsecurity=False).hexdigest()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @property
    def line(self) -> str:
        return f"{self.url}#{self.md5}"

    @property
    def dist(self) -> str:
        return self.path.name.removesuffix(".conda").removesuffix(".tar.bz2")


@dataclass
class Recipe:
    """What goes into a package."""

    name: str
    files: Mapping[str, File | bytes]
    version: str = "1.0"
    build: str = "0"
    noarch: str = ""
    depends: Sequence[str] = ()
    entry_points: Sequence[str] = ()
    extension: str = ".conda"
    subdir: str = "linux-64"
    index: Mapping[str, Any] = field(default_factory=dict)
    paths: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    members: Sequence[tarfile.TarInfo] = ()

    @property
    def stem(self) -> str:
        return f"{self.name}-{self.version}-{self.build}"


def make(folder: Path, recipe: Recipe) -> Made:
    """Write a package into folder."""
    files = {path: item if isinstance(item, File) else File(item) for path, item in recipe.files.items()}
    every = {**files, **_info(recipe, files)}
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{recipe.stem}{recipe.extension}"
    if recipe.extension == ".conda":
        from conda_package_streaming.create import conda_builder

        with conda_builder(recipe.stem, folder, compression_level=1) as tar:
            _fill(tar, every, recipe.members)
    else:
        with tarfile.open(target, "w:bz2") as tar:
            _fill(tar, every, recipe.members)
    return Made(target, recipe.name, "noarch" if recipe.noarch else recipe.subdir)


def _fill(tar: tarfile.TarFile, files: Mapping[str, File], members: Sequence[tarfile.TarInfo]) -> None:
    for path, file in files.items():
        member = tarfile.TarInfo(path)
        member.mtime, member.mode = STAMP, file.mode
        if file.link:
            member.type, member.linkname = tarfile.SYMTYPE, file.link
            tar.addfile(member)
            continue
        data = _bytes(file)
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    for member in members:
        tar.addfile(member, io.BytesIO(b"x" * member.size))


def _bytes(file: File) -> bytes:
    return file.content if isinstance(file.content, bytes) else file.content.read_bytes()


def _info(recipe: Recipe, files: Mapping[str, File]) -> dict[str, File]:
    index = {
        "build": recipe.build,
        "build_number": 0,
        "depends": list(recipe.depends),
        "license": "MIT",
        "name": recipe.name,
        "subdir": "noarch" if recipe.noarch else recipe.subdir,
        "version": recipe.version,
        **({"noarch": recipe.noarch} if recipe.noarch else {}),
        **recipe.index,
    }
    paths = [{**_path(path, file), **recipe.paths.get(path, {})} for path, file in files.items()]
    made = {
        "info/index.json": json.dumps(index),
        "info/paths.json": json.dumps({"paths": paths, "paths_version": 1}),
    }
    if recipe.noarch == "python":
        link = {
            "noarch": {"type": "python", "entry_points": list(recipe.entry_points)},
            "package_metadata_version": 1,
        }
        made["info/link.json"] = json.dumps(link)
    return {path: File(text.encode()) for path, text in made.items()}


def _path(path: str, file: File) -> dict[str, Any]:
    if file.link:
        return {"_path": path, "path_type": "softlink"}
    data = _bytes(file)
    fact: dict[str, Any] = {
        "_path": path,
        "path_type": "hardlink",
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_in_bytes": len(data),
    }
    return {**fact, "prefix_placeholder": PLACEHOLDER, "file_mode": file.prefix} if file.prefix else fact


def host_python(folder: Path) -> Made:
    """A python package from the interpreter that runs the tests: good for this machine only."""
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    library = Path(sysconfig.get_path("stdlib"))
    program = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    files: dict[str, File | bytes] = {
        f"bin/python{minor}": File(program, 0o755),
        "bin/python": File(link=f"python{minor}"),
        "bin/python3": File(link=f"python{minor}"),
    }
    for path in sorted(_library_files(library)):
        if path.suffix != ".a" and not path.parent.name.startswith("config-"):
            files[f"lib/python{minor}/{path.relative_to(library)}"] = File(path)
    # A distribution's interpreter looks elsewhere for packages than a conda environment has them.
    files[f"lib/python{minor}/sitecustomize.py"] = (
        b"import pathlib, site, sys\nsite.addsitedir(str(pathlib.Path(__file__).parent / 'site-packages'))\n"
    )
    version = ".".join(str(part) for part in sys.version_info[:3])
    return make(folder, Recipe("python", files, version, build="h0_cpython", depends=("pip",)))


def _library_files(library: Path) -> list[Path]:
    found = []
    for base, folders, names in os.walk(library):
        folders[:] = [name for name in folders if name not in UNWANTED]
        found += [Path(base) / name for name in names if (Path(base) / name).exists()]
    return found


def host_zstandard(folder: Path) -> Made:
    """zstandard as the tests themselves have it."""
    spec = importlib.util.find_spec("zstandard")
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    files: dict[str, File | bytes] = {
        f"lib/python{minor}/site-packages/zstandard/{path.relative_to(root)}": File(path)
        for path in sorted(root.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    return make(folder, Recipe("zstandard", files, "0.23.0", build="py_0", depends=("python",)))
