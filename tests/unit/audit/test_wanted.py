"""What compiled files are held against, where there is no definition."""

from __future__ import annotations

import pytest

from builder.audit.wanted import wanted_of
from builder.errors import UsageError

LABEL = "io.imgbuild.gpus"


def test_gpus_that_were_asked_for_each_once() -> None:
    found = wanted_of("img", ["h100", "H100 80GB", "t4"], "580", {LABEL: "sm_75"})
    assert [gpu.key for gpu in found.gpus] == ["h100", "t4"]
    assert found.claimed == ("sm_75",)


def test_without_any_all_that_the_label_claims() -> None:
    found = wanted_of("img", [], None, {LABEL: "sm_75 sm_90 sm_90a sm_120 compute_120"})
    assert [gpu.key for gpu in found.gpus] == ["sm_75", "sm_90", "sm_120"]


def test_without_a_label_none() -> None:
    found = wanted_of("img", [], None, {})
    assert (found.gpus, found.claimed) == ((), None)


def test_an_unknown_gpu() -> None:
    with pytest.raises(UsageError):
        wanted_of("img", ["h1000"], None, {})


def test_a_label_is_anybodys_text() -> None:
    found = wanted_of("img", [], None, {LABEL: "sm_90 \x1b[31m everything sm_9999 sm_00"})
    assert [gpu.key for gpu in found.gpus] == ["sm_90"]
    assert found.claimed is not None
    assert "everything" in found.claimed
