"""Which GPU somebody means: by what people type, by what nvidia-smi prints, by a compute capability."""

from __future__ import annotations

import difflib
import re
from functools import cache

from builder.errors import UsageError
from builder.gpu.tables import Gpu, gpus
from builder.gpu.target import RENAMED, Capability

# Words that say how a GPU is built in or sold, and not which one it is.
_NOISE = frozenset(
    {"nvidia", "geforce", "tesla", "grid", "dgx", "hgx", "graphics", "gpu", "laptop", "notebook", "mobile", "desktop",
     "max", "q", "design", "with", "pcie", "pci", "sxm", "nvl", "fhhl", "hbm", "generation", "lovelace", "workstation",
     "server", "edition", "sff"}
)  # fmt: skip
# Memory (80gb, 144g), its kind (hbm3e), form factors (sxm5), profiles of virtual GPUs (24q, 40c).
_DETAIL = re.compile(r"[0-9]+gb?|hbm[0-9]e?|sxm[0-9]|[0-9]+[abcq]")
_CAPABILITY = re.compile(
    r"(?:(?:sm|cc|compute)[ _-]?)?([0-9]{1,2})\.([0-9])|(?:sm|compute)[ _-]?([0-9]{1,2})([0-9])[af]?"
)
_MOST_NEAR = 4


def find_gpu(name: str) -> Gpu:
    """The GPU that a name means.

    `h100`, `RTX 4090`, `rtx-4090`, `NVIDIA H100 80GB HBM3`, `Tesla V100-SXM2-16GB`. A compute capability (`9.0`,
    `sm_90`) means any GPU of it; the key of such a value is `sm_90`. Raises UsageError with near names for all else.
    """
    capability = _CAPABILITY.fullmatch(name.strip().lower())
    if capability is not None:
        major, minor = (int(part) for part in capability.groups() if part is not None)
        return _any_of(Capability(major, minor), name)
    found = _names().get(spelling(name))
    if found is None:
        raise UsageError(f"{name!r} is no GPU that imgbuild knows", fix=_advice(name))
    return found


def spelling(name: str) -> str:
    """A name without what spellings differ in: case, blanks and dashes, maker, memory and form factor."""
    words = re.split(r"[^a-z0-9]+", re.split(r"\bmig\b", name.lower())[0])
    return "".join(word for word in words if word not in _NOISE and not _DETAIL.fullmatch(word))


@cache
def _names() -> dict[str, Gpu]:
    """Every spelling of every GPU; GeForce cards also by their number alone."""
    known: dict[str, Gpu] = {}
    for gpu in gpus().values():
        for name in (gpu.key, gpu.title, *gpu.names):
            known[spelling(name)] = gpu
        number = re.fullmatch(r"GeForce [GR]TX ([0-9].*)", gpu.title)
        if number is not None:
            known[spelling(number[1])] = gpu
    return known


def _any_of(wanted: Capability, name: str) -> Gpu:
    wanted = RENAMED.get(wanted, wanted)
    row = next((gpu for gpu in gpus().values() if gpu.capability == wanted), None)
    if row is None:
        known = ", ".join(str(one) for one in sorted({gpu.capability for gpu in gpus().values()}))
        raise UsageError(f"{name!r} is no compute capability that imgbuild knows", fix=f"known are {known}")
    generic = {
        "key": f"sm_{wanted.major}{wanted.minor}",
        "title": f"any GPU of compute capability {wanted}",
        "names": (),
        "data_center": False,
    }
    return row.model_copy(update=generic)


def _advice(name: str) -> str:
    wanted = spelling(name)
    numbers = re.findall(r"[0-9]+", wanted)
    # Names with the same number first: `rtx6000` is three GPUs.
    same = [one for one in _names() if numbers and re.findall(r"[0-9]+", one) == numbers]
    near = [
        *difflib.get_close_matches(wanted, same, n=3 * _MOST_NEAR, cutoff=0.5),
        *difflib.get_close_matches(wanted, _names(), n=3 * _MOST_NEAR, cutoff=0.6),
    ]
    keys = list(dict.fromkeys(_names()[one].key for one in near))[:_MOST_NEAR]
    other = "a compute capability works as well, such as 9.0"
    return f"did you mean {' or '.join(keys)}? {other}" if keys else f"write it as h100 or rtx4090; {other}"
