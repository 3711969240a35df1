"""Channels under Anaconda's terms, by name, URL, setting, mirror or lock: refused before anything is asked."""

from __future__ import annotations

import pytest

from builder.errors import LockError
from builder.lock.terms import check_channels, check_lock
from builder.settings.model import Settings
from builder.store.upstream import Upstream
from tests.support.lock_samples import (
    conda_environment,
    conda_package,
    environment_lock,
    image_spec,
    lock_set,
)

MAIN = "https://repo.anaconda.com/pkgs/main"


def upstream(**settings: object) -> Upstream:
    made = Settings(**settings)  # type: ignore[arg-type]
    return Upstream(read=lambda: made)


@pytest.mark.parametrize(
    ("channels", "source"),
    [
        (("defaults",), upstream()),
        (("pkgs/r",), upstream()),
        ((MAIN,), upstream()),
        (("lab",), upstream(channels={"lab": MAIN})),
        (("lab",), upstream(mirrors={"https://repo.anaconda.com/": "https://m.example.org/"},
                            channels={"lab": "https://m.example.org/pkgs/main"})),
        (("https://m.example.org/pkgs/main",), upstream(mirrors={"https://repo.anaconda.com/": "https://m.example.org/"})),
        (("conda-forge",), upstream(mirrors={"https://conda.anaconda.org/conda-forge/": f"{MAIN}/"})),
    ],
)  # fmt: skip
def test_channels_by_every_way(channels: tuple[str, ...], source: Upstream) -> None:
    spec = image_spec(conda_environment(channels=channels))
    with pytest.raises(LockError, match="terms of service"):
        check_channels(spec, source)
    check_channels(spec.model_copy(update={"accept_anaconda_terms": True}), source)


@pytest.mark.parametrize("line", ["pkgs/main::numpy", "numpy[channel=defaults]"])
def test_channels_of_single_specs(line: str) -> None:
    with pytest.raises(LockError, match="terms of service"):
        check_channels(image_spec(conda_environment(conda=(line,))), upstream())


def test_mirrors_of_free_channels_are_free() -> None:
    source = upstream(mirrors={"https://conda.anaconda.org/": "https://m.example.org/"})
    check_channels(image_spec(conda_environment(channels=("conda-forge",))), source)


@pytest.mark.parametrize("where", ["package", "channel"])
def test_urls_of_a_lock(where: str) -> None:
    spec = image_spec()
    held = environment_lock(spec.environments[0], spec)
    if where == "package":
        package = conda_package().model_copy(
            update={"url": f"{MAIN}/linux-64/python-3.11.2-0.conda", "channel": MAIN}
        )
        held = held.model_copy(update={"conda": (package,)})
    else:
        held = held.model_copy(update={"channels": (MAIN,)})
    lock = lock_set(spec, environments=(held,))
    with pytest.raises(LockError, match="terms of service"):
        check_lock(spec, lock, upstream())
    check_lock(spec.model_copy(update={"accept_anaconda_terms": True}), lock, upstream())
    check_lock(spec, lock_set(spec), upstream())
