"""What the filters promise, asked of the engine itself: hostile values arrive in an image as they were written."""

from __future__ import annotations

import contextlib
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from builder.engine.connect import connect
from builder.plan import group_packages
from builder.progress import silent
from builder.render.context import context_tar
from builder.render.model import Rendered
from builder.render.page import render
from builder.shipped import shipped_dir
from builder.spec.model import CopiedFile, ImageSpec
from tests.support.dockerfile import instructions
from tests.support.lock_samples import image_spec, lock_set

pytestmark = pytest.mark.engine
TAG = "imgbuild-test/quoting:latest"
NASTY = (
    "\"'$(id)`id`{{ 7 }}\\",
    "\\\\ \\$HOME ${PATH} $$ %s",
    "<<EOF # ; && || > x",
    "ünïcödé \u65e5\u672c \U0001f600 =a=b='c d'",
    "'",
    "*?[a]~!",
)


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    found = docker.from_env()
    yield found
    with contextlib.suppress(docker.errors.ImageNotFound):
        found.images.remove(TAG, force=True)
    found.close()


def config_only(spec: ImageSpec) -> Rendered:
    """The page without the steps that need a base: what the configuration is made of, and the copies."""
    lock = lock_set(spec)
    rendered = render(spec, lock, group_packages(lock), templates=shipped_dir("dockerfiles"))
    kept = [
        f"{name} {rest}" for name, rest in instructions(rendered.dockerfile) if name not in {"FROM", "RUN"}
    ]
    return Rendered("\n".join(["FROM scratch", *kept, ""]), rendered.files)


def build(rendered: Rendered) -> str:
    return connect().build(
        context_tar(rendered), tag=TAG, labels={}, platform="linux/amd64", network="none", observer=silent
    )


def test_values_arrive_as_they_were_written(client: docker.DockerClient) -> None:
    env = {f"NASTY_{number}": value for number, value in enumerate(NASTY)}
    spec = image_spec(
        env=env,
        labels={f"org.example.nasty{number}": value for number, value in enumerate(NASTY)},
        cmd=NASTY,
        entrypoint=NASTY,
        workdir="/w $x \"q\" \\ 'y'",
        summary=NASTY[0],
    )
    config = client.api.inspect_image(build(config_only(spec)))["Config"]
    found = dict(line.split("=", 1) for line in config["Env"])
    assert {name: found[name] for name in env} == env
    assert {name: config["Labels"][name] for name in spec.labels} == spec.labels
    assert config["Labels"]["org.opencontainers.image.description"] == NASTY[0]
    assert tuple(config["Cmd"]) == NASTY
    assert tuple(config["Entrypoint"][1:]) == NASTY
    assert config["WorkingDir"] == spec.workdir
    assert config["User"] == "1000:0"
    assert found["PATH"].startswith("/opt/conda/envs/regression/bin:/opt/conda/condabin:/")


def test_own_files_arrive_where_they_were_sent(client: docker.DockerClient, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "a b$x'\".py").write_text("1")
    (tmp_path / "one.sh").write_text("2")
    (tmp_path / "one.sh").chmod(0o755)
    files = (
        CopiedFile(source=Path("app"), to="/to/$x 'y' \"z\" [a]"),
        CopiedFile(source=Path("one.sh"), to="/to/"),
        CopiedFile(source=Path("one.sh"), to="/to/other name.sh"),
    )
    image = build(config_only(image_spec(folder=tmp_path, files=files)))
    assert files_of(client, image) == {
        "to/$x 'y' \"z\" [a]/a b$x'\".py": 0o644,
        "to/one.sh": 0o755,
        "to/other name.sh": 0o755,
    }


def files_of(client: docker.DockerClient, image: str) -> dict[str, int]:
    """Every plain file of an image's layers."""
    saved = io.BytesIO(b"".join(client.images.get(image).save()))
    found: dict[str, int] = {}
    with tarfile.open(fileobj=saved) as tar:
        for member in tar.getmembers():
            if member.isfile() and member.name.endswith("layer.tar"):
                with tarfile.open(fileobj=tar.extractfile(member)) as layer:
                    found |= {info.name: info.mode & 0o777 for info in layer.getmembers() if info.isfile()}
    return found
