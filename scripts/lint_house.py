"""Architecture rules that ruff and import-linter have no words for.

The size of modules and functions; and who opens connections and reads credentials: builder/network/ alone.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

MODULE_LINES = 300
FUNCTION_LINES = 80
MEDIAN_LINES = 10
NETWORK = "network"
OPENERS = frozenset(
    {"get", "head", "options", "patch", "post", "put", "delete", "request", "Session", "session"}
)
CONNECTING = frozenset({"netrc", "truststore", "urllib.request", "keyring"})


def functions(path: Path) -> Iterator[tuple[str, int, int]]:
    """(name, first line, number of lines) of every function in a module."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1


def connections(path: Path) -> Iterator[tuple[int, str]]:
    """(line, what) of every place in a module that opens a connection of its own or reads credentials."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        names = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        for name in CONNECTING.intersection(names):
            yield node.lineno, f"imports {name}"
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "requests" and node.attr in OPENERS:
            yield node.lineno, f"uses requests.{node.attr}"


def faults(root: Path) -> Iterator[str]:
    """Every breach, as `file:line: what`."""
    lengths: list[int] = []
    for path in sorted(root.rglob("*.py")):
        lines = len(path.read_text().splitlines())
        if lines > MODULE_LINES:
            yield f"{path}:{lines}: the module has {lines} lines, {MODULE_LINES} are the most; split it"
        if path.relative_to(root).parts[0] != NETWORK:
            for line, what in connections(path):
                yield f"{path}:{line}: {what}; builder/network alone opens connections and reads credentials"
        for name, line, length in functions(path):
            lengths.append(length)
            if length > FUNCTION_LINES:
                yield f"{path}:{line}: {name} has {length} lines, {FUNCTION_LINES} are the most; split it"
    if lengths and statistics.median(lengths) > MEDIAN_LINES:
        yield f"{root}: the median function has {statistics.median(lengths)} lines, {MEDIAN_LINES} are the most"


def main() -> None:
    """Print the breaches; exit 1 when there are any."""
    found = list(faults(Path(__file__).parent.parent / "builder"))
    print("\n".join(found) or "the house rules hold")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
