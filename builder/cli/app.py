"""The group of all commands, the options every command has, and what they make of them."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from builder import __version__
from builder.cli.boundary import Told, error_document, error_text, write, write_json
from builder.cli.commands import Commands
from builder.cli.documented import Documented
from builder.cli.settled import refuse_unsettled, settle
from builder.errors import ImgbuildError
from builder.network.offline import go_offline
from builder.network.redact import redacted
from builder.progress import Observer
from builder.spec.project import Project, find_project

F = TypeVar("F", bound=Callable[..., Any])


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="imgbuild %(version)s")
def imgbuild() -> None:
    """A named environment goes in, a proven image comes out: locked, built, tested, verifiable."""


@dataclass(frozen=True, slots=True)
class App:
    """What the common options say, and the two ways out: text for people on stderr, results on stdout."""

    directory: Path | None
    as_json: bool
    quiet: bool
    verbose: bool
    color: bool

    @property
    def width(self) -> int:
        """Columns of the terminal; results that go to a pipe are not folded."""
        return shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 1000

    def project(self) -> Project:
        """The project that `-C` or the working directory names, else the shipped environments."""
        return find_project(self.directory)

    def say(self, text: str) -> None:
        """A sentence for people."""
        if not self.quiet:
            write(text, sys.stderr)

    def result(self, text: str, document: object) -> None:
        """The result: text, or with --json exactly one document."""
        if self.as_json:
            write_json(document)
        else:
            write(text, sys.stdout)

    def refused(self, text: str, document: Mapping[str, object], error: ImgbuildError) -> NoReturn:
        """End with a result that is an error as well: one document on stdout, and the error is part of it."""
        self.result(text, {**document, "error": error_document(error)})
        write(error_text(error), sys.stderr)
        raise Told(error.exit_code) from error

    @contextmanager
    def face(self) -> Iterator[Observer]:
        """The observer that shows progress, on stderr and without secrets."""
        from builder.report.progress import make_face, redacting

        color = self.color_on(sys.stderr)
        with make_face(
            sys.stderr, quiet=self.quiet, verbose=self.verbose, color=color, environ=os.environ
        ) as face:
            yield redacting(face)

    @property
    def color_on_stdout(self) -> bool:
        """Whether results are coloured."""
        return self.color_on(sys.stdout)

    def color_on(self, stream: Any) -> bool:
        """Whether this stream gets colour: `--color` first, then NO_COLOR, then whether it is a terminal."""
        return self.color and (os.environ.get("IMGBUILD_COLOR") == "always" or bool(stream.isatty()))


def command(
    name: str,
    *,
    examples: Sequence[str],
    exits: Mapping[str, str],
    pages: Sequence[str] = (),
    short: str | None = None,
    cls: type[Documented] = Documented,
    verbose: tuple[str, ...] = ("-v", "--verbose"),
) -> Callable[[F], click.Command]:
    """A command with the common options; the function gets an App first.

    examples, exits, pages: as `Documented` has them. short: the phrase in the list of a group of its own; the list of
    all commands has its phrases in `commands`. verbose: where `-v` is something else.
    """

    def wrap(function: F) -> click.Command:
        options = [
            # Eager: the settings files hold before variables of other options are read.
            click.option("-C", "directory", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
                         is_eager=True, callback=settle, help="Work on the project in DIR."),
            click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout."),
            click.option("-q", "--quiet", is_flag=True, help="Print results and errors only."),
            click.option(*verbose, is_flag=True, help="Print the output of every step, and a log."),
            click.option("--offline", is_flag=True, help="Ask nothing of the network; what is missing is named."),
            click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto",
                         show_default=True, help="Colour; NO_COLOR is honoured."),
        ]  # fmt: skip

        def call(
            directory: Path | None,
            as_json: bool,
            quiet: bool,
            verbose: bool,
            offline: bool,
            color: str,
            **rest: Any,
        ) -> object:
            if offline:
                go_offline()
            refuse_unsettled(name)
            _set_up_logging(verbose)
            return function(App(directory, as_json, quiet, verbose, _color(color)), **rest)

        call.__doc__ = function.__doc__
        call.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
        made: Callable[..., Any] = call
        for option in reversed(options):
            made = option(made)
        kept = {"examples": examples, "exits": exits, "pages": pages, "short_help": short}
        return click.command(name, cls=cls, **kept)(made)

    return wrap


def _color(choice: str) -> bool:
    if choice == "always":
        os.environ["IMGBUILD_COLOR"] = "always"
        return True
    return choice == "auto" and not os.environ.get("NO_COLOR")


class _Redacting(logging.Formatter):
    """Lines and tracebacks without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        return redacted(super().format(record))


def _set_up_logging(verbose: bool) -> None:
    """Warnings for everybody; with -v also what we do ourselves, and not what every library does."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("builder").setLevel(logging.DEBUG if verbose else logging.WARNING)
