"""Resolving anew around the wheels of the lock before, so that nothing moves which does not have to.

uv prefers what an output file holds that is there already; whether it decides on such a package before another one
rules its version out is a matter of order. So its answer is asked for first, and then whether the held ones that it
moved can stay after all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from builder.errors import LockError
from builder.lock.kept import Held
from builder.lock.model import PipPackage

Raw = Mapping[str, Any]  # a package as uv's pylock has it
# Asks uv, with versions that it prefers and versions that must not change.
Ask = Callable[[Sequence[PipPackage], Mapping[str, str]], Sequence[Raw]]


def resolve_keeping(ask: Ask, wish: Held) -> Sequence[Raw]:
    """The resolution that keeps of the held wheels what can be kept, and moves what is to move.

    What moves goes as far as it would if everything were new. Raises LockError when there is no resolution.
    """
    staying = [wheel for wheel in wish.pip if not wish.moves(wheel.name)]
    goal = _goal(ask, wish)
    first = ask(staying, goal)
    held = {wheel.name: wheel.version for wheel in staying}
    if not any(name in held and not _same(version, held[name]) for name, version in _versions(first).items()):
        return first
    try:
        return ask(staying, {**held, **goal})
    except LockError:
        return first


def _goal(ask: Ask, wish: Held) -> dict[str, str]:
    """Where the moving wheels end if everything is new; nothing where one of them would go back for that."""
    leaving = {wheel.name: wheel.version for wheel in wish.pip if wish.moves(wheel.name)}
    if not leaving:
        return {}
    goal = {name: version for name, version in _versions(ask((), {})).items() if wish.moves(name)}
    back = any(
        name in leaving and Version(version) < Version(leaving[name]) for name, version in goal.items()
    )
    return {} if back else goal


def _versions(packages: Sequence[Raw]) -> dict[str, str]:
    # A file of ours that stands for a conda package has no version of its own.
    return {canonicalize_name(one["name"]): str(one["version"]) for one in packages if "version" in one}


def _same(version: str, held: str) -> bool:
    return Version(version) == Version(held)
