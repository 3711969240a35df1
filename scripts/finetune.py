"""`make finetune`: the real fine-tuning images from real wheels, measured as they are built: docs/finetune-cuda.md."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from builder.engine.connect import connect
from builder.errors import BuildError
from builder.progress import silent
from builder.report.duration import human_time
from builder.report.size import human_size
from builder.report.text import verdict_text
from builder.smoke.verdict import Verdict
from scripts.finetune_run import Built, Step, build, said
from scripts.kit_at_hand import imgbuild, ready, say
from tests.support.cuda_wheels import torch_wheel
from tests.support.engine_base import tar_of, unique

KIT = Path(".cache/kit-finetune")
MEASURED = Path(".cache/finetune.json")
IMAGES = ("finetune-cuda", "finetune-cuda@cu126", "finetune-cpu")
PAGE = Path("docs/finetune-cuda.md")
TEMPLATE = Path(__file__).with_name("finetune_page.md")
MEMORY = 500 << 20  # what imgbuild may take, bytes
SMALL = "liger-kernel"
SECOND = "imgbuild-second"
OLDER = "2.13.0"
LARGEST = 20

# Runs in the image: bytes of each distribution, by its own RECORD.
SIZES = """
import importlib.metadata, json, pathlib
sizes = {}
for one in importlib.metadata.distributions():
    files = [pathlib.Path(one.locate_file(file)) for file in one.files or ()]
    sizes[f"{one.metadata['Name']} {one.version}"] = sum(file.stat().st_size for file in files if file.is_file())
print(json.dumps(sizes))
"""


def main() -> None:
    """Kit, images, the second build, and the page; `page` as argument writes it anew from what was measured last."""
    os.chdir(Path(__file__).parent.parent)
    if sys.argv[1:] != ["page"]:
        measure()
    *built, second = (from_document(one) for one in json.loads(MEASURED.read_text(encoding="utf-8")))
    text = TEMPLATE.read_text(encoding="utf-8").format(
        date=datetime.now(timezone.utc).date().isoformat(),
        machine=machine(),
        engine=built[0].image["verdict"]["engine"],
        gpu=gpu(built[0]),
        costs=costs([*built, second]),
        order="Each build found in the engine what those above it had brought there.",
        images="\n\n".join(section(one) for one in built),
        change=second.change,
        second=compared(built[0], second),
        older=OLDER,
        refused=refused(),
    )
    PAGE.write_text(text, encoding="utf-8")
    say(f"written: {PAGE}")


def measure() -> None:
    """Build all of it, and keep the numbers."""
    ready(KIT, IMAGES)
    built = [build(ref, KIT, "--force") for ref in IMAGES]
    for one in built:
        if one.memory > MEMORY:
            raise SystemExit(
                f"error: {one.ref}: imgbuild took {human_size(one.memory)} of {human_size(MEMORY)}"
            )
    everything = [asdict(one) for one in [*built, again_with_one_changed()]]
    MEASURED.write_text(json.dumps(everything, indent=1), encoding="utf-8")


def from_document(document: dict[str, Any]) -> Built:
    """What `measure` kept."""
    return Built(**{**document, "steps": tuple(Step(**step) for step in document["steps"])})


def machine() -> str:
    """Cores and memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{os.cpu_count()} cores ({platform.machine()}) and {human_size(memory)} of memory"


def gpu(one: Built) -> str:
    """Whether a GPU took part."""
    why = one.image["verdict"]["not_proven"].get("gpu")
    if why:
        return f"**Not proven on a GPU**: {why}. Everything below was measured without one."
    rows = [row for row in one.image["verdict"]["results"] if row["tier"] == 2]
    names = sorted({str(row["numbers"].get("gpu")) for row in rows})
    return f"Proven on a GPU: {', '.join(names)}."


def costs(built: list[Built]) -> str:
    """A row for each build."""
    rows = ["| build | time | image | memory | peak disk | kept |", "|---|---|---|---|---|---|"]
    for one in built:
        name = f"{one.ref}, one package changed" if one is built[-1] else one.ref
        rows.append(
            f"| {name} | {human_time(one.seconds)} | {human_size(one.image['size'])} | {human_size(one.memory)} "
            f"| {human_size(one.peak)} | {human_size(max(one.kept, 0))} |"
        )
    return "\n".join(rows)


def section(one: Built) -> str:
    """Verdict, audit, sizes and steps of one image."""
    tag = one.image["tag"]
    verdict = Verdict.model_validate(one.image["verdict"])
    audit = said([sys.executable, "-m", "builder.cli", "audit", one.ref, "--kit", str(KIT)], codes=(0, 6))
    parts = [
        f"## {one.ref}",
        f"Said before it began: {one.expected}.",
        fenced(f"$ imgbuild build {one.ref}\n" + verdict_text(verdict, color=False, width=120)),
        "### Audit",
        fenced(f"$ imgbuild audit {one.ref}\n" + audit.strip()),
        "### Size by package",
        sizes(tag, one.image["size"]),
        "### Time per step",
        steps(one),
    ]
    return "\n\n".join(parts)


def fenced(text: str) -> str:
    """As a terminal shows it."""
    return "```console\n" + "\n".join(line.rstrip() for line in text.splitlines()) + "\n```"


def sizes(tag: str, whole: int) -> str:
    """The largest distributions of an image, and what is left."""
    argv = ["docker", "run", "--rm", "-i", "--network", "none", tag, "python", "-"]
    found: dict[str, int] = json.loads(said(argv, given=SIZES))
    largest = sorted(found.items(), key=lambda item: -item[1])
    rows = [
        "| package | size |",
        "|---|---|",
        *(f"| {name} | {human_size(size)} |" for name, size in largest[:LARGEST]),
    ]
    others = largest[LARGEST:]
    rows.append(f"| {len(others)} smaller ones | {human_size(sum(size for _, size in others))} |")
    rows.append(
        f"| base, OS packages, Miniconda, Python, bytecode | {human_size(whole - sum(found.values()))} |"
    )
    return "\n".join([*rows, f"| **the image** | **{human_size(whole)}** |"])


def steps(one: Built) -> str:
    """Steps that took a second or more, the imports as one row."""
    imports = [step for step in one.steps if step.phase == "import"]
    rows = ["| step | time |", "|---|---|"]
    if imports:
        rows.append(f"| import {len(imports)} package images | {human_time(one.of('import'))} |")
    rows += [
        f"| {step.phase}: {step.title} | {'cached' if step.cached else human_time(step.seconds)} |"
        for step in one.steps
        if step.phase != "import" and (step.cached or step.seconds >= 1)
    ]
    return "\n".join(rows)


def again_with_one_changed() -> Built:
    """The definition with another release of one small package, locked and built; and which releases."""
    with tempfile.TemporaryDirectory(prefix="imgbuild-second-") as name:
        root = Path(name)
        for folder in ("envs", "dockerfiles"):
            shutil.copytree(folder, root / folder)
        had = locked(KIT)
        file = root / "envs" / "finetune-cuda" / "environment.yml"
        text = file.read_text(encoding="utf-8")
        changed = re.sub(rf"- {SMALL}\S*", f"- {SMALL}!={had}", text)
        if changed == text:
            raise SystemExit(f"error: {file} names no {SMALL}")
        file.write_text(changed, encoding="utf-8")
        imgbuild("kit", "bootstrap", str(root / "kit"), "finetune-cuda", "-C", str(root))
        second = build("finetune-cuda", root / "kit", "-C", str(root), "--prefix", SECOND)
        now = locked(root / "kit")
    subprocess.run(["docker", "image", "rm", second.image["tag"]], check=True, stdout=subprocess.DEVNULL)
    return replace(second, change=f"{had} to {now}")


def locked(kit: Path) -> str:
    """The version of the small package in a kit."""
    name = SMALL.replace("-", "_")
    found = [path.name.split("-")[1] for path in kit.rglob(f"{name}-*.whl")]
    return sorted(found)[0]


def compared(first: Built, second: Built) -> str:
    """What each part took then and now."""
    parts = {
        "bring packages into the engine": ("fetch", "import"),
        "build and export": ("build",),
        "prove": ("smoke", "audit"),
    }
    rows = ["| part | first | again |", "|---|---|---|"]
    for title, phases in parts.items():
        rows.append(f"| {title} | {human_time(first.of(*phases))} | {human_time(second.of(*phases))} |")
    rows.append(f"| **whole** | **{human_time(first.seconds)}** | **{human_time(second.seconds)}** |")
    cached = [step.title for step in second.steps if step.cached]
    imported = [step.title.removeprefix("import ") for step in second.steps if step.phase == "import"]
    return "\n".join(
        [
            *rows,
            "",
            f"From the build cache: {'; '.join(cached) or 'nothing'}.",
            f"Brought into the engine: {', '.join(imported) or 'nothing'}.",
        ]
    )


def refused() -> str:
    """What pip says to an older torch in a derived image. Ends the program where it is installed."""
    install = f"pip install --no-index --find-links /wheels torch=={OLDER}"
    page = f"FROM imgbuild/finetune-cuda\nCOPY wheels /wheels\nRUN {install}\n"
    with tempfile.TemporaryDirectory(prefix="imgbuild-wheels-") as name:
        wheel = torch_wheel(Path(name), OLDER, "13.0", python="311", requires=())
        context = tar_of({"Dockerfile": page.encode(), f"wheels/{wheel.name}": wheel.read_bytes()})
    tag = unique("derived")
    engine = connect()
    try:
        engine.build([context], tag=tag, labels={}, platform="linux/amd64", network="none", observer=silent)
    except BuildError as error:
        if "(constraint)" not in error.detail:
            raise
        return fenced(f"$ {install}\n{error.detail}")
    engine.remove(tag)
    raise SystemExit(f"error: torch {OLDER} was installed over the locked one")


if __name__ == "__main__":
    main()
