"""A kit that was made here before: is it still the one for the present definitions, and whole?"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from builder.errors import ImgbuildError
from builder.spec.load import load_image
from builder.spec.project import find_project
from builder.store.bootstrap.writer import asked_for
from builder.store.kit import Kit


def say(text: str) -> None:
    """A line about what is done."""
    print(f"==> {text}", file=sys.stderr, flush=True)


def imgbuild(*words: str) -> None:
    """Run the command as a user would, and end with its exit code when it fails."""
    say("imgbuild " + " ".join(words))
    code = subprocess.run([sys.executable, "-m", "builder.cli", *words], check=False).returncode
    if code:
        sys.exit(code)


def ready(folder: Path, images: Sequence[str]) -> None:
    """Have a stand-in kit for these images in a folder. An outdated one is removed and made anew."""
    if at_hand(folder, images):
        say(f"using the kit in {folder}")
        return
    say(
        f"making a stand-in kit in {folder} from Debian's packages and the Python package index (some minutes)"
    )
    imgbuild("kit", "bootstrap", str(folder), *images)


def at_hand(folder: Path, images: Sequence[str]) -> bool:
    """Whether the kit there is whole and for the present definitions of these images. An outdated one is removed."""
    if not (folder / "kit.yml").exists():
        return False
    project = find_project(None)
    try:
        kit = Kit.open(folder)
        current = all(
            kit.manifest.images.get(name) == asked_for(load_image(project, name)) for name in images
        )
        if current and not kit.check():
            return True
    except ImgbuildError as error:
        say(str(error))
    say(f"the kit in {folder} is not the one for the present definitions: making it anew")
    shutil.rmtree(folder)
    return False
