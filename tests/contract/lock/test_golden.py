"""The lock of a fixture channel, byte for byte as reviewed: real rattler and uv, two environments, two platforms."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from benchmarks.forge.records import Record
from benchmarks.forge.write import write_channel
from builder.lock.files import write_lock
from builder.lock.make import make_lock
from builder.progress import silent
from builder.settings.model import Settings
from builder.store.upstream import CHANNEL_ALIAS, Upstream
from tests.contract.lock.test_known_answer import PINNED_BASE
from tests.support.lock_readers import read_by_others
from tests.support.lock_samples import conda_environment, image_spec, sha
from tests.support.web import serve, simple_index

GOLDEN = Path(__file__).parent / "golden"
WHEELS = "https://wheels.example.org/packages/"
# name, version, build, subdir (linux: both architectures have one), depends
PACKAGES = [
    ("zlib", "1.3.1", "hb9d3cd8_2", "linux", ["__glibc >=2.17,<3.0.a0"]),
    ("zlib", "1.2.13", "h166bdaf_4", "linux", []),
    ("tzdata", "2024a", "h0c530f3_0", "noarch", []),
    ("python", "3.11.9", "h955ad1f_0_cpython", "linux", ["zlib >=1.2.13,<2.0a0", "tzdata", "pip"]),
    ("python", "3.12.3", "hab00c5b_0_cpython", "linux", ["zlib >=1.2.13,<2.0a0", "tzdata"]),
    ("pip", "24.0", "pyhd8ed1ab_0", "noarch", ["python >=3.7", "setuptools"]),
    ("setuptools", "70.0.0", "pyhd8ed1ab_0", "noarch", ["python>=3.8"]),
    ("numpy", "1.26.4", "py311h64a7726_0", "linux", ["python >=3.11,<3.12.0a0", "zlib"]),
    ("numpy", "2.3.0", "py311h519dc76_0", "linux", ["python >=3.11,<3.12.0a0", "zlib", "__glibc >=2.39"]),
    ("on", "1e3", "0", "noarch", ["python", "numpy >=1.21,<3"]),
    ("epoch", "1!2.0", "0", "noarch", []),
]


def records() -> list[tuple[str, list[Record]]]:
    found: dict[str, list[Record]] = {}
    for name, version, build, place, depends in PACKAGES:
        for subdir in ("linux-64", "linux-aarch64") if place == "linux" else (place,):
            filename = f"{name}-{version}-{build}.conda"
            digest = sha(f"{subdir}/{filename}")
            data = {
                "name": name, "version": version, "build": build, "build_number": 0, "depends": depends,
                "subdir": subdir, "sha256": digest, "md5": digest[:32], "size": int(digest[:5], 16),
                "timestamp": 1_700_000_000_000, **({"noarch": "python"} if subdir == "noarch" else {}),
            }  # fmt: skip
            found.setdefault(name, []).append(Record(subdir, filename, 0, data))
    return sorted(found.items())


def wheel(folder: Path, name: str, version: str, tag: str = "py3-none-any", needs: str = "") -> None:
    """One wheel, the same bytes at any time."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{name}-{version}"
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}"
    with zipfile.ZipFile(folder / f"{stem}-{tag}.whl", "w") as archive:
        archive.writestr(zipfile.ZipInfo(f"{stem}.dist-info/METADATA"), text)
        archive.writestr(
            zipfile.ZipInfo(f"{stem}.dist-info/WHEEL"),
            f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
        )
        archive.writestr(zipfile.ZipInfo(f"{stem}.dist-info/RECORD"), "")


def test_the_lock_of_the_fixture_channel_is_as_reviewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IMGBUILD_ACCEPT=1 writes the lock anew: read the difference then."""
    for name in ("XDG_CACHE_HOME", "IMGBUILD_CACHE", "UV_CACHE_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    channel, wheels = tmp_path / "mirror" / "conda-forge", tmp_path / "wheels"
    write_channel(channel, records(), ("linux-64", "linux-aarch64", "noarch"))
    wheel(wheels, "tabulate", "0.10.0", needs="Requires-Dist: numpy\nRequires-Dist: odd\n")
    wheel(wheels, "odd", "1.0+local.1")
    for tag in ("py3-none-manylinux_2_17_x86_64", "py3-none-manylinux_2_17_aarch64"):
        wheel(wheels, "uv", "0.0.1", tag)
    first = conda_environment(
        channels=("conda-forge",), conda=("python=3.11", "on", "epoch"), pip=("tabulate",),
        variables={"MODE": "on", "LEVEL": "1e3"},
    )  # fmt: skip
    second = conda_environment("serve", channels=("conda-forge",), conda=("python=3.12",))
    spec = image_spec(first, second, base=PINNED_BASE)
    folders = {
        "simple": simple_index(tmp_path / "simple", wheels),
        "packages": wheels,
    }
    out = GOLDEN if os.environ.get("IMGBUILD_ACCEPT") else tmp_path / "out"
    with serve(folders) as web:
        mirrors = {f"{CHANNEL_ALIAS}/": (tmp_path / "mirror").as_uri() + "/", WHEELS: f"{web.url}/packages/"}
        settings = Settings(mirrors=mirrors, wheel_index=f"{web.url}/simple/")
        for platform in spec.platforms:
            write_lock(make_lock(spec, platform, Upstream(read=lambda: settings), silent), out, spec)
    written = {path.name: path.read_bytes() for path in out.iterdir()}
    assert written == {path.name: path.read_bytes() for path in GOLDEN.iterdir()}
    assert str(tmp_path).encode() not in b"".join(written.values())
    assert b"127.0.0.1" not in b"".join(written.values())


def test_the_golden_lock_is_read_by_others() -> None:
    pages = [GOLDEN / "conda-lock.yml", GOLDEN / "conda-lock--serve.yml"]
    first, second = read_by_others(pages)
    for page, count in ((first, 8), (second, 3)):
        for subdir in ("linux-64", "linux-aarch64"):
            lines = page["conda-lock"]["explicit"][subdir]
            assert len([line for line in lines if line.startswith("https://conda.anaconda.org/")]) == count
    assert "1!2.0" in {one["version"] for one in first["conda-lock"]["package"]}
