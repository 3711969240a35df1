"""Our reading of small files that NVIDIA's and GNU's tools made, against what those tools say of them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from builder.audit.facts import FileFacts, Inventory
from builder.audit.payload.elf import highest
from builder.audit.payload.scan import scan

SAMPLES = Path(__file__).with_name("samples")
TRUTH: dict[str, Any] = json.loads((SAMPLES / "samples.json").read_text())["samples"]
CUBINS = [name for name in TRUTH if name.endswith(".cubin")]
LIBRARIES = [name for name in TRUTH if name not in CUBINS]


@pytest.fixture(scope="module")
def read() -> dict[str, FileFacts]:
    found = Inventory.model_validate(scan(str(SAMPLES), reading="layers"))
    assert not found.unread
    return {one.path.lstrip("/"): one for one in found.files}


def test_every_sample_is_read_and_is_what_it_was(read: dict[str, FileFacts]) -> None:
    assert set(read) == set(TRUTH)
    for name, said in TRUTH.items():
        assert hashlib.sha256((SAMPLES / name).read_bytes()).hexdigest() == said["sha256"], name


@pytest.mark.parametrize("name", TRUTH)
def test_device_code_is_what_it_was_compiled_for(read: dict[str, FileFacts], name: str) -> None:
    assert sorted((*read[name].code, *read[name].ptx)) == TRUTH[name]["compiled_for"]


@pytest.mark.parametrize(
    "name", [name for name in LIBRARIES if TRUTH[name]["cuobjdump"] and name != "stub.so"]
)
def test_cuobjdump_says_the_same(read: dict[str, FileFacts], name: str) -> None:
    """It leaves the `f` of machine code away, and calls PTX by the same names as code."""
    ours = [f"{target.rstrip('f')}.cubin" for target in read[name].code]
    ours += [f"{target.replace('compute', 'sm')}.ptx" for target in read[name].ptx]
    assert sorted(ours) == TRUTH[name]["cuobjdump"]


@pytest.mark.parametrize("name", LIBRARIES)
def test_links_are_what_readelf_says(read: dict[str, FileFacts], name: str) -> None:
    said, ours = TRUTH[name], read[name]
    assert list(ours.needed) == said["needed"]
    assert [":".join(ours.rpath)] == (said["rpath"] or [""])
    assert [":".join(ours.runpath)] == (said["runpath"] or [""])
    assert ours.wants == {library: highest(versions) for library, versions in said["wants"].items()}
