"""Symbols of torch that an extension uses and that nothing beside it defines: it was built for another torch."""

from __future__ import annotations

import mmap
import posixpath
import struct
from typing import Any, Dict, List, NamedTuple, Sequence, Set, Tuple

from builder.audit.payload.elf import Elf, ElfError
from builder.audit.payload.tree import Root

# Names of torch's own: of its C++ namespaces, functions and types alike, and of its C interfaces.
_SPACES = (b"2at", b"3c10", b"5torch", b"6caffe2", b"8c10_cuda")
TORCH = (
    *(
        kind + space
        for space in _SPACES
        for kind in (b"_ZN", b"_ZNK", b"_ZTIN", b"_ZTVN", b"_ZTSN", b"_ZGVN")
    ),
    b"aoti_torch_",
    b"THP",
    b"torch_",
)
SHOWN = 64


class User(NamedTuple):
    """A file beside a torch, with what it needs of others. wanted: names of torch's that it leaves open."""

    path: str
    needed: Tuple[str, ...]
    wanted: Tuple[bytes, ...]


def is_torchs(path: str, site: str) -> bool:
    """Whether a file is torch's own."""
    return path.startswith(site + "/torch/")


def unresolved(root: Root, site: str, users: Sequence[User], files: Sequence[str]) -> Dict[str, List[str]]:
    """By path of the users, what no file defines: torch's libraries, those of its own package, those that it names."""
    libraries = [path for path in files if is_torchs(path, site) and ".so" in path]
    by_package: Dict[str, List[str]] = {}
    by_name: Dict[str, List[str]] = {}
    for path in files:
        by_package.setdefault(_package(path, site), []).append(path)
        by_name.setdefault(posixpath.basename(path), []).append(path)
    left: Dict[str, Set[bytes]] = {user.path: set(user.wanted) for user in users}
    shared = {name for names in left.values() for name in names}
    defined = _defined(root, libraries, shared)
    for user in users:
        names = left[user.path] - defined
        if names:
            beside = by_package.get(_package(user.path, site), []) if user.path.startswith(site + "/") else []
            named = [path for name in user.needed for path in by_name.get(name, [])]
            names -= _defined(root, [path for path in [*beside, *named] if path != user.path], names)
        left[user.path] = names
    return {
        path: sorted(name.decode("ascii", "replace") for name in names)
        for path, names in left.items()
        if names
    }


def _package(path: str, site: str) -> str:
    """The folder below site-packages; a single extension module there is a package of its own."""
    return path[len(site) + 1 :].partition("/")[0] if path.startswith(site + "/") else posixpath.dirname(path)


def _defined(root: Root, paths: Sequence[str], names: Set[bytes]) -> Set[bytes]:
    """Those of the names that one of the files exports."""
    left = set(names)
    for path in dict.fromkeys(paths):
        if not left:
            break
        try:
            with open(root.host(path), "rb") as file, mapped(file) as data:
                elf = Elf(data)
                left -= {name for name in left if elf.defines(name)}
        except (OSError, ElfError, struct.error):
            continue  # it is told among the files that could not be read
    return names - left


def mapped(file: Any) -> mmap.mmap:
    """A file's bytes, read as they are touched."""
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
