# ruff: noqa: E501  (printed problems stand as they are printed)
"""Your own code: .dockerignore as the engine reads it, and secrets that never go along."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.errors import UsageError
from builder.render.own import own_files
from builder.spec.fault import Fault
from builder.spec.ignored import holds_private_key, read_ignore, secret_name, taken
from builder.spec.load import check
from builder.spec.model import CopiedFile
from tests.support.lock_samples import image_spec
from tests.unit.spec.conftest import MakeProject


@pytest.mark.parametrize(
    ("rules", "path", "out"),
    [
        ("*.log", "a.log", True),
        ("*.log", "deep/a.log", False),
        ("**/*.log", "deep/a.log", True),
        ("**/*.log", "a.log", True),
        ("data", "data/x/y", True),
        ("data/", "data/x", True),
        ("/data", "data/x", True),
        ("./data", "data/x", True),
        ("data", "other/data/x", False),
        ("**/data", "other/data/x", True),
        ("*", "a/b", True),
        ("*\n!keep.py", "keep.py", False),
        ("*\n!keep.py", "other.py", True),
        ("!keep.py\n*", "keep.py", True),
        ("data\n!data/small.csv", "data/small.csv", False),
        ("a?.py", "ab.py", True),
        ("a?.py", "a/.py", False),
        ("[a-c].py", "b.py", True),
        ("[^a-c].py", "b.py", False),
        (r"a\*.py", "a*.py", True),
        (r"a\*.py", "ab.py", False),
        ("# a\n\n  b  ", "b", True),
        ("# a", "# a", False),
        ("a.b", "axb", False),
        ("x/**/z", "x/z", True),
        ("x/**/z", "x/1/2/z", True),
        ("x/../y", "y", True),
    ],
)
def test_rules(tmp_path: Path, rules: str, path: str, out: bool) -> None:
    (tmp_path / ".dockerignore").write_text(rules)
    assert read_ignore(tmp_path).leaves_out(path) is out


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b"a\n[b\n", "line 2 is no pattern"),
        (b"[z-a]\n", "line 1 is no pattern"),
        (b"a\\\n", "line 1 is no pattern"),
        (b"**/**/**/**/**/**/x\n", "line 1 is no pattern"),
        (b"x" * 301, "line 1 is no pattern"),
        (b"\xff\n", "cannot be read"),
        (b"a\n" * 40_000, "is larger than 64 KiB"),
    ],
)
def test_rules_that_are_none(tmp_path: Path, raw: bytes, what: str) -> None:
    (tmp_path / ".dockerignore").write_bytes(raw)
    with pytest.raises(Fault, match=what):
        read_ignore(tmp_path)


def app(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / "x"
    for name, text in files.items():
        path = folder / "app" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_both_folders_rules_count(tmp_path: Path) -> None:
    files = {
        "main.py": "",
        "data/big.bin": "",
        "notes.md": "",
        "__pycache__/x.pyc": "",
        ".dockerignore": "data\n",
    }
    folder = app(tmp_path, **files)
    (folder / ".dockerignore").write_text("app/*.md\n")
    assert [name for name, _ in taken(folder, folder / "app")] == ["main.py"]
    with pytest.raises(Fault, match=r"`app/notes\.md` is left out by \.dockerignore"):
        list(taken(folder, folder / "app/notes.md"))


@pytest.mark.parametrize(
    "path",
    [
        *(
            ".env",
            "a/.env.production",
            "prod.env",
            ".netrc",
            ".pypirc",
            "deep/id_rsa",
            "server.key",
            "kaggle.json",
        ),
        *(
            ".aws/credentials",
            "home/.ssh/config",
            ".docker/config.json",
            ".kube/config",
            "my-service-account-1.json",
        ),
        *(
            ".streamlit/secrets.toml",
            "x.p12",
            "terraform.tfstate",
            ".git-credentials",
            "ID_RSA",
            ".huggingface/token",
        ),
    ],
)
def test_secrets_by_name(path: str) -> None:
    assert secret_name(path)


@pytest.mark.parametrize(
    "path",
    [
        "main.py",
        ".env.example",
        "id_rsa.pub",
        "ca.pem",
        "cert.crt",
        "keys.py",
        "config.json",
        "token",
        "credentials.py",
    ],
)
def test_what_only_looks_like_a_secret(path: str) -> None:
    assert not secret_name(path)


def test_private_keys_by_content() -> None:
    for kind in (b"", b"RSA ", b"EC ", b"OPENSSH ", b"ENCRYPTED "):
        assert holds_private_key(b"x\n-----BEGIN " + kind + b"PRIVATE KEY-----\nabc")
    assert not holds_private_key(b"-----BEGIN CERTIFICATE-----\nabc")
    assert not holds_private_key(b'if "-----BEGIN PRIVATE KEY-----" in text:')


def test_check_names_every_secret_at_its_place(make_project: MakeProject) -> None:
    project = make_project(
        {
            "x/environment.yml": "dependencies: [python]",
            "x/image.yml": "files:\n  - {from: app, to: /app}\n  - {from: .env, to: /app/}\n",
            "x/.env": "TOKEN=1",
            "x/app/main.py": "",
            "x/app/conf/.env": "TOKEN=1",
            "x/app/server.key": "",
        }
    )
    fix = "name it in a .dockerignore of that folder, and give it to the container when it runs (`--env-file`, a mounted file)"
    assert [str(problem) for problem in check(project)] == [
        f"envs/x/image.yml:2:12: files[0].from: `app/conf/.env` is a file for secrets, and none goes into an image; {fix}",
        f"envs/x/image.yml:2:12: files[0].from: `app/server.key` is a file for secrets, and none goes into an image; {fix}",
        f"envs/x/image.yml:3:12: files[1].from: `.env` is a file for secrets, and none goes into an image; {fix}",
    ]
    (project.envs / "x/app/.dockerignore").write_text("**/.env\n*.key\n")
    (project.envs / "x/image.yml").write_text("files: [{from: app, to: /app}]\n")
    assert check(project) == []


def test_the_context_holds_no_secret(tmp_path: Path) -> None:
    folder = app(tmp_path, **{"main.py": "print()", "notes.txt": "-----BEGIN PRIVATE KEY-----\nabc\n"})
    copied = CopiedFile(source=folder / "app", to="/app")
    spec = image_spec().model_copy(update={"folder": folder, "files": (copied,)})
    with pytest.raises(UsageError, match=r"`notes\.txt` holds a private key, and none goes into an image"):
        own_files(spec)
    (folder / "app/.dockerignore").write_text("notes.txt\n")
    copies, files = own_files(spec)
    assert copies == [("files/0/", "/app/")]
    assert sorted(files) == ["files/0/main.py"]
