"""What the packages' own activation scripts set, frozen into ENV.

`docker exec`, `--entrypoint ""` and CI runners start programs that no shell and no entrypoint has prepared: they see
what ENV says and nothing else. A Dockerfile cannot set ENV from what a RUN found out. So the scripts of the first
environment run once in a sandboxed container of the image just built, and a second, tiny build adds what they set.
It adds no layer: the result is ENV and LABEL lines above the same files.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from builder.engine.port import ContainerSpec, Engine, ImageInfo, Limits
from builder.errors import BuildError, ImgbuildError
from builder.plan import Plan
from builder.progress import Note, Observer, silent
from builder.render.context import context_tar
from builder.render.model import Rendered
from builder.render.quoting import CONTROL, KEY, dq, key, label, word
from builder.workflow.supply import step

log = logging.getLogger(__name__)

LABEL = "io.imgbuild.activation"
CHANGING = "io.imgbuild.activation.changing"
NONE = "none"
VOLUME = "/imgbuild/activation"
OUT = "out"
LIMITS = Limits(memory=1 << 30, tmpfs=64 << 20, pids=256, seconds=120.0)
# What every shell, and imgbuild's own activation, sets anyway.
OURS = frozenset(("_", "SHLVL", "PWD", "OLDPWD", "HOME", "HOSTNAME", "USER", "LOGNAME", "PS1", "BASH_ENV"))
# Twice, with another user, home and host name: what comes out different cannot be said beforehand.
SCRIPT = """\
set -u
out=$1
count=0
for hook in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do
    [ -r "$hook" ] && count=$((count + 1))
done
echo "$count" > "$out/hooks"
[ "$count" -gt 0 ] || exit 0
env -0 > "$out/before"
run() {
    env HOME="$1" USER="$2" LOGNAME="$2" HOSTNAME="$3" bash --noprofile --norc -c '
        for hook in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do
            if [ -r "$hook" ]; then . "$hook"; fi
        done
        env -0 > "$1"' hooks "$4" >&2
}
run "$HOME" "${USER-app}" one "$out/first" || exit 1
run /tmp/another another two "$out/second" || exit 1
[ -s "$out/first" ] && [ -s "$out/second" ]
"""


@dataclass(frozen=True, slots=True)
class Activation:
    """What the scripts set. frozen: the same in every run. changing: names of what depends on who runs them."""

    frozen: Mapping[str, str]
    new: tuple[str, ...]
    changing: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Of everything that enters the image by it."""
        text = json.dumps([sorted(self.frozen.items()), self.new, self.changing])
        return hashlib.sha256(text.encode()).hexdigest()


def freeze(engine: Engine, plan: Plan, image_id: str, tag: str, observer: Observer) -> str:
    """Run the activation scripts of the image's first environment once, and put what they set into ENV.

    tag: the image's working name; the result takes it over, and the image without ENV goes. Returns the id of
    the result, which says with the label io.imgbuild.activation that this was done. Raises BuildError when the
    scripts fail: they would fail in every container.
    """
    first = plan.lock.environments[0].name
    with step(observer, "build", f"activation:{image_id}", f"Activation of {first}, frozen into ENV"):
        try:
            found = _ask(engine, plan, image_id)
            frozen_id = _above(engine, plan, tag, found)
        except BaseException:
            _forget(engine, tag)
            raise
    if found and found.changing:
        names = ", ".join(found.changing)
        observer(
            Note(
                f"{first}: ENV cannot hold {names}, which depend on who activates; entrypoint and shells set them"
            )
        )
    return frozen_id


def _above(engine: Engine, plan: Plan, tag: str, found: Activation | None) -> str:
    """The second build; its result takes the tag over."""
    above = f"{tag}-env"
    image_id = engine.build(
        context_tar(Rendered(page(tag, plan, found), {})),
        tag=above,
        labels={},
        platform=plan.lock.platform,
        network="none",
        observer=silent,
    )
    engine.remove(tag)
    engine.tag(image_id, tag)
    engine.remove(above)
    return image_id


def _forget(engine: Engine, tag: str) -> None:
    """The first error is the one to tell; a second one here only says that the engine is gone as well."""
    try:
        for name in (tag, f"{tag}-env"):
            engine.remove(name)
    except ImgbuildError as error:
        log.warning("%s may be left: %s", tag, error)


def is_frozen(image: ImageInfo) -> bool:
    """Whether `freeze` has made this very image, and nothing was put on top of it.

    A label alone does not tell: whoever builds `FROM` our image, or commits a container of it, inherits our labels. Our
    own label line is the newest entry of the history of what we made.
    """
    return LABEL in image.labels and bool(image.layers) and f"LABEL {LABEL}=" in image.layers[-1][0]


def page(base: str, plan: Plan, found: Activation | None) -> str:
    """The second build's Dockerfile."""
    lines = [f"FROM {word(base)}"]
    if found:
        prefix = f"/opt/conda/envs/{plan.lock.environments[0].name}"
        ours = {
            "_IMGBUILD_ACTIVE": prefix,
            "_IMGBUILD_FROZEN": " ".join(found.new),
            "_IMGBUILD_CHANGING": " ".join(found.changing),  # then the entrypoint runs the scripts again
        }
        values = {**found.frozen, **{name: value for name, value in ours.items() if value}}
        lines += [f"ENV {key(name)}={dq(value)}" for name, value in sorted(values.items())]
    lines.append(f"LABEL {label(LABEL)}={dq(found.digest if found else NONE)}")
    if found and found.changing:
        lines.append(f"LABEL {label(CHANGING)}={dq(' '.join(found.changing))}")
    return "".join(f"{line}\n" for line in lines)


def _ask(engine: Engine, plan: Plan, image_id: str) -> Activation | None:
    """Run the scripts; None where the environment has none."""
    spec = ContainerSpec(
        image=image_id,
        entrypoint=(),
        argv=("bash", "--noprofile", "--norc", f"{VOLUME}/run.sh", f"{VOLUME}/{OUT}"),
        env={},
        uid=plan.spec.user.uid,
        limits=LIMITS,
        volume=VOLUME,
        workdir="/",
    )
    with engine.container(spec) as container:
        container.copy_in({"run.sh": SCRIPT.encode()}, writable=(OUT,))
        ended = container.run()
        files = container.copy_out(OUT)
    if ended.code != 0:
        end = "did not end in time" if ended.timed_out else f"ended with code {ended.code}"
        raise BuildError(
            f"the activation scripts of {plan.lock.environments[0].name} {end}",
            where="etc/conda/activate.d",
            fix="every start of the image would fail: find the package whose script it is, and leave it out",
            detail=ended.output,
        )
    if files.get("hooks", b"0").strip() == b"0":
        return None
    return compare(*(variables(files.get(name, b"")) for name in ("before", "first", "second")))


def variables(data: bytes) -> dict[str, str]:
    """The answer of `env -0`."""
    pairs = (row.partition("=") for row in data.decode(errors="surrogateescape").split("\0") if row)
    return {name: value for name, _, value in pairs}


def compare(before: Mapping[str, str], first: Mapping[str, str], second: Mapping[str, str]) -> Activation:
    """What two runs of the scripts have set above what was there before."""
    touched = sorted(
        name
        for name in {**before, **first, **second}
        if name not in OURS and KEY.fullmatch(name) and _changed(name, before, first, second)
    )
    frozen = {
        name: first[name]
        for name in touched
        if name in first and first[name] == second.get(name) and not CONTROL.search(first[name])
    }
    changing = tuple(name for name in touched if name not in frozen)
    return Activation(frozen, tuple(name for name in frozen if name not in before), changing)


def _changed(name: str, before: Mapping[str, str], *runs: Mapping[str, str]) -> bool:
    return any(run.get(name) != before.get(name) for run in runs)
