"""doctor on what is around the engine: real docker configurations, real settings files, real servers."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from builder.host.diagnosis import Row
from builder.network.places import Here
from builder.settings.model import Settings
from builder.spec.load import survey
from builder.spec.project import Project
from builder.store.upstream import Upstream
from builder.workflow.reach import Place, reach, sources_of
from builder.workflow.surroundings import (
    authorities_row,
    context_row,
    logins_row,
    proxies_row,
    settings_row,
    source_rows,
)

SECRET = "bWU6aHVudGVyMjJodW50ZXI="  # me:hunter22hunter


def docker_config(tmp_path: Path, document: object, *helpers: str) -> Here:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(json.dumps(document))
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in helpers:
        path = programs / f"docker-credential-{name}"
        path.write_text('#!/bin/sh\necho ran >> "$0.ran"\nexit 1\n')
        path.chmod(0o755)
    return Here(tmp_path, {"PATH": str(programs), "HOME": str(tmp_path)})


def test_logins_without_a_configuration(tmp_path: Path) -> None:
    row = logins_row(Here(tmp_path, {"PATH": ""}))
    assert (row.state, row.says) == ("ok", "none: registries are asked without")


def test_logins_in_the_file_are_named_and_not_shown(tmp_path: Path) -> None:
    hub = "https://index.docker.io/v1/"
    row = logins_row(docker_config(tmp_path, {"auths": {hub: {"auth": SECRET}, "r.example.org": {}}}))
    assert (row.state, row.says) == ("ok", "docker.io in ~/.docker/config.json")


def test_helpers_that_are_there_are_named_and_not_run(tmp_path: Path) -> None:
    config = {
        "auths": {"r.example.org": {}},
        "credsStore": "pass",
        "credHelpers": {"e.example.org": "ecr-login"},
    }
    row = logins_row(docker_config(tmp_path, config, "pass", "ecr-login"))
    says = "e.example.org in docker-credential-ecr-login, r.example.org in docker-credential-pass"
    assert (row.state, row.says) == ("ok", f"{says}, others in docker-credential-pass")
    assert not list((tmp_path / "bin").glob("*.ran"))


def test_a_helper_that_is_not_there_is_told_with_its_mend(tmp_path: Path) -> None:
    config = {"credsStore": "desktop", "credHelpers": {"e.example.org": "ecr-login"}}
    row = logins_row(docker_config(tmp_path, config, "ecr-login"))
    assert row.state == "note"
    assert "not there: docker-credential-desktop" in row.says
    assert len(row.todo) == 1
    assert "docker-credential-desktop" in row.todo[0]


def test_the_context_and_who_names_it(tmp_path: Path) -> None:
    (row,) = context_row(Here(tmp_path, {"HOME": str(tmp_path)}))
    assert "none is named" in row.says
    (row,) = context_row(Here(tmp_path, {"HOME": str(tmp_path), "DOCKER_HOST": "tcp://me:hunter22@box:1"}))
    assert row.says == "tcp://***@box:1, by DOCKER_HOST"
    assert not list(context_row(Here(tmp_path, {"HOME": str(tmp_path), "DOCKER_CONTEXT": "gone"})))


def test_settings_that_differ_and_such_as_cannot_be_read(tmp_path: Path) -> None:
    project, nobody = Project(tmp_path, tmp_path / "envs"), {"IMGBUILD_SETTINGS": "none"}
    assert settings_row(project, nobody).says == "all as they come"
    (tmp_path / "imgbuild.yml").write_text("prefix: team/x\n")
    says = settings_row(project, {**nobody, "IMGBUILD_CACHE": "/x"}).says
    assert says == "store by IMGBUILD_CACHE, prefix by imgbuild.yml:1"
    (tmp_path / "imgbuild.yml").write_text("prefx: team/x\n")
    row = settings_row(project, nobody)
    assert (row.state, row.needed, len(row.todo)) == ("missing", True, 1)
    assert "imgbuild.yml:1" in row.says


def test_certificates(tmp_path: Path) -> None:
    assert authorities_row({}).state == "ok"
    row = authorities_row({"SSL_CERT_FILE": str(tmp_path / "ca.pem")})
    assert (row.state, len(row.todo)) == ("note", 1)
    (tmp_path / "ca.pem").write_text("x")
    assert authorities_row({"SSL_CERT_FILE": str(tmp_path / "ca.pem")}).says.endswith(
        "ca.pem by SSL_CERT_FILE"
    )


def test_proxies_without_their_passwords() -> None:
    assert proxies_row({}).says == "none"
    row = proxies_row({"HTTPS_PROXY": "me:hunter22@proxy.example.org:3128", "no_proxy": "localhost"})
    assert row.says == "HTTPS_PROXY=***@proxy.example.org:3128, no_proxy=localhost"


class _Answers(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(int(self.path.strip("/").split("/")[0]))
        self.end_headers()

    def do_GET(self) -> None:  # a registry's /v2/
        self.send_response(401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{found.server_port}"
        found.shutdown()


@pytest.mark.parametrize(
    ("status", "fine"), [(200, True), (404, True), (401, False), (403, False), (500, False), (503, False)]
)
def test_what_a_source_answers(server: str, status: int, fine: bool) -> None:
    (one,) = reach([Place("channel", f"http://{server}/{status}")])
    assert (one.fine, bool(one.todo), str(status) in one.says) == (fine, not fine, True)


def test_a_registry_that_wants_a_login_answers(server: str) -> None:
    (one,) = reach([Place("registry", server)])
    assert (one.fine, one.says) == (True, "answers (401)")


def test_nobody_listens_and_nobody_answers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        closed = socket.create_server(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        closed.close()
        places = [Place("channel", f"http://127.0.0.1:{silent.getsockname()[1]}/{n}") for n in range(20)]
        begun = time.monotonic()
        *hung, refused, gone, there = reach(
            [
                *places,
                Place("channel", f"http://127.0.0.1:{port}"),
                Place("channel", (tmp_path / "none").as_uri()),
                Place("channel", tmp_path.as_uri()),
            ]
        )
        assert time.monotonic() - begun < 4
    assert all(not one.fine and one.todo and "no answer" in one.says for one in hung)
    assert (refused.fine, refused.says) == (False, "connection refused")
    assert (gone.fine, there.fine) == (False, True)


def test_what_says_nothing_is_not_waited_for() -> None:
    begun = time.monotonic()
    (one,) = reach([Place("channel", "http://x")], ask=lambda _place: time.sleep(30) or None, wait=0.2)  # type: ignore[func-returns-value,arg-type,return-value]
    assert time.monotonic() - begun < 2
    assert (one.fine, one.says) == (False, "no answer in 0.2 seconds")


def project_of(tmp_path: Path) -> Project:
    folder = tmp_path / "envs/one"
    folder.mkdir(parents=True)
    (folder / "environment.yml").write_text("name: one\nchannels: [conda-forge, lab]\ndependencies: [zlib]\n")
    return Project(tmp_path, tmp_path / "envs")


def test_each_source_once_and_through_its_mirror(tmp_path: Path) -> None:
    project = project_of(tmp_path)
    settings = Settings(
        mirrors={"https://conda.anaconda.org/": "https://mirror.example.org/c/"},
        channels={"lab": "https://lab.example.org/conda"},
        wheel_index="https://wheels.example.org/simple/",
    )
    found = sources_of(survey(project).specs * 2, Upstream(read=lambda: settings))
    assert {(one.kind, one.url) for one in found} >= {
        ("channel", "https://mirror.example.org/c/conda-forge"),
        ("channel", "https://lab.example.org/conda"),
        ("wheel index", "https://wheels.example.org/simple/"),
        ("registry", "docker.io"),
    }
    assert len(found) == len(set(found))


def only(rows: Iterator[Row]) -> Row:
    (row,) = rows
    return row


def test_offline_and_with_a_kit_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = project_of(tmp_path)
    row = only(source_rows(project, {"IMGBUILD_SETTINGS": "none", "IMGBUILD_KIT": "/a/kit"}))
    assert (row.state, "/a/kit" in row.says) == ("ok", True)
    monkeypatch.setenv("IMGBUILD_OFFLINE", "1")
    row = only(source_rows(project, {"IMGBUILD_SETTINGS": "none"}))
    assert (row.state, len(row.todo), "offline" in row.says) == ("note", 1, True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IMGBUILD_MIRRORS", "bogus"),
        ("IMGBUILD_PREFIX", "BAD"),
        ("IMGBUILD_PLATFORM", "zz"),
        ("IMGBUILD_WHEEL_INDEX", "ftp://x"),
        ("IMGBUILD_ENGINE", "two words"),
    ],
)
def test_a_variable_that_a_command_would_refuse(tmp_path: Path, name: str, value: str) -> None:
    row = settings_row(Project(tmp_path, tmp_path / "envs"), {"IMGBUILD_SETTINGS": "none", name: value})
    assert (row.state, row.needed) == ("missing", True)
    assert row.says.startswith(f"{name}: ")
    assert row.todo


def test_the_home_of_nobody_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "imgbuild.yml").write_text("store: ~nosuch-user/x\n")
    row = settings_row(Project(tmp_path, tmp_path / "envs"), {"IMGBUILD_SETTINGS": "none"})
    assert row.state == "missing"
    assert "imgbuild.yml:1: is the home of nobody here" in row.says
