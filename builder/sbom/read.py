"""What package managers say in an image: read from inside where a Python runs in it, else from its layers."""

from __future__ import annotations

import re
import time
from typing import Literal, TypeAlias

from builder.audit.inside import Errand, run_errand
from builder.audit.layers import unpack
from builder.audit.sink import sink
from builder.engine.port import Engine, ImageInfo
from builder.progress import Note, Observer, StepFinished, StepStarted
from builder.sbom.facts import Packages
from builder.sbom.payload.packages import collect

Reading: TypeAlias = Literal["auto", "layers"]

_ERRAND = Errand(
    packages=("builder.audit.payload", "builder.sbom.payload"),
    module="builder.sbom.payload.packages",
    group="sbom",
    reads="package records",
)
_WANTED = re.compile(
    r"/conda-meta/[^/]+\.json$"
    r"|\.(?:dist|egg)-info(?:$|/(?:METADATA|PKG-INFO|direct_url\.json)$)"
    r"|^/(?:etc|usr/lib)/os-release$"
    r"|^/var/lib/dpkg/(?:status$|status\.d/|info/[^/]+\.list$)"
    r"|^/usr/share/doc/[^/]+/copyright$"
)


def read_packages(
    engine: Engine, image: ImageInfo, observer: Observer, *, reading: Reading = "auto"
) -> Packages:
    """All packages of an image as their managers know them.

    Raises ProofError where reading was begun and broke off, BuildError for a full disk, EngineError when the engine
    goes away.
    """
    if reading == "auto":
        found = run_errand(engine, image, _ERRAND, Packages, observer)
        if found is not None:
            return found
        observer(Note("no Python runs in the image, so its layers are read"))
    return _layers(engine, image, observer)


def _layers(engine: Engine, image: ImageInfo, observer: Observer) -> Packages:
    key = f"sbom:{image.id}"
    observer(StepStarted("sbom", key, "read package records from the layers"))
    began = time.monotonic()
    with sink(_wanted) as target:
        unpack(engine, image, target)
        said = collect(str(target.root))
    observer(StepFinished(key, time.monotonic() - began))
    return Packages.model_validate(said)


def _wanted(path: str, _head: bytes) -> bool:
    return _WANTED.search(path) is not None
