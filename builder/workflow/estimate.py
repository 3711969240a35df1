"""What a build will cost, said before it begins: bytes to fetch, size of the image, disks, rough time."""

from __future__ import annotations

from builder.engine.port import Engine
from builder.errors import BuildError
from builder.lock.model import LockedFile
from builder.plan import Estimate, PackageGroup
from builder.store.cache import Store, default_root
from builder.store.unpacked import installed_size, kept
from builder.workflow.planning import Planned

# Measured on two cores with a local disk (docs/finetune-cuda.md).
IMPORTED = 120e6  # bytes of packages that come into the engine in a second
INSTALLED = 75e6  # bytes of the image that are installed and exported in a second
PROVEN = 15.0  # what tests and audit take at least, seconds
# What a build takes on the engine's disk beside the image itself: the layer while it is written and exported.
WRITTEN = 1.15
CERTAIN = 0.8  # of the expected layers: archives tell their sizes, or ratios do that hold within a tenth
_REGISTRY_BASE = 120 << 20  # a base that nobody has seen yet, bytes


def estimate(planned: Planned, engine: Engine | None) -> Estimate:
    """The costs of building a plan anew. Without an engine: in one that holds nothing yet.

    Raises EngineError when the engine goes away.
    """
    store = Store(default_root())
    groups = [group for group in planned.plan.groups if engine is None or engine.find(group.ref) is None]
    missing = {file.sha256: file for group in groups for file in group.files}
    far = [file for file in missing.values() if not _at_hand(file, planned, store)]
    base = _base(planned, engine)
    layers = sum(_installed(group, planned, store) for group in planned.plan.groups)
    packages = sum(file.size or 0 for file in missing.values())
    downloads = sum(file.size or 0 for file in far)
    here = engine is not None and engine.find(planned.plan.lock.base.ref) is not None
    new_base = 0 if here else base
    cached = _cached(engine) if engine is not None else None
    return Estimate(
        fetch=downloads,
        image=base + layers,
        engine=new_base + packages + int(layers * WRITTEN),
        least=packages + (max(0, int(layers * CERTAIN) - cached) if cached is not None else 0),
        store=downloads,
        unknown=sum(file.size is None for file in far),
        seconds=round(packages / IMPORTED + layers / INSTALLED + PROVEN, 1),
    )


def _cached(engine: Engine) -> int | None:
    """Bytes of build cache, which may be layers that are not written again; None where the engine cannot tell, as with
    a full disk."""
    try:
        return engine.build_cache()
    except BuildError:
        return None


def _installed(group: PackageGroup, planned: Planned, store: Store) -> int:
    """What a group adds to the image; uv itself stays outside."""
    return (
        0 if group.kind == "uv" else sum(installed_size(file, planned.source, store) for file in group.files)
    )


def _at_hand(file: LockedFile, planned: Planned, store: Store) -> bool:
    return planned.source.local(file) is not None or kept(file, store) is not None


def _base(planned: Planned, engine: Engine | None) -> int:
    """Size of the base: the engine's, else the kit's tar, else a usual one."""
    lock = planned.plan.lock.base
    known = engine.find(lock.ref) if engine else None
    if known is not None:
        return known.size
    return (lock.tar.size or 0) if lock.tar is not None else _REGISTRY_BASE
