"""What `verify` tells people."""

from __future__ import annotations

from builder.report.verify import verified_text
from builder.verify.model import Counts, Drift, Unjudged, Verified

PACKAGE = "tabulate 0.10.0 (pip, held)"


def verified(*drifts: Drift, recorded: bool = False) -> Verified:
    return Verified(
        image="registry.example.org/a:1", ref="held", place="registry", digest="sha256:" + "a" * 64, deep=True,
        recorded=recorded, drifts=drifts, counts=Counts(packages=5, files=6000, bytes=1000), seconds=1.0,
        unjudged=(Unjudged(what="files", why="what the installer put there", count=12, such_as=("/opt/conda/x",)),),
    )  # fmt: skip


def text(found: Verified, *, every: bool = False) -> str:
    return verified_text(found, color=False, width=200, every=every)


def test_what_was_not_judged_is_said_and_why() -> None:
    said = text(verified())
    assert "no differences" in said
    assert "12 files: what the installer put there" in said
    assert "/opt/conda/x" not in said
    assert "/opt/conda/x" in text(verified(), every=True)


def test_of_the_very_image_that_was_built_every_byte_is_known() -> None:
    said = text(verified(recorded=True))
    assert "not judged" not in said
    assert "every byte of it" in said


def test_files_of_a_replaced_package_are_one_row() -> None:
    package = Drift(about="package", how="changed", name="tabulate", expected=PACKAGE, package=PACKAGE)
    files = [Drift(about="file", how="changed", name=f"/site/{one}.py", package=PACKAGE) for one in range(3)]
    other = Drift(about="file", how="extra", name="/site/evil.pth")
    said = text(verified(package, *files, other))
    assert "3 files differ" in said
    assert "/site/1.py" not in said
    assert "/site/evil.pth" in said
    assert "/site/1.py" in text(verified(package, *files, other), every=True)


def test_nothing_of_an_image_steers_the_terminal() -> None:
    said = text(verified(Drift(about="file", how="extra", name="/x\x1b[2J\ny")))
    assert "\x1b" not in said
