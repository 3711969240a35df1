"""The files and programs of a machine, with a note of each that was looked at. Tests give another root and PATH."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from builder import proc
from builder.host.model import Looked

_MOST = 1 << 20  # bytes of a file; all that are read here are a few kilobytes


@dataclass
class Machine:
    """root: where its files are. environ: PATH decides which programs it has. seconds: how long one may take."""

    root: Path = Path("/")
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    seconds: float = 15.0
    looked: list[Looked] = field(default_factory=list)

    def note(self, place: str, saw: str) -> None:
        """Write down what was seen."""
        self.looked.append(Looked(place=place, saw=saw))

    def path(self, place: str) -> Path:
        """Where a file of this machine is (`/proc/version`)."""
        return self.root / place.lstrip("/")

    def text(self, place: str) -> str:
        """A file's text; empty where there is none, or none that can be read, which is noted."""
        try:
            with self.path(place).open("rb") as file:
                return file.read(_MOST).decode("utf-8", "replace")
        except (FileNotFoundError, NotADirectoryError):
            self.note(place, "not there")
        except OSError as error:
            self.note(place, f"cannot be read: {(error.strerror or type(error).__name__).lower()}")
        return ""

    def names(self, place: str) -> list[str]:
        """What a folder holds, sorted; nothing where there is none, or none that can be read, which is noted."""
        try:
            return sorted(entry.name for entry in self.path(place).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            self.note(place, "not there")
        except OSError as error:
            self.note(place, f"cannot be read: {(error.strerror or type(error).__name__).lower()}")
        return []

    def find(self, name: str, *more: str) -> str:
        """A program's path: on PATH, else at one of the further places; empty where it is at none."""
        places = [str(self.path(one)) for one in more]
        folders = [Path(one) for one in self.environ.get("PATH", "").split(os.pathsep) if one]
        for path in [*(folder / name for folder in folders), *map(Path, places)]:
            if os.path.isfile(path) and os.access(path, os.X_OK):  # noqa: PTH113  (Path raises in closed folders)
                return str(path)
        return ""

    def run(self, program: str, *words: str) -> tuple[str, str]:
        """(what it printed, why that is nothing): one of the two is empty. A program that fails is asked no more."""
        shown = Path(program).name
        try:
            done = proc.run([program, *words], check=False, timeout=self.seconds, env={"LC_ALL": "C"})
        except proc.Expired:
            return "", f"`{shown}` gave no answer in {self.seconds:g} seconds"
        except OSError as error:
            return "", f"`{shown}` cannot be run: {(error.strerror or type(error).__name__).lower()}"
        if done.code == 0:
            return done.stdout, ""
        said = " ".join((done.stdout.strip() or done.stderr.strip() or "it said nothing").split())
        return "", f"`{shown}` ended with code {done.code}: {said[:300]}"
