"""Whether a lock still is what the definition asks for; no solving, no network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from builder.errors import ImgbuildError
from builder.lock.inputs import apt_lines, digest_of_lines, input_lines
from builder.lock.model import EnvironmentLock, LockSet
from builder.lock.source import Source
from builder.spec.model import CondaEnvironment, ImageSpec

_MOST_SHOWN = 6  # changed lines


class Reason(NamedTuple):
    """Why a lock no longer holds. key: of image.yml, or of `_bases.yml` with `bases`, that it is about; empty for none.

    environment: the one whose input lines differ; what they are is in `changed_lines`.
    """

    what: str
    key: str = ""
    environment: str = ""


def stale_reasons(spec: ImageSpec, lock: LockSet, source: Source) -> tuple[str, ...]:
    """Why the lock no longer holds, one sentence each; () when it is fresh."""
    return tuple(reason.what for reason in find_reasons(spec, lock, source))


def find_reasons(spec: ImageSpec, lock: LockSet, source: Source) -> Iterator[Reason]:
    """Why the lock no longer holds, with what each reason is about."""
    if lock.source != source.id:
        yield Reason(f"it was made from {lock.source.label}, and the source now is {source.id.label}")
    if lock.platform not in spec.platforms:
        yield Reason(f"{lock.platform} is no longer among the image's platforms", "platforms")
    own = lock.base.key == spec.base.key
    yield from (Reason(what, "bases" if own else "base") for what in _base(spec, lock, source))
    yield from (Reason(what, "installer") for what in _installer(spec, lock, source))
    yield from (Reason(what, "apt") for what in _apt(spec, lock))
    yield from _environments(spec, lock)


def changed_lines(spec: ImageSpec, lock: LockSet, environment: str) -> tuple[list[str], list[str]]:
    """The input lines of an environment that the lock was not made for, and those that are gone since."""
    asked, held = _asked(spec), _held(lock)
    key = next((key for key, one in asked.items() if one.name == environment), environment)
    lines = input_lines(asked[key], spec, lock.platform)
    new = [line for line in lines if line not in held[key].inputs]
    return new, [line for line in held[key].inputs if line not in lines]


def _base(spec: ImageSpec, lock: LockSet, source: Source) -> Iterator[str]:
    if lock.base.key != spec.base.key:
        yield f"the base is {spec.base.key} now, and was {lock.base.key}"
    elif lock.base.glibc != spec.base.glibc:
        yield f"the base {spec.base.key} has glibc {spec.base.glibc} now, and had {lock.base.glibc}"
    elif source.id.kind == "kit":
        # A kit's own table, read from the disk; the upstream would have to ask a registry for a digest.
        yield from _changed(spec, lock, source)
    elif not _same_name(lock.base.ref, spec.base.ref):
        yield f"the base {spec.base.key} is {spec.base.ref} now, and was {lock.base.ref}"
    elif not same_base(lock.base.ref, spec.base.ref):
        yield f"the base {spec.base.key} has the digest {_digest(spec.base.ref)} now"


def _changed(spec: ImageSpec, lock: LockSet, source: Source) -> Iterator[str]:
    try:
        now = source.base(spec, lock.platform)
    except ImgbuildError as error:
        yield f"the base is not to be had any more: {error.what}"
        return
    if now != lock.base:
        yield f"the kit's base is {now.ref} now, and was {lock.base.ref}"


def _installer(spec: ImageSpec, lock: LockSet, source: Source) -> Iterator[str]:
    was = lock.installer
    if spec.installer is None:
        yield f"no installer is asked for now, and it was {was.kind}={was.version}"
        return
    try:
        now = source.installer(spec, lock.platform)
    except ImgbuildError as error:
        yield f"the installer is not to be had any more: {error.what}"
        return
    if was.given and (now.kind, now.version) == (was.kind, was.version):
        # The table does not know it: the lock itself says which one, unless another is given now.
        if now.given and now.sha256 != was.sha256:
            other = f"{was.filename} ({was.sha256[:12]})"
            yield f"the installer given now is {now.filename} ({now.sha256[:12]}), and was {other}"
    elif now != was:
        if (now.kind, now.version) == (was.kind, was.version):
            yield f"the installer {was.kind}={was.version} has another hash or URL now"
        else:
            yield f"the installer is {now.kind}={now.version} now, and was {was.kind}={was.version}"


def _apt(spec: ImageSpec, lock: LockSet) -> Iterator[str]:
    lines = apt_lines(spec)
    if lines != lock.apt_inputs:
        yield f"the OS packages are asked for differently ({_difference(lines, lock.apt_inputs)})"


def _environments(spec: ImageSpec, lock: LockSet) -> Iterator[Reason]:
    asked, held = _asked(spec), _held(lock)
    for key, environment in asked.items():
        if key not in held:
            yield Reason(f"the environment {environment.name} was added", "environments")
            continue
        lines = input_lines(environment, spec, lock.platform)
        if digest_of_lines(lines) != held[key].input_digest:
            change = _difference(lines, held[key].inputs)
            what = f"the environment {environment.name} is asked for differently ({change})"
            yield Reason(what, environment=environment.name)
        elif held[key].variables != environment.variables:
            yield Reason(f"the variables of {environment.name} in the lock were edited")
    for key in held:
        if key not in asked:
            yield Reason(f"the environment {key} was removed", "environments")


def _asked(spec: ImageSpec) -> dict[str, CondaEnvironment]:
    # The first environment is known by its place, because it may be renamed with its folder.
    return {one.name if number else "": one for number, one in enumerate(spec.environments)}


def _held(lock: LockSet) -> dict[str, EnvironmentLock]:
    return {one.name if number else "": one for number, one in enumerate(lock.environments)}


def _difference(now: tuple[str, ...], before: tuple[str, ...]) -> str:
    new = [f"+{line}" for line in now if line not in before]
    gone = [f"-{line}" for line in before if line not in now]
    words = new + gone
    return ", ".join(words[:_MOST_SHOWN]) + (
        f" and {len(words) - _MOST_SHOWN} more" if len(words) > _MOST_SHOWN else ""
    )


def _repository(ref: str) -> str:
    """`docker.io/library/debian` of `docker.io/library/debian:bookworm-slim@sha256:...`."""
    folder, slash, last = ref.partition("@")[0].rpartition("/")
    return folder + slash + last.partition(":")[0]


def same_base(locked: str, asked: str) -> bool:
    """Whether a locked reference is what a row of envs/_bases.yml still asks for."""
    return _same_name(locked, asked) and _digest(asked) in {"", _digest(locked)}


def _same_name(locked: str, asked: str) -> bool:
    # A locked reference may name the digest alone; then its tag is not known.
    return _repository(locked) == _repository(asked) and _tag(locked) in {"", _tag(asked)}


def _tag(ref: str) -> str:
    return ref.partition("@")[0].rpartition("/")[2].partition(":")[2]


def _digest(ref: str) -> str:
    return ref.partition("@")[2]
