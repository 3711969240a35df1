"""doctor: a row for each thing, and whether a build could begin."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.engine.port import EngineInfo
from builder.errors import EngineError
from builder.host.diagnosis import Row
from builder.host.model import Host
from builder.workflow.doctor import ROWS, Found, diagnose
from tests.support.made_host import CDI, CTK, FAILED, NVRM_OPEN, MadeHost

INFO = EngineInfo("28.5.2", "1.47", "linux/amd64", True, "unix:///var/run/docker.sock", "overlay2",
                  runtimes=("nvidia", "runc"))  # fmt: skip
NONE = EngineError("no container engine answers", fix="start it")
PLENTY = 500_000_000_000


def rows(
    host: Host, engine: EngineInfo | EngineError = INFO, free: int | None = PLENTY, store: Path = Path("/tmp")
) -> dict[str, Row]:
    found = Found(host, engine, Path("/var/lib/docker"), free, store)
    made = [make(found) for make in ROWS]
    return {row.name: row for row in made if row is not None}


def test_everything_is_there(tmp_path: Path) -> None:
    made = MadeHost(tmp_path)
    made.smi("NVIDIA H100 80GB HBM3, GPU-1, 580.95.05, 9.0", "NVIDIA H100 80GB HBM3, GPU-2, 580.95.05, 9.0")
    made.program("nvidia-ctk", CTK)
    made.write("/etc/cdi/nvidia.yaml", CDI)
    found = rows(made.look())
    assert found["engine"].says == "Docker 28.5.2 (API 1.47) at unix:///var/run/docker.sock"
    assert found["NVIDIA driver"].says == "580.95.05, for CUDA up to 13.0"
    assert found["GPUs"].says == "2 x NVIDIA H100 80GB HBM3 (9.0)"
    assert found["container toolkit"].says == "1.12.0, CDI in /etc/cdi/nvidia.yaml"
    assert found["CUDA containers"].state == "ok"
    assert not any(row.todo for row in found.values())


def test_nothing_of_nvidias_is_no_fault(tmp_path: Path) -> None:
    found = rows(MadeHost(tmp_path).look())
    assert {found[name].state for name in ("NVIDIA driver", "GPUs", "container toolkit")} == {"note"}
    assert not any(row.state == "missing" for row in found.values())
    assert found["CUDA containers"].todo


def test_a_driver_that_fails_is_told_with_its_reason(tmp_path: Path) -> None:
    made = MadeHost(tmp_path)
    made.program("nvidia-smi", FAILED, 9)
    made.write("/proc/driver/nvidia/version", NVRM_OPEN)
    found = rows(made.look())
    assert "couldn't communicate" in found["NVIDIA driver"].says
    assert any("reboot" in step for step in found["CUDA containers"].todo)


def test_no_engine_is_missing(tmp_path: Path) -> None:
    found = rows(MadeHost(tmp_path).look(), NONE)
    assert (found["engine"].state, found["engine"].needed, found["engine"].todo) == (
        "missing",
        True,
        ("start it",),
    )
    assert "BuildKit" not in found


@pytest.mark.parametrize(("free", "state"), [(PLENTY, "ok"), (5_000_000_000, "note"), (None, "note")])
def test_the_engines_disk(tmp_path: Path, free: int | None, state: str) -> None:
    row = rows(MadeHost(tmp_path).look(), free=free)["engine's disk"]
    assert row.state == state
    assert bool(row.todo) is (free is not None and state == "note")


def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    row = rows(MadeHost(tmp_path).look(), store=tmp_path / "file/store")["store"]
    assert (row.state, row.needed) == ("missing", True)
    assert "IMGBUILD_CACHE" in row.todo[0]


def test_a_store_that_is_not_there_yet(tmp_path: Path) -> None:
    row = rows(MadeHost(tmp_path).look(), store=tmp_path / "not/yet")["store"]
    assert row.state in {"ok", "note"}
    assert not (tmp_path / "not").exists()


def test_diagnosing_needs_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    found = diagnose(MadeHost(tmp_path / "made").machine)
    assert not found.can_build
    assert [row.name for row in found.rows if row.state == "missing"] == ["engine"]
    assert found.looked
