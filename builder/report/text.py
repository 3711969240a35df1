"""Results as text for people. No value is shortened: what does not fit is folded, in a pipe it is whole."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from builder.report.duration import human_time
from builder.report.plain import many_lines, one_line
from builder.smoke.verdict import TestResult, Verdict

STYLES = {"passed": "green", "failed": "bold red", "timeout": "bold red", "not-run": "yellow"}
Cell = str | Text


def fields(pairs: Sequence[tuple[str, Cell]], *, color: bool, width: int) -> str:
    """`name  value`, one below the other, the values in one column."""
    return _rendered([_fields(pairs)], color, width)


def verdict_text(verdict: Verdict, *, color: bool, width: int) -> str:
    """The tests with their numbers, what failed and why, what nobody proved, and which image it is about."""
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in ("TEST", "ENVIRONMENT", "RESULT", "TIME", "MEASURED"):
        grid.add_column(header, overflow="fold")
    for result in verdict.results:
        grid.add_row(*_result_row(result))
    failed = [result for result in verdict.results if result.outcome in {"failed", "timeout"}]
    parts: list[Table | Text] = [grid, Text("")]
    if failed:
        parts += [*(_failure(result) for result in failed), Text("")]
    parts.append(_fields(_verdict_fields(verdict)))
    return _rendered(parts, color, width)


def numbers_text(result: TestResult) -> str:
    """`coefficient 2, mse 0`: the numbers; the texts where a test has no numbers (`python 3.11.2`)."""
    numbers = {name: f"{value:.6g}" for name, value in result.numbers.items() if isinstance(value, float)}
    return ", ".join(f"{name} {value}" for name, value in (numbers or result.numbers).items())


def _result_row(result: TestResult) -> list[Text]:
    ran = result.outcome != "not-run"
    measured = numbers_text(result) if ran and result.numbers else "" if ran else result.reason
    cells = [_cell(_called(result)), _cell(result.environment)]
    cells.append(Text(result.outcome, style=STYLES[result.outcome]))
    return [*cells, Text(human_time(result.seconds) if ran else "-"), _cell(measured)]


def _called(result: TestResult) -> str:
    """The same test may stand there twice: without a GPU and with one."""
    return f"{result.name} (gpu)" if result.tier == 2 else result.name


def _failure(result: TestResult) -> Text:
    """The reason a test failed, each fault on a line of its own, then the last lines it printed."""
    head = _cell(f"{_called(result)} in {result.environment}: {result.outcome}")
    head.stylize(STYLES[result.outcome])
    for fault in result.reason.split("; "):
        head.append(f"\n  {one_line(fault)}")
    for line in many_lines(result.output) if result.output else ():
        head.append(f"\n  | {line}", style="dim")
    return head


def _verdict_fields(verdict: Verdict) -> list[tuple[str, Cell]]:
    ran = sum(result.outcome != "not-run" for result in verdict.results)
    good = sum(result.outcome == "passed" for result in verdict.results)
    told = f"{good} of {ran} tests passed in {human_time(verdict.seconds)}"
    head = Text(
        "PASSED" if verdict.passed else "NOT PASSED", style="bold green" if verdict.passed else "bold red"
    )
    stand_in = ", with a stand-in for the installer" if verdict.stand_in else ""
    return [
        ("verdict", head.append(f": {told}", style="not bold default")),
        *((f"not proven: {tier}", reason) for tier, reason in verdict.not_proven.items()),
        *(("note", note) for note in verdict.notes),
        ("image", f"{verdict.image}  {verdict.image_id}"),
        ("made from", f"{verdict.source}{stand_in}"),
        ("engine", verdict.engine),
    ]


def _fields(pairs: Sequence[tuple[str, Cell]]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", overflow="fold")
    grid.add_column(overflow="fold")
    for name, value in pairs:
        grid.add_row(_cell(name), _cell(value))
    return grid


def _cell(value: Cell) -> Text:
    """Plain text never means markup, and never holds what could steer a terminal."""
    return value if isinstance(value, Text) else Text("\n".join(many_lines(value)))


def _rendered(parts: Sequence[Table | Text], color: bool, width: int | None) -> str:
    """The parts below each other. width None: nothing is folded."""
    console = Console(
        file=io.StringIO(),
        width=width or 10_000,
        force_terminal=color,
        color_system="standard" if color else None,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
        _environ={},
    )
    with console.capture() as caught:
        for part in parts:
            console.print(part, overflow="fold")
    return "\n".join(line.rstrip() for line in caught.get().splitlines())
