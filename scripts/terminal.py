"""docs/terminal.md: what people see, taken from real terminals of tmux and drawn as SVG.

IMGBUILD_TEST_KIT=DIR python -m scripts.terminal    # some minutes, with a kit that the tests have made; needs tmux
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.support.spare_engine import SpareEngine
from tests.support.workshop import REPOSITORY, project_at

DOCS = REPOSITORY / "docs"
PICTURES = DOCS / "terminal"
PATIENCE = 120.0  # seconds for one command
# The fonts of the machine that shows it: nothing is loaded from elsewhere.
SVG = """<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" xml:space="preserve">
<style>
.{unique_id}-matrix {{ font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: {char_height}px; \
line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


@dataclass(frozen=True)
class Scene:
    """One picture. until: what the screen shows when it is taken; the prompt after the command where it is empty."""

    name: str
    told: str
    command: str
    until: str = ""
    columns: int = 80
    rows: int = 34
    variables: Mapping[str, str] = field(default_factory=dict)


SCENES = (
    Scene("building", "A build at work", "imgbuild build regression", r"\[3/5\] Environment"),
    Scene("built", "The same build, proven", "imgbuild build regression --force"),
    Scene("unchanged", "Again: nothing is done", "imgbuild build regression | head -1", rows=4),
    Scene("refused", "A mistake in a definition", "imgbuild check", rows=8),
    Scene("failed", "A proof that fails: the image does not get its name", "imgbuild build broken", rows=40),
    Scene("plain", "Without colour (NO_COLOR)", "imgbuild test regression", variables={"NO_COLOR": "1"}),
    Scene("narrow", "48 columns: folded, nothing is cut off", "imgbuild plan tiny two", columns=48, rows=24),
)


class Screen:
    """A terminal of so many columns and rows, with a shell in it."""

    def __init__(self, columns: int, rows: int, home: Path, variables: Mapping[str, str]) -> None:
        self._socket = f"imgbuild-{uuid.uuid4().hex[:8]}"  # a server of its own: the one before may be ending
        self._environ = {
            **os.environ,
            **variables,
        }  # a server's first session takes its variables from the client
        size = ("-x", str(columns), "-y", str(rows))
        self._tmux("new-session", "-d", *size, "-c", str(home), "bash", "--norc", "--noprofile")
        self._tmux("set-option", "-g", "status", "off")
        self._tmux("resize-window", *size)

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._socket, "-f", "/dev/null", *words],
            capture_output=True,
            text=True,
            check=True,
            env=self._environ,
        )
        return done.stdout

    def type(self, text: str) -> None:
        """Press these keys, and Enter."""
        self._tmux("send-keys", "-l", text)
        self._tmux("send-keys", "Enter")

    def text(self, colours: bool = False) -> str:
        """What the screen shows, without the empty lines at its end."""
        return self._tmux("capture-pane", "-p", *(["-e"] if colours else [])).rstrip("\n")

    def until(self, pattern: str) -> None:
        """Wait for what the screen shows."""
        end = time.monotonic() + PATIENCE
        while not re.search(pattern, self.text()):
            if time.monotonic() > end:
                raise SystemExit(f"no {pattern!r} on the screen:\n{self.text()}")
            time.sleep(0.1)

    def close(self) -> None:
        """Hang up."""
        self._tmux("kill-server")


def taken(scene: Scene, home: Path, variables: Mapping[str, str]) -> str:
    """What the terminal shows, with its colours as escape sequences."""
    screen = Screen(scene.columns, scene.rows, home, {**variables, **scene.variables, "PS1": "$ "})
    try:
        screen.until(r"^\$")
        screen.type(scene.command)
        if scene.until:
            screen.until(scene.until)
            time.sleep(2)
        else:
            screen.until(r"(?s)\n\$ ?$")
        shot = screen.text(colours=True)
        if scene.until:
            screen.until(r"(?s)\n\$ ?$")
        return shot
    finally:
        screen.close()


def drawn(scene: Scene, shot: str) -> str:
    """The picture of a screen."""
    with Path(os.devnull).open("w") as nowhere:
        console = Console(
            record=True, width=scene.columns, file=nowhere, force_terminal=True, color_system="truecolor"
        )
        console.print(Text.from_ansi(shot), no_wrap=True, overflow="crop")
        return console.export_svg(title=scene.command, code_format=SVG, unique_id=scene.name)


@contextmanager
def stage() -> Iterator[tuple[Path, dict[str, str]]]:
    """A project with a mistake in one definition, an engine that has seen nothing, and the variables for both."""
    with tempfile.TemporaryDirectory(prefix="shot-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        project_at(home / "project")
        (home / "project/envs/report/image.yml").write_text("summary: A mistake\nbse: debian-bookworm\n")
        engine = SpareEngine(home / "engine")
        engine.start()
        kit = Path(os.environ["IMGBUILD_TEST_KIT"]).absolute()
        (home / "project/kit").symlink_to(kit)
        try:
            yield (
                home / "project",
                {
                    "DOCKER_HOST": engine.endpoint,
                    "IMGBUILD_KIT": "kit",
                    "IMGBUILD_CACHE": str(home / "cache"),
                    "IMGBUILD_SETTINGS": "none",
                    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                },
            )
        finally:
            engine.end()


def ci(home: Path, variables: Mapping[str, str]) -> str:
    """What a CI log holds: no terminal, CI set."""
    done = subprocess.run(
        ["imgbuild", "build", "regression", "--force"],
        cwd=home,
        env={**os.environ, **variables, "CI": "true"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return "".join(f"    {line}".rstrip() + "\n" for line in done.stdout.splitlines())


def main() -> None:
    """Play every scene, draw it, and write the page."""
    if shutil.which("tmux") is None:
        raise SystemExit("error: tmux is not here\n  to do: apt-get install tmux")
    PICTURES.mkdir(exist_ok=True)
    with stage() as (home, variables):
        rows = []
        for scene in SCENES:
            (PICTURES / f"{scene.name}.svg").write_text(drawn(scene, taken(scene, home, variables)))
            rows.append(f"## {scene.told}\n\n![{scene.command}](terminal/{scene.name}.svg)\n")
            print(scene.name, flush=True)
        head = (
            "# What it looks like\n\nTaken from real terminals of tmux, 80 columns unless something else is said, by"
            " `python -m scripts.terminal`.\n"
        )
        tail = f"## In CI: a line for each step that is over\n\n{ci(home, variables)}"
        (DOCS / "terminal.md").write_text("\n".join([head, *rows, tail]))


if __name__ == "__main__":
    main()
