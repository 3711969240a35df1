"""Licences against `licences:` of image.yml."""

from __future__ import annotations

import pytest

from builder.sbom.bom import make_bom
from builder.sbom.policy import Licences, judge
from builder.spec.model import Allowance, LicencePolicy
from tests.support.sbom_samples import image, packages, record


def judged(
    licence: str, *, allow: tuple[str, ...] = (), deny: tuple[str, ...] = (), meant: str = ""
) -> Licences:
    found = packages(conda=(record("thing", "1.0", license=licence),), python=(), dpkg="")
    allowances = (Allowance(check="licence", package=meant, reason="read it"),) if meant else ()
    return judge(make_bom("demo", image(), found, None), LicencePolicy(allow=allow, deny=deny), allowances)


@pytest.mark.parametrize(
    ("licence", "allow", "deny", "passes"),
    [
        ("MIT", ("MIT",), (), True),
        ("MIT", ("ISC",), (), False),
        ("MIT", (), ("GPL-*",), True),
        ("GPL-3.0-or-later", (), ("GPL-*",), False),
        ("LGPL-3.0-or-later", (), ("GPL-*",), True),
        ("MIT OR GPL-3.0-only", (), ("GPL-*",), True),
        ("MIT AND GPL-3.0-only", (), ("GPL-*",), False),
        ("MIT OR GPL-3.0-only", ("MIT",), (), True),
        ("MIT AND ISC", ("MIT",), (), False),
        ("MIT AND (ISC OR Zlib)", ("MIT", "Zlib"), (), True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", (), ("GPL-2.0-only",), False),
        ("GPL-2.0-only WITH Classpath-exception-2.0", ("GPL-2.0-only WITH Classpath-exception-2.0",), ("GPL-*",), True),
        ("GPL-2.0-only", ("GPL-2.0-only WITH Classpath-exception-2.0",), (), False),
        ("MIT", ("MIT",), ("MIT",), False),
        ("BSD", ("MIT",), (), False),
        ("BSD", (), ("GPL-*",), True),
        ("", ("MIT",), (), False),
        ("LicenseRef-own", ("MIT",), (), False),
        ("LicenseRef-own", ("LicenseRef-*",), (), True),
        ("LicenseRef-own", (), ("GPL-*",), True),
    ],
)  # fmt: skip
def test_allow_and_deny(licence: str, allow: tuple[str, ...], deny: tuple[str, ...], passes: bool) -> None:
    assert judged(licence, allow=allow, deny=deny).passed == passes


@pytest.mark.parametrize("licence", ["BSD", "", "LicenseRef-own", "MIT AND LicenseRef-own"])
def test_what_nobody_can_tell_is_said(licence: str) -> None:
    (unknown,) = judged(licence, deny=("GPL-*",)).unknown
    assert unknown.startswith("thing 1.0 (")
    assert not judged("MIT", deny=("GPL-*",)).unknown


def test_an_allowance_with_a_reason_takes_it() -> None:
    found = judged("BSD", allow=("MIT",), meant="thing")
    assert found.passed
    assert [(one.package, why.reason) for one, why in found.allowed] == [("thing", "read it")]
    assert judged("MIT", allow=("MIT",), meant="thing").unneeded


def test_the_finding_names_package_and_licence() -> None:
    (finding,) = judged("MIT AND AGPL-3.0-only", deny=("AGPL-*",)).findings
    assert finding.what == "thing 1.0 (conda) is under AGPL-3.0-only"
    assert finding.cause == "denied by `licences:`"
    (finding,) = judged("BSD", allow=("MIT",)).findings
    assert finding.what == "thing 1.0 (conda) calls its licence 'BSD'"
    (finding,) = judged("", allow=("MIT",)).findings
    assert finding.what == "thing 1.0 (conda) names no licence"


def test_only_the_kinds_that_are_meant_are_judged() -> None:
    bom = make_bom("demo", image(), packages(), None)
    everything = judge(bom, LicencePolicy(allow=("MIT",)), ())
    conda = judge(bom, LicencePolicy(allow=("MIT",), kinds=("conda",)), ())
    assert {one.kind for one in everything.findings} == {"conda", "pypi", "deb"}
    assert {one.kind for one in conda.findings} == {"conda"}
