"""Each test has caches of its own: what another one read from a channel or an index must not answer it."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _caches(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path_factory.mktemp("cache")
    # rattler's own default place, which its plain gateways use, follows XDG_CACHE_HOME.
    for name in ("XDG_CACHE_HOME", "IMGBUILD_CACHE", "UV_CACHE_DIR"):
        monkeypatch.setenv(name, str(cache / name.lower()))
