# ruff: noqa: ISC004  (printed problems stand as they are printed)
"""Reading YAML: what it means here, and what no file can do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from builder.spec.document import Document, Odd, parse_text, printable, read_document


def parsed(text: str) -> Document:
    document = Document("f.yml")
    parse_text(text, document)
    return document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: ", None),
        ("a: ~", None),
        ("a: true", True),
        ("a: False", False),
        ("a: 12", 12),
        ("a: -3", -3),
        ("a: '12'", "12"),
        ('a: "no"', "no"),
        ("a: !!str 3.10", "3.10"),
        ("a: text", "text"),
        ("a: 26.5.3-1", "26.5.3-1"),
        ("a: 3.10", Odd("3.10", "number")),
        ("a: 1e3", Odd("1e3", "number")),
        ("a: 0x1F", Odd("0x1F", "number")),
        ("a: 010", Odd("010", "number")),
        ("a: 1_000", Odd("1_000", "number")),
        ("a: 5:00", Odd("5:00", "number")),
        ("a: .inf", Odd(".inf", "number")),
        ("a: no", Odd("no", "boolean")),
        ("a: ON", Odd("ON", "boolean")),
        ("a: 2026-11-23", Odd("2026-11-23", "date")),
        ("a: " + "9" * 5000, Odd("9" * 5000, "number")),
        ("a: [1, {b: c}]", [1, {"b": "c"}]),
    ],
)
def test_values(text: str, value: object) -> None:
    document = parsed(text)
    assert document.data == {"a": value}
    assert type(document.data["a"]) is type(value)
    assert document.problems == []


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "\ufeff"])
def test_empty_is_no_keys(text: str) -> None:
    document = parsed(text)
    assert (document.data, document.problems, document.broken) == ({}, [], False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", "f.yml:2:1: a: stands here twice, first in line 1; keep one of them"),
        ("a: &x 1\nb: *x\n", "f.yml:2:4: b: `*x` is an alias, which is not read here; write the value out"),
        ("a: &x [*x]\n", "f.yml:1:8: a[0]: `*x` is an alias, which is not read here; write the value out"),
        ("<<: {a: 1}\n", "f.yml:1:1: <<: merge keys are not read here; write the keys out"),
        (
            "a: !!python/object:os.system {}\n",
            "f.yml:1:4: a: the tag `tag:yaml.org,2002:python/object:os.system` is not read here; remove the tag",
        ),
        ("a: !secret x\n", "f.yml:1:4: a: the tag `!secret` is not read here; remove the tag"),
        ("? [a]\n: 1\n", "f.yml:1:3: a key is a list, a mapping or an alias; write a plain word as key"),
        ("- a\n", "f.yml:1:1: is not keys and values; write `key: value` lines"),
        ("word\n", "f.yml:1:1: is not keys and values; write `key: value` lines"),
        ("a: 1\n---\nb: 2\n", "f.yml:2:1: has a second document; keep one document a file"),
        (
            "a:\n\tb: 1\n",
            "f.yml:2:1: is not YAML: while scanning for the next token, found character that cannot start any token"
            "; indent with spaces, not with tabs",
        ),
    ],
)
def test_refused(text: str, message: str) -> None:
    assert [str(problem) for problem in parsed(text).problems] == [message]


@pytest.mark.parametrize(
    "text", ["a: [", "a: 'x", "a: {b", "%YAML 9.9\n---\na: 1", 'a: "\\ud800"', "@", "a: b: c"]
)
def test_broken_yaml_is_one_problem(text: str) -> None:
    document = parsed(text)
    assert len(document.problems) == 1
    assert document.broken
    assert document.data == {}


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 5000 + "]" * 5000,
        "a:\n" + "- " * 5000 + "x",
        "a: [" + "1," * 30_000 + "]",
        "? " * 3000 + "a",
    ],
)
def test_huge_nesting_and_size_are_refused(text: str) -> None:
    document = parsed(text)
    assert document.broken
    assert len(document.problems) == 1


def test_an_alias_bomb_is_cut_at_its_first_alias(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40))]
    document = parsed("\n".join(lines))
    assert len(document.problems) == 78
    assert "alias" in document.problems[0].what


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"a: caf\xe9\n", "f.yml:1:7: is not UTF-8; save it as UTF-8"),
        (b"a: 1\nb: \x07\n", "f.yml:2:4: holds the control character U+0007; remove it"),
        (b"a: x\x00y\n", "f.yml:1:5: holds the control character U+0000; remove it"),
        ("a: 1".encode("utf-16"), "f.yml:1:1: is not UTF-8; save it as UTF-8"),
        ("a: \u202egnp.exe".encode(), "f.yml:1:4: holds the control character U+202E; remove it"),
        (b"#" * (1 << 20) + b"##", "f.yml: is larger than 1 MiB; this is no definition"),
    ],
)
def test_bytes_that_are_no_text(tmp_path: Path, raw: bytes, message: str) -> None:
    path = tmp_path / "f.yml"
    path.write_bytes(raw)
    assert [str(problem) for problem in read_document(path, "f.yml").problems] == [message]


def test_bom_and_crlf_are_read(tmp_path: Path) -> None:
    path = tmp_path / "f.yml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: [x,\r\n  y]\r\n")
    document = read_document(path, "f.yml")
    assert document.data == {"a": 1, "b": ["x", "y"]}
    assert (document.places["b", 1].line, document.places["b", 1].column) == (3, 3)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "f.yml")
    document = read_document(tmp_path / "f.yml", "f.yml")
    assert [str(problem) for problem in document.problems] == ["f.yml: is not a regular file; make it a file"]


def test_printable_has_no_control_characters() -> None:
    assert printable("a\nb\x1b[31m") == "a\\u000ab\\u001b[31m"
    assert len(printable("x" * 500)) == 80
