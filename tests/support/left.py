"""What an engine holds that nobody asked for: containers, volumes, working names, images that lost their name."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from builder.progress import Event, StepStarted


@dataclass(frozen=True)
class Look:
    """An engine seen through the docker command."""

    endpoint: str

    def __call__(self, *words: str) -> list[str]:
        """The words that `docker WORDS` prints."""
        environ = {**os.environ, "DOCKER_HOST": self.endpoint}
        done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False, env=environ)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    def images(self) -> list[str]:
        """Every name in the engine, in order: docker's own is by age, and one second holds several."""
        names = self("images", "--format", "{{.Repository}}:{{.Tag}}")
        return sorted(name for name in names if "<none>" not in name)

    def leftovers(self) -> list[str]:
        """All that a finished command must not leave. For an engine that only this test uses."""
        return [
            *self("ps", "-aq"),
            *self("volume", "ls", "-q"),
            *(name for name in self.images() if ":building-" in name or name.endswith(":unproven")),
            *self("images", "-q", "--filter", "dangling=true"),
        ]


def at_step(words: str, act: Callable[[], object]) -> Callable[[Event], None]:
    """An observer that acts once, when the first step begins whose `phase title` holds these words."""
    waiting = [act]

    def observe(event: Event) -> None:
        if isinstance(event, StepStarted) and words in f"{event.phase} {event.title}" and waiting:
            waiting.pop()()

    return observe
