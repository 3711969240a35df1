"""Read every ELF file below a root and say what it needs, as plain data of the shape of `facts.Inventory`.

Inside an image `main` writes it as JSON into a file. It reads only; nothing of the image is run but its Python.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from typing import Any, Dict, List, Sequence, Tuple

from builder.audit.payload.elf import CUDA, Elf, ElfError, highest
from builder.audit.payload.fatbin import of_cubin, targets
from builder.audit.payload.owners import owned
from builder.audit.payload.symbols import SHOWN, TORCH, User, is_torchs, mapped, unresolved
from builder.audit.payload.tree import Root, environment_of, prefix_of, search, walk

Facts = Dict[str, Any]
_FAULTS = (ElfError, struct.error, OSError, ValueError, IndexError, OverflowError)


def scan(path: str, *, reading: str, first: str = "", workers: int = 1) -> Facts:
    """An inventory. path: of the root; first: the prefix that is active.

    workers: processes. More than one are forked, which only a program without threads may do.
    """
    started = time.monotonic()
    root = Root(path)
    tree = walk(root)
    known = owned(root, tree)
    prefixes = sorted(tree.prefixes, key=lambda prefix: (prefix != first, prefix))
    sites = {prefix_of(torch["site"]): torch["site"] for torch in known.torch}
    beside = {file: sites.get(environment_of(file, prefixes), "") for file, _ in tree.files} if sites else {}
    files, users, unread = _read_all(root, tree.files, beside, workers)
    for facts in files:
        facts["package"] = known.owners.get(facts["path"], "")
    paths = [facts["path"] for facts in files]
    for site in sites.values():
        mine = [user for user in users if beside[user.path] == site]
        open_names = unresolved(root, site, mine, paths)
        for facts in files:
            names = open_names.get(facts["path"], [])
            if names:
                facts["unresolved"], facts["unresolved_count"] = names[:SHOWN], len(names)
    return {
        "reading": reading,
        "prefixes": prefixes,
        "files": files,
        "links": tree.links,
        "search": search(root) if reading != "archives" else [],
        "library_path": [part for part in os.environ.get("LD_LIBRARY_PATH", "").split(":") if part]
        if reading == "image"
        else [],
        "distributions": known.distributions,
        "torch": known.torch,
        "unread": {**tree.unread, **unread},
        "seconds": round(time.monotonic() - started, 3),
    }


def processors() -> int:
    """How many processes this one may use at the same time."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


Answer = Tuple[List[Facts], List[User], Dict[str, str]]


def _read_all(root: Root, files: Sequence[Tuple[str, int]], beside: Dict[str, str], workers: int) -> Answer:
    """Facts of all files, in the order of their paths, read by several processes."""
    shares = _shares(files, workers)
    pipes = [_start(root, share, beside) for share in shares[1:]]
    answers = [_read_share(root, shares[0], beside), *(_answer(*pipe) for pipe in pipes)]
    facts = sorted((one for answer in answers for one in answer[0]), key=lambda one: str(one["path"]))
    users = [user for answer in answers for user in answer[1]]
    return facts, users, {path: why for answer in answers for path, why in answer[2].items()}


def _shares(files: Sequence[Tuple[str, int]], workers: int) -> List[List[str]]:
    """As equal in bytes as can be: the largest first, each to who has least."""
    shares: List[List[str]] = [[] for _ in range(max(1, min(workers, len(files))))]
    loads = [0] * len(shares)
    for path, size in sorted(files, key=lambda file: (-file[1], file[0])):
        least = loads.index(min(loads))
        shares[least].append(path)
        loads[least] += size + 65536  # opening a file is work as well
    return shares


def _start(root: Root, share: Sequence[str], beside: Dict[str, str]) -> Tuple[int, int]:
    """A process of its own for one share: (its number, the pipe that it answers through).

    Not multiprocessing, which wants a /dev/shm that a sandbox may not have.
    """
    receive, send = os.pipe()
    process = os.fork()
    if process:
        os.close(send)
        return process, receive
    status = 1
    try:
        os.close(receive)
        facts, users, unread = _read_share(root, share, beside)
        named = [(user.path, user.needed, [name.decode("latin-1") for name in user.wanted]) for user in users]
        with os.fdopen(send, "wb") as out:
            out.write(json.dumps([facts, named, unread]).encode())
        status = 0
    finally:
        os._exit(status)


def _answer(process: int, receive: int) -> Answer:
    with os.fdopen(receive, "rb") as source:
        said = source.read()
    if os.waitpid(process, 0)[1]:
        raise RuntimeError(
            "a process that reads files ended before it was done; there may be too little memory"
        )
    facts, named, unread = json.loads(said)
    users = [
        User(path, tuple(needed), tuple(name.encode("latin-1") for name in wanted))
        for path, needed, wanted in named
    ]
    return facts, users, unread


def _read_share(root: Root, paths: Sequence[str], beside: Dict[str, str]) -> Answer:
    facts: List[Facts] = []
    users: List[User] = []
    unread: Dict[str, str] = {}
    for path in paths:
        try:
            with open(root.host(path), "rb") as file, mapped(file) as data:
                elf = Elf(data)
                facts.append(_facts(path, elf))
                site = beside.get(path, "")
                if site and not is_torchs(path, site):
                    wanted = tuple(name for name in elf.undefined() if name.startswith(TORCH))
                    if wanted:
                        users.append(User(path, tuple(elf.needed), wanted))
        except _FAULTS as error:
            unread[path] = str(error) or type(error).__name__
    return facts, users, unread


def _facts(path: str, elf: Elf) -> Facts:
    if elf.number == CUDA:
        return {"path": path, "machine": "cuda", "code": [of_cubin(elf.data, elf.flags)]}
    wants: Dict[str, List[str]] = {}
    for library, version in elf.wanted_versions():
        wants.setdefault(library, []).append(version)
    code, ptx = targets(elf.data)
    return {
        "path": path,
        "machine": elf.machine,
        "soname": elf.soname,
        "needed": elf.needed,
        "rpath": elf.rpath,
        "runpath": elf.runpath,
        "wants": {library: highest(versions) for library, versions in wants.items()},
        "gives": highest(list(elf.given_versions())),
        "code": sorted(code),
        "ptx": sorted(ptx),
    }


def main() -> None:
    """The program that runs inside an image."""
    out, first = sys.argv[1:]
    with open(out, "w", encoding="utf-8") as file:
        json.dump(scan("/", reading="image", first=first, workers=processors()), file)
