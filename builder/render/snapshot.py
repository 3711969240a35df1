"""What a plan was made of, kept beside its image's record, and what of it is another now."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

from builder.lock.compare import LockDiff, compare
from builder.lock.model import LockSet
from builder.network.redact import redacted_values
from builder.plan import Plan
from builder.render.model import Rendered
from builder.render.steps import Step, steps
from builder.spec.model import ImageSpec
from builder.values import Value

NAME = "plan.json"
# What decides nothing about the image's content, or is told by the lock: where files lie, and what is asked for.
_APART = frozenset(
    ("folder", "lineage", "smoke", "allow", "budget_bytes", "platforms", "environments", "base")
)
Kind: TypeAlias = Literal["key", "file", "packages", "page"]


class Snapshot(Value):
    """A plan in its parts. digest: the plan's; version: of imgbuild; keys: of image.yml, as they were merged."""

    format: Literal[1] = 1
    digest: str
    version: str
    keys: dict[str, Any]
    lock: LockSet
    steps: tuple[Step, ...]


class Cause(Value):
    """One input that is another now. kind: a key of image.yml, a file, packages that a step installs, or the step's own
    text, which templates, keys and imgbuild make. name: which one; steps: titles of the steps that read it."""

    kind: Kind
    name: str
    old: str = ""
    new: str = ""
    steps: tuple[str, ...] = ()


class Done(Value):
    """What a build would do with one step. why: what of it changed, or the step before it that did."""

    title: str
    again: bool
    why: str = ""


class Compared(Value):
    """Two plans: what changed, in the lock and beside it, and which steps are done again."""

    lock: LockDiff
    causes: tuple[Cause, ...]
    steps: tuple[Done, ...]


Status: TypeAlias = Literal["stopped", "new", "same", "rebuilt", "unknown"]


class Explained(Value):
    """What a build of one image would do.

    status: `stopped` by its lock; `new`, because no image is there; `same`; `rebuilt`; `unknown` where no engine
    answers. there and now: digests of plans. reasons: sentences. lines: what made the lock stale, with its place.
    changes: what is another, where the plan of the image that is there was kept. proof: why the tests would run again,
    empty where they would not.
    """

    image: str
    status: Status
    there: str = ""
    now: str = ""
    reasons: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    changes: Compared | None = None
    proof: str = ""


def snapshot(plan: Plan, rendered: Rendered, version: str) -> Snapshot:
    """The parts of a plan. rendered: without the labels that are no part of its identity. Holds no secrets."""
    return Snapshot(
        digest=plan.digest, version=version, keys=_keys(plan.spec), lock=plan.lock, steps=steps(rendered)
    )


def _keys(spec: ImageSpec) -> dict[str, Any]:
    data = spec.model_dump(mode="json", exclude=set(_APART))
    known: dict[str, Any] = redacted_values(data)
    return known


def compared(before: Snapshot, now: Snapshot) -> Compared:
    """What changed between two plans of one image."""
    again = tuple(_done(before.steps, now.steps))
    causes = (*_key_causes(before, now), *_step_causes(before.steps, now.steps))
    return Compared(lock=compare(before.lock, now.lock), causes=causes, steps=again)


def _key_causes(before: Snapshot, now: Snapshot) -> Iterator[Cause]:
    for name in sorted(before.keys.keys() | now.keys.keys()):
        old, new = before.keys.get(name), now.keys.get(name)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            for inner in sorted(old.keys() | new.keys()):
                if old.get(inner) != new.get(inner):
                    yield Cause(
                        kind="key",
                        name=f"{name}.{inner}",
                        old=_text(old.get(inner)),
                        new=_text(new.get(inner)),
                    )
        else:
            yield Cause(kind="key", name=name, old=_text(old), new=_text(new))
    if before.version != now.version:
        yield Cause(kind="page", name="imgbuild", old=before.version, new=now.version)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def _step_causes(before: tuple[Step, ...], now: tuple[Step, ...]) -> Iterator[Cause]:
    """Files and packages by name, each with the steps that read it; then steps whose own text is another."""
    old_files = {name: sha for step in before for name, sha in step.reads.items()}
    new_files = {name: sha for step in now for name, sha in step.reads.items()}
    for name in sorted(old_files.keys() | new_files.keys()):
        if old_files.get(name) != new_files.get(name) and not name.startswith(
            ("lock/", "installer/", "apt/")
        ):
            readers = tuple(step.title for step in now if name in step.reads)
            old, new = (sha[:12] if sha else "" for sha in (old_files.get(name), new_files.get(name)))
            yield Cause(kind="file", name=name, old=old, new=new, steps=readers)
    old_texts = {step.title: step for step in before}
    for step in now:
        then = old_texts.get(step.title)
        if then is not None and then.groups != step.groups:
            yield Cause(kind="packages", name=step.title, steps=(step.title,))
        if then is None or then.text != step.text:
            yield Cause(kind="page", name=step.title, steps=(step.title,))


def _done(before: tuple[Step, ...], now: tuple[Step, ...]) -> Iterator[Done]:
    """The engine goes on from its cache until the first step that is another; all behind that one are done again."""
    first, then = "", {step.title: step for step in before}
    for place, step in enumerate(now):
        here = before[place] if place < len(before) else None
        why = _why(then.get(step.title), step)
        moved = here is None or here.title != step.title
        yield Done(
            title=step.title,
            again=bool(first or why or moved),
            why=why or (f"comes after {first}" if first else "another step stood here" if moved else ""),
        )
        if (why or moved) and not first:
            first = step.title


def _why(then: Step | None, step: Step) -> str:
    if then == step:
        return ""
    if then is None:
        return "the step is new"
    words = ["its text"] if then.text != step.text else []
    words += ["its packages"] if then.groups != step.groups else []
    names = sorted(
        name for name in then.reads.keys() | step.reads.keys() if then.reads.get(name) != step.reads.get(name)
    )
    words += (
        [", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")] if names else []
    )
    return f"changed: {'; '.join(words)}"
