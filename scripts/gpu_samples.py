"""tests/contract/audit/samples: small compiled files with known device code and known links, made by the real tools.

    python -m scripts.gpu_samples --cuda DIR --nvfatbin 12.8=LIB --nvfatbin 12.9=LIB [--check]

It installs nothing. What it needs: g++, aarch64-linux-gnu-g++ (package g++-aarch64-linux-gnu), readelf and strip; a
CUDA toolkit below DIR (bin/nvcc, bin/cuobjdump, lib/libcudart.so.13: the wheels nvidia-cuda-nvcc, nvidia-nvvm,
nvidia-cuda-crt, nvidia-cuda-runtime, nvidia-cuda-cccl and nvidia-cuda-cuobjdump, installed into one folder, have it
below nvidia/cu13); libnvfatbin of two CUDA 12 releases (nvidia-nvfatbin-cu12), because no wheel has CUDA 12's nvcc.
--check makes everything again and compares. None of NVIDIA's libraries is in what comes out: our own sources are
compiled, and linked against libcudart, not with it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.gpu_recipes import RECIPES, USED, Recipe
from scripts.nvfatbin import Fatbinary

SAMPLES = Path(__file__).parent.parent / "tests/contract/audit/samples"
CROSS = "aarch64-linux-gnu-"
SHARED = ("-shared", "-fPIC", "-O1", "-Wl,--build-id=none")
HEAD = """# Small compiled files with known content

Made by `scripts/gpu_samples.py` from the sources in `source/`, which are this project's; its head says what it needs.
They are linked against libcudart, not with it: of NVIDIA's there is only what nvcc adds to all that it compiles.
`samples.json` has, for each, the commands, what it was compiled for, and what NVIDIA's cuobjdump and GNU's readelf say
of it: the truth that the tests hold our reading against. cuobjdump leaves the `f` of machine code away (`sm_100f` runs
where `sm_100` runs), and reads only the two sections that nvcc writes.

"""


class Workshop:
    """The tools, and a scratch folder in which they run; commands are noted as a reader would type them."""

    def __init__(self, cuda: Path, libraries: Mapping[str, Path], scratch: Path) -> None:
        self.cuda = cuda.resolve()
        self.libraries = libraries
        self.scratch = scratch
        self.said: list[str] = []
        for source in (SAMPLES / "source").iterdir():
            shutil.copy(source, scratch / source.name)

    def run(self, *argv: str) -> None:
        """Run a tool. SystemExit with what it said when it fails."""
        done = subprocess.run(argv, cwd=self.scratch, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{shlex.join(argv)}\n{done.stdout}{done.stderr}")
        said = shlex.join(argv).replace(f"{self.cuda}/bin/", "")
        self.said.append(said.replace(str(self.cuda), "CUDA"))

    def asked(self, *argv: str) -> str:
        """What a tool says of a file, whatever it thinks of it."""
        done = subprocess.run(argv, cwd=self.scratch, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def nvcc(self, *argv: str) -> None:
        """The compiler; with a seed, so that the names it makes up stay the same."""
        include = f"-I{self.cuda}/include"
        self.run(f"{self.cuda}/bin/nvcc", "-frandom-seed=1", "-O1", "-cudart=none", include, *argv)


def with_nvcc(shop: Workshop, name: str, recipe: Recipe) -> None:
    """A shared object with device code."""
    cross = name == "aarch64.so"
    library = ("-L.", "-l:libstub.so") if cross else (f"-L{shop.cuda}/lib", "-l:libcudart.so.13")
    host = (f"-ccbin={CROSS}g++",) if cross else ()
    if cross:
        _stub(shop)
    link = ("-shared", "-Xcompiler=-fPIC", "-Xlinker=--build-id=none")
    shop.nvcc(*link, *host, *recipe.flags, recipe.source, *library, "-o", name)
    shop.run(f"{CROSS if cross else ''}strip", "--strip-all", name)


def _stub(shop: Workshop) -> None:
    """What takes the place of another machine's libcudart while linking."""
    text = "".join(f"int {name}(void) {{ return 0; }}\n" for name in USED)
    (shop.scratch / "stub.c").write_text(text)
    shop.run(f"{CROSS}gcc", *SHARED, "-w", "stub.c", "-Wl,-soname,libcudart.so.13", "-o", "libstub.so")


def as_cubin(shop: Workshop, name: str, recipe: Recipe) -> None:
    """Device code as a file of its own."""
    shop.nvcc("-cubin", f"-arch={recipe.targets[0]}", recipe.source, "-o", name)


def with_nvfatbin(shop: Workshop, name: str, recipe: Recipe) -> None:
    """Device code in ordinary data, where NVIDIA's own libraries have some, as a CUDA 12 release packs it."""
    parts = []
    for target in recipe.targets:
        kind = "ptx" if target.startswith("compute_") else "cubin"
        shop.nvcc(f"-{kind}", f"-arch={target}", recipe.source, "-o", "one.part")
        parts.append((target, (shop.scratch / "one.part").read_bytes()))
    packed = Fatbinary(shop.libraries[recipe.release]).packed(parts, ("-64", "-compress-all"))
    (shop.scratch / "inside.fatbin").write_bytes(packed)
    shop.said.append(f"libnvfatbin {recipe.release} -compress-all: {' '.join(recipe.targets)}")
    _include(shop, name)


def with_lto(shop: Workshop, name: str, recipe: Recipe) -> None:
    """Intermediate code, in ordinary data."""
    flags = ("-fatbin", "-rdc=true", "-gencode=arch=compute_80,code=lto_80")
    shop.nvcc(*flags, recipe.source, "-o", "inside.fatbin")
    _include(shop, name)


def _include(shop: Workshop, name: str) -> None:
    text = '.section .rodata\n.balign 8\n.globl inside\ninside: .incbin "inside.fatbin"\n'
    (shop.scratch / "inside.s").write_text(text + '.section .note.GNU-stack,"",@progbits\n')
    shop.run("gcc", *SHARED, "-nostdlib", "inside.s", "-o", name)


def with_linker(shop: Workshop, name: str, recipe: Recipe) -> None:
    """A shared object without device code. The library it asks for is linked against, and thrown away."""
    define = (f"-DWANTED={recipe.symbol}",) if recipe.symbol else ()
    library = ()
    if recipe.library:
        script = f"{recipe.version} {{ global: {recipe.symbol}; local: *; }};\n" if recipe.version else ""
        (shop.scratch / "gives.map").write_text(script)
        versioned = ("-Wl,--version-script=gives.map",) if script else ()
        named = f"-Wl,-soname,{recipe.library}"
        shop.run("gcc", *SHARED, "-nostdlib", *define, named, *versioned, "gives.c", "-o", "libgives.so")
        library = ("libgives.so",)
    compiler = "g++" if recipe.source.endswith(".cc") else "gcc"
    plain = () if recipe.source.endswith(".cc") else ("-nostdlib",)
    shop.run(compiler, *SHARED, *plain, *define, *recipe.flags, recipe.source, *library, "-o", name)
    shop.run("strip", "--strip-all", name)
    if recipe.headless:
        data = bytearray((shop.scratch / name).read_bytes())
        struct.pack_into("<Q", data, 40, 0)  # e_shoff
        struct.pack_into("<HH", data, 60, 0, 0)  # e_shnum, e_shstrndx
        (shop.scratch / name).write_bytes(data)


MAKERS = {
    "nvcc": with_nvcc,
    "cubin": as_cubin,
    "nvfatbin": with_nvfatbin,
    "lto": with_lto,
    "link": with_linker,
}


def truth(shop: Workshop, name: str, recipe: Recipe) -> dict[str, Any]:
    """How a sample was made, and what NVIDIA's and GNU's tools say of it."""
    data = (shop.scratch / name).read_bytes()
    listing = (f"{shop.cuda}/bin/cuobjdump", "--list-elf", "--list-ptx", "--all-fatbin", name)
    names = re.findall(r"\.(sm_[0-9]+[af]?\.(?:cubin|ptx))$", shop.asked(*listing), re.MULTILINE)
    dynamic = shop.asked("readelf", "-dW", name)
    return {
        "about": recipe.about,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "made": shop.said,
        "compiled_for": sorted(recipe.targets),
        "cuobjdump": sorted(set(names)),
        "needed": re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic),
        "rpath": re.findall(r"\(RPATH\).*\[(.*)\]", dynamic),
        "runpath": re.findall(r"\(RUNPATH\).*\[(.*)\]", dynamic),
        "wants": _wanted(shop.asked("readelf", "-VW", name)),
    }


def _wanted(said: str) -> dict[str, list[str]]:
    """Versions by library, from readelf's section of needs."""
    found: dict[str, list[str]] = {}
    for library, version in re.findall(r"File: (\S+)|Name: (\S+)", said.partition(".gnu.version_r")[2]):
        if library:
            found[library] = []
        else:
            list(found.values())[-1].append(version)
    return {library: sorted(versions) for library, versions in found.items()}


def versions(cuda: Path, libraries: Mapping[str, Path]) -> dict[str, str]:
    """Which tools made them."""
    said = subprocess.check_output([f"{cuda}/bin/nvcc", "--version"], text=True)
    tools = {"nvcc": re.findall(r"V([0-9.]+)", said)[0]}
    for name, argument in {
        "g++": "-dumpfullversion",
        f"{CROSS}g++": "-dumpfullversion",
        "ld": "--version",
    }.items():
        tools[name] = subprocess.check_output([name, argument], text=True).splitlines()[0]
    return {**tools, "libnvfatbin": ", ".join(sorted(libraries))}


def page(facts: dict[str, Any]) -> str:
    """README.md: one line for each."""
    tools = ", ".join(f"{name} {version}" for name, version in facts["tools"].items())
    rows = ["| file | why | compiled for | cuobjdump says | asks for |", "|---|---|---|---|---|"]
    for name, one in facts["samples"].items():
        asks = [f"{library} {' '.join(found)}".strip() for library, found in one["wants"].items()]
        asks += [library for library in one["needed"] if library not in one["wants"]]
        cells = (
            name,
            one["about"],
            " ".join(one["compiled_for"]),
            " ".join(one["cuobjdump"]),
            ", ".join(asks),
        )
        rows.append(f"| {' | '.join(cells)} |")
    return HEAD + f"Tools: {tools}.\n\n" + "\n".join(rows) + "\n"


@contextmanager
def _scratch() -> Iterator[Path]:
    """Always the same folder: nvcc makes names for relocatable code of the path it works in."""
    folder = Path(tempfile.gettempdir(), "imgbuild-gpu-samples")
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def make(cuda: Path, libraries: Mapping[str, Path], out: Path) -> None:
    """All samples, samples.json and README.md into a folder."""
    samples = {}
    for name, recipe in RECIPES.items():
        with _scratch() as folder:
            shop = Workshop(cuda, libraries, folder)
            MAKERS[recipe.kind](shop, name, recipe)
            samples[name] = truth(shop, name, recipe)
            shutil.copyfile(shop.scratch / name, out / name)
    facts = {"tools": versions(cuda, libraries), "samples": samples}
    (out / "samples.json").write_text(json.dumps(facts, indent=1) + "\n")
    (out / "README.md").write_text(page(facts))


def main() -> None:
    """Make them; with --check, say which would change, and exit 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cuda", type=Path, required=True)
    parser.add_argument("--nvfatbin", action="append", default=[], metavar="RELEASE=LIB")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    libraries = {release: Path(path) for release, _, path in (one.partition("=") for one in given.nvfatbin)}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        make(given.cuda, libraries, out)
        new = {path.name: path.read_bytes() for path in out.iterdir()}
    old = {path.name: path.read_bytes() for path in SAMPLES.iterdir() if path.is_file()}
    changed = sorted(name for name in new.keys() | old.keys() if new.get(name) != old.get(name))
    print("\n".join(f"differs: {name}" for name in changed) or "all as committed")
    if given.check:
        sys.exit(bool(changed))
    for name, data in new.items():
        (SAMPLES / name).write_bytes(data)


if __name__ == "__main__":
    main()
