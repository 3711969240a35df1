"""How CI systems fold the output of a step away."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Mapping

Fold = Callable[[str, Iterable[str], float], str]  # title, lines, seconds it took -> text to print


def fold_for(environ: Mapping[str, str]) -> Fold | None:
    """The folding of the CI system this runs on, or None where there is none we know."""
    if environ.get("GITHUB_ACTIONS") == "true":
        return github
    return Gitlab() if environ.get("GITLAB_CI") == "true" else None


def github(title: str, lines: Iterable[str], _seconds: float) -> str:
    """A group of GitHub Actions. No line may begin as a workflow command, whoever printed it."""
    body = "".join(f"| {line.replace('##[', '## [')}\n" for line in lines)
    return f"::group::{title.replace('%', '%25')}\n{body}::endgroup::\n"


class Gitlab:
    """Collapsed sections of GitLab, each with a name of its own, as long as the step took."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._names = (f"imgbuild_{number}" for number in itertools.count(1))

    def __call__(self, title: str, lines: Iterable[str], seconds: float) -> str:
        """The section as text."""
        name, end = next(self._names), int(self._clock())
        body = "".join(f"| {line}\n" for line in lines)
        head = f"\x1b[0Ksection_start:{int(end - seconds)}:{name}[collapsed=true]\r\x1b[0K{title}\n"
        return f"{head}{body}\x1b[0Ksection_end:{end}:{name}\r\x1b[0K\n"
