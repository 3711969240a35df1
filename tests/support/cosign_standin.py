"""What stands in for cosign in tests: it notes how it was called, and puts something under the tag of a signature.

It proves what we ask of cosign, and nothing of cosign itself. COSIGN_STANDIN names the file of notes; a key that holds
`refused` makes it fail as cosign does.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import urllib.request
from pathlib import Path
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def standin(folder: Path) -> Path:
    """A folder for PATH with a program `cosign`; its notes come to lie in `notes` there."""
    folder.mkdir()
    program = folder / "cosign"
    lines = [f"#!{sys.executable}", "import sys", f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})",
             "from tests.support.cosign_standin import main", "main()"]  # fmt: skip
    program.write_text("\n".join(lines) + "\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return folder


def notes(folder: Path) -> list[dict[str, Any]]:
    """Each call: words, variables, and the tags of the repository at that time."""
    path = folder / "notes"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def main() -> None:
    """As `cosign sign ... HOST/REPOSITORY@DIGEST`."""
    words = sys.argv[1:]
    name, _, digest = words[-1].partition("@")
    host, _, repository = name.partition("/")
    base = f"http://{host}/v2/{repository}"
    with _open(f"{base}/tags/list") as answer:
        tags = json.load(answer)["tags"]
    variables = {key: value for key, value in os.environ.items() if key.startswith("COSIGN_")}
    with (Path(sys.argv[0]).parent / "notes").open("a") as file:
        file.write(json.dumps({"words": words, "variables": variables, "tags": tags}) + "\n")
    with _open(f"{base}/manifests/{digest}", Accept=MANIFEST):
        pass  # what is signed must be there
    if "refused" in Path(words[words.index("--key") + 1]).read_text():
        password = os.environ.get("COSIGN_PASSWORD", "")
        sys.exit(f"Error: signing: reading key: decrypt: encrypted: decryption failed ({password})")


def _open(url: str, **headers: str) -> Any:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return opener.open(urllib.request.Request(url, headers=headers), timeout=10)
