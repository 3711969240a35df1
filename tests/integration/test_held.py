"""A later pip or uv in an image: what the lock holds together is not replaced, and everything else installs."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.engine.port import Engine
from builder.fit.facts import Facts
from builder.progress import silent
from builder.render.gpus import gpu_needs
from builder.shipped import shipped_dir
from tests.support.engine_base import tar_of, unique
from tests.support.wheel_samples import write_wheel
from tests.support.workshop import PREFIX, Workshop

pytestmark = pytest.mark.engine
IMAGE = f"{PREFIX}/two:latest"
TOOLS = "/opt/conda/envs/tools"
OFFLINE = "--no-index --find-links /wheels"
FACTS = Facts(cuda="13.0", driver="580", targets=("sm_90",))


@pytest.fixture(scope="module")
def derived(workshop: Workshop, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An image on top of `two`, with wheels, uv, and what an image for CUDA 13 tells the entrypoint."""
    done = workshop.run("build", "two", "--kit", str(workshop.kit), "--json")
    assert done.code == 0, done.err
    folder = tmp_path_factory.mktemp("wheels")
    write_wheel(folder, "onnxruntime", "1.0")
    write_wheel(folder, "wants-older", "1.0", metadata=["Requires-Dist: onnxruntime==1.0"])
    write_wheel(folder, "harmless", "1.0", metadata=["Requires-Dist: onnxruntime>=1.1"])
    files = {f"wheels/{path.name}": path.read_bytes() for path in folder.iterdir()}
    files["uv"] = (Path(sysconfig.get_path("scripts")) / "uv").read_bytes()
    files["gpus"] = (shipped_dir("dockerfiles") / "rootfs" / "imgbuild-gpus").read_bytes()
    files["needs"] = gpu_needs(FACTS).encode()
    page = f"""FROM {IMAGE}
USER 0
COPY wheels /wheels
COPY --chmod=755 uv /usr/local/bin/uv
COPY gpus /usr/local/lib/imgbuild/gpus
COPY needs /etc/imgbuild/gpus
"""
    tag = unique("held")
    context = tar_of({"Dockerfile": page.encode(), **files})
    engine.build([context], tag=tag, labels={}, platform="linux/amd64", network="none", observer=silent)
    yield tag
    engine.remove(tag)


def run(tag: str, script: str, *options: str) -> subprocess.CompletedProcess[str]:
    """A shell script in a container that goes away."""
    words = ("docker", "run", "--rm", "--network", "none", *options, tag, "sh", "-c", script)
    return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "command",
    [
        f"{TOOLS}/bin/pip install {OFFLINE} onnxruntime==1.0",
        f"{TOOLS}/bin/python -m pip install {OFFLINE} wants-older",
        f"conda run -n tools pip install {OFFLINE} onnxruntime==1.0",
        f". /opt/conda/etc/profile.d/conda.sh; conda activate tools; pip install {OFFLINE} wants-older",
    ],
)
def test_pip_is_stopped_and_says_why(derived: str, command: str) -> None:
    done = run(derived, command)
    told = done.stdout + done.stderr
    assert done.returncode != 0
    assert (
        "(constraint) onnxruntime!=0+locked.and.proven.by.imgbuild.see.etc.imgbuild.tools.constraints.txt"
        in told
    )


def test_the_chosen_environment_is_held(derived: str) -> None:
    chosen = ("--env", "IMGBUILD_ENV=tools")
    assert run(derived, f"pip install {OFFLINE} onnxruntime==1.0", *chosen).returncode != 0
    uv = f"uv pip install --no-cache {OFFLINE} wants-older --python {TOOLS}/bin/python"
    done = run(derived, uv, *chosen)
    assert done.returncode != 0
    assert "onnxruntime==1.0 and onnxruntime==" in done.stderr


def test_what_does_not_touch_it_installs(derived: str) -> None:
    script = f"{TOOLS}/bin/pip install -q {OFFLINE} harmless && {TOOLS}/bin/python -c 'import harmless'"
    done = run(derived, script)
    assert done.returncode == 0, done.stderr


def test_the_file_tells_how_to_go_against_it_and_that_works(derived: str) -> None:
    told = run(derived, "cat /etc/imgbuild/tools.constraints.txt").stdout
    assert "#   PIP_CONFIG_FILE=/dev/null pip install ..." in told
    assert "#   UV_CONSTRAINT= uv pip install ..." in told
    pip = run(
        derived,
        f"PIP_CONFIG_FILE=/dev/null {TOOLS}/bin/pip install -q {OFFLINE} onnxruntime==1.0",
        "--user",
        "0",
    )
    assert pip.returncode == 0, pip.stderr
    uv = f"UV_CONSTRAINT= uv pip install --no-cache {OFFLINE} onnxruntime==1.0 --python {TOOLS}/bin/python"
    done = run(derived, uv, "--user", "0", "--env", "IMGBUILD_ENV=tools")
    assert done.returncode == 0, done.stderr


def test_another_environment_is_not_held(derived: str) -> None:
    done = run(derived, f"uv pip install --no-cache {OFFLINE} wants-older --target /tmp/there")
    assert done.returncode == 0, done.stderr
    assert run(derived, "test ! -e /opt/conda/envs/two/pip.conf").returncode == 0


def test_the_entrypoint_says_in_one_line_that_there_is_no_gpu(derived: str) -> None:
    done = run(derived, "echo ran")
    assert done.stdout == "ran\n"
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "imgbuild: no GPU here: CUDA 13.0 needs a host with an NVIDIA driver of 580 or newer"
    )
    assert run(derived, "echo ran", "--env", "IMGBUILD_GPU_CHECK=off").stderr == ""
    assert run(IMAGE, "echo ran").stderr == ""


@pytest.mark.parametrize(
    "options", [(), ("--user", "54321"), ("--user", "54321:54321", "--read-only", "--tmpfs", "/tmp")]
)
def test_every_cache_takes_what_anybody_writes(derived: str, options: tuple[str, ...]) -> None:
    script = r"""
import json, os, pathlib
named = {name: value for name, value in os.environ.items() if "cache" in value.split("/")[1:3] or "/cache" in value}
for value in named.values():
    path = pathlib.Path(value, "deeper"); path.mkdir(parents=True); (path / "file").write_text("x")
print(json.dumps(sorted(named)))
"""
    done = run(derived, f"python - <<'E'\n{script}E\n", *options)
    assert done.returncode == 0, done.stderr
    assert {"HF_HOME", "TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "MPLCONFIGDIR"} <= set(
        json.loads(done.stdout)
    )


def test_under_a_read_only_root_a_mounted_cache_stays_and_the_others_move(derived: str) -> None:
    sealed = ("--user", "54321", "--read-only", "--tmpfs", "/tmp", "--tmpfs", "/cache/huggingface:mode=1777")
    told = run(derived, 'echo "$HF_HOME $TRITON_CACHE_DIR"', *sealed).stdout
    assert told == "/cache/huggingface /tmp/cache-54321/triton\n"


def test_nobody_removes_what_is_anothers(derived: str) -> None:
    done = run(derived, "stat -c %a /cache /cache/triton /cache/huggingface")
    assert done.stdout.split() == ["1777"] * 3
