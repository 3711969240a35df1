"""Every setting from every place: who wins, who is named as the origin, and what reaches the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.engine.endpoints import endpoints
from builder.errors import DefinitionError
from builder.network.cache import default_root
from builder.settings.read import settings_problems
from builder.settings.trace import THROUGH_VARIABLES, VARIABLES, Setting, in_force, trace

ENGINES = {"IMGBUILD_ENGINE": "unix:///a.sock", "DOCKER_HOST": "unix:///b.sock", "DOCKER_CONTEXT": "c"}
# Setting -> what the project's file, the user's file and a variable say; None where a project may not.
SAID: dict[str, tuple[str | None, str, str]] = {
    "wheel_index": (
        "https://p.example.org/simple/",
        "https://u.example.org/simple/",
        "https://v.example.org/s/",
    ),
    "cpu_wheel_index": (
        "https://p.example.org/cpu/",
        "https://u.example.org/cpu/",
        "https://v.example.org/c/",
    ),
    "store": ("/p/store", "/u/store", "/v/store"),
    "engine": (None, "unix:///u.sock", "unix:///v.sock"),
    "ca": (None, "CA", "/v/ca.pem"),
    "platform": ("linux/arm64", "linux/amd64", "linux/arm64"),
    "prefix": ("team/p", "team/u", "team/v"),
    "kit": ("/p/kit", "/u/kit", "/v/kit"),
}


@pytest.fixture
def user(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/ca.pem").write_text("certificates")
    return tmp_path / "home/settings.yml"


def environment(user: Path, **more: str) -> dict[str, str]:
    return {"IMGBUILD_SETTINGS": str(user), **more}


def one(root: Path, environ: dict[str, str], name: str) -> Setting:
    (found,) = [setting for setting in trace(root, environ) if setting.name == name]
    return found


def test_every_setting_is_tried_here() -> None:
    assert set(SAID) == set(VARIABLES)


@pytest.mark.parametrize("name", VARIABLES)
def test_variable_before_project_before_user_before_default(name: str, tmp_path: Path, user: Path) -> None:
    project, users, variable = SAID[name]
    users = str(user.parent / "ca.pem") if users == "CA" else users
    assert one(tmp_path, {"IMGBUILD_SETTINGS": "none"}, name).origin == "default"
    user.write_text(f"# mine\n{name}: {users}\n")
    environ = environment(user)
    assert one(tmp_path, environ, name) == Setting(name=name, value=users, origin=f"{user}:2")
    hidden = [(users, f"{user}:2")]
    if project is not None:
        (tmp_path / "imgbuild.yml").write_text(f"{name}: {project}\n")
        found = one(tmp_path, environ, name)
        assert (found.value, found.origin, found.shadowed) == (project, "imgbuild.yml:1", tuple(hidden))
        hidden.insert(0, (project, "imgbuild.yml:1"))
    for at, key in enumerate(reversed(VARIABLES[name])):
        environ[key] = f"{variable}{at}"
        found = one(tmp_path, environ, name)
        assert (found.value, found.origin, found.shadowed) == (f"{variable}{at}", key, tuple(hidden))
        hidden.insert(0, (f"{variable}{at}", key))


@pytest.mark.parametrize("name", THROUGH_VARIABLES)
def test_what_files_say_reaches_the_variable_and_hides_none(name: str, tmp_path: Path, user: Path) -> None:
    project, users, variable = SAID[name]
    users = str(user.parent / "ca.pem") if users == "CA" else users
    user.write_text(f"{name}: {users}\n")
    environ = environment(user)
    assert in_force(tmp_path, environ) == [VARIABLES[name][0]]
    assert environ[VARIABLES[name][0]] == users
    if project is not None:
        (tmp_path / "imgbuild.yml").write_text(f"{name}: {project}\n")
        environ = environment(user)
        in_force(tmp_path, environ)
        assert environ[VARIABLES[name][0]] == project
    for key in VARIABLES[name]:
        environ = environment(user, **{key: variable})
        assert in_force(tmp_path, environ) == []
        assert environ == environment(user, **{key: variable})


def test_mirrors_and_channels_are_told_one_by_one(tmp_path: Path, user: Path) -> None:
    forge, mirror = "https://conda.anaconda.org/", "https://m.example.org/"
    user.write_text(f"mirrors:\n  {forge}: {mirror}u\nchannels:\n  lab: {mirror}lab\n")
    (tmp_path / "imgbuild.yml").write_text(f"mirrors:\n  {forge}: {mirror}p\n")
    found = one(tmp_path, environment(user), f"mirrors {forge}")
    assert (found.value, found.origin) == (f"{mirror}p/", "imgbuild.yml:2")
    assert found.shadowed == ((f"{mirror}u/", f"{user}:2"),)
    assert one(tmp_path, environment(user), "channels lab").origin == f"{user}:4"
    found = one(tmp_path, environment(user, IMGBUILD_MIRRORS=f"{forge}={mirror}v"), f"mirrors {forge}")
    assert (found.value, found.origin, len(found.shadowed)) == (f"{mirror}v/", "IMGBUILD_MIRRORS", 2)


def test_paths_begin_at_the_folder_of_their_file(tmp_path: Path, user: Path) -> None:
    (tmp_path / "imgbuild.yml").write_text("store: .store\nkit: none\n")
    user.write_text("ca: ca.pem\nkit: ~/kit\n")
    environ = environment(user)
    in_force(tmp_path, environ)
    assert environ["IMGBUILD_CACHE"] == str(tmp_path / ".store")
    assert environ["SSL_CERT_FILE"] == str(user.parent / "ca.pem")
    assert environ["IMGBUILD_KIT"] == "none"
    assert default_root(environ) == tmp_path / ".store"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stroe: x\n", "imgbuild.yml:1:1: stroe: unknown key"),
        ("store: [a]\n", "imgbuild.yml:1:8: store: "),
        ("prefix: Team\n", "imgbuild.yml:1:9: prefix: `Team` cannot begin an image's name"),
        ("platform: linux/mips\n", "imgbuild.yml:1:11: platform: "),
        ("# x\nengine: unix:///x.sock\n", "imgbuild.yml:2:1: engine: cannot be set by a project"),
        ("ca: ca.pem\n", "imgbuild.yml:1:1: ca: cannot be set by a project"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "imgbuild.yml").write_text(text)
    (problem,) = settings_problems(tmp_path, {"IMGBUILD_SETTINGS": "none"})
    assert str(problem).startswith(says)
    environ = {"IMGBUILD_SETTINGS": "none"}
    with pytest.raises(DefinitionError):
        in_force(tmp_path, environ)
    assert environ == {"IMGBUILD_SETTINGS": "none"}


def test_a_ca_that_is_not_there_and_an_engine_that_is_none(tmp_path: Path, user: Path) -> None:
    user.write_text("ca: other.pem\nengine: not an engine\n")
    first, second = settings_problems(tmp_path, environment(user))
    assert "there is no such file" in str(first)
    assert "names no engine" in str(second)


def test_the_engine_of_the_settings(tmp_path: Path) -> None:
    (only,) = endpoints({"IMGBUILD_ENGINE": "unix:///x.sock", "DOCKER_HOST": "unix:///y.sock"}, tmp_path)
    assert only.url == "unix:///x.sock"
    assert "`engine:`" in only.origin
    assert len(endpoints({"IMGBUILD_ENGINE": "default", "DOCKER_HOST": "unix:///y.sock"}, tmp_path)) > 1
