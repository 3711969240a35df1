"""What an image asks of the machine it runs on, as its labels and variables say.

imgbuild's own images say it in labels. Others are understood as far as NVIDIA's container toolkit understands them:
NVIDIA_REQUIRE_*, and CUDA_VERSION where that is all there is (NVIDIA/nvidia-container-toolkit, v1.20.0:
internal/config/image/cuda_image.go and internal/requirements/image.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from builder.errors import UsageError
from builder.fit.facts import LABELS
from builder.gpu.drivers import Driver, driver
from builder.gpu.target import Target, target
from builder.lock.cuda.line import Line, of_version
from builder.values import Value

_OURS = "io.imgbuild.image"
_REQUIRE = "NVIDIA_REQUIRE_"
_JETPACK = "NVIDIA_REQUIRE_JETPACK"
_NO_GPU = frozenset({"", "void", "none"})
_YES = frozenset({"true", "1", "t", "TRUE", "True", "T"})  # as Go's strconv.ParseBool has them

Said: TypeAlias = Literal["labels", "variables", "cpu", "nothing"]


class Needs(Value):
    """said: where it stands. `cpu`: one of imgbuild's that needs no GPU; `nothing`: somebody's that says nothing.

    platform: `linux/amd64`. line, driver: CUDA line and the lowest driver. targets: what torch is compiled for, None
    where nobody says. requires: texts of NVIDIA_REQUIRE_*, all of which must hold. unread: what is said and cannot be
    understood.
    """

    said: Said
    platform: str = ""
    line: Line | None = None
    driver: Driver | None = None
    targets: tuple[Target, ...] | None = None
    torch: str = ""
    requires: dict[str, str] = {}
    unread: tuple[str, ...] = ()


def needs(labels: Mapping[str, str], env: Mapping[str, str], platform: str) -> Needs:
    """What an image's configuration says. Raises nothing: what cannot be understood is told in `unread`."""
    unread: list[str] = []
    said = {name: labels.get(label, "").strip() for name, label in LABELS.items()}
    line = of_version(said["cuda"] or env.get("CUDA_VERSION", ""))
    if said["cuda"] and line is None:
        unread.append(f"{LABELS['cuda']}={said['cuda']}")
    return Needs(
        said=_said(said, labels, env),
        platform="/".join(platform.split("/")[:2]),
        line=line,
        driver=_driver(said["driver"], unread),
        targets=_targets(said["gpus"], unread),
        torch=said["torch"],
        requires=_requires(env),
        unread=tuple(unread),
    )


def _said(said: Mapping[str, str], labels: Mapping[str, str], env: Mapping[str, str]) -> Said:
    if any(said.values()):
        return "labels"
    wants = env.get("NVIDIA_VISIBLE_DEVICES", "") not in _NO_GPU
    if wants or env.get("CUDA_VERSION") or any(name.startswith(_REQUIRE) for name in env):
        return "variables"
    return "cpu" if _OURS in labels else "nothing"


def _driver(text: str, unread: list[str]) -> Driver | None:
    if not text:
        return None
    try:
        return driver(text)
    except UsageError:
        unread.append(f"{LABELS['driver']}={text}")
        return None


def _targets(text: str, unread: list[str]) -> tuple[Target, ...] | None:
    found = [(word, _target(word)) for word in text.split()]
    unread += [f"{LABELS['gpus']}: {word}" for word, one in found if one is None]
    return tuple(one for _, one in found if one is not None) or None


def _target(word: str) -> Target | None:
    try:
        return target(word)
    except ValueError:
        return None


def _requires(env: Mapping[str, str]) -> dict[str, str]:
    """By the variable it comes from; nothing where the image switches the check off."""
    if env.get("NVIDIA_DISABLE_REQUIRE", "") in _YES:
        return {}
    named = {
        name: value
        for name, value in sorted(env.items())
        if name.startswith(_REQUIRE) and not name.startswith(_JETPACK) and value.strip()
    }
    version = env.get("CUDA_VERSION", "")
    line = of_version(version)
    if f"{_REQUIRE}CUDA" not in env and line is not None and line.minor is not None:
        named["CUDA_VERSION"] = f"cuda>={line}"  # a legacy image: the toolkit adds this
    return named
