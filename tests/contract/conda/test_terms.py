"""Terms of service: checked against configured channels for commands that change, never for those that look."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.conda_packages import Made
from tests.support.conda_program import MINIFORGE, Conda, know_terms

pytestmark = pytest.mark.skipif(MINIFORGE, reason="Miniforge has no plugin for terms of service")
OFFLINE = {"CONDA_OFFLINE": "yes"}
ERROR = "CondaToSNonInteractiveError: Terms of Service have not been accepted"


@pytest.fixture(autouse=True)
def known_terms(conda: Conda) -> None:
    know_terms(conda.home)


def _create(
    conda: Conda, prefix: Path, made: Made, *words: str, env: dict[str, str] | None = None
) -> tuple[int, str]:
    conda.provide(made)
    lock = conda.lock(made.line)
    done = conda("create", "-y", "-q", "-p", prefix, "--offline", "--file", lock, *words, env=env)
    return done.code, done.stderr


@pytest.mark.row("terms-refuse")
def test_a_fresh_installation_has_defaults_configured(conda: Conda, tmp_path: Path, hello: Made) -> None:
    """Not accepted and -y: exit 1, although every address is conda-forge's."""
    code, text = _create(conda, tmp_path / "env", hello)
    assert code == 1
    assert ERROR in text
    assert "https://repo.anaconda.com/pkgs/main" in text
    assert not (tmp_path / "env").exists()


@pytest.mark.row("terms-refuse")
def test_override_channels_and_another_configuration_pass(conda: Conda, tmp_path: Path, hello: Made) -> None:
    assert _create(conda, tmp_path / "a", hello, "--override-channels", "-c", "conda-forge")[0] == 0
    (conda.root / ".condarc").write_text("channels: [conda-forge]\n")
    assert _create(conda, tmp_path / "b", hello)[0] == 0
    code, text = _create(conda, tmp_path / "c", hello, "-c", "defaults")
    assert code == 1
    assert ERROR in text


@pytest.mark.row("terms-urls")
def test_addresses_of_such_a_channel_pass_when_it_is_not_configured(
    conda: Conda, tmp_path: Path, hello: Made
) -> None:
    """Explicit URLs pass; the duty remains."""
    conda.provide(hello)
    url = f"https://repo.anaconda.com/pkgs/main/linux-64/{hello.path.name}"
    (conda.second / "urls.txt").write_text(f"{url}\n")
    assert conda.create(tmp_path / "env", f"{url}#{hello.md5}").code == 0


@pytest.mark.row("terms-never")
def test_looking_is_never_asked(conda: Conda) -> None:
    for words in (
        ["list", "-p", conda.root], ["info"], ["env", "list"], ["config", "--show"], ["clean", "-a", "-y"],
        ["run", "-p", conda.root, "true"],
    ):  # fmt: skip
        assert conda(*words).code == 0


@pytest.mark.row("terms-ci", "terms-auto")
@pytest.mark.parametrize("name", ["CI", "GITHUB_ACTIONS", "JENKINS_URL", "CONDA_PLUGINS_AUTO_ACCEPT_TOS"])
def test_a_variable_accepts(conda: Conda, tmp_path: Path, hello: Made, name: str) -> None:
    """`docker build` has none of them."""
    assert _create(conda, tmp_path / "env", hello, env={name: "true"})[0] == 0
    assert _create(conda, tmp_path / "env", hello)[0] == 0, "the acceptance is recorded for the user"


@pytest.mark.row("terms-ci", "terms-auto")
@pytest.mark.parametrize(
    "env", [{"CI": "false", "JENKINS_URL": "x"}, {"CONDA_PLUGINS_AUTO_ACCEPT_TOS": "no"}]
)
def test_a_variable_that_says_no_does_not(
    conda: Conda, tmp_path: Path, hello: Made, env: dict[str, str]
) -> None:
    assert _create(conda, tmp_path / "env", hello, env=env)[0] == 1


@pytest.mark.row("terms-user")
def test_acceptance_is_per_user_unless_system(conda: Conda, tmp_path: Path, hello: Made) -> None:
    conda.ok("tos", "accept", env=OFFLINE)
    assert _create(conda, tmp_path / "a", hello)[0] == 0
    other = tmp_path / "other"
    know_terms(other)
    elsewhere = {"HOME": str(other)}
    assert _create(conda, tmp_path / "b", hello, env=elsewhere)[0] == 1
    conda.ok("tos", "accept", "--system", env=OFFLINE)
    assert _create(conda, tmp_path / "b", hello, env=elsewhere)[0] == 0
    conda.ok("tos", "reject", "--system", env=OFFLINE)
    code, text = _create(conda, tmp_path / "c", hello, env=elsewhere)
    assert code == 1
    assert "rejected" in text


@pytest.mark.row("terms-commands")
@pytest.mark.parametrize(
    "words",
    [
        ["install", "-p", "ROOT", "numpy"], ["search", "numpy"], ["update", "-p", "ROOT", "numpy"],
        ["remove", "-p", "ROOT", "numpy"], ["rename", "-n", "one", "two"], ["env", "create", "-n", "x"],
        ["env", "update", "-n", "x"], ["env", "remove", "-n", "x"], ["create", "-n", "x", "numpy"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_other_commands_that_ask(conda: Conda, words: list[str]) -> None:
    done = conda(*[str(conda.root) if word == "ROOT" else word for word in words], env=OFFLINE)
    assert done.code == 1
    assert ERROR in done.stderr
