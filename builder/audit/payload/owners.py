"""Whose a file is: Python distributions by their RECORD, conda packages by conda-meta, and which torch there is."""

from __future__ import annotations

import json
import os
import posixpath
import re
from typing import Any, Dict, List, NamedTuple

from builder.audit.payload.tree import Root, Tree

_INFO = re.compile(r"(.+?)-([^-]+)\.(?:dist|egg)-info")
_VERSION = re.compile(rb"^__version__(?:\s*:[^=\n]*)?\s*=\s*['\"]([^'\"\n]+)['\"]", re.MULTILINE)
_CUDA = re.compile(rb"^cuda(?:\s*:[^=\n]*)?\s*=\s*(?:['\"]([^'\"\n]+)['\"]|None)", re.MULTILINE)


class Owned(NamedTuple):
    """owners: package `torch 2.15.0` by path. distributions and torch: as in `builder.audit.facts`, as plain data."""

    owners: Dict[str, str]
    distributions: List[Dict[str, Any]]
    torch: List[Dict[str, Any]]


def owned(root: Root, tree: Tree) -> Owned:
    """Everything that the environments and the system's own Python say of their files."""
    found = Owned({}, [], [])
    for prefix in tree.conda:
        _conda(root, prefix.rstrip("/"), found)
    for site in tree.sites:
        _distributions(root, site, found)
        _torch(root, site, found)
    return found


def _names(root: Root, folder: str) -> List[str]:
    return sorted(os.listdir(root.host(folder)))


def _conda(root: Root, prefix: str, found: Owned) -> None:
    for name in _names(root, prefix + "/conda-meta"):
        if not name.endswith(".json"):
            continue
        meta = json.loads(root.read("%s/conda-meta/%s" % (prefix, name)) or b"{}")
        package = {
            "name": meta.get("name", ""),
            "version": meta.get("version", ""),
            "site": prefix,
            "conda": True,
        }
        if package["name"]:
            found.distributions.append(package)
            for file in meta.get("files", ()):
                found.owners["%s/%s" % (prefix, file)] = "%s %s" % (package["name"], package["version"])


def _distributions(root: Root, site: str, found: Owned) -> None:
    for folder in _names(root, site):
        said = _INFO.fullmatch(folder)
        if said is None:
            continue
        name, version = re.sub(r"[-_.]+", "-", said[1]).lower(), said[2]
        found.distributions.append({"name": name, "version": version, "site": site, "conda": False})
        record = root.read("%s/%s/RECORD" % (site, folder)) or b""
        for line in record.decode("utf-8", "replace").splitlines():
            path = line.partition(",")[0].strip('"')
            if not path.endswith((".py", ".pyc", ".h")):
                found.owners[posixpath.normpath(posixpath.join(site, path))] = "%s %s" % (name, version)


def _torch(root: Root, site: str, found: Owned) -> None:
    text = root.read(site + "/torch/version.py")
    said = _VERSION.search(text) if text else None
    if said is None:
        return
    cuda = _CUDA.search(text or b"")
    line = cuda[1].decode() if cuda is not None and cuda[1] else None
    found.torch.append({"version": said[1].decode(), "cuda": line, "site": site})
