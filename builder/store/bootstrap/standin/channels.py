"""Channels and package addresses, as conda reads and names them."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable

ALIAS = "https://conda.anaconda.org"
DEFAULTS = ("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r")
EXTENSIONS = (".conda", ".tar.bz2")
SUBDIRS = re.compile(r"/(?:noarch|(?:linux|osx|win|emscripten|wasi|freebsd|zos)-[a-z0-9_]+)/")
MACHINES = {"x86_64": "linux-64", "amd64": "linux-64", "aarch64": "linux-aarch64", "arm64": "linux-aarch64"}


def native_subdir() -> str:
    """The subdirectory of channels that this machine's packages stand in."""
    machine = platform.machine().lower()
    return MACHINES.get(machine, f"linux-{machine}")


def strip_extension(name: str) -> str:
    """`x-1-0.conda` as `x-1-0`."""
    for extension in EXTENSIONS:
        if name.endswith(extension):
            return name[: -len(extension)]
    return name


def has_subdir(url: str) -> bool:
    """Whether an address has a platform in its path, as an address in a channel does."""
    return SUBDIRS.search(url) is not None


def channel_urls(channels: Iterable[str]) -> list[str]:
    """Base addresses of channels as they are configured; `defaults` stands for two."""
    urls: list[str] = []
    for channel in channels:
        if channel == "defaults":
            urls += DEFAULTS
        elif channel == "nodefaults":
            continue
        elif "://" in channel:
            urls.append(channel.rstrip("/"))
        elif channel.startswith("pkgs/"):
            urls.append(f"https://repo.anaconda.com/{channel}")
        elif channel.startswith("/"):
            urls.append(f"file://{channel.rstrip('/')}")
        else:
            urls.append(f"{ALIAS}/{channel}")
    return list(dict.fromkeys(urls))


def channel_of(url: str) -> str:
    """The channel's base address of a package's address, without the platform."""
    return url.rsplit("/", 2 if has_subdir(url) else 1)[0]


def display_name(base_url: str) -> str:
    """A channel's short name: what `conda list` prints."""
    if base_url.startswith(f"{ALIAS}/"):
        return base_url.removeprefix(f"{ALIAS}/")
    if base_url in DEFAULTS:
        return "defaults"
    return base_url.removeprefix("https://repo.anaconda.com/")
