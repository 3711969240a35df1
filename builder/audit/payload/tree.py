"""The files of an image, or of a folder that stands for one: what is ELF, where links lead, where the loader looks."""

from __future__ import annotations

import glob
import os
import posixpath
import re
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

# The kernel's and the engine's own; nothing of them is in the image.
_NOT_OURS = frozenset({"/proc", "/sys", "/dev", "/imgbuild"})
# What is no ELF file whatever it holds, by the end of its name; all others are opened.
_TEXT = (
    ".a .c .cc .cfg .cmake .conf .cpp .css .csv .cu .cuh .gz .h .hpp .html .inc .jinja .js .json .la .md .mo .npy "
    ".npz .pc .pem .png .po .ps1 .py .pyc .pyd .pyi .pyx .pxd .rst .sh .svg .tcl .toml .ts .txt .typed "
    ".whl .xml .yaml .yml .zip"
)
_NO_ELF = tuple(_TEXT.split())
_DEFAULT = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")
_MOST_LINKS = 40
_SITE = re.compile(r"/lib(?:64)?/python[0-9.]*/(?:site|dist)-packages$")


class Tree(NamedTuple):
    """files: paths that start as ELF files do, with sizes. links: of libraries and of folders, each to its end.

    conda: prefixes that conda made; sites: folders in which Python keeps distributions.
    """

    files: List[Tuple[str, int]]
    links: Dict[str, str]
    conda: List[str]
    sites: List[str]
    unread: Dict[str, str]

    @property
    def prefixes(self) -> List[str]:
        """Where environments are: conda's, and whatever has a Python with distributions, `/usr` too."""
        return sorted({*self.conda, *(prefix_of(site) for site in self.sites)})


def prefix_of(site: str) -> str:
    """`/usr/local` of `/usr/local/lib/python3.12/site-packages`."""
    return posixpath.dirname(posixpath.dirname(posixpath.dirname(site))) or "/"


def environment_of(path: str, prefixes: Sequence[str]) -> str:
    """The innermost prefix that a file is below; empty where it is below none."""
    inside = [prefix for prefix in prefixes if path.startswith(prefix.rstrip("/") + "/")]
    return max(inside, key=len, default="")


class Root:
    """A directory that is `/` of an image. Paths in and out are absolute ones of the image."""

    def __init__(self, path: str) -> None:
        self.path = path.rstrip("/")

    def host(self, path: str) -> str:
        """Where a path of the image lies."""
        return self.path + path

    def image(self, path: str) -> str:
        """The image's name of a path below the root."""
        return path[len(self.path) :] or "/"

    def real(self, path: str) -> Optional[str]:
        """The path without symbolic links; None where they lead nowhere, or round and round."""
        done, left, seen = "/", [part for part in path.split("/") if part], 0
        while left:
            step = posixpath.normpath(posixpath.join(done, left.pop(0)))
            try:
                leads = os.readlink(self.host(step))
            except OSError:
                done = step
                continue
            seen += 1
            if seen > _MOST_LINKS:
                return None
            start = "/" if leads.startswith("/") else done
            left = [part for part in posixpath.join(start, leads).split("/") if part] + left
            done = "/"
        return done if os.path.lexists(self.host(done)) else None

    def read(self, path: str) -> Optional[bytes]:
        """A small file; None where there is none that can be read."""
        found = self.real(path)
        try:
            with open(self.host(found or path), "rb") as file:
                return file.read()
        except OSError:
            return None


def walk(root: Root) -> Tree:
    """Every ELF file of the tree."""
    tree = Tree([], {}, [], [], {})
    stack = [root.host("/")]
    while stack:
        try:
            entries = sorted(os.scandir(stack.pop()), key=lambda entry: entry.name)
        except OSError as error:
            tree.unread[root.image(str(error.filename))] = error.strerror or str(error)
            continue
        for entry in entries:
            path = root.image(entry.path)
            if entry.is_symlink():
                _link(root, path, tree)
            elif entry.is_dir(follow_symlinks=False):
                if path not in _NOT_OURS:
                    stack.append(entry.path)
                    _folder(path, entry.name, tree)
            elif entry.is_file(follow_symlinks=False) and not entry.name.endswith(_NO_ELF):
                _candidate(entry, path, tree)
    for found in (tree.files, tree.conda, tree.sites):
        found.sort()
    return tree


def _folder(path: str, name: str, tree: Tree) -> None:
    if name == "conda-meta":
        tree.conda.append(posixpath.dirname(path) or "/")
    elif _SITE.search(path):
        tree.sites.append(path)


def _link(root: Root, path: str, tree: Tree) -> None:
    """Note a link to a library or to a folder. Python's own `python3` and the like lead to no library."""
    end = root.real(path)
    if end is not None and (".so" in posixpath.basename(path) or os.path.isdir(root.host(end))):
        tree.links[path] = end


def _candidate(entry: "os.DirEntry[str]", path: str, tree: Tree) -> None:
    try:
        size = entry.stat(follow_symlinks=False).st_size
        if size < 64:
            return
        with open(entry.path, "rb", buffering=0) as file:
            if file.read(4) == b"\x7fELF":
                tree.files.append((path, size))
    except OSError as error:
        tree.unread[path] = error.strerror or str(error)


def search(root: Root) -> List[str]:
    """The directories that the loader knows by itself, in its order, without links: ld.so.conf and the defaults."""
    found: Dict[str, None] = {}
    for folder in [*_configured(root, "/etc/ld.so.conf", set()), *_DEFAULT]:
        real = root.real(folder)
        if real is not None:
            found[real] = None
    return list(found)


def _configured(root: Root, path: str, seen: Set[str]) -> Iterator[str]:
    text = (root.read(path) or b"").decode("utf-8", "replace")
    seen.add(path)
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if words[:1] == ["include"]:
            for pattern in words[1:]:
                named = posixpath.join(posixpath.dirname(path), pattern)
                for file in sorted(glob.glob(root.host(named))):
                    if root.image(file) not in seen:
                        yield from _configured(root, root.image(file), seen)
        elif words:
            yield from (part for word in words for part in word.split(":") if part.startswith("/"))
