"""How findings name things."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from builder.audit.facts import FileFacts
from builder.gpu.tables import Gpu

_SHOWN = 3


def owner(one: FileFacts, prefix: str) -> str:
    """The package of a file, `torch 2.15.0`; the folder or file where no package says that it is its own."""
    if one.package:
        return one.package
    site = one.path.rpartition("-packages/")[2] if "-packages/" in one.path else ""
    inner = site or posixpath.relpath(one.path, prefix or "/")
    first = inner.split("/")[0]
    return first if site else posixpath.basename(one.path)


def base(package: str) -> str:
    """`torch` of `torch 2.15.0`: what `allow:` names."""
    return package.partition(" ")[0]


def some(names: Iterable[str], most: int = _SHOWN) -> str:
    """`a, b, c and 4 more`."""
    listed = list(dict.fromkeys(names))
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return f"{', '.join(listed[:most])}{more}"


def both(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def titled(gpus: Sequence[Gpu]) -> str:
    """`Tesla T4 and Tesla V100`."""
    return both([gpu.title for gpu in gpus])


def capabilities(gpus: Sequence[Gpu]) -> str:
    """`Tesla T4 is 7.5, Tesla V100 is 7.0`."""
    return ", ".join(f"{gpu.title} is {gpu.compute}" for gpu in gpus)


def holds(code: Sequence[str], ptx: Sequence[str]) -> str:
    """`holds sm_75 sm_80 and no PTX`."""
    return f"holds {' '.join(code) or 'no machine code'} and {' '.join(ptx) if ptx else 'no PTX'}"


def pieces(paths: Sequence[str]) -> str:
    """`libtorch_cuda.so`, with how many more there are."""
    more = f" (and {len(paths) - 1} more of its files)" if len(paths) > 1 else ""
    return f"{posixpath.basename(paths[0])}{more}"
