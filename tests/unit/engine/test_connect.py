"""Finding the engine, and the one sentence for each way in which there is none."""

from __future__ import annotations

import errno
import hashlib
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from builder.engine import connect as module
from builder.engine.connect import connect
from builder.engine.endpoints import Endpoint, endpoints
from builder.errors import EngineError
from tests.support.engine_server import DOCKER, engine_at


def context(folder: Path, name: str, host: str | None, **more: Any) -> None:
    key = hashlib.sha256(name.encode()).hexdigest()
    meta = folder / "contexts/meta" / key
    meta.mkdir(parents=True)
    ends = {} if host is None else {"docker": {"Host": host, **more}}
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": ends}))


def config(home: Path, text: str) -> None:
    (home / ".docker").mkdir(exist_ok=True)
    (home / ".docker/config.json").write_text(text)


def certificates(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (folder / name).write_text("x")


def urls(environ: dict[str, str], home: Path) -> list[str]:
    return [end.url for end in endpoints(environ, home)]


def test_the_usual_sockets_in_their_order(tmp_path: Path) -> None:
    assert urls({"XDG_RUNTIME_DIR": "/run/user/7"}, tmp_path) == [
        "unix:///var/run/docker.sock",
        "unix:///run/user/7/docker.sock",
        f"unix://{tmp_path}/.docker/run/docker.sock",
        f"unix://{tmp_path}/.docker/desktop/docker.sock",
    ]
    assert len(urls({}, tmp_path)) == 3


def test_docker_host_wins_over_contexts(tmp_path: Path) -> None:
    config(tmp_path, '{"currentContext": "one"}')
    context(tmp_path / ".docker", "one", "tcp://one:1")
    context(tmp_path / ".docker", "two", "tcp://two:2")
    assert urls({}, tmp_path) == ["tcp://one:1"]
    assert urls({"DOCKER_CONTEXT": "two"}, tmp_path) == ["tcp://two:2"]
    assert urls({"DOCKER_CONTEXT": "two", "DOCKER_HOST": "tcp://three:3"}, tmp_path) == ["tcp://three:3"]
    assert len(urls({"DOCKER_CONTEXT": "default"}, tmp_path)) == 3


def test_docker_config_moves_the_folder(tmp_path: Path) -> None:
    context(tmp_path / "elsewhere", "one", "tcp://one:1")
    environ = {"DOCKER_CONFIG": str(tmp_path / "elsewhere"), "DOCKER_CONTEXT": "one"}
    assert urls(environ, tmp_path) == ["tcp://one:1"]


def test_tls_of_the_environment(tmp_path: Path) -> None:
    certificates(tmp_path / "certs")
    environ = {"DOCKER_HOST": "tcp://one:1", "DOCKER_CERT_PATH": str(tmp_path / "certs")}
    (end,) = endpoints(environ, tmp_path)
    assert end.tls is not None
    assert (end.tls.cert, end.tls.verify) == (tmp_path / "certs/cert.pem", False)
    (end,) = endpoints({**environ, "DOCKER_TLS_VERIFY": "1"}, tmp_path)
    assert end.tls is not None
    assert end.tls.verify
    with pytest.raises(EngineError, match=r"ca\.pem, cert\.pem, key\.pem is not there"):
        endpoints({"DOCKER_HOST": "tcp://one:1", "DOCKER_TLS_VERIFY": "1"}, tmp_path)


def test_tls_of_a_context(tmp_path: Path) -> None:
    folder = tmp_path / ".docker"
    context(folder, "one", "tcp://one:1", SkipTLSVerify=False)
    certificates(folder / "contexts/tls" / hashlib.sha256(b"one").hexdigest() / "docker")
    (end,) = endpoints({"DOCKER_CONTEXT": "one"}, tmp_path)
    assert end.tls is not None
    assert end.tls.verify


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "cannot be read"),
        ("[]", "is not a JSON object"),
        ('{"currentContext": "x"}', "no Docker context `x`"),
    ],
)
def test_a_bad_configuration_is_told(tmp_path: Path, text: str, sentence: str) -> None:
    config(tmp_path, text)
    with pytest.raises(EngineError, match=sentence):
        endpoints({}, tmp_path)


def test_a_context_for_something_else_is_told(tmp_path: Path) -> None:
    context(tmp_path / ".docker", "k8s", None)
    with pytest.raises(EngineError, match="`k8s` names no engine"):
        endpoints({"DOCKER_CONTEXT": "k8s"}, tmp_path)


def refused(path: Path) -> EngineError:
    with pytest.raises(EngineError) as caught:
        connect(environ={"DOCKER_HOST": f"unix://{path}", "HOME": str(path.parent)})
    assert caught.value.exit_code == 4
    assert "\n" not in str(caught.value)
    assert caught.value.fix
    return caught.value


def test_no_engine_says_what_was_tried_and_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sockets = tuple(Endpoint(f"unix://{tmp_path}/{name}.sock", f"the usual {name}") for name in "ab")
    monkeypatch.setattr(module, "endpoints", lambda *_: sockets)
    with pytest.raises(EngineError) as caught:
        connect(environ={})
    assert "no container engine answers" in caught.value.what
    assert all(end.url in caught.value.what for end in sockets)
    assert "sudo systemctl start docker" in caught.value.fix
    assert "docker.io" in caught.value.fix


def test_a_named_engine_that_is_not_there(tmp_path: Path) -> None:
    error = refused(tmp_path / "none.sock")
    assert "none.sock (DOCKER_HOST)" in error.what
    assert error.fix == "start that engine, or correct DOCKER_HOST"


def test_a_socket_that_nobody_serves_any_more(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "d.sock"))
    assert "no container engine answers" in refused(tmp_path / "d.sock").what


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def knock(_path: Path, place: Endpoint) -> None:
        raise module._unreachable(place, PermissionError(errno.EACCES, "Permission denied"))

    monkeypatch.setattr(module, "_knock", knock)  # root may use any socket
    error = refused(tmp_path / "d.sock")
    assert error.what == "you may not use the engine's socket"
    assert "usermod -aG docker" in error.fix


def test_one_without_permission_is_told_before_those_that_are_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no socket")
    places = (Endpoint(f"unix://{tmp_path}/none", "a"), Endpoint(f"unix://{tmp_path}/podman.sock", "b"))
    monkeypatch.setattr(module, "endpoints", lambda *_: places)
    podman = {**DOCKER, "Components": [{"Name": "Podman Engine"}]}
    with (
        engine_at(tmp_path / "podman.sock", podman),
        pytest.raises(EngineError, match="Podman answers there"),
    ):
        connect(environ={})


def test_the_first_that_answers_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = (Endpoint(f"unix://{tmp_path}/none", "a"), Endpoint(f"unix://{tmp_path}/d.sock", "b"))
    monkeypatch.setattr(module, "endpoints", lambda *_: places)
    with engine_at(tmp_path / "d.sock", DOCKER), connect(environ={}) as engine:
        assert engine.info().endpoint == f"unix://{tmp_path}/d.sock"


def test_an_engine_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_ANSWER", 1.0)
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(tmp_path / "d.sock"))
        deaf.listen()
        assert "gave no answer in 1 seconds" in refused(tmp_path / "d.sock").what


@pytest.mark.parametrize(
    ("changes", "sentence", "mend"),
    [
        (
            {"ApiVersion": "1.40", "Version": "19.03.15"},
            "Docker Engine 19.03.15 (API 1.40) is too old",
            "20.10",
        ),
        ({"Components": [{"Name": "Podman Engine"}]}, "Podman answers there, not Docker", "DOCKER_HOST"),
        ({"Os": "windows"}, "this engine runs Windows containers and has no BuildKit", "Linux containers"),
    ],
)
def test_an_engine_that_cannot_do_the_work(
    tmp_path: Path, changes: dict[str, Any], sentence: str, mend: str
) -> None:
    with engine_at(tmp_path / "d.sock", {**DOCKER, **changes}):
        error = refused(tmp_path / "d.sock")
    assert error.what == sentence
    assert mend in error.fix


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"]
)
def test_something_else_that_listens(tmp_path: Path, answer: bytes) -> None:
    with engine_at(tmp_path / "d.sock", answer):
        assert refused(tmp_path / "d.sock").what == "what listens there is not a Docker engine"


def test_json_that_is_not_an_engines(tmp_path: Path) -> None:
    with engine_at(tmp_path / "d.sock", {"hello": 1}):
        assert refused(tmp_path / "d.sock").what == "what listens there is not a Docker engine"


@pytest.mark.parametrize(("offered", "used"), [("1.41", "1.41"), ("1.44", "1.44"), ("1.60", "1.47")])
def test_the_api_version_is_agreed_on(tmp_path: Path, offered: str, used: str) -> None:
    with (
        engine_at(tmp_path / "d.sock", {**DOCKER, "ApiVersion": offered}) as seen,
        connect(f"unix://{tmp_path}/d.sock") as engine,
    ):
        engine.info()
    assert seen == ["GET /version", f"GET /v{used}/info"]


def test_an_ssh_engine_without_paramiko_says_what_to_do() -> None:
    with pytest.raises(EngineError, match="paramiko") as caught:
        connect("ssh://nobody@localhost:1")
    assert "ssh -L" in caught.value.fix
