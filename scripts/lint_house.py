"""Architecture rules that ruff and import-linter have no words for: the size of modules and functions."""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

MODULE_LINES = 300
FUNCTION_LINES = 80
MEDIAN_LINES = 10


def functions(path: Path) -> Iterator[tuple[str, int, int]]:
    """(name, first line, number of lines) of every function in a module."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1


def faults(root: Path) -> Iterator[str]:
    """Every breach, as `file:line: what`."""
    lengths: list[int] = []
    for path in sorted(root.rglob("*.py")):
        lines = len(path.read_text().splitlines())
        if lines > MODULE_LINES:
            yield f"{path}:{lines}: the module has {lines} lines, {MODULE_LINES} are the most; split it"
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
