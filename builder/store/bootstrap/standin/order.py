"""The order in which packages are linked and listed: what is depended on comes first, then by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def link_order(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names of packages, dependencies first. A cycle is broken at its first name.

    python comes before everything that does not have to precede it, so that a package without an architecture finds
    its interpreter although an explicit file may say otherwise.
    """
    needs = {str(record["name"]): _needs(record) for record in records}
    for name in needs:
        needs[name] &= needs.keys()
    done: dict[str, None] = {}
    for name in (["python"] if "python" in needs else []) + sorted(needs):
        _visit(name, needs, done, set())
    return list(done)


def _needs(record: Mapping[str, Any]) -> set[str]:
    name = record["name"]
    names = {
        str(text).split()[0].split("=")[0].split(">")[0].split("<")[0] for text in record.get("depends", [])
    }
    if name == "python":
        names.discard("pip")
    elif record.get("noarch") == "python":
        names.add("python")
    return names - {name}


def _visit(start: str, needs: Mapping[str, set[str]], done: dict[str, None], path: set[str]) -> None:
    stack = [(start, iter(sorted(needs[start])))]
    path.add(start)
    while stack:
        name, rest = stack[-1]
        following = next((n for n in rest if n not in done and n not in path), None)
        if following is None:
            done.setdefault(name)
            stack.pop()
        else:
            path.add(following)
            stack.append((following, iter(sorted(needs[following]))))
