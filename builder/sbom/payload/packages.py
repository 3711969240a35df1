"""Read what conda, Python and dpkg say of their packages below a root, as plain data of the shape of `facts.Packages`.

Inside an image `main` writes it as JSON into a file. It reads only; nothing of the image is run but its Python.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import sys
from typing import Any, Dict, FrozenSet, Iterator, List, Optional, Set, Tuple

from builder.audit.payload.tree import Root
from builder.sbom.payload.copyright import terms

_NOT_OURS = frozenset({"/proc", "/sys", "/dev", "/imgbuild"})
_SITE = re.compile(r"/lib(?:64)?/python[0-9.]*/(?:site|dist)-packages$")
_INFO = re.compile(r"[^/]+\.(?:dist|egg)-info")
_ANCHOR = re.compile(r"(?:^|/)(?:site|dist)-packages/([^/]+\.(?:dist|egg)-info)(?:$|/(?:METADATA|PKG-INFO)$)")
_TEXTS = ("name", "version", "build", "channel", "url", "fn", "subdir", "license", "sha256")
_MOST_HEADER = 1 << 16
_DPKG = "/var/lib/dpkg"

Facts = Dict[str, Any]


def collect(path: str) -> Facts:
    """All that is known of packages. path: of the root."""
    root = Root(path)
    prefixes, sites = _places(root)
    unread: Dict[str, str] = {}
    conda = [record for prefix in prefixes for record in _records(root, prefix, unread)]
    owned = frozenset(anchor for record in conda for anchor in record["distributions"])
    dpkgs = _dpkg_anchors(root) if any(site.startswith("/usr/lib") for site in sites) else frozenset()
    return {
        "os_release": _text(root, "/etc/os-release") or _text(root, "/usr/lib/os-release"),
        "prefixes": prefixes,
        "conda": conda,
        "python": [one for site in sites for one in _distributions(root, site, owned, dpkgs)],
        "dpkg": _dpkg(root),
        "copyright": _copyrights(root),
        "unread": unread,
    }


def _places(root: Root) -> Tuple[List[str], List[str]]:
    """Prefixes that conda made, and folders in which Python keeps distributions; links are not followed."""
    prefixes, sites = [], []
    for host, folders, _files in os.walk(root.host("/")):
        here = root.image(host).rstrip("/")
        folders[:] = [name for name in folders if "%s/%s" % (here, name) not in _NOT_OURS]
        if "conda-meta" in folders:
            prefixes.append(here or "/")
        if _SITE.search(here):
            sites.append(here)
            folders[:] = []  # what a distribution vendors is its own
    return sorted(prefixes), sorted(sites)


def _records(root: Root, prefix: str, unread: Dict[str, str]) -> Iterator[Facts]:
    """One for each package of conda's, in the order of its name; installed: its distributions that are there."""
    folder = "%s/conda-meta" % prefix.rstrip("/")
    for name in sorted(os.listdir(root.host(folder))):
        path = "%s/%s" % (folder, name)
        if not name.endswith(".json"):
            continue
        try:
            said = json.loads(root.read(path) or b"")
        except ValueError as error:
            unread[path] = str(error)
            continue
        if not isinstance(said, dict) or not isinstance(said.get("name"), str) or not said["name"]:
            unread[path] = "names no package"
            continue
        files = said.get("files")
        anchors = (
            {_anchor(file) for file in files if isinstance(file, str)} if isinstance(files, list) else set()
        )
        paths = sorted("%s/%s" % (prefix.rstrip("/"), anchor) for anchor in anchors if anchor)
        record: Facts = {key: _whole(said[key]) for key in _TEXTS if isinstance(said.get(key), str)}
        depends = said.get("depends")
        lines = depends if isinstance(depends, list) else []
        record["depends"] = [_whole(line) for line in lines if isinstance(line, str)]
        record.update(prefix=prefix, record=path, distributions=[_whole(one) for one in paths])
        record["replaced"] = bool(paths) and not any(os.path.lexists(root.host(one)) for one in paths)
        yield record


def _whole(text: str) -> str:
    """The text without what cannot be written as UTF-8: half a pair of surrogates is a legal escape in JSON."""
    return text.encode("utf-8", "replace").decode()


def _anchor(file: str) -> str:
    """The folder (or file) that says that a distribution is installed, `lib/python3.12/site-packages/x-1.dist-info`."""
    found = _ANCHOR.search(file)
    return file[: found.end(1)] if found else ""


def _distributions(root: Root, site: str, conda: FrozenSet[str], dpkg: FrozenSet[str]) -> Iterator[Facts]:
    for name in sorted(os.listdir(root.host(site))):
        path = "%s/%s" % (site, name)
        if not _INFO.fullmatch(name):
            continue
        folder = os.path.isdir(root.host(path))
        files = (path + "/METADATA", path + "/PKG-INFO") if folder else (path,)
        header = next((text for text in (_header(root, file) for file in files) if text), "")
        if not header:
            continue  # a folder that was left behind is no distribution, for importlib.metadata neither
        yield {
            "site": site,
            "path": path,
            "header": header,
            "owner": "conda" if path in conda else "deb" if path in dpkg else "",
            "direct_url": _text(root, path + "/direct_url.json") if folder else "",
        }


def _header(root: Root, path: str) -> str:
    """The fields of METADATA without the description below them."""
    data = root.read(path)
    if data is None:
        return ""
    text = data.decode("utf-8", "replace").replace("\r\n", "\n").lstrip("\n")
    return text.split("\n\n", 1)[0][:_MOST_HEADER]


def _dpkg(root: Root) -> str:
    """The stanzas of all packages without their descriptions; images without a shell keep one file for each."""
    texts = [_text(root, _DPKG + "/status")]
    try:
        names = sorted(os.listdir(root.host(_DPKG + "/status.d")))
    except OSError:
        names = []
    texts += [
        _text(root, "%s/status.d/%s" % (_DPKG, name)) for name in names if not name.endswith(".md5sums")
    ]
    stanzas = [part.strip("\n") for text in texts for part in re.split(r"\n\s*\n", text) if part.strip()]
    return "\n\n".join(_without_description(stanza) for stanza in stanzas)


def _without_description(stanza: str) -> str:
    return re.sub(
        r"(?m)^(?:Description|Conffiles|Description-md5):.*\n?(?:^[ \t].*\n?)*", "", stanza + "\n"
    ).rstrip("\n")


def _dpkg_anchors(root: Root) -> FrozenSet[str]:
    """Distributions that came in Debian packages."""
    found: Set[str] = set()
    try:
        names = os.listdir(root.host(_DPKG + "/info"))
    except OSError:
        return frozenset()
    for name in names:
        if name.endswith(".list"):
            lines = _text(root, "%s/info/%s" % (_DPKG, name)).splitlines()
            found.update(anchor for anchor in map(_anchor, lines) if anchor)
    return frozenset(found)


def _copyrights(root: Root) -> Dict[str, Facts]:
    """What the copyright file of each package says, by the package's name."""
    found: Dict[str, Facts] = {}
    folder = "/usr/share/doc"
    try:
        names = sorted(os.listdir(root.host(folder)))
    except OSError:
        return found
    for name in names:
        text = _text(root, posixpath.join(folder, name, "copyright"))
        if text:
            found[name] = terms(text)
    return found


def _text(root: Root, path: str) -> str:
    data: Optional[bytes] = root.read(path)
    return "" if data is None else data.decode("utf-8", "replace")


def main() -> None:
    """`packages.py FILE`: write what is known of `/`."""
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        json.dump(collect("/"), out)
