"""How each of the samples in tests/contract/audit/samples is made, and what it was compiled for."""

from __future__ import annotations

from typing import NamedTuple

CUDART_12 = "libcudart.so.12"


class Recipe(NamedTuple):
    """One sample. kind: who makes it: nvcc (a shared object), cubin, nvfatbin, lto, or gcc alone (link).

    flags: for that compiler. targets: what the device code in it is for. about: why it is there. library, version,
    symbol: for `link`, what it asks of whom. release: for `nvfatbin`, of which CUDA. headless: its section
    headers are taken away afterwards.
    """

    kind: str
    about: str
    source: str = "scale.cu"
    flags: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    library: str = ""
    version: str = ""
    symbol: str = ""
    release: str = ""
    headless: bool = False


def _for(*pairs: str) -> tuple[str, ...]:
    """`80:sm_80,compute_80` as nvcc takes it."""
    return tuple(
        f"-gencode=arch=compute_{arch},code=[{code}]"
        for arch, _, code in (one.partition(":") for one in pairs)
    )


def _asks(about: str, library: str, symbol: str, version: str = "", **more: object) -> Recipe:
    return Recipe("link", about, "wants.c", library=library, symbol=symbol, version=version)._replace(**more)


RECIPES: dict[str, Recipe] = {
    "code_75.so": Recipe("nvcc", "code for one GPU", flags=_for("75:sm_75"), targets=("sm_75",)),
    "several.so": Recipe(
        "nvcc",
        "code for three, PTX of the newest",
        flags=_for("80:sm_80", "90:sm_90", "120:sm_120,compute_120"),
        targets=("sm_80", "sm_90", "sm_120", "compute_120"),
    ),
    "ptx_80.so": Recipe("nvcc", "PTX alone", flags=_for("80:compute_80"), targets=("compute_80",)),
    "sm_90a.so": Recipe("nvcc", "9.0 alone", flags=_for("90a:sm_90a"), targets=("sm_90a",)),
    "sm_100f.so": Recipe(
        "nvcc",
        "a family, in code and in PTX",
        flags=_for("100f:sm_100f,compute_100f"),
        targets=("sm_100f", "compute_100f"),
    ),
    "sm_100a.so": Recipe(
        "nvcc",
        "10.0 alone, in code and in PTX",
        flags=_for("100a:sm_100a,compute_100a"),
        targets=("sm_100a", "compute_100a"),
    ),
    "compressed.so": Recipe(
        "nvcc",
        "every kind of mark, all of it compressed with zstd",
        flags=(
            *_for(
                "80:sm_80,compute_80", "90a:sm_90a,compute_90a", "100f:sm_100f,compute_100f", "120a:sm_120a"
            ),
            *("-Xfatbin", "-compress-all"),
        ),
        targets=("sm_80", "compute_80", "sm_90a", "compute_90a", "sm_100f", "compute_100f", "sm_120a"),
    ),
    "uncompressed.so": Recipe(
        "nvcc",
        "the same without compression",
        flags=(
            *_for(
                "80:sm_80,compute_80", "90a:sm_90a,compute_90a", "100f:sm_100f,compute_100f", "120a:sm_120a"
            ),
            "--no-compress",
        ),
        targets=("sm_80", "compute_80", "sm_90a", "compute_90a", "sm_100f", "compute_100f", "sm_120a"),
    ),
    "relocatable.so": Recipe(
        "nvcc",
        "linked on its own: PTX in __nv_relfatbin only",
        flags=(*_for("75:sm_75,compute_75"), "--relocatable-device-code=true"),
        targets=("sm_75", "compute_75"),
    ),
    "stub.so": Recipe(
        "nvcc", "no kernel: nvcc leaves an empty piece of sm_75", "plain.cu", flags=_for("75:sm_75")
    ),
    "aarch64.so": Recipe(
        "nvcc", "another machine", flags=_for("90:sm_90", "110:sm_110"), targets=("sm_90", "sm_110")
    ),
    "sm_90a.cubin": Recipe("cubin", "device code as a file of its own", targets=("sm_90a",)),
    "sm_120.cubin": Recipe("cubin", "device code as a file of its own", targets=("sm_120",)),
    "cuda128.so": Recipe(
        "nvfatbin",
        "made by CUDA 12.8, compressed with LZ4, in .rodata",
        release="12.8",
        targets=("sm_75", "sm_90a", "sm_100a", "compute_80", "compute_90a", "compute_100a"),
    ),
    "cuda129.so": Recipe(
        "nvfatbin",
        "made by CUDA 12.9, which knows families",
        release="12.9",
        targets=("sm_86", "sm_100f", "compute_90", "compute_100f"),
    ),
    "lto.so": Recipe("lto", "intermediate code for link-time optimization, which no driver runs"),
    "false_magic.so": Recipe("link", "bytes that only start as a fat binary does", "false_magic.c"),
    "no_device_code.so": _asks("uses CUDA 13, has no code of its own", "libcudart.so.13", "cudaGetLastError"),
    "cudart_12.so": _asks("wants CUDA 12's runtime", CUDART_12, "cudaGetLastError", CUDART_12),
    "cudart_13.so": _asks(
        "wants CUDA 13's runtime", "libcudart.so.13", "cudaGetLastError", "libcudart.so.13"
    ),
    "missing.so": _asks("wants a library that nobody has", "libnowhere.so.9", "nowhere"),
    "driver.so": _asks("wants the driver's library", "libcuda.so.1", "cuInit"),
    "rpath.so": _asks(
        "DT_RPATH",
        "libbeside.so.1",
        "beside",
        flags=("-Wl,--disable-new-dtags,-rpath,$ORIGIN/lib:/opt/beside",),
    ),
    "runpath.so": _asks(
        "DT_RUNPATH",
        "libbeside.so.1",
        "beside",
        flags=("-Wl,--enable-new-dtags,-rpath,$ORIGIN/lib:/opt/beside",),
    ),
    "headless.so": _asks("no section headers", "libbeside.so.1", "beside", headless=True),
    "glibc_2_38.so": _asks("a glibc newer than Debian 12's", "libc.so.6", "newer", "GLIBC_2.38"),
    "glibcxx_3_4_32.so": _asks(
        "a libstdc++ newer than Debian 12's", "libstdc++.so.6", "newer", "GLIBCXX_3.4.32"
    ),
    "c10.so": Recipe("link", "symbols of torch's that no torch has", "c10.cc"),
}
USED = (
    "__cudaRegisterFatBinary",
    "__cudaRegisterFatBinaryEnd",
    "__cudaUnregisterFatBinary",
    "__cudaRegisterFunction",
    "__cudaInitModule",
    "__cudaGetKernel",
    "__cudaLaunchKernel",
    "__cudaPopCallConfiguration",
    "__cudaPushCallConfiguration",
    "cudaLaunchKernel",
    "cudaGetLastError",
)
"""What code that nvcc made asks of libcudart."""
