"""Prove an image: run its smoke tests in containers of the very image id, and judge what they measured.

What a verdict proves: this image, started through its own entrypoint, ran these scripts to their end within these
limits, and what they wrote is what must come out. It proves that an honest image works. It does not prove that an
image is honest: the numbers are written by code of the image (its python, its libraries, a `.pth` file that runs before
the script), and a package that lies well enough is believed. Against that stand the hashes of the lock, not this.

What the image cannot do is reach past its own test: not to the script, which is not its file; not to another test,
which has a container and a volume of its own, empty at the start, whatever the image holds at that path; not to the
verdict, which is reached on the host from a regular file that is read when every process of the test is dead.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone

from builder import __version__
from builder.engine.port import Engine, ImageInfo, Limits
from builder.errors import ProofError
from builder.plan import Plan
from builder.progress import Observer
from builder.smoke.budget import weighed
from builder.smoke.gpus import NO_GPUS, Gpus
from builder.smoke.notes import notes
from builder.smoke.run import Bench, Scripts, read_scripts, run_case, script_sha256
from builder.smoke.sandbox import limits_of
from builder.smoke.select import Case, cases
from builder.smoke.verdict import TestResult, Verdict
from builder.values import digest_of

PLAN_LABEL = "io.imgbuild.plan"
NO_AUDIT = "the compiled files were not read"


@dataclass(frozen=True, slots=True)
class Proof:
    """The verdict, and the plots by `ENVIRONMENT/TEST/NAME.png`, as its results name them, and `audit.json`.

    digest: what was run (see proof_digest); empty when only a part was.
    """

    verdict: Verdict
    plots: Mapping[str, bytes] = field(default_factory=dict)
    digest: str = ""

    @property
    def json(self) -> str:
        """The verdict as a JSON document."""
        return self.verdict.model_dump_json(indent=2)


def prove(
    engine: Engine,
    plan: Plan,
    image_id: str,
    *,
    observer: Observer,
    limits: Limits | None = None,
    only: Sequence[str] | None = None,
    gpus: Gpus = NO_GPUS,
) -> Proof:
    """Run every smoke test of the plan in the image and say what was proven.

    limits: memory, tmpfs, processes and CPUs of each test, and a ceiling in seconds above the tests' own
    timeouts; None gives each what it needs. only: names of the tests to run. gpus: for tier 2. A test that fails is
    a result and never an exception. Raises ProofError when the engine has no such image or it is another plan's,
    UsageError for an unknown name in `only`, EngineError when the engine goes away.
    """
    chosen = cases(plan, only, gpus)
    scripts = read_scripts(plan, chosen)
    image = _image(engine, plan, image_id)
    bench = Bench(engine, plan, image.id, limits, scripts, gpus)
    started, clock = datetime.now(timezone.utc), time.monotonic()
    results = list(weighed(plan.spec, image))
    plots: dict[str, bytes] = {}
    for case in chosen:
        result, pictures = run_case(bench, case, observer)
        results.append(result)
        plots.update(pictures)
    info = engine.info()
    verdict = Verdict(
        image=plan.spec.ref,
        image_id=bench.image_id,
        plan_digest=plan.digest,
        source=plan.lock.source.label,
        stand_in=plan.lock.installer.stand_in,
        engine=f"docker {info.version}, API {info.api_version}, {info.platform}",
        started=started.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - clock, 3),
        results=tuple(results),
        not_proven=not_proven(results, only),
        notes=notes(plan),
    )
    return Proof(
        verdict, plots, "" if only else _digest(plan, chosen, scripts, with_gpu=gpus.request is not None)
    )


def not_proven(results: Sequence[TestResult], only: Sequence[str] | None) -> dict[str, str]:
    """The tiers that were not run, each with the reason."""
    reasons = {"audit": NO_AUDIT}
    left_out = {result.name for result in results if result.tier == 1} - set(only or ())
    if only and left_out:
        reasons["cpu"] = f"only {', '.join(only)} was asked for, not {', '.join(sorted(left_out))}"
    gpu = [result for result in results if result.tier == 2]
    waiting: dict[str, list[str]] = {}
    for result in gpu:
        if result.outcome == "not-run":
            waiting.setdefault(result.reason, []).append(f"{result.name} in {result.environment}")
    if waiting or not gpu:
        told = [f"{', '.join(names)}: {why}" for why, names in waiting.items()]
        reasons["gpu"] = "; ".join(told) or "no smoke test asks for a GPU"
    return {**reasons, "multi-gpu": "no smoke test asks for several GPUs"}


def _image(engine: Engine, plan: Plan, image_id: str) -> ImageInfo:
    """The image to test. What another plan made must not be recorded as this plan's."""
    info = engine.find(image_id)
    if info is None:
        raise ProofError(
            "the engine has no such image", where=image_id, fix=f"build it: imgbuild build {plan.spec.ref}"
        )
    built_from = info.labels.get(PLAN_LABEL, plan.digest)
    if built_from != plan.digest:
        raise ProofError(
            f"it was built from plan {built_from[:12]}, and {plan.spec.ref} is plan {plan.digest[:12]} now",
            where=image_id,
            fix=f"build it again: imgbuild build {plan.spec.ref}",
        )
    return info


def proof_digest(plan: Plan, *, with_gpu: bool = False) -> str:
    """Hex sha256 over all that decides a verdict beside the image: the tests, their scripts, this version.

    Equal digests for the same image id mean that proving again would do the same.
    """
    found = cases(plan)
    return _digest(plan, found, read_scripts(plan, found), with_gpu=with_gpu)


def _digest(plan: Plan, chosen: Sequence[Case], scripts: Scripts, *, with_gpu: bool) -> str:
    tests = [
        [
            case.lock.name,
            case.tier,
            asdict(limits_of(case, None)),
            case.test.model_dump(mode="json", exclude={"script"}),
            script_sha256(plan, case, scripts),
        ]
        for case in chosen
    ]
    held_against = [plan.spec.targets.model_dump(), [one.model_dump() for one in plan.spec.allow]]
    return digest_of([__version__, plan.spec.cuda, with_gpu, plan.spec.budget_bytes, tests, held_against])
