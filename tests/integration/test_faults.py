"""What goes wrong on the way, each with its message and exit code, and nothing half-made."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.workshop import PREFIX, Workshop

pytestmark = pytest.mark.engine


def leftovers() -> list[str]:
    """Containers and half-built images of ours that should not be there."""
    containers = _docker("ps", "-aq", "--filter", "label=io.imgbuild.kind=run")
    images = _docker("images", "--format", "{{.Repository}}:{{.Tag}}")
    return containers + [image for image in images if ":building-" in image]


def _docker(*words: str) -> list[str]:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout.split()


def exists(image: str) -> bool:
    return bool(_docker("images", "-q", image))


@pytest.fixture
def own_kit(workshop: Workshop, tmp_path: Path) -> Path:
    """A copy of the kit that a test may spoil."""
    return Path(shutil.copytree(workshop.kit, tmp_path / "kit"))


def test_unknown_environment(workshop: Workshop) -> None:
    done = workshop.run("build", "regresion", "--kit", str(workshop.kit))
    assert done.code == 2
    assert "regression" in done.err


def test_a_tampered_package(workshop: Workshop, own_kit: Path) -> None:
    package = next((own_kit / "channel" / "noarch").glob("pip-*.conda"))
    content = bytearray(package.read_bytes())
    content[len(content) // 2] ^= 1
    package.write_bytes(content)
    # The package image of the untouched kit would serve: take it away, so that the file is needed.
    for image in _docker("images", "--format", "{{.Repository}}:{{.Tag}}"):
        if image.startswith("imgbuild/pkg:"):
            subprocess.run(["docker", "rmi", image], capture_output=True, check=False)
    done = workshop.run("build", "tiny", "--force", "--kit", str(own_kit))
    assert done.code == 5
    assert package.name in done.err
    assert "sha256" in done.err
    assert leftovers() == []
    checked = workshop.run("kit", "check", str(own_kit))
    assert checked.code == 5
    assert package.name in checked.err


def test_a_kit_whose_index_was_edited_is_another_kit(workshop: Workshop, own_kit: Path) -> None:
    (own_kit / "kit.yml").write_text("kit: 1\nfiles: {}\n")
    done = workshop.run("build", "tiny", "--kit", str(own_kit))
    assert done.code in {2, 5}
    assert "kit.yml" in done.err


def test_a_missing_package(workshop: Workshop, own_kit: Path) -> None:
    package = next((own_kit / "channel" / "noarch").glob("pip-*.conda"))
    package.unlink()
    for image in _docker("images", "--format", "{{.Repository}}:{{.Tag}}"):
        if image.startswith("imgbuild/pkg:"):
            subprocess.run(["docker", "rmi", image], capture_output=True, check=False)
    done = workshop.run("build", "tiny", "--force", "--kit", str(own_kit))
    assert done.code == 5
    assert package.name in done.err


def test_a_wrong_installer(workshop: Workshop, own_kit: Path) -> None:
    (installer,) = (own_kit / "installer").glob("*.sh")
    with installer.open("ab") as file:
        file.write(b"\n")
    for image in _docker("images", "--format", "{{.Repository}}:{{.Tag}}"):
        if image.startswith("imgbuild/pkg:"):
            subprocess.run(["docker", "rmi", image], capture_output=True, check=False)
    done = workshop.run("build", "tiny", "--force", "--kit", str(own_kit))
    assert done.code == 5
    assert installer.name in done.err


def test_a_lock_that_was_edited(workshop: Workshop, own_kit: Path) -> None:
    lock = own_kit / "locks" / "tiny" / "conda-lock.yml"
    lock.write_text(lock.read_text().replace("sha256: ", "sha256: 0", 1))
    done = workshop.run("build", "tiny", "--kit", str(own_kit))
    assert done.code == 3
    assert "conda-lock.yml" in done.err


def test_a_stale_lock(workshop: Workshop) -> None:
    environment = workshop.root / "envs" / "tiny" / "environment.yml"
    text = environment.read_text()
    try:
        environment.write_text(text.replace("python>=3.11", "python>=3.10"))
        done = workshop.run("build", "tiny", "--kit", str(workshop.kit))
        listed = workshop.run("list", "--json")
    finally:
        environment.write_text(text)
    assert done.code == 3
    assert "stale" in done.err
    assert listed.code == 0


def test_a_missing_lock_in_ci(workshop: Workshop) -> None:
    done = workshop.run("build", "tiny", "--kit", "none", env={"CI": "true"})
    assert done.code == 3
    assert "imgbuild lock tiny" in done.err
    assert not (workshop.root / "envs" / "tiny" / "conda-lock.yml").exists()


def test_a_proof_that_fails(workshop: Workshop) -> None:
    done = workshop.run("build", "broken", "--kit", str(workshop.kit))
    assert done.code == 6
    assert "prediction at 3 is 5" in done.err
    assert leftovers() == []
    assert not exists(f"{PREFIX}/broken:latest")
    assert exists(f"{PREFIX}/broken:unproven")


def test_a_proof_that_hangs(workshop: Workshop) -> None:
    done = workshop.run("build", "hanging", "--kit", str(workshop.kit))
    assert done.code == 6
    assert "timeout" in done.err
    assert "3" in done.err
    assert leftovers() == []
    assert not exists(f"{PREFIX}/hanging:latest")


def test_no_engine(workshop: Workshop, tmp_path: Path) -> None:
    done = workshop.run(
        "build", "tiny", "--kit", str(workshop.kit), env={"DOCKER_HOST": f"unix://{tmp_path}/nothing.sock"}
    )
    assert done.code == 4
    assert len(done.err.strip().splitlines()) <= 4
    assert "nothing.sock" in done.err
