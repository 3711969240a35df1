"""What package managers say in an image, as values: the payload writes them as JSON. Paths are those of the image."""

from __future__ import annotations

from builder.values import Value


class CondaRecord(Value):
    """A file of conda-meta. record: its path; url, sha256: of the archive, where conda noted them.

    distributions: folders of metadata of the Python distributions that the package holds. replaced: none of them is
    there any more, because pip put another version in their place.
    """

    name: str
    version: str = ""
    build: str = ""
    channel: str = ""
    url: str = ""
    fn: str = ""
    subdir: str = ""
    depends: tuple[str, ...] = ()
    license: str = ""
    sha256: str = ""
    prefix: str
    record: str
    distributions: tuple[str, ...] = ()
    replaced: bool = False


class DistributionFacts(Value):
    """An installed Python distribution. header: the fields of its METADATA; direct_url: that file's text, or empty.

    owner: `conda` or `deb` where it came in one of their packages, empty where pip or uv installed it.
    """

    site: str
    path: str
    header: str
    owner: str = ""
    direct_url: str = ""


class Terms(Value):
    """Of a Debian copyright file. names: of licences, as DEP-5 spells them; refers: to texts that Debian keeps."""

    names: tuple[str, ...] = ()
    refers: tuple[str, ...] = ()


class Packages(Value):
    """Everything that was read. dpkg: the stanzas of its status file; copyright: by package. unread: path to reason."""

    os_release: str = ""
    prefixes: tuple[str, ...] = ()
    conda: tuple[CondaRecord, ...] = ()
    python: tuple[DistributionFacts, ...] = ()
    dpkg: str = ""
    copyright: dict[str, Terms] = {}
    unread: dict[str, str] = {}
