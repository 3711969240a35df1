"""Licences as people see them."""

from __future__ import annotations

import re

from builder.report.sbom import judged_text, licences_text
from builder.sbom.bom import make_bom
from builder.sbom.policy import judge
from builder.spec.model import Allowance, LicencePolicy
from tests.support.sbom_samples import image, packages, record

FOUND = packages(
    conda=(
        record("numpy", "2.4.6", license="BSD-3-Clause AND MIT"),
        record("odd", "1", license="Odd\x1b[31m"),
        record("tool", "1", license="GPL-3.0-or-later"),
    ),
    python=(),
    dpkg="",
)
BOM = make_bom("demo", image(), FOUND, None)


def test_the_table_has_a_row_for_each_licence_and_the_unknown_last() -> None:
    assert licences_text(BOM, color=False, width=100) == (
        "LICENCE           PACKAGES  WHICH\n"
        "BSD-3-Clause      1         numpy\n"
        "GPL-3.0-or-later  1         tool\n"
        "MIT               1         numpy\n"
        "not known: Odd    1         odd\n"
        "\n"
        "demo: 3 conda, 0 pypi, 0 deb packages; the licence of 1 is not known\n"
        "note: 3 conda packages have no sha256 of the archive: neither a lock nor the image has it"
    )


def test_names_that_only_debian_has_are_one_row_until_they_are_asked_for() -> None:
    bom = make_bom("demo", image(), packages(), None)
    short, long = (licences_text(bom, color=False, width=200, every=every) for every in (False, True))
    assert "names that only Debian has (-v shows them)" in short
    assert "LicenseRef-debian-public-domain" not in short
    assert re.search(r"^LicenseRef-debian-public-domain +1 +util-linux \(deb\)$", long, re.MULTILINE)


def test_a_verdict_names_what_is_refused_allowed_and_unknown() -> None:
    meant = Allowance(check="licence", package="numpy", reason="read it")
    gone = Allowance(check="licence", package="scipy", reason="once")
    judged = judge(BOM, LicencePolicy(deny=("GPL-*", "BSD-3-Clause")), (meant, gone))
    assert judged_text("demo", judged, width=200) == (
        "REFUSED  tool 1 (conda) is under GPL-3.0-or-later\n"
        "  why: denied by `licences:`\n"
        "  fix: leave tool out, or allow it in image.yml with a reason\n"
        "\n"
        "allowed  numpy 2.4.6 (conda) is under BSD-3-Clause. Reason: read it\n"
        "`allow:` of licence for scipy is no longer needed\n"
        "\n"
        "not known, and refused by nothing (1): odd 1 (Odd)\n"
        "\n"
        "not passed: demo, 1 refused, 1 not known"
    )
