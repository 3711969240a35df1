"""`make demo`: build and prove `regression` on this machine, from the real upstreams or from a kit made here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from builder.data.installers import find_installer
from builder.errors import ImgbuildError
from builder.spec.load import load_image
from builder.spec.project import find_project
from builder.store.bootstrap.writer import asked_for
from builder.store.kit import Kit
from builder.workflow.platforms import host_platform

IMAGE = "regression"
IMAGES = (IMAGE, "report")  # what the kit is made for
KIT = Path(".cache/kit")
PATIENCE = 5.0  # seconds


def say(text: str) -> None:
    """A line about what is done."""
    print(f"==> {text}", file=sys.stderr, flush=True)


def unreachable(url: str) -> str:
    """Why this place does not answer within a few seconds; empty when it does."""
    try:
        with requests.get(url, timeout=PATIENCE, stream=True) as answer:
            # A registry answers 401 to who is not logged in: it is there.
            return (
                ""
                if answer.status_code < 500 and answer.status_code != 404
                else f"answers {answer.status_code}"
            )
    except requests.RequestException as error:
        return type(error).__name__


def upstreams() -> dict[str, str]:
    """The three places an image comes from, each with a URL that says it is there."""
    spec = load_image(find_project(None), IMAGE)
    if spec.installer is None:
        raise SystemExit(f"error: {IMAGE} has no installer")
    installer, _ = find_installer(spec.installer.kind, spec.installer.version, None, host_platform())
    registry = spec.base.ref.split("/")[0].replace("docker.io", "registry-1.docker.io")
    return {
        "the installer": installer,
        "the container registry": f"https://{registry}/v2/",
        "conda-forge": "https://conda.anaconda.org/conda-forge/noarch/repodata.json.zst",
    }


def imgbuild(*words: str) -> None:
    """Run the command as a user would, and end with its exit code when it fails."""
    say("imgbuild " + " ".join(words))
    code = subprocess.run([sys.executable, "-m", "builder.cli", *words], check=False).returncode
    if code:
        sys.exit(code)


def kit_at_hand() -> bool:
    """Whether a kit for the present definitions was made here before, and is whole. An outdated one is removed."""
    if not (KIT / "kit.yml").exists():
        return False
    project = find_project(None)
    try:
        kit = Kit.open(KIT)
        current = all(
            kit.manifest.images.get(name) == asked_for(load_image(project, name)) for name in IMAGES
        )
        if current and not kit.check():
            return True
    except ImgbuildError as error:
        say(str(error))
    say(f"the kit in {KIT} is not the one for the present definitions: making it anew")
    shutil.rmtree(KIT)
    return False


def choose() -> tuple[str, ...]:
    """Arguments that name the source: the real one where all three places answer, else a kit."""
    places = upstreams()
    with ThreadPoolExecutor(len(places)) as pool:
        answers = dict(zip(places, pool.map(unreachable, places.values()), strict=True))
    silent = {place: why for place, why in answers.items() if why}
    if not silent:
        say("the installer, the registry and conda-forge answer: building from them")
        return ("--kit", "none")
    for place, why in silent.items():
        say(f"{place} cannot be reached ({why})")
    if kit_at_hand():
        say(f"using the kit in {KIT}")
    else:
        say(
            f"making a stand-in kit in {KIT} from Debian's packages and the Python package index (some minutes)"
        )
        imgbuild("kit", "bootstrap", str(KIT), *IMAGES)
    return ("--kit", str(KIT))


def main() -> None:
    """Choose, build, prove, and say where things are."""
    os.chdir(Path(__file__).parent.parent)
    source = choose()
    imgbuild("build", IMAGE, *source)
    say(f"try it: docker run --rm imgbuild/{IMAGE} python -c 'import sklearn; print(sklearn.__version__)'")
    say(f"the verdict and the plot: .imgbuild/{IMAGE}/")


if __name__ == "__main__":
    main()
