"""What the package index lists of every locked wheel."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote, urlsplit

from builder.errors import ImgbuildError
from builder.lock.outdated.pip import Listed
from builder.lock.source import Source
from builder.lock.uv import index_of
from builder.network.offline import refuse_offline
from builder.network.session import Session
from builder.settings.patience import read_policy
from builder.store.simple import files_of

_READERS = 8
_LINKS = "--find-links"


def listed_wheels(names: Sequence[str], source: Source) -> tuple[Mapping[str, Sequence[Listed]], str]:
    """Files by name, and why those that are missing are: empty where all were told.

    The index is the one that uv takes the first name from. A kit has a folder of wheels in place of one.
    """
    words = source.wheel_index()
    if _LINKS in words:
        return _in_folder(Path(words[words.index(_LINKS) + 1]), names), ""
    found: dict[str, Sequence[Listed]] = {}
    troubles: dict[str, None] = {}
    try:
        refuse_offline("the package index")
        with tempfile.TemporaryDirectory(prefix="imgbuild-outdated-") as folder:
            url = index_of(names[0], index=words, folder=Path(folder))
    except ImgbuildError as error:
        return {}, error.what
    with ThreadPoolExecutor(_READERS) as pool:
        for name, answer in zip(names, pool.map(lambda name: _asked(url, name), names), strict=True):
            if isinstance(answer, str):
                troubles[answer] = None
            else:
                found[name] = answer
    return found, "; ".join(list(troubles)[:2])


def _asked(url: str, name: str) -> Sequence[Listed] | str:
    try:
        with Session() as session:
            files = files_of(session, url, name, read_policy())
    except ImgbuildError as error:
        return error.what
    return [Listed(file.filename, file.requires, file.yanked) for file in files]


def _in_folder(folder: Path, names: Sequence[str]) -> dict[str, Sequence[Listed]]:
    files = [Listed(unquote(urlsplit(path.name).path)) for path in sorted(folder.glob("*.whl"))]
    return dict.fromkeys(names, files)
