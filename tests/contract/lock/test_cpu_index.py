"""An index of CPU builds beside the usual one, as real uv sees both: the CPU build where no CUDA is declared."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.forge.write import write_channel
from builder.lock.make import make_lock
from builder.progress import silent
from builder.settings.model import Settings
from builder.store.upstream import CHANNEL_ALIAS, Upstream
from tests.contract.lock.test_golden import records, wheel
from tests.contract.lock.test_known_answer import PINNED_BASE
from tests.support.lock_samples import conda_environment, image_spec
from tests.support.web import serve, simple_index


@pytest.mark.parametrize(
    ("cuda", "torch"), [(None, "2.14.1+cpu"), ("13.0", "2.14.1")], ids=["no cuda declared", "cuda declared"]
)
def test_which_torch_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cuda: str | None, torch: str
) -> None:
    for name in ("XDG_CACHE_HOME", "IMGBUILD_CACHE", "UV_CACHE_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    usual, cpu = tmp_path / "usual", tmp_path / "cpu" / "packages"
    needs = "Requires-Dist: nvidia-cublas==13.0.2.14\nRequires-Dist: odd\n"
    wheel(usual, "torch", "2.14.1", needs=needs)
    wheel(usual, "nvidia_cublas", "13.0.2.14")
    wheel(usual, "odd", "2.0")
    wheel(usual, "uv", "0.0.1")
    wheel(cpu, "torch", "2.14.1+cpu", needs="Requires-Dist: odd\n")
    wheel(cpu, "odd", "1.0")  # such an index holds some packages of others as well, and old ones
    write_channel(tmp_path / "mirror" / "conda-forge", records(), ("linux-64", "noarch"))
    environment = conda_environment(channels=("conda-forge",), conda=("python=3.11",), pip=("torch==2.14.1",))
    spec = image_spec(environment, base=PINNED_BASE, cuda=cuda)
    folders = {
        "simple": simple_index(tmp_path / "simple", usual),
        "cpu": simple_index(tmp_path / "cpu" / "simple", cpu).parent,
        "packages": usual,
    }
    with serve(folders) as web:
        settings = Settings(
            mirrors={f"{CHANNEL_ALIAS}/": (tmp_path / "mirror").as_uri() + "/"},
            wheel_index=f"{web.url}/simple/",
            cpu_wheel_index=f"{web.url}/cpu/simple/",
        )
        lock = make_lock(spec, "linux/amd64", Upstream(read=lambda: settings), silent)
    locked = {one.name: one.version for one in lock.environments[0].pip}
    assert locked["torch"] == torch
    assert locked["odd"] == "2.0"
    assert ("nvidia-cublas" in locked) == (cuda is not None)
