"""Names of GPUs, as people type them and as nvidia-smi prints them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import UsageError
from builder.gpu.gpus import find_gpu, spelling
from builder.gpu.tables import Gpu, gpus

ALL = st.sampled_from(list(gpus().values()))
BEFORE = st.sampled_from(["", "NVIDIA ", "nvidia-", "Nvidia  "])
AFTER = st.sampled_from(
    ["", " 80GB", "-80GB HBM3", " SXM5", "-SXM4-40GB", " PCIe", "-PCIE-16GB", " NVL", " Laptop GPU"]
)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("H100", "h100"),
        ("h100", "h100"),
        ("h100-80gb", "h100"),
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA H100 PCIe", "h100"),
        ("NVIDIA H100 NVL", "h100"),
        ("NVIDIA H200", "h200"),
        ("NVIDIA H20-3e", "h20"),
        ("NVIDIA GH200 480GB", "gh200"),
        ("NVIDIA GH200 144G HBM3e", "gh200"),
        ("NVIDIA B200", "b200"),
        ("NVIDIA GB10", "gb10"),
        ("dgx-spark", "gb10"),
        ("RTX 4090", "rtx4090"),
        ("rtx-4090", "rtx4090"),
        ("4090", "rtx4090"),
        ("NVIDIA GeForce RTX 4090", "rtx4090"),
        ("NVIDIA GeForce RTX 4090 D", "rtx4090d"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "rtx4090"),
        ("NVIDIA GeForce RTX 3080 Ti", "rtx3080ti"),
        ("NVIDIA GeForce RTX 2070 SUPER", "rtx2070super"),
        ("GTX 1080 Ti", "gtx1080ti"),
        ("NVIDIA GeForce GTX 1650 with Max-Q Design", "gtx1650"),
        ("Tesla V100-SXM2-16GB", "v100"),
        ("Tesla V100-DGXS-32GB", "v100"),
        ("Tesla V100S-PCIE-32GB", "v100"),
        ("NVIDIA TITAN V", "titanv"),
        ("NVIDIA TITAN X (Pascal)", "titanx"),
        ("GeForce GTX TITAN X", "gtxtitanx"),
        ("Tesla P100-PCIE-16GB", "p100"),
        ("Tesla T4", "t4"),
        ("NVIDIA A100-SXM4-40GB", "a100"),
        ("NVIDIA A100 80GB PCIe", "a100"),
        ("NVIDIA A100-SXM4-80GB MIG 3g.40gb", "a100"),
        ("GRID A100-40C", "a100"),
        ("NVIDIA A10-24Q", "a10"),
        ("NVIDIA A10G", "a10g"),
        ("NVIDIA RTX A6000", "rtxa6000"),
        ("NVIDIA RTX 6000 Ada Generation", "rtx6000ada"),
        ("Quadro RTX 6000", "quadrortx6000"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "rtxpro6000"),
        ("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", "rtxpro6000"),
        ("Orin (nvgpu)", "jetsonorin"),
        ("NVIDIA Jetson Orin Nano", "jetsonorin"),
        ("NVIDIA Thor", "jetsonthor"),
        ("9.0", "sm_90"),
        ("sm_90", "sm_90"),
        ("sm-90", "sm_90"),
        ("sm_90a", "sm_90"),
        ("SM_120", "sm_120"),
        ("compute_75", "sm_75"),
        ("12.1", "sm_121"),
        ("10.1", "sm_110"),
    ],
)
def test_a_name_means_a_gpu(name: str, key: str) -> None:
    assert find_gpu(name).key == key


@given(ALL, BEFORE, AFTER, st.randoms(use_true_random=False))
def test_case_separators_and_details_do_not_matter(gpu: Gpu, before: str, after: str, dice: object) -> None:
    choice, random = dice.choice, dice.random  # type: ignore[attr-defined]
    for name in (gpu.key, gpu.title, *gpu.names):
        spelled = "".join(
            choice(" -_") if letter == " " else letter.upper() if random() < 0.5 else letter
            for letter in name
        )
        assert find_gpu(f"{before}{spelled}{after}") == gpu


@given(st.text(max_size=30))
def test_any_other_text_is_refused_in_words(text: str) -> None:
    fault: UsageError | None = None
    try:
        found = find_gpu(text)
    except UsageError as error:
        fault = error
    if fault is None:
        assert found.key.startswith("sm_") or spelling(text)
    else:
        assert fault.fix


def test_a_capability_is_any_gpu_of_it() -> None:
    found = find_gpu("8.6")
    assert found.compute == "8.6"
    assert found.title == "any GPU of compute capability 8.6"
    assert not found.data_center
    assert found.first_cuda == find_gpu("a10").first_cuda


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("rtx6000", ["quadrortx6000", "rtxa6000", "rtx6000ada", "rtxpro6000"]),
        ("h1000", ["h100"]),
        ("rtx4095", ["rtx4090"]),
        ("v-1000", ["v100"]),
        ("sm_99", ["9.0", "12.1"]),
    ],
)
def test_near_names_are_told(name: str, near: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        find_gpu(name)
    assert [one for one in near if one not in caught.value.fix] == []
