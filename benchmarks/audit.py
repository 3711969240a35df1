"""What an audit costs on a full torch environment: `make bench-audit`, or with a folder that holds one already.

Reading is measured beside two yardsticks of the same run: hashing every byte of the same files, which is what "reading
them all" costs, and the loader's own `ldd` over them, which looks at links alone. The files are read once before, so
that the disk plays no part; a first audit pays for that too.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.first_image import median
from builder.audit.facts import Inventory
from builder.audit.payload.scan import processors, scan
from builder.report.columns import table

TIMES = 5
STACK = (
    "torch==2.15.0",
    "torchvision",
    "bitsandbytes",
    "torchao",
    "liger-kernel",
    "transformers",
    "peft",
    "trl",
)
FLAGS = "import torch; print(torch._C._cuda_getArchFlags())"


def installed(folder: Path) -> Path:
    """A virtual environment with the stack, from the index that uv uses."""
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run(
        [
            Path(sys.executable).with_name("uv"),
            "pip",
            "install",
            "--native-tls",
            "-q",
            "--python",
            python,
            *STACK,
        ],
        check=True,
    )
    return folder


def measure(root: Path) -> dict[str, object]:
    """Seconds as medians, bytes, and whether every architecture that torch names was read."""
    found = Inventory.model_validate(scan(str(root), reading="layers"))
    paths = [root / one.path.lstrip("/") for one in found.files]
    audit = median(lambda: scan(str(root), reading="layers", workers=processors()), TIMES)
    alone = median(lambda: scan(str(root), reading="layers", workers=1), TIMES)
    hashing = median(lambda: [hashlib.sha256(path.read_bytes()) for path in paths], 3)
    links = median(lambda: subprocess.run(["ldd", *paths], capture_output=True, check=False), 3)
    said = subprocess.run(
        [root / "bin/python", "-c", FLAGS], capture_output=True, text=True, check=True
    ).stdout.split()
    read = {name for one in found.files if "/torch/" in one.path for name in (*one.code, *one.ptx)}
    return {
        "files": len(paths),
        "bytes": sum(path.stat().st_size for path in paths),
        "audit": audit,
        "one process": alone,
        "sha256": hashing,
        "ldd": links,
        "torch says": said,
        "missed": sorted(set(said) - read),
    }


def main() -> None:
    """Measure, and print."""
    with tempfile.TemporaryDirectory(prefix="imgbuild-bench-") as scratch:
        root = Path(sys.argv[1]) if len(sys.argv) > 1 else installed(Path(scratch) / "torch")
        found = measure(root.resolve())
    audit = float(str(found["audit"]))
    rows = [
        [name, f"{float(str(found[name])):.2f} s", f"{audit / float(str(found[name])):.2f}"]
        for name in ("audit", "one process", "sha256", "ldd")
    ]
    print(table(["WHAT", "MEDIAN", "AUDIT / IT"], rows, color=False, width=100))
    print(json.dumps({name: value for name, value in found.items() if not isinstance(value, float)}))
    if found["missed"]:
        sys.exit(f"torch names architectures that were not read: {found['missed']}")


if __name__ == "__main__":
    main()
