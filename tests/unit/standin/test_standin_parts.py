"""Parts of the stand-in for conda that need no environment: settings text, order, prefixes, addresses."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.store.bootstrap.standin import channels, order, replace, yamlish
from builder.store.bootstrap.standin.cache import Spec
from builder.store.bootstrap.standin.errors import PaddingError, ParseError
from builder.store.bootstrap.standin.explicit import parse_line, read_wanted
from builder.store.bootstrap.standin.settings import load_settings


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing\n", None),
        ("channels:\n  - a\n  - b # why\n", {"channels": ["a", "b"]}),
        ("channels:\n- a\nsolver: rattler\n", {"channels": ["a"], "solver": "rattler"}),
        ("channels: [a, 'b, c']\n", {"channels": ["a", "b, c"]}),
        ("a: {b: true, c: 1}\n", {"a": {"b": True, "c": 1}}),
        ("plugins:\n  auto_accept_tos: yes\n", {"plugins": {"auto_accept_tos": "yes"}}),
        ("a: \"x # y\"\nb: 'it''s'\n", {"a": "x # y", "b": "it's"}),
        ("url: https://example.org/x#frag\n", {"url": "https://example.org/x#frag"}),
        ("a:\nb: ~\nc: 1.5\nd: False\n", {"a": None, "b": None, "c": 1.5, "d": False}),
        ("- a\n- 2\n", ["a", 2]),
        ("---\na: []\n", {"a": []}),
    ],
)
def test_yaml_that_settings_use_is_read(text: str, value: object) -> None:
    assert yamlish.load(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "a: [b",
        "a: 'b",
        "\ta: 1",
        "a: 1\n  b: 2\n",
        "a: &x 1",
        "a: |\n  b\n",
        "a: 1\na: 2\n",
        "- a: b\n",
        "a: {b}\n",
        "a: 1\nb\n",
    ],
)
def test_other_yaml_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(yamlish.YamlError, match=r"line \d"):
        yamlish.load(text)


def test_what_is_written_is_read_again() -> None:
    value = {"channels": ["a", "b"], "plugins": {"x": True}, "solver": "rattler", "empty": []}
    assert yamlish.load(yamlish.dump(value)) == value


def _record(name: str, *depends: str, **more: str) -> dict[str, object]:
    return {"name": name, "depends": list(depends), **more}


def test_dependencies_come_first_and_python_before_what_needs_it() -> None:
    records = [
        _record("app", "lib >=1", "python", noarch="python"),
        _record("lib"),
        _record("pip", "python", noarch="python"),
        _record("python", "zlib >=1", "pip"),
        _record("zlib"),
        _record("aaa", noarch="python"),
    ]
    assert order.link_order(records) == ["zlib", "python", "aaa", "lib", "app", "pip"]


def test_a_cycle_ends() -> None:
    assert sorted(order.link_order([_record("a", "b"), _record("b", "c"), _record("c", "a")])) == [
        "a",
        "b",
        "c",
    ]


def test_a_long_chain_ends() -> None:
    records = [_record(f"p{number}", f"p{number + 1}") for number in range(3000)]
    assert order.link_order(records)[-1] == "p0"


def test_binary_prefixes_are_padded_for_each_string() -> None:
    old = "/opt/placeholder"
    data = b"a\0/opt/placeholder/x:/opt/placeholder/y\0b\0/opt/placeholder\0"
    new = replace.replace_prefix(data, old, "/p", binary=True, path="x")
    assert len(new) == len(data)
    assert new == b"a\0/p/x:/p/y" + b"\0" * 28 + b"\0b\0/p" + b"\0" * 14 + b"\0"
    with pytest.raises(PaddingError, match="too short"):
        replace.replace_prefix(data, old, "/opt/placeholder-longer", binary=True, path="x")


@pytest.mark.parametrize(
    ("line", "short"),
    [
        (b"#!/bin/sh -e\nx", b"#!/bin/sh -e\nx"),
        (b"#!/" + b"d" * 130 + b"/python3 -E\nx", b"#!/usr/bin/env python3 -E\nx"),
        (b"no shebang", b"no shebang"),
    ],
)
def test_long_shebangs_find_their_program_on_path(line: bytes, short: bytes) -> None:
    assert replace.short_shebang(line) == short


def test_console_scripts_of_long_prefixes_go_through_sh() -> None:
    assert replace.python_shebang(Path("/p"), "python3.11") == "#!/p/bin/python3.11\n"
    assert replace.python_shebang(Path("/" + "d" * 130), "python3.11").startswith(
        "#!/bin/sh\n'''exec' \"/ddd"
    )


@pytest.mark.parametrize(
    ("line", "spec"),
    [
        ("https://h/c/linux-64/a-1-0.conda", Spec("https://h/c/linux-64/a-1-0.conda")),
        (
            f"https://h/c/noarch/a-1-0.tar.bz2#{'0' * 32}",
            Spec("https://h/c/noarch/a-1-0.tar.bz2", md5="0" * 32),
        ),
        (f"kit:///c/a-1-0.conda#sha256:{'a' * 64}", Spec("kit:///c/a-1-0.conda", sha256="a" * 64)),
        (f"kit:///c/a-1-0.conda#{'a' * 64}", Spec("kit:///c/a-1-0.conda", sha256="a" * 64)),
        ("/abs/a-1-0.conda", Spec("file:///abs/a-1-0.conda")),
    ],
)
def test_lines_of_an_explicit_file(line: str, spec: Spec) -> None:
    assert parse_line(line) == spec


@pytest.mark.parametrize(
    "line", ["numpy", "https://h/a.zip", f"https://h/a-1-0.conda#{'0' * 31}", "a-1-0.conda#md5:zz"]
)
def test_other_lines_are_refused(line: str) -> None:
    with pytest.raises(ParseError, match="Could not parse explicit URL"):
        parse_line(line)


def test_default_packages_make_an_explicit_file_a_matter_for_the_solver(tmp_path: Path) -> None:
    file = tmp_path / "explicit.txt"
    file.write_text("@EXPLICIT\nhttps://h/c/linux-64/a-1-0.conda\n")
    assert read_wanted([], [file]).packages
    assert read_wanted([], [file], ["numpy"]).specs[-1] == "numpy"
    assert read_wanted(["numpy"], [file]).specs[0] == "numpy"


def test_channels_have_addresses_and_names() -> None:
    urls = channels.channel_urls(["defaults", "conda-forge", "https://h/x/", "nodefaults", "defaults"])
    assert urls == [*channels.DEFAULTS, "https://conda.anaconda.org/conda-forge", "https://h/x"]
    assert channels.display_name("https://conda.anaconda.org/conda-forge") == "conda-forge"
    assert channels.display_name(channels.DEFAULTS[0]) == "defaults"
    assert channels.channel_of("https://h/x/linux-64/a-1-0.conda") == "https://h/x"
    assert channels.channel_of("https://h/x/a-1-0.conda") == "https://h/x"


def test_the_strongest_place_wins_and_lists_are_joined(tmp_path: Path) -> None:
    root, home = tmp_path / "root", tmp_path / "home"
    for folder, text in ((root, "channels: [a]\nsolver: x\n"), (home, "channels: [b, a]\noffline: true\n")):
        folder.mkdir()
        (folder / ".condarc").write_text(text)
    env = {"HOME": str(home), "CONDA_ROOT_PREFIX": str(root), "CONDA_CHANNELS": "c", "CONDA_OFFLINE": "no"}
    settings = load_settings(env, {"channels": ["d"]})
    assert settings.channels == ["d", "c", "b", "a"]
    assert not settings.flag("offline")
    assert settings.scalar("solver") == "x"
    settings.override_channels = True
    assert settings.channels == ["d"]


def test_pkgs_dirs_are_separated_by_commas_and_envs_dirs_by_colons(tmp_path: Path) -> None:
    env = {
        "HOME": str(tmp_path),
        "CONDA_ROOT_PREFIX": str(tmp_path / "root"),
        "CONDA_PKGS_DIRS": "/a,~/b",
        "CONDA_ENVS_DIRS": "/e:/f",
    }
    settings = load_settings(env)
    assert settings.pkgs_dirs == [Path("/a"), tmp_path / "b"]
    assert settings.envs_dirs[:2] == [Path("/e"), Path("/f")]
