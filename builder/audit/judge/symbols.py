"""Symbols of torch that nothing defines: what was built for another torch."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from builder.audit.facts import FileFacts
from builder.audit.judge.loaded import Environment
from builder.audit.judge.words import base, owner
from builder.audit.model import AuditFinding
from builder.audit.tables import table

_NESTED = re.compile(r"_Z(?:T[IVS]|GV)?N[KVrRO]*")


def findings(environment: Environment) -> Iterator[AuditFinding]:
    """One for each package that uses symbols which the installed torch does not define."""
    if environment.torch is None:
        return
    by_package: dict[str, list[FileFacts]] = {}
    for one in environment.files:
        if one.unresolved:
            by_package.setdefault(owner(one, environment.prefix), []).append(one)
    for package, files in by_package.items():
        yield _abi(package, files, environment.torch.version)


def readable(symbol: str) -> str:
    """`c10::cuda::device_count` of `_ZN3c104cuda12device_countEv`: the path of names; as it is where it is no such."""
    found = _NESTED.match(symbol)
    if found is None:
        return symbol
    names, rest = [], symbol[found.end() :]
    while (length := re.match(r"[0-9]+", rest)) is not None:
        start = length.end()
        end = start + int(length[0])
        names.append(rest[start:end])
        rest = rest[end:]
    if rest.startswith(("C1", "C2", "D0", "D1", "D2")) and names:
        names.append(f"{'~' if rest[0] == 'D' else ''}{names[-1]}")
    return "::".join(names) or symbol


def _abi(package: str, files: Sequence[FileFacts], torch: str) -> AuditFinding:
    first = files[0]
    symbols = {name for one in files for name in one.unresolved}
    count = max(len(symbols), *(one.unresolved_count for one in files))
    parts = [table().part(base(package), one.path) for one in files]
    lost = " and ".join(dict.fromkeys(part.loses for part in parts if part)) if all(parts) else ""
    more = f" and {count - 1} more" if count > 1 else ""
    several = f" and {len(files) - 1} more of its files use" if len(files) > 1 else " uses"
    symbol = first.unresolved[0]
    spelled = "" if readable(symbol) == symbol else f" ({symbol})"
    name, release = base(package), torch.partition("+")[0]
    return AuditFinding(
        check="torch-abi",
        weight="warning" if lost else "fault",
        package=name,
        file=first.path,
        what=f"{package} was built for another torch than {torch} (undefined symbol)"
        + (f": it works without {lost}" if lost else ""),
        cause=f"{posixpath.basename(first.path)}{several} {readable(symbol)}{spelled}{more}, and nothing in the "
        "environment defines that",
        fix=f"take the {name} that was made for torch {release}, or the torch that {name} was made for",
        source=next((part.source for part in parts if part), "") if lost else "",
    )
