"""What the stand-in says: questions, steps, errors, JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from builder.store.bootstrap.standin.errors import CondaError, CondaMultiError, CondaSystemExit
from builder.store.bootstrap.standin.settings import Settings


def say(text: str) -> None:
    """One line for a person, on standard output."""
    print(text, flush=True)


def complain(text: str) -> None:
    """One paragraph on standard error."""
    print(f"\n{text}\n", file=sys.stderr, flush=True)


def show_json(value: object) -> None:
    """One document on standard output."""
    say(json.dumps(value, indent=2, sort_keys=True))


@contextmanager
def step(settings: Settings, title: str) -> Iterator[None]:
    """A step that is announced and ends in `done` or `failed`."""
    if settings.flag("json"):
        yield
        return
    print(f"{title}: ...working... ", end="", flush=True)
    try:
        yield
    except BaseException:
        say("failed")
        raise
    say("done")


def confirm(settings: Settings, question: str, *, default: bool) -> None:
    """Ask, unless -y or --json answered. The end of input takes the default. Raises CondaSystemExit on no."""
    if settings.flag("always_yes") or settings.flag("json"):
        return
    choices = "[y]/n" if default else "y/[n]"
    while True:
        print(f"{question} ({choices})? ", end="", flush=True)
        line = sys.stdin.readline()
        answer = line.strip().lower() or ("y" if default else "n")
        if answer in ("y", "yes"):
            return
        if answer in ("n", "no"):
            raise CondaSystemExit("Exiting.")
        say(f"Invalid choice: {answer}")


def report_error(error: CondaError, *, as_json: bool) -> None:
    """Print an error the way conda does."""
    if as_json:
        show_json(_error_document(error))
    elif isinstance(error, CondaSystemExit):
        say(f"\n{error}\n")
    else:
        complain(str(error))


def _error_document(error: CondaError) -> dict[str, object]:
    name = type(error).__name__
    if isinstance(error, CondaSystemExit):
        return {"dry_run": name == "DryRunExit", "message": error.message, "success": error.code == 0}
    document: dict[str, object] = {
        "caused_by": repr(error.__cause__) if error.__cause__ else "None",
        "error": str(error),
        "exception_name": name,
        "exception_type": f"<class 'conda.exceptions.{name}'>",
        "message": error.message,
    }
    if isinstance(error, CondaMultiError):
        document["errors"] = [_error_document(one) for one in error.errors]
    return document
