"""Package URLs as purl-spec writes them: canonical, so that the same package has the same text everywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

PYPI = "PyPI"
# How the Python Package Index lays its files out, by the blake2 of each, and every full mirror of it.
_PUBLIC_WHEELS = re.compile(r"https?://.+/packages/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}/[^/]+")
_CHANNELS = (
    re.compile(r"https://conda\.anaconda\.org/(.+)"),
    re.compile(r"https://repo\.anaconda\.com/pkgs/(.+)"),
)


def purl(kind: str, name: str, version: str, qualifiers: Mapping[str, str], namespace: str = "") -> str:
    """`pkg:KIND/[NAMESPACE/]NAME@VERSION?QUALIFIERS`; empty qualifiers are left out, the others sorted."""
    place = f"{_part(namespace)}/" if namespace else ""
    said = "&".join(f"{key}={quote(value, safe=':/')}" for key, value in sorted(qualifiers.items()) if value)
    at = f"@{_part(version)}" if version else ""
    return f"pkg:{kind}/{place}{_part(name)}{at}" + (f"?{said}" if said else "")


def conda_purl(name: str, version: str, *, build: str, channel: str, subdir: str, filename: str) -> str:
    """Of a conda package. channel: its canonical URL; the public ones go by their short name, as in purl-spec."""
    ending = next((one for one in ("tar.bz2", "conda") if filename.endswith(f".{one}")), "")
    qualifiers = {"build": build, "channel": short_channel(channel), "subdir": subdir, "type": ending}
    return purl("conda", name.lower(), version, qualifiers)


def short_channel(channel: str) -> str:
    """`conda-forge`, `main` (of pkgs/main), or the URL as it is."""
    found = next((match for one in _CHANNELS if (match := one.fullmatch(channel))), None)
    return found[1] if found else channel


def pypi_purl(name: str, version: str, index: str = "") -> str:
    """Of a wheel. index: where it came from, if that is another than the public one."""
    qualifiers = {"repository_url": index if index.startswith("http") and index != PYPI else ""}
    return purl("pypi", re.sub(r"[-_.]+", "-", name).lower(), version, qualifiers)


def index_of(url: str) -> str:
    """The index that a wheel's URL belongs to: `PyPI`, else the folder that it lies in."""
    if _PUBLIC_WHEELS.fullmatch(url):
        return PYPI
    return url.rpartition("/")[0]


def deb_purl(
    name: str, version: str, *, architecture: str, vendor: str, release: str, source: str = ""
) -> str:
    """Of a Debian or Ubuntu package. vendor and release: of os-release, `debian` and `12`.

    source: `NAME VERSION` of the source package, by which the distributions' advisories go.
    """
    distro = f"{vendor}-{release}" if release else ""
    upstream = "@".join(source.split()) if source else ""
    qualifiers = {"arch": architecture, "distro": distro, "upstream": upstream}
    return purl("deb", name.lower(), version, qualifiers, namespace=vendor)


def _part(text: str) -> str:
    return quote(text, safe=":")
