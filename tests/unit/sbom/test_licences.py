"""What packages say of their licences, and what of it is sure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from license_expression import get_spdx_licensing

from builder.sbom.expression import Group, both, holds, leaves, parse
from builder.sbom.facts import Terms
from builder.sbom.licence import of_debian, of_metadata, spoken
from builder.sbom.payload.copyright import terms
from builder.spec.licences import canonical


@pytest.mark.parametrize(
    ("said", "expression"),
    [
        ("MIT", "MIT"),
        ("mit or apache-2.0", "MIT OR Apache-2.0"),
        ("Apache 2.0", "Apache-2.0"),
        ("BSD 3-Clause License", "BSD-3-Clause"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("LGPL-3.0", "LGPL-3.0-only"),
        ("GPL-2.0 WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("GFDL-1.3-no-invariants-only", "GFDL-1.3-no-invariants-only"),
        ("BSD-3-Clause AND 0BSD AND MIT", "BSD-3-Clause AND 0BSD AND MIT"),
        ("LicenseRef-NVIDIA-Proprietary", "LicenseRef-NVIDIA-Proprietary"),
        ("MIT License\n\nCopyright (c) somebody\nPermission is hereby granted", "MIT"),
        ("BSD", ""),
        ("Apache", ""),
        ("GPL", ""),
        ("PSF", ""),
        ("Apache Software License", ""),
        ("MIT/Apache-2.0", ""),
        ("see LICENSE", ""),
        ("Proprietary", ""),
        ("", ""),
        ("(" * 3000, ""),
    ],
)
def test_words_become_an_expression_where_they_are_sure(said: str, expression: str) -> None:
    assert spoken(said).expression == expression


def test_words_stay_as_they_are() -> None:
    assert spoken("BSD").said == "BSD"
    assert spoken("Copyright 2020\nRedistribution and use...").said == "Copyright 2020"


@pytest.mark.parametrize(
    ("expression", "text", "classifiers", "found", "said"),
    [
        ("MIT", "BSD", [], "MIT", "MIT"),
        ("", "Apache 2.0", ["License :: Other/Proprietary License"], "Apache-2.0", "Apache 2.0"),
        ("", "", ["License :: OSI Approved :: MIT License"], "MIT", "MIT License"),
        ("", "", ["License :: OSI Approved :: BSD License"], "", "BSD License"),
        ("", "", ["License :: OSI Approved :: MIT License", "License :: Public Domain"], "",
         "MIT License; Public Domain"),
        ("", "Copyright\nlong text", ["License :: OSI Approved :: BSD License"], "", "BSD License"),
        ("", "", ["Programming Language :: Python"], "", ""),
    ],
)  # fmt: skip
def test_metadata(expression: str, text: str, classifiers: list[str], found: str, said: str) -> None:
    licence = of_metadata(expression, text, classifiers)
    assert (licence.expression, licence.said) == (found, said)


@pytest.mark.parametrize(
    ("names", "expression"),
    [
        (["GPL-2+"], "GPL-2.0-or-later"),
        (["GPL-2"], "GPL-2.0-only"),
        (["LGPL-2.1+", "Expat"], "LGPL-2.1-or-later AND MIT"),
        (["GFDL-NIV-1.3+"], "GFDL-1.3-no-invariants-or-later"),
        (["GPL-2 with Linux-syscall-note exception"], "GPL-2.0-only WITH Linux-syscall-note"),
        (["GPL-3+ or BSD-3-clause"], "GPL-3.0-or-later OR BSD-3-Clause"),
        (["Expat", "GPL-3+ or BSD-3-clause"], "MIT AND (GPL-3.0-or-later OR BSD-3-Clause)"),
        (["GPL-2+ or ISC and Zlib"], "GPL-2.0-or-later OR ISC AND Zlib"),
        (["GPL-2+ or ISC, and Zlib"], "(GPL-2.0-or-later OR ISC) AND Zlib"),
        (["public-domain"], "LicenseRef-debian-public-domain"),
        (["GPL-3+ with Bison exception"], "LicenseRef-debian-GPL-3-plus-with-Bison-exception"),
        (["GPL"], "LicenseRef-debian-GPL"),
    ],
)
def test_copyright_files_that_machines_read(names: list[str], expression: str) -> None:
    assert of_debian(Terms(names=tuple(names)), "x").expression == expression


def test_copyright_files_that_people_read_are_not_taken_for_more() -> None:
    licence = of_debian(Terms(refers=("GPL-2",)), "x")
    assert (licence.expression, licence.said) == ("", "GPL-2 (named in /usr/share/doc/x/copyright)")
    assert of_debian(None, "x").said == ""


def test_names_are_those_of_files() -> None:
    text = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: x

Files: *
Copyright: somebody
License: GPL-2+ or
 Expat

Files: debian/*
License: ISC

License: Unused
 Text: License: Nonsense
 .
 /usr/share/common-licenses/GPL-2.
"""
    assert terms(text) == {"names": ["GPL-2+ or", "ISC"], "refers": ["GPL-2"]}
    assert terms("This package is GPL: /usr/share/common-licenses/GPL-3.") == {
        "names": [],
        "refers": ["GPL-3"],
    }
    assert terms("") == {"names": [], "refers": []}


THEIRS = get_spdx_licensing()
IDS = (
    "MIT",
    "ISC",
    "GPL-2.0-only",
    "Apache-2.0",
    "LicenseRef-x",
    "GPL-2.0-only WITH Classpath-exception-2.0",
)
trees = st.recursive(
    st.sampled_from(IDS),
    lambda inner: st.builds(
        Group, st.sampled_from(("and", "or")), st.lists(inner, min_size=2, max_size=3).map(tuple)
    ),
    max_leaves=8,
)


def spelled(tree: object) -> str:
    if isinstance(tree, str):
        return tree
    assert isinstance(tree, Group)
    return "(" + f" {tree.kind.upper()} ".join(spelled(part) for part in tree.parts) + ")"


@given(trees, st.sets(st.sampled_from(IDS)))
def test_expressions_are_read_as_another_reader_reads_them(tree: Group | str, permitted: set[str]) -> None:
    text = spelled(tree)
    found = parse(canonical(text))
    assert set(leaves(found)) == set(leaves(tree))
    mine = holds(found, lambda licence: licence in permitted)
    assert mine == holds(tree, lambda licence: licence in permitted)
    theirs = THEIRS.parse(text)
    values = {one: THEIRS.TRUE if str(one) in permitted else THEIRS.FALSE for one in theirs.symbols}
    assert mine == (theirs.subs(values, simplify=True) == THEIRS.TRUE)


@given(st.lists(trees.map(spelled), min_size=1, max_size=4))
def test_both_needs_all(texts: list[str]) -> None:
    whole = parse(both(texts))
    for permitted in ({"MIT"}, {"MIT", "ISC"}, set(IDS)):
        assert holds(whole, permitted.__contains__) == all(
            holds(parse(text), permitted.__contains__) for text in texts
        )


@given(st.text("ADNOR()MIT ", max_size=12))
def test_what_is_no_expression_is_refused(text: str) -> None:
    if canonical(text):
        assert parse(canonical(text))
