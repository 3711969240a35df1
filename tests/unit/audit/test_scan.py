from __future__ import annotations

import json
import shutil
import sysconfig
from pathlib import Path

from builder.audit.facts import Inventory
from builder.audit.payload.scan import scan
from builder.audit.payload.tree import Root, environment_of, search

SAMPLE = min(Path(sysconfig.get_path("platlib")).rglob("*.so"), key=lambda path: path.stat().st_size)
PREFIX = "opt/conda/envs/demo"
SITE = f"{PREFIX}/lib/python3.11/site-packages"


def image(root: Path, **files: str | bytes) -> Path:
    """A folder that stands for an image, with an extension of the distribution `demo`."""
    for name, content in {
        f"{PREFIX}/conda-meta/python-3.11.2-0.json": json.dumps(
            {"name": "python", "version": "3.11.2", "files": ["bin/python3.11"]}
        ),
        f"{SITE}/demo-1.0.dist-info/RECORD": "demo/_c.so,sha256=x,1\ndemo/a.py,,\n",
        **files,
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    for name in (f"{SITE}/demo/_c.so", f"{PREFIX}/bin/python3.11", "usr/lib/x86_64-linux-gnu/libx.so.1.0"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SAMPLE, root / name)
    return root


def read(root: Path, workers: int = 1) -> Inventory:
    return Inventory.model_validate(scan(str(root), reading="layers", first="/" + PREFIX, workers=workers))


def test_every_elf_file_is_found_with_its_owner(tmp_path: Path) -> None:
    found = read(image(tmp_path))
    assert {one.path: one.package for one in found.files} == {
        f"/{SITE}/demo/_c.so": "demo 1.0",
        f"/{PREFIX}/bin/python3.11": "python 3.11.2",
        "/usr/lib/x86_64-linux-gnu/libx.so.1.0": "",
    }
    assert found.prefixes == (f"/{PREFIX}",)
    assert {(one.name, one.version, one.conda) for one in found.distributions} == {
        ("demo", "1.0", False),
        ("python", "3.11.2", True),
    }


def test_several_processes_read_the_same(tmp_path: Path) -> None:
    image(tmp_path)
    assert read(tmp_path, 3).model_copy(update={"seconds": 0}) == read(tmp_path).model_copy(
        update={"seconds": 0}
    )


def test_text_is_not_opened_and_what_only_begins_like_elf_is_told(tmp_path: Path) -> None:
    image(tmp_path, **{"opt/x.bin": b"\x7fELF" + bytes(10) + b"x" * 80, "opt/y.py": b"\x7fELF" + bytes(100)})
    found = read(tmp_path)
    assert found.unread == {"/opt/x.bin": "it is not a 64-bit little-endian file"}


def test_which_torch_there_is(tmp_path: Path) -> None:
    cases = {
        "__version__ = '2.15.0+cu132'\ndebug = False\ncuda: Optional[str] = '13.2'\n": (
            "2.15.0+cu132",
            "13.2",
        ),
        "__version__ = '2.9.1+cpu'\ncuda: Optional[str] = None\nhip = None\n": ("2.9.1+cpu", None),
        "__version__ = '1.13.1'\ncuda = '11.7'\n": ("1.13.1", "11.7"),
    }
    for number, (text, told) in enumerate(cases.items()):
        root = image(tmp_path / str(number), **{f"{SITE}/torch/version.py": text})
        (torch,) = read(root).torch
        assert (torch.version, torch.cuda, torch.site) == (*told, f"/{SITE}")


def test_links_lead_to_files_inside_and_never_out(tmp_path: Path) -> None:
    root = image(tmp_path / "image")
    lib = root / "usr/lib/x86_64-linux-gnu"
    (lib / "libx.so.1").symlink_to("libx.so.1.0")
    (lib / "libx.so").symlink_to("/usr/lib/x86_64-linux-gnu/libx.so.1")
    (lib / "libround.so").symlink_to("libround.so")
    (lib / "libout.so").symlink_to("../../../../../../../" + str(SAMPLE))
    (root / "lib").symlink_to("usr/lib")
    found = read(root)
    assert found.links == {
        "/lib": "/usr/lib",
        "/usr/lib/x86_64-linux-gnu/libx.so": "/usr/lib/x86_64-linux-gnu/libx.so.1.0",
        "/usr/lib/x86_64-linux-gnu/libx.so.1": "/usr/lib/x86_64-linux-gnu/libx.so.1.0",
    }


def test_the_loaders_own_places(tmp_path: Path) -> None:
    root = image(
        tmp_path,
        **{
            "etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n/opt/lib # ours\n",
            "etc/ld.so.conf.d/a.conf": "/usr/lib/x86_64-linux-gnu\n",
            "etc/ld.so.conf.d/b.conf": "include /etc/ld.so.conf\n/nowhere\n",
        },
    )
    (root / "opt/lib").mkdir()
    (root / "lib").symlink_to("usr/lib")
    assert search(Root(str(root))) == ["/usr/lib/x86_64-linux-gnu", "/opt/lib", "/usr/lib"]


def test_a_file_belongs_to_the_innermost_environment() -> None:
    prefixes = ["/opt/conda", "/opt/conda/envs/a", "/"]
    assert environment_of("/opt/conda/envs/a/lib/x.so", prefixes) == "/opt/conda/envs/a"
    assert environment_of("/opt/conda/envs/ab/lib/x.so", prefixes) == "/opt/conda"
    assert environment_of("/usr/lib/x.so", prefixes) == "/"
    assert environment_of("/usr/lib/x.so", prefixes[:2]) == ""
