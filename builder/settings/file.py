"""A settings file as it is written: its keys, and what their values must be."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from builder.spec.fault import Fault
from builder.spec.files import FileModel
from builder.spec.model import Platform
from builder.spec.patterns import Rule
from builder.spec.requirements import check_address

# Names that mean the same channel everywhere: what they are must not depend on a machine.
PUBLIC = frozenset(
    {"conda-forge", "bioconda", "nvidia", "pytorch", "defaults", "anaconda", "main", "r", "msys2"}
)


def _remote(url: str) -> str:
    return check_address(url, files=False)


def _mirrored(url: str) -> str:
    """A name, at which nobody is asked: package archives of distributions are called `http://`."""
    check_address(re.sub(r"^http://", "https://", url), files=False)
    return url


def _anywhere(url: str) -> str:
    return check_address(url, files=True)


def _own_name(name: str) -> str:
    if name.split("/", 1)[0] in PUBLIC | {"pkgs", "local"}:
        raise Fault("means the same channel everywhere", "use `mirrors:` to say where its packages are had")
    return name


_URL_RULE = ("https?://.+", "is not a URL", "write it as `https://HOST/PATH/`")
Prefix = Annotated[str, Field(max_length=500), Rule(*_URL_RULE, _remote)]
Mirrored = Annotated[str, Field(max_length=500), Rule(*_URL_RULE, _mirrored)]
Address = Annotated[
    str,
    Field(max_length=500),
    Rule(r"(?:https?://|file:///).+", "is not a URL", "write it as `https://HOST/PATH/`", _anywhere),
]
ChannelName = Annotated[
    str,
    Field(max_length=100),
    Rule(r"[A-Za-z0-9][A-Za-z0-9._-]*", "cannot name a channel", "use letters, digits and `._-`", _own_name),
]

LocalPath = Annotated[
    str, Field(max_length=1000), Rule(r"\S(?:.*\S)?", "is no path", "write a path, `~` for your home")
]
EngineName = Annotated[
    str,
    Field(max_length=500),
    Rule(
        r"(?:unix|npipe|tcp|http|https|ssh)://\S+|[A-Za-z0-9][A-Za-z0-9_.+-]*",
        "names no engine",
        "write an address such as `unix:///run/docker.sock`, or a docker context's name",
    ),
]
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
ImagePrefix = Annotated[
    str,
    Field(max_length=200),
    Rule(
        rf"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{{1,5}})?/)?{_PART}(?:/{_PART})*",
        "cannot begin an image's name",
        "use lower-case words such as `team/images`",
    ),
]

# Whom this machine trusts and who runs its containers is no business of a project that came from elsewhere.
USERS_ONLY = frozenset({"ca", "engine"})


class SettingsFile(FileModel):
    """A settings file as written. Every key is optional."""

    mirrors: dict[Mirrored, Address] = Field({}, description="Canonical prefix: the prefix to ask instead.")
    channels: dict[ChannelName, Prefix] = Field({}, description="Names for channels of your own.")
    wheel_index: Prefix | None = Field(None, description="The index that pip sections are resolved against.")
    cpu_wheel_index: Prefix | None = Field(
        None, description="An index of CPU builds, asked as well for images without `cuda:`."
    )
    store: LocalPath | None = Field(
        None, description="Folder for what was fetched; default: the user's cache."
    )
    engine: EngineName | None = Field(
        None, description="The engine's address (`unix:///...`, `ssh://...`) or the name of a docker context."
    )
    ca: LocalPath | None = Field(None, description="PEM file that is trusted in place of the system's CAs.")
    platform: Platform | None = Field(None, description="What is built where nothing is said.")
    prefix: ImagePrefix | None = Field(None, description="First part of the images' names in the engine.")
    kit: LocalPath | None = Field(None, description="A kit's folder; `none`: the committed locks.")
