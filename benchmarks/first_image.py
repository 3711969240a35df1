"""Speed, memory and size of the first image: `make bench`.

Machines are shared and noisy: every time is a median of several runs and stands beside a yardstick that was measured
in the same run, so that the ratio means something on another machine.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from builder.engine.connect import connect
from builder.report.columns import table
from builder.report.size import human_size
from tests.support.spare_engine import SpareEngine
from tests.support.workshop import REPOSITORY, Workshop

IMAGE = "regression"


def median(work: Callable[[], object], times: int) -> float:
    """Median wall time in seconds."""
    seconds = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def peak_memory(argv: list[str], env: Mapping[str, str]) -> int:
    """Run a command and return the largest resident set of it alone, in bytes."""
    measure = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stdout); sys.exit(done.returncode)"
    )
    done = subprocess.run(
        [sys.executable, "-c", measure, *argv], env=env, capture_output=True, text=True, check=True
    )
    return int(done.stdout) * 1024


def hashed(kit: Path) -> None:
    """The yardstick for a build: read and hash every byte of the kit once."""
    for path in sorted(kit.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                hashlib.file_digest(file, "sha256") if hasattr(hashlib, "file_digest") else hashlib.sha256(
                    file.read()
                )


def cold_build(shop: Workshop, home: Path) -> tuple[float, int]:
    """Build in an engine that has never seen anything; returns seconds and peak memory of imgbuild."""
    engine = SpareEngine(home)
    engine.start()
    try:
        begun = time.perf_counter()
        memory = peak_memory(
            shop.argv("build", IMAGE, "--kit", str(shop.kit), "--force", "-q"),
            shop.environ({"DOCKER_HOST": engine.endpoint}),
        )
        return time.perf_counter() - begun, memory
    finally:
        engine.stop()


def parts(shop: Workshop) -> list[list[str]]:
    """What each layer of the image weighs, largest first."""
    done = shop.run("build", IMAGE, "--kit", str(shop.kit), "--json")
    found = connect().find(done.document["images"][0]["image_id"])
    if found is None:
        raise SystemExit("error: the image is not in the engine")
    rows = [(size, title(created)) for created, size in found.layers if size > 100_000]
    return [[name, human_size(size)] for size, name in sorted(rows, reverse=True)] + [
        ["all", human_size(found.size)]
    ]


def title(created_by: str) -> str:
    """What a layer is, from the instruction that made it."""
    for mark, name in (
        ("conda create", "the named environment"),
        ("-b -p", "Miniconda"),
        ("RUN", "RUN " + created_by[-40:]),
    ):
        if mark in created_by:
            return name
    return "base" if not created_by.strip() or "import" in created_by.lower() else created_by[:40]


def main() -> None:
    """Measure and print."""
    runs = int(os.environ.get("RUNS", "5"))
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as home:
        kit = Path(os.environ.get("KIT", REPOSITORY / ".cache" / "kit")).resolve()
        shop = Workshop(REPOSITORY, kit, Path(home) / "cache")
        if not (kit / "kit.yml").exists():
            raise SystemExit(
                f"error: there is no kit in {kit}; `make demo` makes one, or name one with KIT=DIR"
            )
        cold = [cold_build(shop, Path(home) / f"e{number}") for number in range(max(1, runs // 2))]
        shop.run("build", IMAGE, "--kit", str(kit))
        python = median(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True), runs)
        yard = median(lambda: hashed(kit), max(1, runs // 2))
        listing = median(lambda: shop.run("list"), runs)
        again = median(lambda: shop.run("build", IMAGE, "--kit", str(kit)), runs)
        first = statistics.median(seconds for seconds, _ in cold)
        rows = [
            ["imgbuild list", f"{listing:.2f} s", f"{listing / python:.1f} x starting python"],
            ["second imgbuild build", f"{again:.2f} s", f"{again / python:.1f} x starting python"],
            ["build, engine empty", f"{first:.1f} s", f"{first / yard:.1f} x hashing the kit"],
            ["peak memory of imgbuild", human_size(max(memory for _, memory in cold)), ""],
        ]
        print(table(["WHAT", "MEDIAN", "RATIO"], rows, color=False, width=100))
        print()
        print(table(["PART OF THE IMAGE", "SIZE"], parts(shop), color=False, width=100))
        print(json.dumps({"list": listing, "again": again, "cold": first, "runs": runs}))


if __name__ == "__main__":
    main()
