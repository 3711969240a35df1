"""`make demo`: build and prove `regression` on this machine, from the real upstreams or from a kit made here."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from builder.data.installers import find_installer
from builder.spec.load import load_image
from builder.spec.project import find_project
from builder.workflow.platforms import host_platform
from scripts.kit_at_hand import imgbuild, ready, say

IMAGE = "regression"
IMAGES = (IMAGE, "report")  # what the kit is made for
KIT = Path(".cache/kit")
PATIENCE = 5.0  # seconds


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
    ready(KIT, IMAGES)
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
