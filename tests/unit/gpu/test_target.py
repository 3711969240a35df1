"""What code runs where: the rules of NVIDIA's guide, and what ptxas 12.9 and 13.5 answered when they were tried."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.gpu.target import JETSON, Capability, Target, capability, cover, is_unified, target

CAPABILITIES = [
    Capability(*pair)
    for pair in ((5, 2), (6, 0), (6, 1), (7, 0), (7, 2), (7, 5), (8, 0), (8, 6), (8, 7), (8, 9), (9, 0), (10, 0),
                 (10, 3), (10, 7), (11, 0), (12, 0), (12, 1))
]  # fmt: skip
SOME = st.sampled_from(CAPABILITIES)


@pytest.mark.parametrize(
    ("code", "gpu", "answer"),
    [
        ("sm_86", "8.9", True),
        ("sm_86", "8.0", False),
        ("sm_80", "9.0", False),
        ("sm_60", "6.1", True),
        ("sm_70", "7.5", True),
        ("sm_100", "10.3", True),
        ("sm_100", "10.7", True),
        ("sm_120", "12.1", True),
        ("sm_100", "12.0", False),
        ("sm_90", "10.0", False),
        # of one architecture alone
        ("sm_90a", "9.0", True),
        ("sm_90a", "10.0", False),
        ("sm_100a", "10.3", False),
        ("sm_120a", "12.1", False),
        # of a family
        ("sm_100f", "10.0", True),
        ("sm_100f", "10.3", True),
        ("sm_100f", "10.7", True),
        ("sm_100f", "11.0", False),
        ("sm_100f", "12.0", False),
        ("sm_103f", "10.0", False),
        ("sm_120f", "12.1", True),
        # PTX
        ("compute_80", "12.1", True),
        ("compute_90", "8.9", False),
        ("compute_90a", "9.0", True),
        ("compute_90a", "10.0", False),
        ("compute_90a", "12.0", False),
        ("compute_100a", "10.3", False),
        ("compute_100f", "10.3", True),
        ("compute_100f", "10.7", True),
        ("compute_100f", "11.0", False),
        ("compute_100f", "12.0", False),
        ("compute_103f", "10.0", False),
        # Thor: 10.1 of old, 11.0 now
        ("sm_101", "11.0", True),
        ("sm_101a", "11.0", True),
        ("sm_101f", "11.0", True),
        ("sm_100", "11.0", False),
        ("sm_101", "10.3", False),
        ("sm_110", "10.1", True),
        ("compute_101", "10.3", True),
        ("compute_101", "11.0", True),
        ("compute_101f", "12.0", False),
        # Jetson's GPUs take no code of others before CUDA 13.2, and give none
        ("sm_80", "8.7", False),
        ("sm_87", "8.7", True),
        ("sm_87", "8.9", False),
        ("sm_70", "7.2", False),
        ("sm_72", "7.5", False),
        ("compute_80", "8.7", True),
    ],
)
def test_where_code_runs(code: str, gpu: str, answer: bool) -> None:
    assert target(code).runs_on(capability(gpu)) is answer


def test_code_of_newer_toolkits_runs_on_jetson() -> None:
    orin = Capability(8, 7)
    assert target("sm_80").runs_on(orin, unified=True)
    assert not target("sm_89").runs_on(orin, unified=True)
    assert not target("sm_87").runs_on(Capability(8, 9), unified=True)
    assert not is_unified("13.1")
    assert is_unified("13.2")
    assert is_unified("14.0")
    assert not is_unified("9.2")


@given(SOME, SOME, st.booleans())
def test_machine_code_never_crosses_majors(code: Capability, gpu: Capability, unified: bool) -> None:
    if Target(code).runs_on(gpu, unified=unified):
        assert code.major == gpu.major
        assert code <= gpu


@given(SOME, SOME)
def test_a_suffix_only_narrows(code: Capability, gpu: Capability) -> None:
    for ptx in (False, True):
        plain, family, own = (Target(code, ptx, only) for only in ("", "f", "a"))
        if own.runs_on(gpu):
            assert family.runs_on(gpu)
        if family.runs_on(gpu) and gpu not in JETSON and code not in JETSON:
            assert plain.runs_on(gpu)


@given(SOME, st.sampled_from(["", "a", "f"]), st.booleans())
def test_everything_runs_where_it_was_compiled_for(code: Capability, only: str, ptx: bool) -> None:
    assert Target(code, ptx, only).runs_on(code)


@given(st.lists(st.builds(Target, SOME, st.booleans(), st.sampled_from(["", "a", "f"])), max_size=6), SOME)
def test_cover_is_the_best_of_all(targets: list[Target], gpu: Capability) -> None:
    found = cover(tuple(targets), gpu)
    fitting = [one for one in targets if one.runs_on(gpu)]
    assert (found == "runs") == any(not one.ptx for one in fitting)
    assert (found == "none") == (not fitting)
    assert found != "jit" or cover((*targets, Target(gpu)), gpu) == "runs"


@given(st.builds(Target, SOME, st.booleans(), st.sampled_from(["", "a", "f"])))
def test_what_is_written_is_read(one: Target) -> None:
    assert target(str(one)) == one


@pytest.mark.parametrize(
    "text", ["", "sm_", "sm_9", "sm_90b", "sm_1000", "SM_90", "compute90", "lto_90", "sm_90 "]
)
def test_other_words_are_no_target(text: str) -> None:
    with pytest.raises(ValueError, match="no target"):
        target(text)
