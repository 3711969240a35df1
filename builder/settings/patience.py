"""How patient this machine is with servers: how often it asks again, and how long it waits in between."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TypeVar

from builder.errors import UsageError

RETRIES, PAUSE, TIMEOUT = "IMGBUILD_RETRIES", "IMGBUILD_RETRY_PAUSE", "IMGBUILD_HTTP_TIMEOUT"
LONGEST_PAUSE = (
    30.0  # seconds; a server that asks for more is asked again sooner, and gives up on us if it likes
)
MOST_RETRIES = 100

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Policy:
    """attempts: per file or question. pause: before the second one, doubled before each further one.

    connect, read: limits in seconds. slowest: bytes per second; a server that stays below it for `read` seconds is
    taken for one that hangs.
    """

    attempts: int = 5
    pause: float = 0.5
    connect: float = 10.0
    read: float = 30.0
    slowest: float = 100.0

    def wait(self, failed: int, asked: float = 0.0) -> float:
        """Seconds to wait after so many failed attempts; asked: what the server wanted.

        Half of it is drawn by chance, so that those who were turned away together do not come back together.
        """
        own = min(LONGEST_PAUSE, self.pause * 2.0 ** min(failed - 1, 16))
        drawn = own * (0.5 + random.random() / 2)  # noqa: S311  (no secret)
        return drawn if asked <= 0 else min(LONGEST_PAUSE, asked) + drawn / 2


def read_policy(environ: Mapping[str, str] | None = None) -> Policy:
    """The policy of this machine: IMGBUILD_RETRIES, IMGBUILD_RETRY_PAUSE and IMGBUILD_HTTP_TIMEOUT.

    Raises UsageError for what is no number, or none that can be meant.
    """
    environ = os.environ if environ is None else environ
    usual = Policy()
    retries = _number(environ, RETRIES, usual.attempts - 1, 0, MOST_RETRIES)
    return Policy(
        attempts=int(retries) + 1,
        pause=_number(environ, PAUSE, usual.pause, 0, LONGEST_PAUSE),
        read=_number(environ, TIMEOUT, usual.read, 0.1, 3600),
        connect=min(usual.connect, _number(environ, TIMEOUT, usual.connect, 0.1, 3600)),
    )


def _number(environ: Mapping[str, str], name: str, usual: float, least: float, most: float) -> float:
    text = environ.get(name, "").strip()
    if not text:
        return usual
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value <= most or (name == RETRIES and not value.is_integer()):
        kind = "a whole number" if name == RETRIES else "seconds"
        raise UsageError(
            "cannot be read", where=name, fix=f"give {kind} from {least:g} to {most:g}, or unset it"
        )
    return value


def asked_pause(header: str | None, now: datetime | None = None) -> float:
    """What a `Retry-After` header asks for, in seconds; 0 without one that can be read."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return 0.0
    at = when if when.tzinfo else when.replace(tzinfo=timezone.utc)
    return max(0.0, (at - (now or datetime.now(timezone.utc))).total_seconds())


def patiently(
    work: Callable[[int], Value],
    again: Callable[[Exception], bool],
    policy: Policy,
    *,
    sleep: Callable[[float], None] = time.sleep,
    told: Callable[[Exception, float], None] = lambda _error, _seconds: None,
) -> Value:
    """What work answers; where it raises something of which `again` says that it may pass, it is done again.

    work gets the number of attempts that failed. told: the error and the pause, before each pause. After the last
    attempt its error is raised.
    """
    failed = 0
    while True:
        try:
            return work(failed)
        except Exception as error:
            failed += 1
            if failed >= policy.attempts or not again(error):
                raise
            seconds = policy.wait(failed)
            told(error, seconds)
        sleep(seconds)
