"""How an image starts, against what its page and its base say: labels, variables, user, programs, layers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from builder.network.redact import MASK, redacted
from builder.verify.model import Drift, How, Unjudged
from builder.verify.page import Config

PREFIX = "io.imgbuild"
VERSION = f"{PREFIX}.version"
ACTIVATION = f"{PREFIX}.activation"
CHANGING = f"{PREFIX}.activation.changing"
NO_SCRIPTS = "none"
_OURS = ("_IMGBUILD_ACTIVE", "_IMGBUILD_FROZEN", "_IMGBUILD_CHANGING")
_WHY = {
    f"{PREFIX}.plan": "it was made from another definition, lock or template",
    f"{PREFIX}.lock": "it was made from another lock",
    f"{PREFIX}.source": "it was made from another source",
    f"{PREFIX}.image": "it was made as another image",
}
_PARTS = {
    "user": "user", "workdir": "working directory", "entrypoint": "entrypoint", "cmd": "command", "ports": "ports",
    "volumes": "volumes", "stop_signal": "stop signal", "healthcheck": "health check", "shell": "shell",
    "triggers": "ONBUILD",
}  # fmt: skip


@dataclass(frozen=True)
class Known:
    """What is known beside page and base. env: of the image that a record of this plan names; version: of imgbuild that
    made it; hooks: whether the first environment has activation scripts, None where nobody looked."""

    env: Mapping[str, str] | None = None
    version: str = ""
    hooks: bool | None = None


@dataclass
class Judged:
    """Drifts of the configuration, and what could not be judged."""

    drifts: list[Drift] = field(default_factory=list)
    unjudged: list[Unjudged] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def judge_config(expected: Config, found: Config, known: Known) -> Judged:
    """Everything that an image says of how it starts."""
    judged = Judged()
    scripts = _scripts(expected, found, known, judged)
    judged.drifts += _labels(expected, found, known, judged)
    judged.drifts += _variables(expected.env, found.env, scripts)
    judged.drifts += _parts(expected, found)
    return judged


def _labels(expected: Config, found: Config, known: Known, judged: Judged) -> Iterator[Drift]:
    apart = {ACTIVATION, CHANGING}
    for name in sorted((expected.labels.keys() | found.labels.keys()) - apart):
        old, new = expected.labels.get(name), found.labels.get(name)
        if name == VERSION and new and old != new and known.version in {"", new}:
            judged.notes.append(f"it was made by imgbuild {new}")
        elif old != new:
            yield Drift(
                about="label",
                how=_way(old, new),
                name=name,
                expected=old or "",
                found=new or "",
                why=_WHY.get(name, ""),
            )


def _variables(
    expected: Mapping[str, str], found: Mapping[str, str], scripts: Mapping[str, str]
) -> Iterator[Drift]:
    wanted = {**expected, **scripts}
    for name in sorted(wanted.keys() | found.keys()):
        old, new = wanted.get(name), found.get(name)
        hidden = name in scripts and new is not None and redacted(new) == old  # records hold no secrets
        if old != new and not hidden:
            yield Drift(about="variable", how=_way(old, new), name=name, expected=old or "", found=new or "")


def _parts(expected: Config, found: Config) -> Iterator[Drift]:
    apart = {name.lower() for name in expected.not_read}
    for name, title in _PARTS.items():
        old, new = _text(getattr(expected, name)), _text(getattr(found, name))
        if (
            old != new
            and not (name == "healthcheck" and "healthcheck" in apart)
            and not (name == "triggers" and "onbuild" in apart)
        ):
            yield Drift(
                about="config", how=_way(old or None, new or None), name=title, expected=old, found=new
            )


def _text(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else json.dumps(list(value)) if value else ""


def _way(old: str | None, new: str | None) -> How:
    if old is None:
        return "extra"
    return "missing" if new is None else "changed"


def _scripts(expected: Config, found: Config, known: Known, judged: Judged) -> Mapping[str, str]:
    """What the activation scripts of packages have set, as far as the image may have it.

    A Dockerfile does not say it. The record of the build does; without one the label's digest must be that of the
    variables, which says that they belong together, and no more.
    """
    label, more = found.labels.get(ACTIVATION), _beyond(expected.env, found.env)
    if label is None:
        judged.drifts.append(
            Drift(about="label", how="missing", name=ACTIVATION, why="the build did not end")
        )
        return {}
    if known.env is not None:
        page = {name: redacted(value) for name, value in expected.env.items()}
        recorded = _beyond(page, known.env)
        masked = any(MASK in value for value in recorded.values())
        if label != digest_of_scripts(recorded) and not masked:
            judged.drifts.append(_other_label(label, digest_of_scripts(recorded)))
        return recorded
    if known.hooks is False or label == NO_SCRIPTS:
        if label != NO_SCRIPTS:
            judged.drifts.append(_other_label(label, NO_SCRIPTS))
        if known.hooks and label == NO_SCRIPTS:
            judged.drifts.append(
                Drift(about="label", how="changed", name=ACTIVATION, found=label,
                      why="its packages have activation scripts")
            )  # fmt: skip
        return {}
    if label != digest_of_scripts(more):
        judged.drifts.append(_other_label(label, digest_of_scripts(more)))
        return {name: more[name] for name in _said_frozen(more) if name in more}
    names = tuple(sorted(more))
    why = "they were set by the packages' activation scripts, and no record of the build is at hand"
    judged.unjudged.append(Unjudged(what="variables", why=why, count=len(names), such_as=names[:5]))
    return more


def _other_label(label: str, computed: str) -> Drift:
    return Drift(
        about="label",
        how="changed",
        name=ACTIVATION,
        expected=computed,
        found=label,
        why="it is not the digest of the variables that activation scripts set",
    )


def _beyond(page: Mapping[str, str], env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if page.get(name) != value}


def _said_frozen(more: Mapping[str, str]) -> tuple[str, ...]:
    return (*more.get("_IMGBUILD_FROZEN", "").split(), *_OURS)


def digest_of_scripts(more: Mapping[str, str]) -> str:
    """The label's value for what activation scripts set, as `workflow.activation` writes it."""
    if not more:
        return NO_SCRIPTS
    frozen = sorted((name, value) for name, value in more.items() if name not in _OURS)
    new = more.get("_IMGBUILD_FROZEN", "").split()
    changing = more.get("_IMGBUILD_CHANGING", "").split()
    return hashlib.sha256(json.dumps([frozen, new, changing]).encode()).hexdigest()


@dataclass(frozen=True)
class Stacked:
    """Layers by their diff ids. base: of the locked base, None where it could not be asked; above: how many layers the
    page makes; recorded: of the image that a record of this plan names, empty without one."""

    found: tuple[str, ...]
    base: tuple[str, ...] | None
    above: int
    recorded: tuple[str, ...] = ()

    @property
    def bases(self) -> int:
        """How many layers belong to the base."""
        if self.base is not None and self.found[: len(self.base)] == self.base:
            return len(self.base)
        return (
            len(self.base)
            if self.base is not None and len(self.found) > len(self.base)
            else max(0, len(self.found) - self.above)
        )

    @property
    def surplus(self) -> int:
        """The first layer that no step of the page made."""
        return self.bases + self.above

    @property
    def known(self) -> int:
        """How many of the lowest layers have bytes that are known."""
        best = 0
        for one in (self.base or (), self.recorded):
            same = 0
            while same < min(len(one), len(self.found)) and one[same] == self.found[same]:
                same += 1
            best = max(best, same)
        return best


def judge_layers(
    stacked: Stacked, base: str, *, made_by: Sequence[str] = (), named: bool = False
) -> Iterator[Drift]:
    """The base, and layers too many or too few. base: how the lock calls it; made_by: the step of each layer.

    named: files are compared as well, so that a layer of other bytes need not be told.
    """
    if stacked.base is not None and stacked.found[: len(stacked.base)] != stacked.base:
        yield Drift(
            about="base", how="changed", name=base, expected=_ids(stacked.base),
            found=_ids(stacked.found[: len(stacked.base)]), why="its lowest layers are not those of the locked base",
        )  # fmt: skip
    for number in range(stacked.surplus, len(stacked.found)):
        step = made_by[number] if number < len(made_by) else ""
        yield Drift(
            about="layer", how="extra", name=f"layer {number + 1}", found=stacked.found[number], why=step
        )
    if len(stacked.found) < stacked.surplus:
        lacking = stacked.surplus - len(stacked.found)
        yield Drift(about="layer", how="missing", name=f"{lacking} of {stacked.surplus} layers",
                    why="layers were put together or left out")  # fmt: skip
    if not named:
        yield from _other_bytes(stacked)


def _other_bytes(stacked: Stacked) -> Iterator[Drift]:
    for number in range(stacked.bases, min(stacked.surplus, len(stacked.recorded), len(stacked.found))):
        if stacked.found[number] != stacked.recorded[number]:
            yield Drift(
                about="layer", how="changed", name=f"layer {number + 1}", expected=stacked.recorded[number],
                found=stacked.found[number], why="not the bytes of the recorded build: --deep names the files",
            )  # fmt: skip


def _ids(ids: Sequence[str]) -> str:
    return ", ".join(one[:19] for one in ids) or "none"
