"""What package managers would say in a small image: conda, pip on top of it, and Debian's base."""

from __future__ import annotations

from builder.engine.port import ImageInfo
from builder.lock.model import (
    AptPackage,
    CondaPackage,
    EnvironmentLock,
    LockedBase,
    LockedInstaller,
    LockSet,
    PipPackage,
    SourceId,
)
from builder.sbom.facts import CondaRecord, DistributionFacts, Packages, Terms

PREFIX = "/opt/conda/envs/demo"
SITE = f"{PREFIX}/lib/python3.12/site-packages"
FORGE = "https://conda.anaconda.org/conda-forge"
OS_RELEASE = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n'
STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Source: glibc
Version: 2.36-9+deb12u14
Depends: libgcc-s1, missing | libcrypt1:any (>= 1)

Package: libgcc-s1
Status: install ok installed
Architecture: amd64
Source: gcc-12 (12.2.0-14)
Version: 12.2.0-14+deb12u1
Provides: libgcc1 (= 1:12.2.0-14)
Depends: gcc-12-base (= 12.2.0-14),
 libc6 (>= 2.35)

Package: util-linux
Status: install ok installed
Architecture: amd64
Version: 1:2.38.1-5
Pre-Depends: libgcc1

Package: left
Status: deinstall ok config-files
Architecture: all
Version: 1

Package: libcrypt1
Status: install ok installed
Architecture: amd64
Version: 1:4.4.33-2
"""


def image(**changes: object) -> ImageInfo:
    """An image of imgbuild's, as the engine tells of it."""
    base: dict[str, object] = {
        "id": "sha256:" + "a" * 64,
        "tags": ("imgbuild/demo:latest",),
        "labels": {
            "io.imgbuild.plan": "d" * 64,
            "io.imgbuild.image": "demo",
            "io.imgbuild.source": "upstream",
        },
        "size": 1,
        "platform": "linux/amd64",
        "created": "2026-11-26T12:53:34.479592486Z",
    }
    return ImageInfo(**{**base, **changes})  # type: ignore[arg-type]


def record(name: str, version: str, **changes: object) -> CondaRecord:
    """What conda notes of a package of conda-forge's."""
    build = "h1_0"
    base = {
        "name": name,
        "version": version,
        "build": build,
        "channel": f"{FORGE}/linux-64",
        "url": f"{FORGE}/linux-64/{name}-{version}-{build}.conda",
        "subdir": "linux-64",
        "license": "MIT",
        "prefix": PREFIX,
        "record": f"{PREFIX}/conda-meta/{name}-{version}-{build}.json",
    }
    return CondaRecord.model_validate({**base, **changes})


def distribution(
    name: str, version: str, *more: str, owner: str = "", **changes: object
) -> DistributionFacts:
    """An installed distribution; more: further fields of its METADATA."""
    header = "\n".join(["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *more])
    path = f"{SITE}/{name}-{version}.dist-info"
    return DistributionFacts.model_validate(
        {"site": SITE, "path": path, "header": header, "owner": owner, **changes}
    )


def packages(**changes: object) -> Packages:
    """All of it."""
    numpy = distribution("numpy", "2.4.6", "License-Expression: BSD-3-Clause", owner="conda")
    base = {
        "os_release": OS_RELEASE,
        "prefixes": (PREFIX,),
        "conda": (
            record("numpy", "2.4.6", depends=("python >=3.12,<3.13.0a0", "__glibc >=2.17"), license="BSD",
                   distributions=(numpy.path,)),
            record("python", "3.12.9", license="Python-2.0", sha256="b" * 64),
        ),
        "python": (
            numpy,
            distribution("Torch_x", "2.1+cpu", "License: BSD-3-Clause", "Requires-Dist: NumPy>=2",
                         'Requires-Dist: gone; extra == "more"', 'Requires-Dist: tool[fast]; python_version > "3"'),
            distribution("tool", "1.0", "License: MIT License", 'Requires-Dist: torch-x; extra == "fast"',
                         'Requires-Dist: numpy; python_version < "3"'),
        ),
        "dpkg": STATUS,
        "copyright": {
            "libc6": Terms(refers=("GPL-2", "LGPL-2.1")),
            "util-linux": Terms(names=("GPL-2+", "public-domain", "BSD-3-clause")),
        },
    }  # fmt: skip
    return Packages.model_validate({**base, **changes})


def lock() -> LockSet:
    """What the image was made from."""
    numpy = CondaPackage(
        url=f"{FORGE}/linux-64/numpy-2.4.6-h1_0.conda", sha256="c" * 64, name="numpy", version="2.4.6",
        build="h1_0", subdir="linux-64", channel=FORGE, md5="0" * 32,
    )  # fmt: skip
    wheels = (
        PipPackage(url="https://wheels.example.org/packages/ab/cd/" + "0" * 60 + "/tool-1.0-py3-none-any.whl",
                   sha256="d" * 64, name="tool", version="1.0"),
        PipPackage(url="https://download.pytorch.org/whl/cpu/torch_x-2.1%2Bcpu-py3-none-any.whl", sha256="e" * 64,
                   name="torch-x", version="2.1+cpu"),
    )  # fmt: skip
    return LockSet(
        image="demo",
        platform="linux/amd64",
        source=SourceId(),
        base=LockedBase(key="debian-bookworm", ref="docker.io/library/debian@sha256:" + "1" * 64, glibc="2.36"),
        installer=LockedInstaller(
            url="https://example.org/i.sh", sha256="f" * 64, kind="miniconda", version="26.5.3-1"
        ),
        environments=(
            EnvironmentLock(name="demo", channels=(FORGE,), conda=(numpy,), pip=wheels, input_digest="0" * 64),
        ),
        apt=(
            AptPackage(url="http://archive.example.org/debian/pool/main/u/util-linux/util-linux_2.38.1-5_amd64.deb",
                       sha256="9" * 64, name="util-linux", version="1:2.38.1-5", architecture="amd64"),
        ),
    )  # fmt: skip
