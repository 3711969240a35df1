"""docs/cli is what the commands say."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from builder.cli.documented import Documented, ends
from scripts import cli_pages
from scripts.cli_pages import INDEX, pages

MADE = pages()


def test_the_pages_are_those_of_the_commands() -> None:
    there = {path.name: path.read_text() for path in cli_pages.FOLDER.iterdir()}
    stale = sorted(name for name in MADE.keys() | there.keys() if MADE.get(name) != there.get(name))
    assert not stale, "docs/cli is stale: run `make generate`"


@pytest.mark.parametrize("name", MADE)
def test_their_links_lead_somewhere(name: str) -> None:
    for link, anchor in re.findall(r"\]\(([^)#]+)(#[^)]*)?\)", MADE[name]):
        assert (cli_pages.FOLDER / link).is_file()
        assert anchor in {"", "#options-of-every-command"}
    assert "\n## Options of every command\n" in MADE[INDEX]


def test_every_option_has_a_sentence() -> None:
    for name, text in MADE.items():
        rows = [line for line in text.splitlines() if line.startswith("| `")]
        assert all(re.fullmatch(r"\| `.+` \| \S.+ \|", row) for row in rows), name


def test_a_new_option_is_on_the_page_of_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command("fly", cls=Documented, examples=["imgbuild fly x"], exits=ends(end_6="a|b"), pages=["run"])
    @click.argument("name", metavar="ENV")
    @click.option(
        "--high", metavar="A|B", default="up", show_default=True, envvar="FLY_HIGH", help="How | high."
    )
    def fly(name: str, high: str) -> None:
        """Fly.

        Over it.
        """

    monkeypatch.setattr(cli_pages, "walk", lambda group: [*WALK(group), (("fly",), fly)])
    monkeypatch.setattr(cli_pages, "FOLDER", tmp_path)
    (tmp_path / "gone.md").write_text("of a command that is gone")
    cli_pages.main()
    assert {path.name for path in tmp_path.iterdir()} == {*MADE, "fly.md"}
    text = (tmp_path / "fly.md").read_text()
    assert "\n    imgbuild fly [OPTIONS] ENV\n\nFly.\n\nOver it.\n" in text
    assert "| `ENV` | an environment: a folder of envs/ |" in text
    assert r"| `--high` `A\|B` | How \| high. (default: `up`; variable: `FLY_HIGH`) |" in text
    assert r"| 6 | a\|b |" in text
    assert "[run](../run.md)" in text


WALK = cli_pages.walk
