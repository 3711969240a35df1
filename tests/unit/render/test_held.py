"""Which packages are held in an image, and what pip and uv are told of it."""

from __future__ import annotations

from pathlib import Path

from builder.lock.model import EnvironmentLock, LockSet
from builder.plan import group_packages
from builder.render.held import constraint_files, held, variables
from builder.render.locks import variables_script
from builder.render.page import render
from builder.shipped import shipped_dir
from builder.spec.model import ImageSpec
from tests.support.lock_samples import conda_environment, conda_package, image_spec, lock_set, pip_package

TORCH = (
    pip_package("torch", "2.14.1"),
    pip_package("triton", "3.8.0"),
    pip_package("nvidia-cublas", "13.1.1.3"),
    pip_package("nvidia-nccl-cu13", "2.30.7"),
    pip_package("tabulate", "0.10.0"),
)


def two(**pip: tuple[object, ...]) -> tuple[ImageSpec, LockSet]:
    """Two environments with these wheels."""
    spec = image_spec(conda_environment("train"), conda_environment("serve"), name="pair")
    plain = lock_set(spec)
    environments = tuple(one.model_copy(update={"pip": pip[one.name]}) for one in plain.environments)
    return spec, plain.model_copy(update={"environments": environments})


def one(*pip: object, conda: tuple[object, ...] = ()) -> EnvironmentLock:
    environment = lock_set(image_spec()).environments[0]
    return environment.model_copy(update={"pip": pip, "conda": (*environment.conda, *conda)})


def test_torch_is_held_with_its_cuda_and_its_triton() -> None:
    assert held(one(*TORCH)) == {
        "nvidia-cublas": "13.1.1.3",
        "nvidia-nccl-cu13": "2.30.7",
        "torch": "2.14.1",
        "triton": "3.8.0",
    }


def test_nothing_is_held_where_nothing_is_accelerated() -> None:
    assert held(one(pip_package("tabulate"), pip_package("triton", "3.8.0"))) == {}


def test_a_package_of_conda_is_held_under_the_name_that_pip_knows() -> None:
    found = held(one(conda=(conda_package("pytorch", "2.9.1", "cuda129_mkl_py311_h1_0"),)))
    assert found == {"torch": "2.9.1"}


def test_the_file_says_why_and_every_line_says_where() -> None:
    _, lock = two(train=TORCH, serve=())
    files = {name: file.content.decode() for name, file in constraint_files(lock).items()}
    assert sorted(files) == ["rootfs/envs/train.constraints.txt", "rootfs/pip/train.conf"]
    assert files["rootfs/pip/train.conf"] == "[install]\nconstraint = /etc/imgbuild/train.constraints.txt\n"
    head, lines = files["rootfs/envs/train.constraints.txt"].split("UV_CONSTRAINT= uv pip install ...\n")
    assert "imgbuild lock pair" in head
    assert all(line.startswith("#") for line in head.splitlines())
    words = "locked.and.proven.by.imgbuild.see.etc.imgbuild.train.constraints.txt"
    assert lines.splitlines()[2:] == [f"torch==2.14.1,!=0+{words}", f"triton==3.8.0,!=0+{words}"]


def test_uv_is_told_in_each_environment() -> None:
    _, lock = two(train=TORCH, serve=())
    train, serve = lock.environments
    train = train.model_copy(update={"variables": {"MODE": "a"}})
    assert variables(train, lock) == {"MODE": "a", "UV_CONSTRAINT": "/etc/imgbuild/train.constraints.txt"}
    assert variables(serve, lock) == {"UV_CONSTRAINT": ""}
    assert "export UV_CONSTRAINT=''\n" in variables_script(serve, lock)
    assert "UV_CONSTRAINT" not in variables_script(*_plain())


def _plain() -> tuple[EnvironmentLock, LockSet]:
    _, lock = two(train=(), serve=())
    return lock.environments[0], lock


def test_the_definition_may_say_otherwise(tmp_path: Path) -> None:
    spec, lock = two(train=TORCH, serve=())
    spec = spec.model_copy(update={"env": {"UV_CONSTRAINT": "/mine.txt"}})
    page = render(spec, lock, group_packages(lock), templates=shipped_dir("dockerfiles")).dockerfile
    assert 'UV_CONSTRAINT="/mine.txt"' in page
    assert "install -m 0644 /mnt/rootfs/pip/train.conf /opt/conda/envs/train/pip.conf" in page
    assert "serve.conf" not in page
