"""The small parts: mapping, tags, terms, stubs, messages of uv, and what the modules import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from packaging.tags import Tag

from builder.errors import LockError
from builder.lock.mapping import held_by, names, provided
from builder.lock.requirers import annotated
from builder.lock.target import Target
from builder.lock.terms import check_channels, check_urls, needs_terms
from builder.lock.uv import explained
from tests.support.lock_samples import conda_environment, conda_package, image_spec

TARGET = Target("3.11.2", "linux/amd64", "2.36")


def test_a_distribution_needs_python() -> None:
    found = provided(
        [
            conda_package("zstd", "1.5.6", depends=("libzlib",)),
            conda_package("ruamel.yaml", "0.18.6", depends=("python >=3.11,<3.12",)),
            conda_package("pytorch", "2.13.0", depends=("libtorch",)),
            conda_package("typing_extensions", "4.12.2", depends=("python",)),
            conda_package("odd", "2024a_1x", depends=("python",)),
        ]
    )
    assert {name: one.version for name, one in found.items()} == {
        "ruamel-yaml": "0.18.6",
        "torch": "2.13.0",
        "typing-extensions": "4.12.2",
        "odd": None,
    }


def test_the_table_of_names_is_normalised_and_only_holds_differences() -> None:
    assert names()["pytorch"] == "torch"
    assert names()["matplotlib-base"] == "matplotlib"
    assert all(conda != pypi and pypi == pypi.lower() and "_" not in pypi for conda, pypi in names().items())


def test_a_conda_package_may_hold_several_distributions_or_none() -> None:
    python = ("python >=3.12,<3.13",)
    assert held_by(conda_package("py-opencv", "4.10.0", depends=python)) == (
        "opencv-python",
        "opencv-python-headless",
    )
    assert names()["py-opencv"] == "opencv-python"
    for nothing in ("pytorch-gpu", "pytorch-cuda", "tensorflow-cpu", "libtorch", "faiss-gpu"):
        assert held_by(conda_package(nothing, depends=python)) == ()
        assert nothing not in names()
    found = provided(
        [
            conda_package("tensorflow-base", "2.19.1", depends=python),
            conda_package("libxgboost", "3.3.0", depends=("__cuda",)),
            conda_package("py-xgboost", "3.3.0", depends=python),
            conda_package("cupy-core", "14.1.1", depends=python),
            conda_package("libcublas", "12.9.1.4", depends=("cuda-version >=12.9,<12.10.0a0",)),
            conda_package("pytorch", "2.13.0", depends=python),
            conda_package("pytorch-gpu", "2.13.0", depends=("pytorch 2.13.0 cuda*_mkl*302",)),
        ]
    )
    assert {name: one.conda for name, one in found.items()} == {
        "tensorflow": "tensorflow-base=2.19.1",
        "xgboost": "py-xgboost=3.3.0",
        "cupy": "cupy-core=14.1.1",
        "torch": "pytorch=2.13.0",
    }


UV_SAYS = """\
cuda-bindings==13.5.0     # via torch
nvidia-cublas==13.1.1.3   # via cuda-toolkit, nvidia-cudnn-cu13, nvidia-cusolver
numpy @ file:///tmp/imgbuild-lock-x/numpy-2.4.6-py3-none-any.whl  # via -c constraints.txt, Tabulate
torch==2.14.1             # via bitsandbytes, -r ort.in
huggingface-hub[hf_xet]==2.4.0  # via transformers
lonely==1
"""


def test_who_needs_whom_is_read_from_uv_s_listing() -> None:
    assert dict(annotated(UV_SAYS)) == {
        "cuda-bindings": ("torch",),
        "nvidia-cublas": ("cuda-toolkit", "nvidia-cudnn-cu13", "nvidia-cusolver"),
        "numpy": ("tabulate",),
        "torch": ("bitsandbytes",),
        "huggingface-hub": ("transformers",),
    }


WHEELS = {
    "pure": "x-1-py3-none-any.whl",
    "abi3": "x-1-cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "exact": "x-1-cp311-cp311-manylinux_2_28_x86_64.whl",
    "older": "x-1-cp311-cp311-manylinux_2_17_x86_64.whl",
    "build": "x-1-2-cp311-cp311-manylinux_2_28_x86_64.whl",
    "too new": "x-1-cp311-cp311-manylinux_2_38_x86_64.whl",
    "musl": "x-1-cp311-cp311-musllinux_1_2_x86_64.whl",
    "arm": "x-1-cp311-cp311-manylinux_2_17_aarch64.whl",
    "other python": "x-1-cp312-cp312-manylinux_2_17_x86_64.whl",
    "no wheel": "x-1.tar.gz",
}


@pytest.mark.parametrize(
    ("offered", "best"),
    [
        (["pure", "abi3", "exact"], "exact"),
        (["pure", "abi3"], "abi3"),
        (["older", "exact"], "exact"),
        (["exact", "build"], "build"),
        (["too new", "older", "musl", "arm"], "older"),
        (["too new", "musl", "arm", "other python", "no wheel"], None),
        ([], None),
    ],
)
def test_the_best_wheel(offered: list[str], best: str | None) -> None:
    for order in (offered, offered[::-1]):
        assert TARGET.best(WHEELS[name] for name in order) == (WHEELS[best] if best else None)


def test_tags_do_not_depend_on_this_machine() -> None:
    arm = Target("3.13.1", "linux/arm64", "2.31", free_threaded=True).tags()
    assert Tag("cp313", "cp313t", "manylinux_2_31_aarch64") in arm
    assert Tag("cp313", "cp313", "manylinux_2_31_aarch64") not in arm
    assert Tag("cp313", "cp313t", "manylinux2014_aarch64") in arm
    assert not any("x86_64" in tag.platform or "manylinux_2_32" in tag.platform for tag in arm)


@pytest.mark.parametrize(
    ("glibc", "name"),
    [("2.17", "2_17"), ("2.27", "2_17"), ("2.30", "2_28"), ("2.36", "2_36"), ("2.99", "2_40")],
)
def test_uv_is_asked_for_a_platform_that_it_knows_and_the_base_runs(glibc: str, name: str) -> None:
    assert Target("3.11.2", "linux/amd64", glibc).uv_platform == f"x86_64-manylinux_{name}"


@pytest.mark.parametrize(
    "channel",
    [
        "defaults",
        "Defaults",
        "pkgs/main",
        "pkgs/r/",
        "main",
        "anaconda",
        "https://repo.anaconda.com/pkgs/main",
        "https://me:x@repo.anaconda.com/pkgs/main/linux-64/x-1-0.conda",
        "http://repo.continuum.io/pkgs/free",
        "https://conda.anaconda.org/anaconda",
        "https://conda.anaconda.org/t/token/main/linux-64/x-1-0.conda",
        "//repo.anaconda.com/pkgs/main",
    ],
)
def test_channels_under_the_terms(channel: str) -> None:
    assert needs_terms(channel)


@pytest.mark.parametrize(
    "channel",
    [
        "conda-forge",
        "bioconda",
        "maintainers",
        "https://conda.anaconda.org/conda-forge/linux-64/x-1-0.conda",
        "https://conda.anaconda.org/main-street",
        "https://mirror.example.org/repo.anaconda.com.evil/x",
        "kit:///channel/noarch/x-1-0.conda",
    ],
)
def test_channels_that_are_free(channel: str) -> None:
    assert not needs_terms(channel)


def test_terms_are_asked_for_in_channels_specs_and_urls() -> None:
    for environment in (
        conda_environment(channels=("forge", "defaults")),
        conda_environment(conda=("pkgs/main::numpy",)),
    ):
        spec = image_spec(environment)
        with pytest.raises(LockError, match="accept_anaconda_terms: true"):
            check_channels(spec)
        check_channels(spec.model_copy(update={"accept_anaconda_terms": True}))
    with pytest.raises(LockError, match="terms of service"):
        check_urls(image_spec(), ["https://repo.anaconda.com/pkgs/main/noarch/x-1-0.conda"], "here")


@pytest.mark.parametrize(
    ("said", "what"),
    [
        (
            "error: No solution found\n  cause: Because pyspark==3.5.0 has no usable wheels and you need it",
            "pyspark has no wheel for linux/amd64, Python 3.11.2 and glibc 2.36",
        ),
        (
            "  \u00d7 No solution:\n  \u2570\u2500\u25b6 nosuch was not found in the package registry",
            "no package is called nosuch where wheels are looked for",
        ),
        (
            "error: Failed to fetch: `https://index.example.org/simple/x/`\n  cause: dns error",
            "the package index cannot be reached",
        ),
        (
            "error: No solution found\n  cause: Because only numpy>=2 is available and you require numpy<2",
            "nothing satisfies the pip section on linux/amd64, Python 3.11.2 and glibc 2.36",
        ),
    ],
)
def test_what_uv_says_becomes_a_sentence(said: str, what: str) -> None:
    error = explained(said, TARGET, "environment.yml", Path("/tmp/folder"))
    assert error.what == what
    assert error.where == "environment.yml"
    assert error.fix
    assert not error.detail.startswith(("error", " ", "\u00d7"))


def test_uv_s_own_words_are_cut_and_name_no_folder_of_ours() -> None:
    said = "\n".join(f"line {n} /tmp/folder/x" for n in range(99))
    error = explained(said, TARGET, "", Path("/tmp/folder"))
    assert len(error.detail.splitlines()) == 26
    assert "/tmp/folder" not in error.detail


def test_reading_a_lock_imports_neither_solver_nor_resolver() -> None:
    code = (
        "import sys, builder.lock.files, builder.lock.stale, builder.lock.inputs, builder.lock.source;"
        "sys.exit(bool({'rattler', 'uv', 'requests', 'docker'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
