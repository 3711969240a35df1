"""What `run` and `shell` share: their options, and how they end."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from builder.cli.app import App
from builder.cli.boundary import Told, error_document, error_text, write, write_json
from builder.cli.complete_values import directories, variables, words
from builder.cli.documented import Documented
from builder.cli.options import kit_option, prefix_option, read_gpus_word
from builder.errors import ImgbuildError
from builder.spec.load import load_image
from builder.spec.project import working_directory

if TYPE_CHECKING:
    from builder.workflow.running.prepare import Wish

F = TypeVar("F", bound=Callable[..., Any])

NOT_STARTED = 125
"""Exit code where the program was not started, as docker has it: all others are the program's own."""


PROGRAM_ENDS = {
    "2": "wrong words",
    "125": "the program was not started: no engine, no such image, or a fault of its definition",
    "126": "the program cannot be run",
    "127": "the image has no such program",
    "others": "the program's own",
}


class BeforeProgram(Documented):
    """Options stand before or after ENV; from the program's first word, or from `--`, all words are the program's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, with the options after ENV put before it."""
        ctx.allow_interspersed_args = False
        found = self._positionals(ctx, args)
        before = args[: len(args) - len(found)]
        if not found or before[-1:] == ["--"]:  # `-- ENV COMMAND`: no options come after it
            return super().parse_args(ctx, args)
        name, *after = found
        program = self._positionals(ctx, after)
        options = after[: len(after) - len(program)]
        if options[-1:] == ["--"]:
            options.pop()
        return super().parse_args(ctx, [*before, *options, "--", name, *program])

    def own_words(self, args: list[str]) -> list[str]:
        """The words up to the program's first one: all, where they cannot be parsed."""
        context = click.Context(self, allow_interspersed_args=False)
        try:
            _name, *after = self._positionals(context, args)
            program = self._positionals(context, after)
        except (click.UsageError, ValueError):
            return args
        return args[: len(args) - len(program)]

    def _positionals(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The words from the first one on that is neither an option nor the value of one."""
        parsed, _, _ = self.make_parser(ctx).parse_args(list(args))
        first, more = parsed.get("name"), parsed.get("words")
        return [first, *(more if isinstance(more, tuple) else ())] if isinstance(first, str) else []


def run_options(function: F) -> F:
    """What a program gets. The function gets it as one `wish`, without the program's words."""

    @functools.wraps(function)
    def call(*args: Any, **rest: Any) -> object:
        words = {name: rest.pop(name) for name in _NAMES}
        return function(*args, wish=_wish(**words), **rest)

    made: Any = call
    for option in reversed(_OPTIONS):
        made = option(made)
    result: F = prefix_option(kit_option(made))
    return result


_OPTIONS = (
    click.option("-v", "--volume", "volumes", multiple=True, metavar="HOST:PATH[:ro]", shell_complete=directories,
                 help="Mount a directory of this machine, or a volume by its name."),
    click.option("--no-mount", is_flag=True, help="Do not mount the current directory at /work."),
    click.option("--no-cache-volume", is_flag=True, help="Do not keep /cache in a volume of yours."),
    click.option("-e", "--env", "env", multiple=True, metavar="NAME[=VALUE]", shell_complete=variables,
                 help="Set a variable; NAME alone takes its value from here."),
    click.option("--env-file", "env_files", multiple=True, metavar="FILE", type=click.Path(path_type=Path),
                 help="Variables, one NAME=VALUE or NAME a line."),
    click.option("-p", "--publish", "ports", multiple=True, metavar="[[ADDRESS:]HOST:]PORT",
                 help="Publish a port; without ADDRESS for this machine alone (0.0.0.0: for all)."),
    click.option("--network", default="bridge", show_default=True, metavar="bridge|none|host|NAME",
                 shell_complete=words("bridge", "none", "host"),
                 help="The network of the program."),
    click.option("--gpus", default="auto", show_default=True, metavar="auto|none|all|DEVICES",
                 shell_complete=words("auto", "none", "all"),
                 callback=lambda _context, _option, value: read_gpus_word(value),
                 help="Those the engine gives, none, all, or such as 0,1 or GPU-..."),
    click.option("--shm-size", metavar="SIZE", help="Shared memory, such as 16g.  [default: half of the memory]"),
    click.option("--memory", metavar="SIZE", help="The most memory it may use.  [default: no limit]"),
    click.option("-u", "--user", metavar="UID[:GID]", help="The user it runs as.  [default: you]"),
    click.option("-w", "--workdir", metavar="PATH", help="Where it starts.  [default: /work]"),
    click.option("--name", "container", metavar="NAME", help="The container's name."),
)  # fmt: skip
_NAMES = (
    "volumes", "no_mount", "no_cache_volume", "env", "env_files", "ports", "network", "gpus", "shm_size", "memory",
    "user", "workdir", "container", "prefix", "kit",
)  # fmt: skip


def _wish(**words: Any) -> Wish:
    from builder.workflow.running.prepare import Wish
    from builder.workflow.running.words import (
        read_memory,
        read_mount,
        read_name,
        read_port,
        read_size,
        read_user,
        read_variables,
        read_workdir,
    )

    env, unset = read_variables(words["env_files"], words["env"], os.environ)
    return Wish(
        mount=not words["no_mount"],
        mounts=tuple(read_mount(text, working_directory()) for text in words["volumes"]),
        cache=not words["no_cache_volume"],
        user=None if words["user"] is None else read_user(words["user"]),
        env=env,
        unset=unset,
        ports=tuple(read_port(text) for text in words["ports"]),
        network=words["network"],
        gpus=words["gpus"],
        shm=None if words["shm_size"] is None else read_size(words["shm_size"], "--shm-size"),
        memory=None if words["memory"] is None else read_memory(words["memory"]),
        workdir=read_workdir(words["workdir"] or ""),
        name=read_name(words["container"] or ""),
        prefix=words["prefix"],
        kit=words["kit"],
    )


def attend_here(app: App, name: str, wish: Wish, *, hang_up: bool = False) -> None:
    """Run the program of an image from this terminal and end as it ends."""
    if app.as_json:
        raise click.UsageError("--json has no place here: stdout is the program's")
    code = _as_docker_ends(app, lambda: _attended(app, name, wish, hang_up))
    if code:
        raise Told(code)


def leave_here(app: App, name: str, wish: Wish) -> None:
    """Start the program of an image and tell the name of its container."""
    from builder.engine.connect import connect
    from builder.workflow.running.prepare import look_here, prepare

    def leave() -> int:
        load_image(app.project(), name)
        with connect() as engine:
            prepared = prepare(app.project(), name, engine, wish, look_here(terminal=False, stdin=False))
            _say(app, prepared.notes)
            container = engine.leave(prepared.spec)
        app.result(container, {"container": container, "image": prepared.spec.image})
        return 0

    code = _as_docker_ends(app, leave)
    if code:
        raise Told(code)


def _attended(app: App, name: str, wish: Wish, hang_up: bool) -> int:
    from builder.engine.connect import connect
    from builder.workflow.running.foreground import attend
    from builder.workflow.running.prepare import look_here, prepare
    from builder.workflow.running.terminal import take_seat

    load_image(app.project(), name)  # what is mistyped is told without an engine
    seat = take_seat()
    here = look_here(seat.terminal, seat.stdin is not None)
    with ExitStack() as stack:
        engine = stack.enter_context(connect())
        prepared = prepare(app.project(), name, engine, wish, here)
        _say(app, prepared.notes)
        program = stack.enter_context(engine.program(prepared.spec))
        return attend(program, seat, hang_up=hang_up)


def _say(app: App, notes: tuple[str, ...]) -> None:
    for note in notes:
        app.say(f"note: {note}")


def _as_docker_ends(app: App, work: Callable[[], int]) -> int:
    """The program's code; of a program that was not started, the one that docker would end with."""
    try:
        return work()
    except ImgbuildError as error:
        code: int = getattr(error, "program_code", NOT_STARTED)
        if app.as_json:
            write_json({"error": {**error_document(error), "exit_code": code}}, ascii_only=True)
        write(error_text(error), sys.stderr)
        return code
