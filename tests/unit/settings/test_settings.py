from __future__ import annotations

from pathlib import Path

import pytest

from builder.errors import DefinitionError, UsageError
from builder.settings.model import Settings
from builder.settings.read import from_words, read_settings, settings_problems

FORGE = "https://conda.anaconda.org/"
NOBODY = {"IMGBUILD_SETTINGS": "none"}


def written(tmp_path: Path, project: str = "", user: str = "") -> dict[str, str]:
    """The environment in which both files are read; the project's root is tmp_path."""
    (tmp_path / "imgbuild.yml").write_text(project)
    (tmp_path / "user.yml").write_text(user)
    return {"IMGBUILD_SETTINGS": str(tmp_path / "user.yml")}


def problem(tmp_path: Path, text: str) -> str:
    with pytest.raises(DefinitionError) as caught:
        read_settings(tmp_path, environ=written(tmp_path, text))
    (only,) = caught.value.problems
    return str(only)


def test_without_files_nothing_is_mirrored(tmp_path: Path) -> None:
    settings = read_settings(tmp_path, environ=NOBODY)
    assert settings == Settings()
    assert settings.address(f"{FORGE}x") == settings.canonical(f"{FORGE}x") == f"{FORGE}x"


def test_a_mirror_changes_the_place_and_is_mapped_back(tmp_path: Path) -> None:
    environ = written(tmp_path, "mirrors:\n  https://conda.anaconda.org/: https://mirror.example.org/conda\n")
    settings = read_settings(tmp_path, environ=environ)
    url = "https://conda.anaconda.org/conda-forge/noarch/x-1-0.conda"
    place = "https://mirror.example.org/conda/conda-forge/noarch/x-1-0.conda"
    assert settings.address(url) == place
    assert settings.canonical(place) == settings.canonical(settings.canonical(place)) == url
    assert (
        settings.address("https://conda.anaconda.org.example.org/x")
        == "https://conda.anaconda.org.example.org/x"
    )


def test_the_longest_prefix_decides_and_a_channel_may_be_one() -> None:
    settings = Settings(
        mirrors={FORGE: "https://all.example.org/", f"{FORGE}conda-forge/": "http://127.0.0.1:8/forge/"}
    )
    assert settings.address(f"{FORGE}conda-forge") == "http://127.0.0.1:8/forge"
    assert settings.address(f"{FORGE}conda-forge2") == "https://all.example.org/conda-forge2"
    assert (
        settings.canonical("http://127.0.0.1:8/forge/noarch/x.conda") == f"{FORGE}conda-forge/noarch/x.conda"
    )


def test_options_come_before_variables_before_the_project_before_the_user(tmp_path: Path) -> None:
    def lines(name: str) -> str:
        return f"mirrors:\n  {FORGE}: https://{name}.example.org/\nwheel_index: https://{name}.example.org/simple\n"

    user = lines("user") + "channels:\n  lab: https://user.example.org/lab\n"
    environ = written(tmp_path, lines("project"), user)
    assert read_settings(tmp_path, environ=environ).mirrors == {FORGE: "https://project.example.org/"}
    assert read_settings(tmp_path, environ=environ).channels == {"lab": "https://user.example.org/lab"}
    environ |= {
        "IMGBUILD_MIRRORS": f"{FORGE}=https://variable.example.org/",
        "IMGBUILD_WHEEL_INDEX": "https://variable.example.org/simple",
    }
    found = read_settings(tmp_path, environ=environ)
    assert found.mirrors == {FORGE: "https://variable.example.org/"}
    assert found.wheel_index == "https://variable.example.org/simple"
    given = from_words([f"{FORGE}=file:///srv/mirror"])
    assert read_settings(tmp_path, given, environ).mirrors == {FORGE: "file:///srv/mirror/"}


def test_a_plain_name_may_be_mirrored_and_no_plain_place_asked(tmp_path: Path) -> None:
    text = "mirrors:\n  http://archive.example.org/debian/: https://mirror.example.org/debian/\n"
    settings = read_settings(tmp_path, environ=written(tmp_path, text))
    address = settings.address("http://archive.example.org/debian/pool/main/m/make.deb")
    assert address == "https://mirror.example.org/debian/pool/main/m/make.deb"
    assert "is plain http" in problem(tmp_path, text.replace("https://", "http://"))
    with pytest.raises(UsageError, match="holds a token or a password"):
        from_words(["http://me:secret@archive.example.org/=https://mirror.example.org/"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mirror:\n  a: b\n", "imgbuild.yml:1:1: mirror: unknown key; did you mean `mirrors`?"),
        ("wheel_index: [a]\n", "imgbuild.yml:1:14: wheel_index: is a list, not text; write a plain word"),
        (
            "channels:\n  lab: http://conda.example.org/lab\n",
            (
                "imgbuild.yml:2:8: channels.lab: `http://conda.example.org/lab` is plain http, and what a solver reads "
                "there can be changed on its way; use https, or serve it on this machine (http://127.0.0.1)"
            ),
        ),
        (
            "channels:\n  conda-forge: https://conda.example.org/forge\n",
            (
                "imgbuild.yml:2:3: channels.conda-forge: `conda-forge` means the same channel everywhere; "
                "use `mirrors:` to say where its packages are had"
            ),
        ),
        (
            "channels:\n  a: https://a.example.org/a\n  a: https://a.example.org/b\n",
            "imgbuild.yml:3:3: channels.a: stands here twice, first in line 2; keep one of them",
        ),
        (
            "mirrors:\n  https://a.example.org/: https://b.example.org/\n  https://b.example.org/: https://c.example.org/\n",
            (
                "imgbuild.yml:2:27: mirrors.https://a.example.org/: is mirrored at `https://b.example.org/`, "
                "which is mirrored itself; name the last place directly"
            ),
        ),
        (
            (
                "mirrors:\n  https://a.example.org/: https://m.example.org/\n"
                "  https://b.example.org/: https://m.example.org/b\n"
            ),
            (
                "imgbuild.yml:3:27: mirrors.https://b.example.org/: is mirrored at `https://m.example.org/b/`, which "
                "the mirror of `https://a.example.org/` holds as well; give each its own folder, so that a URL can be "
                "mapped back"
            ),
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    assert problem(tmp_path, text) == said


@pytest.mark.parametrize(
    "url", ["https://me:secret@mirror.example.org/", "https://mirror.example.org/t/secret/conda/"]
)
def test_passwords_and_tokens_are_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    said = problem(tmp_path, f"mirrors:\n  {FORGE}: {url}\n")
    assert "holds a token or a password; keep it out of settings" in said
    assert "secret" not in said
    with pytest.raises(UsageError) as caught:
        from_words([f"{FORGE}={url}"])
    assert caught.value.where == "--mirror"
    assert "secret" not in str(caught.value)


def test_all_problems_of_both_files_are_told_at_once(tmp_path: Path) -> None:
    environ = written(tmp_path, "a: 1\nb: 2\n", "c: 3\n")
    assert len(settings_problems(tmp_path, environ)) == 3


def test_a_users_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError):
        read_settings(tmp_path, environ={"IMGBUILD_SETTINGS": str(tmp_path / "gone.yml")})


def test_the_users_own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "imgbuild").mkdir()
    (tmp_path / "imgbuild" / "settings.yml").write_text("wheel_index: https://w.example.org/simple/\n")
    assert read_settings(tmp_path, environ={}).wheel_index == "https://w.example.org/simple/"


@pytest.mark.parametrize(
    "text", ["https://a.example.org/", "https://a.example.org/=", "=b", "https://a.example.org/=nowhere"]
)
def test_words_that_are_no_mirror(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_words([text])
    assert caught.value.where == "--mirror"
    assert caught.value.fix


def test_mirrors_of_two_places_that_clash(tmp_path: Path) -> None:
    environ = written(tmp_path, f"mirrors:\n  {FORGE}: https://m.example.org/\n")
    given = from_words(["https://repo.anaconda.com/=https://m.example.org/"])
    with pytest.raises(UsageError, match="holds as well"):
        read_settings(tmp_path, given, environ)
