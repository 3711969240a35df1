"""docs/audit.md: the corpus of real artefacts, what the audit says of each, and counts of misses and false alarms.

    python -m scripts.audit_page            # the small ones anew (about 130 MB), the large ones as they were last
    python -m scripts.audit_page --large    # the large ones as well (17 GB)

What was last found of the large ones stands in tests/support/audit_large.json.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.support.audit_cases import Judged, large_case, large_stack, small_case
from tests.support.audit_truth import TRUTH, WHEELS

PAGE = Path(__file__).parent.parent / "docs/audit.md"
HEAD = Path(__file__).with_name("audit_page.md")
LARGE = WHEELS.with_name("audit_large.json")


def row(name: str, case: Mapping[str, Any], found: Judged) -> dict[str, Any]:
    """What the page says of a case."""
    checks = dict.fromkeys(f"`{one['check']}`" for one in case["finds"])
    return {
        "name": name,
        "wheel": case.get("wheel") or f"{len(case['asked'])} packages and what they need",
        "beside": case.get("beside", ""),
        "wrong": " ".join(str(case.get("wrong") or "nothing").split()),
        "has": ", ".join(checks) or "nothing",
        "expected": len(case["finds"]),
        "missed": len(found.missed),
        "alarms": len(found.alarms) + len(found.cells),
        "files": found.audit.files,
    }


def judged(work: Callable[[Path], Judged], name: str, case: Mapping[str, Any]) -> dict[str, Any]:
    """A case in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="imgbuild-truth-") as folder:
        begun = time.monotonic()
        found = work(Path(folder))
        shutil.rmtree(folder, ignore_errors=True)
        Path(folder).mkdir(exist_ok=True)
        print(
            f"{name}: {len(found.faults)} faults, {time.monotonic() - begun:.0f} s", *found.faults, sep="\n  "
        )
        return row(name, case, found)


def small() -> list[dict[str, Any]]:
    """All small cases."""
    chosen = {name: case for name, case in TRUTH["cases"].items() if case["size"] == "small"}
    return [
        judged(lambda folder, case=case: small_case(case, folder), name, case)
        for name, case in chosen.items()
    ]


def large() -> list[dict[str, Any]]:
    """All stacks and large cases, one at a time."""
    stacks = [
        judged(lambda folder, name=name: large_stack(name, folder), name, case)
        for name, case in TRUTH["stacks"].items()
    ]
    chosen = {name: case for name, case in TRUTH["cases"].items() if case["size"] == "large"}
    return stacks + [
        judged(lambda folder, case=case: large_case(case, folder), name, case)
        for name, case in chosen.items()
    ]


def table(rows: list[dict[str, Any]]) -> str:
    """One row for each case."""
    lines = [
        "| case | wheel | torch | what is wrong | has to be found | missed | false alarms |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {' | '.join(str(one[key]) for key in ('name', 'wheel', 'beside', 'wrong', 'has', 'missed', 'alarms'))} |"
        for one in rows
    ]
    return "\n".join(lines)


def counts(rows: list[dict[str, Any]], what: str) -> str:
    """Misses and false alarms of a part."""
    expected, missed, alarms = (sum(one[key] for one in rows) for key in ("expected", "missed", "alarms"))
    sound = sum(one["expected"] == 0 for one in rows)
    return (
        f"{what}: {len(rows)} ({sound} without any fault), {sum(one['files'] for one in rows):,} compiled files; "
        f"{expected} findings have to be made, **{missed} missed, {alarms} false alarms**."
    )


def page(small_rows: list[dict[str, Any]], large_rows: list[dict[str, Any]]) -> str:
    """The whole page."""
    parts = {
        "SMALL_COUNTS": counts(small_rows, "Small cases"),
        "LARGE_COUNTS": counts(large_rows, "Whole environments and large cases"),
        "SMALL": table(small_rows),
        "LARGE": table(large_rows),
    }
    text = HEAD.read_text()
    for name, content in parts.items():
        text = text.replace(f"<!-- {name} -->", content)
    return text


def main() -> None:
    """Write the page."""
    if "--large" in sys.argv[1:]:
        LARGE.write_text(json.dumps(large(), indent=1) + "\n")
    known = json.loads(LARGE.read_text()) if LARGE.exists() else []
    PAGE.write_text(page(small(), known))


if __name__ == "__main__":
    main()
