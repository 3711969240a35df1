"""Write the stand-in for the Miniconda installer: a shell script with the base environment behind it.

The script runs on a minimal Debian (sh, tar, gzip, coreutils). So the packages travel unpacked in one tar.gz,
and the interpreter among them links them, itself included, with the stand-in's own engine.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from builder.errors import BuildError
from builder.store.bootstrap.standin import archive
from builder.store.bootstrap.standin.errors import InvalidArchiveError

HERE = Path(__file__).parent
SOURCE_NAME = "builder.store.bootstrap.standin"
INSTALLED_NAME = "conda_standin"
PLACEHOLDER = "@PREFIX@"
EPOCH = 1577836800  # 2020-01-01: files made here have one date, so that the same content gives the same bytes
MACHINES = {"linux-64": "x86_64", "linux-aarch64": "aarch64"}
GLIBC = re.compile(rb"GLIBC_(\d+)\.(\d+)\b")
SHELL_FILES = {
    "activate": "bin/activate",
    "deactivate": "bin/deactivate",
    "conda": "bin/conda",
    "conda.sh": "etc/profile.d/conda.sh",
}


@dataclass(frozen=True)
class _Base:
    """The base environment, unpacked below `root/pkgs`. lines: its explicit file, in any order."""

    root: Path
    python: str
    python_dist: str
    conda_dist: str
    lines: tuple[str, ...]


def write_installer(target_dir: Path, *, packages: Sequence[Path], conda_version: str, subdir: str) -> Path:
    """Write `Miniconda3-standin-pyXY_VERSION-Linux-MACHINE.sh` into target_dir and return its path.

    packages: .conda archives of the base environment, python and zstandard among them; the stand-in for
    conda is added here. The same input gives the same bytes. Raises BuildError when python is missing, when
    an archive is unreadable, or for another subdir than linux-64 and linux-aarch64.
    """
    if subdir not in MACHINES:
        raise BuildError(f"no stand-in installer for {subdir}", fix=f"use one of {', '.join(MACHINES)}")
    target_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="imgbuild-installer-") as folder:
        base = _lay_out(Path(folder), packages, conda_version, subdir)
        with tempfile.TemporaryFile() as payload:
            _write_payload(base, payload)
            short = base.python.removeprefix("python").replace(".", "")
            name = f"Miniconda3-standin-py{short}_{conda_version}-Linux-{MACHINES[subdir]}.sh"
            return _join(target_dir / name, _header(base, payload, conda_version, subdir), payload)


def _lay_out(root: Path, packages: Sequence[Path], version: str, subdir: str) -> _Base:
    records = [_unpack(path, root / "pkgs") for path in sorted(packages, key=lambda path: path.name)]
    python = next((record for record in records if record["name"] == "python"), None)
    if python is None:
        raise BuildError(
            "the base environment has no python", fix="add a python package to the installer's packages"
        )
    program = f"python{'.'.join(str(python['version']).split('.')[:2])}"
    conda = _conda_package(root / "pkgs", program, version, subdir)
    lines = [f"{record['url']}#{record['md5']}" for record in records] + [str(conda["url"])]
    base = _Base(root, program, _dist(python), _dist(conda), tuple(lines))
    _write_top(base, [*records, conda])
    return base


def _dist(record: Mapping[str, Any]) -> str:
    return f"{record['name']}-{record['version']}-{record['build']}"


def _unpack(path: Path, pkgs: Path) -> dict[str, Any]:
    """Unpack one archive as conda's package directory holds it; the record says where it came from."""
    folder = pkgs / path.name.removesuffix(".conda")
    try:
        archive.extract(path, folder)
    except InvalidArchiveError as error:
        raise BuildError(
            "a package of the installer is unreadable", where=str(path), detail=str(error)
        ) from error
    record: dict[str, Any] = json.loads((folder / "info/index.json").read_text("utf-8"))
    data = path.read_bytes()
    channel = f"kit:///channel/{record['subdir']}"
    record |= {
        "channel": channel,
        "fn": path.name,
        "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "url": f"{channel}/{path.name}",
    }
    _write_json(folder / "info/repodata_record.json", record)
    return record


def _conda_package(pkgs: Path, python: str, version: str, subdir: str) -> dict[str, Any]:
    """The stand-in itself as a package of the base environment."""
    build = f"py{python.removeprefix('python').replace('.', '')}_0"
    folder = pkgs / f"conda-{version}-{build}"
    files = dict(_conda_files(python, version))
    paths = []
    for path, data in sorted(files.items()):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        target.chmod(0o755 if path.startswith(("bin/", "condabin/")) else 0o644)
        facts = {"_path": path, "path_type": "hardlink", "sha256": hashlib.sha256(data).hexdigest()}
        prefixed = (
            {"prefix_placeholder": PLACEHOLDER, "file_mode": "text"} if PLACEHOLDER.encode() in data else {}
        )
        paths.append({**facts, "size_in_bytes": len(data), **prefixed})
    record = {
        "build": build,
        "build_number": 0,
        "channel": f"kit:///installer/{subdir}",
        "depends": ["python", "zstandard"],
        "fn": f"conda-{version}-{build}.conda",
        "license": "Apache-2.0",
        "name": "conda",
        "subdir": subdir,
        "url": f"kit:///installer/{subdir}/conda-{version}-{build}.conda",
        "version": version,
    }
    (folder / "info").mkdir()
    _write_json(folder / "info/index.json", record)
    _write_json(folder / "info/repodata_record.json", record)
    _write_json(folder / "info/paths.json", {"paths": paths, "paths_version": 1})
    _write_json(
        folder / "info/about.json", {"summary": "A stand-in for conda, made by imgbuild kit bootstrap"}
    )
    return record


def _conda_files(python: str, version: str) -> Iterator[tuple[str, bytes]]:
    code = f"lib/{python}/site-packages/{INSTALLED_NAME}"
    for file in sorted((HERE / "standin").glob("*.py")):
        text = file.read_text("utf-8").replace(SOURCE_NAME, INSTALLED_NAME)
        yield f"{code}/{file.name}", text.encode()
    yield f"{code}/VERSION", f"{version}\n".encode()
    for name, path in SHELL_FILES.items():
        yield path, (HERE / "standin/shell" / name).read_bytes()
    yield "condabin/conda", (HERE / "standin/shell/conda").read_bytes()


def _write_top(base: _Base, records: Sequence[Mapping[str, Any]]) -> None:
    """What stands in the prefix beside the packages."""
    (base.root / "pkgs/urls.txt").write_text("".join(f"{r['url']}\n" for r in records), "utf-8")
    (base.root / "conda-meta").mkdir()
    explicit = "".join(f"{line}\n" for line in ["@EXPLICIT", *base.lines])
    (base.root / "conda-meta/initial-state.explicit.txt").write_text(explicit, "utf-8")
    names = ", ".join(_dist(record) for record in records)
    licence = (
        f"A stand-in for Miniconda, made by imgbuild.\n\nPackages, each with its own licence: {names}.\n"
    )
    (base.root / "LICENSE.txt").write_text(licence, "utf-8")
    bootstrapper = _fill((HERE / "bootstrapper.sh").read_text("utf-8"), {
        "PYTHON": base.python, "PYTHON_DIST": base.python_dist, "CONDA_DIST": base.conda_dist,
    })  # fmt: skip
    (base.root / "_conda").write_text(bootstrapper, "utf-8")
    (base.root / "_conda").chmod(0o755)


def _write_payload(base: _Base, sink: IO[bytes]) -> None:
    made = ("repodata_record.json", "urls.txt")
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=5, fileobj=sink, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.GNU_FORMAT) as tar,
    ):
        for path in sorted(base.root.rglob("*")):
            name = path.relative_to(base.root).as_posix()
            member = tar.gettarinfo(path, arcname=name)
            ours = (
                not name.startswith("pkgs/")
                or name.startswith(f"pkgs/{base.conda_dist}/")
                or path.name in made
            )
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mtime = EPOCH if ours or not member.isreg() else int(member.mtime)
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            if member.islnk():
                member.type = tarfile.REGTYPE
                member.size = path.stat().st_size
            if member.isreg():
                with path.open("rb") as source:
                    tar.addfile(member, source)
            else:
                tar.addfile(member)


def _header(base: _Base, payload: IO[bytes], version: str, subdir: str) -> bytes:
    text = (HERE / "header.sh").read_text("utf-8")
    digest = hashlib.md5(usedforsecurity=False)
    payload.seek(0)
    while chunk := payload.read(1 << 20):
        digest.update(chunk)
    size = sum(
        path.stat().st_size for path in base.root.rglob("*") if path.is_file() and not path.is_symlink()
    )
    filled = _fill(text, {
        "DIRECTORY": "miniconda3",
        "GLIBC": ".".join(str(number) for number in _glibc_floor(base.root)),
        "LINES": str(text.count("\n") + 1),
        "MACHINE": MACHINES[subdir],
        "MD5": digest.hexdigest(),
        "NAME": "Miniconda3",
        "SIZE_KB": str(size * 5 // 4 // 1024),
        "SUBDIR": subdir,
        "VERSION": version,
    })  # fmt: skip
    return filled.encode()


def _fill(text: str, values: Mapping[str, str]) -> str:
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text


def _glibc_floor(root: Path) -> tuple[int, int]:
    """The newest C library that any program of the packages asks for."""
    floor = (2, 17)
    for path in sorted(root.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        with path.open("rb") as stream:
            data = stream.read() if stream.read(4) == b"\x7fELF" else b""
        found = [(int(match[1]), int(match[2])) for match in GLIBC.finditer(data)]
        floor = max([floor, *found])
    return floor


def _join(target: Path, header: bytes, payload: IO[bytes]) -> Path:
    partial = target.with_name(f"{target.name}.partial")
    payload.seek(0)
    with partial.open("wb") as sink:
        sink.write(header)
        while chunk := payload.read(1 << 20):
            sink.write(chunk)
    partial.chmod(0o755)
    return partial.replace(target)


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", "utf-8")
