from __future__ import annotations

import json

import pytest

from builder.smoke.evidence import BadResult, read_evidence, read_numbers
from tests.support.fake_container import png


def test_numbers_and_texts_are_read() -> None:
    assert read_numbers(b'{"mse": 0, "name": "x", "ok": true}') == {"mse": 0.0, "name": "x", "ok": "true"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is not JSON"),
        (b"hello", "is not JSON"),
        (b"\xff\xfe{}", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[1]", "is not a JSON object"),
        (b'{"mse": NaN}', "holds NaN, which is no number"),
        (b'{"mse": -Infinity}', "holds -Infinity, which is no number"),
        (b'{"mse": 1e999}', "holds a number beyond all bounds under `mse`"),
        (b'{"mse": 1' + b"0" * 400 + b"}", "holds a number beyond all bounds under `mse`"),
        (b'{"mse": 1' + b"0" * 5000 + b"}", "is not JSON"),
        (b'{"losses": [1, 2]}', "holds a list under `losses`"),
        (b'{"a": {"b": 1}}', "holds an object under `a`"),
        (b'{"a": null}', "holds null under `a`"),
        (json.dumps({"a": "x" * 5000}).encode(), "holds a text of 5000 characters"),
        (json.dumps({str(n): n for n in range(300)}).encode(), "has 300 entries"),
        (b'{"mse": 1, "a": 2, "mse": 0}', "holds `mse` twice"),
        (b'{"a": {"b": 1, "b": 2}}', "holds `b` twice"),
        (b" " * (2**20 + 1), "has 1048577 bytes"),
    ],
)
def test_what_cannot_be_used_has_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(BadResult, match="^" + reason.replace("`", ".")):
        read_numbers(data)


def test_what_cannot_be_written_or_steers_a_terminal_is_replaced() -> None:
    assert read_numbers(b'{"a\\ud800": "\\udfff"}') == {"a?": "?"}
    assert read_numbers(b'{"\\u001b[2J": "a\\nb\\u202e\\u0007"}') == {"?[2J": "a?b??"}


def test_many_names_that_come_twice_take_no_time() -> None:
    many = ",".join(f'"{number}":0' for number in range(100_000))
    with pytest.raises(BadResult, match="holds .99999. twice"):
        read_numbers(f'{{{many},"99999":1}}'.encode())


@pytest.mark.parametrize("kind", ["a symbolic link", "a directory", "a pipe", "a socket", "a device"])
@pytest.mark.parametrize("required", [True, False])
def test_a_result_that_is_no_regular_file_is_always_a_fault(kind: str, required: bool) -> None:
    found = read_evidence({"a.png": png()}, required=required, kind=kind)
    assert found.fault == f"result.json is {kind}, not a regular file"
    assert found.numbers == {}


def test_the_second_name_of_a_file_is_a_fault() -> None:
    found = read_evidence({"a": b"{}"}, required=False, kind="a regular file")
    assert found.fault.startswith("result.json is a second name of another file")


def test_only_harmless_plots_are_taken() -> None:
    picture = png()
    names = ["a.png", "../b.png", "/c.png", "d/e.png", ".f.png", "g\n.png", "h.svg", "-i.png"]
    found = read_evidence({**dict.fromkeys(names, picture), "fake.png": b"<svg>"}, required=False)
    assert list(found.plots) == ["a.png"]


def test_not_more_plots_than_allowed() -> None:
    files = {f"{number:03}.png": png() for number in range(40)}
    assert len(read_evidence(files, required=False).plots) == 16


def test_a_result_may_be_left_out_unless_it_is_required() -> None:
    assert read_evidence({}, required=False).fault == ""
    assert read_evidence({}, required=True).fault == "left no regular file result.json"
