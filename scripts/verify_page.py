"""docs/verify.md: real images, changed behind their lock's back in every way of tests/support/tampering.py.

IMGBUILD_TEST_KIT=DIR python -m scripts.verify_page    # some minutes, with a kit that the tests have made
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from builder.engine.connect import connect
from tests.support.held import Bench, make_bench
from tests.support.tampering import CASES, NAME, Case
from tests.support.workshop import Workshop

PAGE = Path(__file__).parent.parent / "docs/verify.md"
HEAD = Path(__file__).with_name("verify_page.md")


def told(document: dict[str, Any], case: Case) -> str:
    """The differences that the case is about, and how many others there are."""
    mine = [
        one
        for one in document["drifts"]
        if any(one["about"] == about and one["name"].endswith(end) for about, _how, end in case.finds)
    ]
    words = [
        f"{one['about']} {one['how']}: `{one['name'].removeprefix('/opt/conda/envs/held/')}`" for one in mine
    ]
    others = len(document["drifts"]) - len(mine)
    return "; ".join(words or ["**not found**"]) + (f" (and {others} more)" if others else "")


def tried(bench: Bench, case: Case, record: Path) -> str:
    """One row of the table."""
    kept = record.read_text()
    with bench.changed(case) as tag:
        _code, known = bench.verify(tag)
        record.unlink()
        try:
            _code, bare = bench.verify(tag, "--kit", str(bench.workshop.kit))
        finally:
            record.write_text(kept)
    print(case.told, told(known, case), told(bare, case), sep="\n  ", flush=True)
    return f"| {case.told} | {told(known, case)} | {told(bare, case)} |"


def page(bench: Bench) -> str:
    """The whole page."""
    record = bench.workshop.root / ".imgbuild" / NAME / "record.json"
    kept = record.read_text()
    _code, untouched = bench.verify(NAME)
    record.unlink()
    _code, bare = bench.verify(NAME, "--kit", str(bench.workshop.kit))
    record.write_text(kept)
    rows = [tried(bench, case, record) for case in CASES.values() if case.lines or case.page]
    head = ["| what was changed | found, with the record | found, with the lock alone |", "|---|---|---|"]
    parts = {
        "TABLE": "\n".join(head + rows),
        "PACKAGES": f"{untouched['counts']['packages']} packages",
        "FILES": f"{untouched['counts']['files']:,}",
        "UNTOUCHED": str(len(untouched["drifts"])),
        "BARE": str(len(bare["drifts"])),
        "UNJUDGED": "\n".join(f"- {one['count']:,} {one['what']}: {one['why']}" for one in bare["unjudged"]),
    }
    text = HEAD.read_text()
    for name, content in parts.items():
        text = text.replace(f"<!-- {name} -->", content)
    return text


def main() -> None:
    """Write the page."""
    with tempfile.TemporaryDirectory(prefix="imgbuild-verify-") as folder:
        home = Path(folder)
        workshop = Workshop(home, Path(os.environ["IMGBUILD_TEST_KIT"]), home / "cache")
        bench = make_bench(workshop, connect(), home / "held")
        PAGE.write_text(page(bench))


if __name__ == "__main__":
    main()
