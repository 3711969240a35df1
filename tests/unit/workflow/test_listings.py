"""Listings of installers: what is in them is read, and no input ends with a traceback."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.workflow.refresh.listings import (
    Listed,
    from_directory,
    from_files_json,
    from_releases,
    from_sum,
)

A, B = "a" * 64, "b" * 64
NAME = "Miniconda3-py313_26.5.3-1-Linux-x86_64.sh"
PIECES = st.sampled_from(
    ["<tr>", "</tr>", "<td>", "</td>", "<table", ">", "<a href='", NAME, "'>", "</a>", A, "md5", "<![CDATA[", "<!",
     "]]>", "<!--", "-->", "&#x;", "&amp", "<?", "\0", "<script>", "http://[", "\n"]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(A),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([NAME, "sha256", "size", "assets", "name", "digest", "draft", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def page(*rows: str) -> str:
    return (
        f"<html><body><table><tr><th>Filename</th><th>SHA256</th></tr>{''.join(rows)}</table></body></html>"
    )


def row(name: str, *cells: str) -> str:
    return f'<tr><td><a href="{name}">{name}</a></td>{"".join(f"<td>{one}</td>" for one in cells)}</tr>\n'


def test_the_page_of_a_directory() -> None:
    text = page(
        row(NAME, "156.1M", "2026-07-10 12:00:00", A),
        row("Miniconda3-old.sh", "60M", "2016", "0123456789abcdef0123456789abcdef"),
        row("Miniconda3%2Bx.sh", "1M", "now", f"\n <code>{B.upper()}</code> \n"),
    )
    assert from_directory(text) == (
        Listed(NAME, A), Listed("Miniconda3-old.sh"), Listed("Miniconda3+x.sh", B),
    )  # fmt: skip


def test_rows_without_ends_and_links_without_a_table() -> None:
    unclosed = page(f'<tr><td><a href="{NAME}">x<td>{A}', f'<tr><td><a href="/miniconda/two.sh">y<td>{B}')
    assert from_directory(unclosed) == (Listed(NAME, A), Listed("two.sh", B))
    plain = f'<pre><a href="../">..</a> <a href="{NAME}">x</a> 2026 {A}\n<a href="two.sh">y</a> {B}</pre>'
    assert from_directory(plain) == (Listed(NAME), Listed("two.sh"))


def test_a_row_that_could_mean_either_tells_no_hash() -> None:
    both = f'<tr><td><a href="one.sh"></a><a href="two.sh"></a></td><td>{A}</td></tr>'
    assert from_directory(page(both)) == (Listed("one.sh"), Listed("two.sh"))
    assert from_directory(page(row("one.sh", A, B))) == (Listed("one.sh"),)


def test_the_file_that_machines_read() -> None:
    rows = {NAME: {"md5": "0", "mtime": 1.5, "sha256": A, "size": 163179296}, "index.json": {}, "odd": 3}
    assert from_files_json(json.dumps(rows)) == (Listed(NAME, A, 163179296), Listed("index.json"))


def test_releases() -> None:
    asset = {"name": "Miniforge3-26.3.2-3-Linux-x86_64.sh", "size": 9, "digest": f"sha256:{A}"}
    rows = [
        {"assets": 3},
        {"assets": [{**asset, "browser_download_url": "https://example.org/x"}, {"name": 3}, "no"]},
        {"assets": [{"name": "Miniforge3-1.sh", "digest": None}]},
        {"draft": True, "assets": [asset]},
        {"prerelease": True, "assets": [asset]},
    ]
    files, count = from_releases(json.dumps(rows))
    assert count == 5
    assert files == (Listed(asset["name"], A, 9, "https://example.org/x"), Listed("Miniforge3-1.sh"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "told"), [(f"{A}  ./Miniforge3.sh\n", A), (A.upper(), A), ("", ""), ("<html>", "")]
)
def test_a_hash_of_its_own_file(text: str, told: str) -> None:
    assert from_sum(text) == told


@pytest.mark.parametrize("read", [from_directory, from_files_json, from_releases])
@pytest.mark.parametrize("text", ["", "<p>Sign in</p>", "[3]", "[" * 100_000, "3", "\ufeff", "<![x"])
def test_what_is_no_listing(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read(text)


@given(st.lists(PIECES | st.text(max_size=6), max_size=30).map("".join))
def test_no_page_makes_a_traceback(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert all(not one.sha256 or len(one.sha256) == 64 for one in from_directory(text))
    from_sum(text)


@given(JSON.map(json.dumps) | st.text())
def test_no_document_makes_a_traceback(text: str) -> None:
    for read in (from_files_json, from_releases):
        with contextlib.suppress(ValueError):
            read(text)
