"""tests/support/audit_wheels.json: file names, sizes and sha256 of what tests/support/audit_truth.yml names.

    python -m scripts.record_audit_wheels

Asks the index which files there are; nothing is downloaded. A stack that was recorded stays as it is; delete its entry
to have it resolved anew. What the wheels leave undefined stands there too, and is kept: it was found with `nm -D` of
binutils, beside the real torch.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tomllib
from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

from tests.support.audit_truth import PYTHON, TRUTH, UV, WHEELS, platform_of

GLIBC = tuple(range(36, 4, -1))


def locked(lines: Iterable[str], machine: str, *options: str) -> list[dict[str, Any]]:
    """The wheel of each package, as uv locks them. machine: `x86_64`. SystemExit with what uv says when it fails."""
    with tempfile.TemporaryDirectory() as folder:
        asked, out = Path(folder, "asked.txt"), Path(folder, "pylock.toml")
        asked.write_text("\n".join(lines) + "\n")
        where = ("--python-version", PYTHON, "--python-platform", platform_of(machine))
        argv = [UV, "pip", "compile", "-q", "--native-tls", *where, *options, str(asked), "-o", str(out)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)
        packages = tomllib.loads(out.read_text())["packages"]
    return [_wheel(package, machine) for package in packages]


def _wheel(package: dict[str, Any], machine: str) -> dict[str, Any]:
    """The best of a package's wheels for this Python and machine."""
    minor = (int(PYTHON.partition(".")[0]), int(PYTHON.partition(".")[2]))
    platforms = [f"manylinux_2_{glibc}_{machine}" for glibc in GLIBC]
    platforms += [f"manylinux2014_{machine}", f"manylinux1_{machine}", f"linux_{machine}"]
    tags = [
        *cpython_tags(minor, platforms=platforms),
        *compatible_tags(minor, f"cp{minor[0]}{minor[1]}", platforms),
    ]
    rank = {tag: place for place, tag in enumerate(tags)}
    ranked = []
    for wheel in package.get("wheels", []):
        name = wheel.get("name") or wheel["url"].rsplit("/", 1)[1]
        places = [rank[tag] for tag in parse_wheel_filename(name)[3] if tag in rank]
        if places:
            ranked.append((min(places), name, wheel))
    if not ranked:
        sys.exit(f"no wheel of {package['name']} {package['version']} for {machine}")
    _, name, wheel = min(ranked, key=lambda one: one[:2])
    head = {"name": canonicalize_name(package["name"]), "version": package["version"], "file": name}
    return {**head, "size": wheel["size"], "sha256": wheel["hashes"]["sha256"]}


def main() -> None:
    """Write the file anew."""
    old = json.loads(WHEELS.read_text()) if WHEELS.exists() else {"wheels": {}, "stacks": {}}
    new: dict[str, Any] = {"wheels": {}, "stacks": {}}
    for case in TRUTH["cases"].values():
        for line in (case["wheel"], *case.get("also", ())):
            machine = case.get("machine", "x86_64")
            key = line if machine == "x86_64" else f"{line} {machine}"
            known = {
                name: old["wheels"][key][name]
                for name in ("undefined",)
                if name in old["wheels"].get(key, {})
            }
            new["wheels"][key] = {**locked((line,), machine, "--no-deps")[0], **known}
    for name, stack in TRUTH["stacks"].items():
        new["stacks"][name] = old["stacks"].get(name) or locked(
            stack["asked"], stack.get("machine", "x86_64")
        )
    WHEELS.write_text(json.dumps(new, indent=1) + "\n")


if __name__ == "__main__":
    main()
