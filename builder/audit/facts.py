"""What was read from compiled files, as values: the payload writes them as JSON, whichever way the files came.

Paths are absolute, as in the image. For archives of a lock they are where the file will be: /opt/conda/envs/ENV/...
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from builder.values import Value

Reading: TypeAlias = Literal["image", "layers", "archives"]


class FileFacts(Value):
    """One ELF file.

    package: the conda package or distribution that holds it, `torch 2.15.0`; empty where nobody says. machine:
    `x86_64`, `aarch64`. needed, rpath, runpath: as in its dynamic section, $ORIGIN not replaced. wants: the
    highest version of each kind that it asks of a library, {"libc.so.6": {"GLIBC": "2.28"}}; gives: the same
    of what it defines, {"GLIBCXX": "3.4.30"}. code and ptx: targets of its device code, `sm_90a`,
    `compute_120`, each once, sorted. unresolved: names (64 at most) of torch's symbols that it uses and no file of its
    environment defines; unresolved_count: how many there are.
    """

    path: str
    package: str = ""
    machine: str = ""
    soname: str = ""
    needed: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    wants: dict[str, dict[str, str]] = {}
    gives: dict[str, str] = {}
    code: tuple[str, ...] = ()
    ptx: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()
    unresolved_count: int = 0


class Distribution(Value):
    """An installed Python distribution, or a conda package. site: the directory its files are below."""

    name: str
    version: str
    site: str
    conda: bool = False


class TorchFacts(Value):
    """A torch as its own version.py tells it. cuda: `13.2`, None for a CPU build. site: its site-packages."""

    version: str
    cuda: str | None
    site: str


class Inventory(Value):
    """Everything that was read.

    prefixes: the environments, `/opt/conda/envs/NAME`, in the order of the image. links: names by which the loader may
    ask for a library, absolute path of the link to that of the file. search: the directories that the loader
    looks into by itself (ld.so.conf and the defaults), library_path: those of LD_LIBRARY_PATH; both empty for
    archives. unread: files that look like ELF and could not be read, with the reason.
    """

    reading: Reading
    prefixes: tuple[str, ...] = ()
    files: tuple[FileFacts, ...]
    links: dict[str, str] = {}
    search: tuple[str, ...] = ()
    library_path: tuple[str, ...] = ()
    distributions: tuple[Distribution, ...] = ()
    torch: tuple[TorchFacts, ...] = ()
    unread: dict[str, str] = {}
    seconds: float = 0.0
