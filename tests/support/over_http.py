"""`imgbuild` as a program whose package files come over HTTP: python -m tests.support.over_http URL WORDS...

A kit's files are read where they lie, so nothing of a kit is ever downloaded. For tests of the download this program
asks the server at URL for each of them, by its sha256, and all else is as in the command.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from builder.cli import main
from builder.lock.model import LockedFile
from builder.store.fetch import fetch
from builder.store.upstream import Upstream
from builder.workflow import supply


def over_http(url: str) -> None:
    """Let this process fetch from the server."""

    def fetched(files: Iterable[LockedFile], _source: object, *rest: Any) -> Mapping[str, Path]:
        served = [file.model_copy(update={"url": f"{url}/{file.sha256}"}) for file in files]
        return fetch(served, Upstream(), *rest)

    vars(supply)["fetch"] = fetched


if __name__ == "__main__":
    over_http(sys.argv.pop(1))
    sys.argv[0] = "imgbuild"
    main()
