"""The live face, for a terminal: finished steps scroll up, running steps stay at the bottom and move."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from builder.progress import Event, Note, StepLogged
from builder.report.duration import human_time
from builder.report.plain import encodable, is_utf8, one_line
from builder.report.steps import Clock, Ended, Step, Steps

SHOWN = 6  # running steps on the screen at a time
NARROW = 50  # columns below which there is no room for a bar


class LiveFace:
    """An observer with a live region at the bottom of the terminal, for the length of a `with`."""

    def __init__(
        self,
        stream: TextIO,
        *,
        verbose: bool = False,
        color: bool = True,
        environ: Mapping[str, str],
        clock: Clock = time.monotonic,
    ) -> None:
        self.console = Console(
            file=stream,
            force_terminal=True,
            color_system="auto" if color else None,
            no_color=not color,
            markup=False,
            emoji=False,
            highlight=False,
            _environ=environ,
        )
        self._stream = stream
        self._verbose = verbose
        self._steps = Steps(clock)
        self._lock = threading.Lock()
        self._spinner = Spinner("dots" if is_utf8(stream) else "line")
        self._live = Live(
            get_renderable=self.region,
            console=self.console,
            transient=True,
            refresh_per_second=8,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> LiveFace:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, event: Event) -> None:
        """Show what happened."""
        # Printed outside our lock: the refreshing thread holds rich's lock while it asks for ours.
        with self._lock:
            ended = self._steps.take(event)
        if ended is not None:
            self._show(ended)
        elif isinstance(event, Note):
            self._print(Text(one_line(event.text)))
        elif self._verbose and isinstance(event, StepLogged):
            self._print(Text(f"  | {one_line(event.line)}", style="dim"))

    def region(self) -> RenderableType:
        """What stands at the bottom now: the steps that run longest, and how many more there are."""
        with self._lock:
            steps = list(self._steps.running.values())
            now = self._steps.clock()
            shown = [self._running(step, now) for step in steps[:SHOWN]]
        if len(steps) > SHOWN:
            shown.append(Text(f"  and {len(steps) - SHOWN} more", style="dim"))
        return Group(*shown)

    def _running(self, step: Step, now: float) -> RenderableType:
        """Spinner, title and elapsed time; below them a bar with amounts, and the last line logged."""
        head = Table.grid(padding=(0, 1), expand=True)
        head.add_column(width=1)
        head.add_column(ratio=1, no_wrap=True, overflow="ellipsis" if is_utf8(self._stream) else "crop")
        head.add_column(justify="right", no_wrap=True)
        head.add_row(self._spinner, self._text(step.title), human_time(now - step.started))
        below: list[RenderableType] = [self._amount(step)] if step.unit else []
        if step.lines:
            below.append(self._log_line(step.lines[-1]))
        return Group(head, *below)

    def _amount(self, step: Step) -> RenderableType:
        if not step.total or self.console.width < NARROW:
            return Text(f"  {step.amount}", no_wrap=True, overflow="crop")
        row = Table.grid(padding=(0, 1))
        row.add_column(width=1)
        row.add_row("", ProgressBar(step.total, min(step.done, step.total), width=24), step.amount)
        return row

    def _log_line(self, line: str) -> Text:
        text = self._text(f"  {line}", "dim")
        text.no_wrap, text.overflow = True, "crop"
        return text

    def _show(self, ended: Ended) -> None:
        style = "red" if ended.error else "dim" if ended.cached else "green"
        line = self._text(f"{ended.step.phase:<7} {ended.step.title}  ").append(ended.ending, style=style)
        for last in ended.tail:
            line.append(encodable(f"\n  | {last}", self._stream))
        self._print(line)

    def _text(self, text: str, style: str = "") -> Text:
        return Text(encodable(text, self._stream), style=style)

    def _print(self, text: Text) -> None:
        self.console.print(text, overflow="fold")
