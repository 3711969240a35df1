"""BuildKit's status turned into progress events, and what is remembered to explain a failure."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from builder.engine.lines import LineAssembler
from builder.engine.trace import Status, Vertex, VertexLog, VertexStatus
from builder.progress import Event, Observer, StepAdvanced, StepFinished, StepLogged, StepStarted

PHASE = "build"
_TAIL = 30  # lines of a failed step that are shown
_TITLE = 160
_EXIT_CODE = re.compile(r"exit code: (\d+)\s*$")
_MOUNT = re.compile(r"--mount=\S+ (?:\\ )?")
_LONG_HASH = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")
_ONLY_STAGE = re.compile(r"^\[stage-0 ")
# Our pages begin a RUN with `: 'What it does';`, which tells more than the commands do.
_TITLED_RUN = re.compile(r"RUN : '?([^';]+)'?;.*")
# Steps that the builder adds to hand the context over: nothing a reader of the Dockerfile would look for.
_INTERNAL = ("[internal]", "copy /context /", "docker-image://", "local://", "FROM docker.io/imgbuild/pkg:")


@dataclass(frozen=True, slots=True)
class FailedStep:
    """The step that broke the build: name as in the Dockerfile, exit code where it has one, last lines."""

    name: str
    error: str
    exit_code: int | None
    tail: tuple[str, ...]


@dataclass(slots=True)
class _Step:
    """What is known of one vertex so far."""

    name: str = ""
    begun: float | None = None
    error: str = ""
    shown: bool = False  # a StepStarted without its StepFinished is out
    over: bool = False  # a FROM is reported twice: once looked up, once as cached
    parts: dict[str, tuple[int, int]] = field(default_factory=dict)
    pending: dict[int, LineAssembler] = field(default_factory=dict)
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=_TAIL))

    @property
    def internal(self) -> bool:
        return not self.name or self.name.startswith(_INTERNAL)


class BuildProgress:
    """Follows one build. Feed it each Status in turn; the observer hears what changed."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._steps: dict[str, _Step] = {}

    def feed(self, status: Status) -> None:
        """Tell the observer what this status says."""
        for event in self._events(status):
            self._observer(event)

    def close(self, error: str = "") -> None:
        """The build ended: steps that are still open end with it, so that no face waits for them."""
        for digest, step in self._steps.items():
            if step.shown:
                step.shown = False
                self._observer(StepFinished(_key(digest), 0.0, error=error))

    def failed_step(self, message: str) -> FailedStep | None:
        """The step that the engine's `message` is about; None when no step failed (a Dockerfile error)."""
        broken = [step for step in self._steps.values() if step.error]
        # Neighbours of the broken step are cancelled with it, and say so in their error.
        own = [step for step in broken if step.error in message or "cancel" not in step.error]
        for step in own or broken:
            code = _EXIT_CODE.search(step.error)
            return FailedStep(step.name, step.error, int(code[1]) if code else None, tuple(step.tail))
        return None

    def _events(self, status: Status) -> Iterator[Event]:
        for vertex in status.vertexes:
            self._steps.setdefault(vertex.digest, _Step()).name = vertex.name
        # A step's start comes before its output, and its end after it, although one status holds all three.
        for vertex in status.vertexes:
            yield from self._started(vertex)
        for part in status.statuses:
            yield from self._advanced(part)
        for piece in status.logs:
            yield from self._logged(piece)
        for vertex in status.vertexes:
            yield from self._finished(vertex)

    def _started(self, vertex: Vertex) -> Iterator[Event]:
        step = self._steps[vertex.digest]
        if vertex.started is None or step.shown or step.over or step.internal:
            return
        step.begun, step.shown = vertex.started, True
        yield StepStarted(PHASE, _key(vertex.digest), shorten(step.name))

    def _advanced(self, part: VertexStatus) -> Iterator[Event]:
        step = self._steps.get(part.vertex)
        if step is None or not step.shown or part.current <= 0:
            return
        step.parts[part.id] = (part.current, part.total)
        totals = [total for _, total in step.parts.values()]
        done = sum(current for current, _ in step.parts.values())
        yield StepAdvanced(_key(part.vertex), done, sum(totals) if all(totals) else None, "bytes")

    def _logged(self, piece: VertexLog) -> Iterator[Event]:
        step = self._steps.setdefault(piece.vertex, _Step())
        lines = step.pending.setdefault(piece.stream, LineAssembler()).feed(piece.data)
        yield from self._told(piece.vertex, step, lines)

    def _finished(self, vertex: Vertex) -> Iterator[Event]:
        step = self._steps[vertex.digest]
        if vertex.completed is None:
            return
        step.error = vertex.error
        for assembler in step.pending.values():
            yield from self._told(vertex.digest, step, assembler.flush())
        if not step.shown:
            return
        step.shown, step.over = False, True
        seconds = max(0.0, vertex.completed - (step.begun or vertex.completed))
        yield StepFinished(_key(vertex.digest), seconds, cached=vertex.cached, error=vertex.error)

    @staticmethod
    def _told(digest: str, step: _Step, lines: tuple[str, ...]) -> Iterator[Event]:
        for line in lines:
            step.tail.append(line)
            if step.shown:
                yield StepLogged(_key(digest), line)


def shorten(name: str) -> str:
    """A step's name on one line, in 160 characters: a RUN without its mounts, or by the title it begins with."""
    line = _LONG_HASH.sub(r"\1", _MOUNT.sub("", " ".join(name.split())))
    line = _TITLED_RUN.sub(r"\1", _ONLY_STAGE.sub("[", line))
    return line if len(line) <= _TITLE else line[: _TITLE - 4] + " ..."


def _key(digest: str) -> str:
    return f"build:{digest}"
