"""Looking for a secret in whatever was written: as it is, and in each spelling in which it may travel."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus


def spellings(secret: str) -> dict[bytes, str]:
    """Bytes to look for, and what they are."""
    raw = secret.encode()
    found = {
        raw: "as it is",
        quote(secret, safe="").encode(): "percent-encoded",
        quote(secret).encode(): "percent-encoded, slashes kept",
        quote_plus(secret).encode(): "as a form",
        json.dumps(secret)[1:-1].encode(): "in JSON",
        repr(secret)[1:-1].encode(): "in Python",
        raw.hex().encode(): "in hex",
        raw[::-1]: "backwards",
        secret.encode("utf-16-le"): "in UTF-16",
    }
    for encode, name in ((base64.b64encode, "base64"), (base64.urlsafe_b64encode, "base64 for URLs")):
        for shift in range(3):
            # What stands around it (`USER:` in a Basic header) changes the letters at its edges only.
            text = encode(b"\0" * shift + raw + b"\0" * (-(shift + len(raw)) % 3))
            found[text[(0, 2, 3)[shift] : len(text) - 4]] = f"{name}, place {shift}"
    assert all(len(one) >= 8 for one in found), "too short to be looked for"
    return found


class Hunt:
    """Looks for secrets in bytes, files, archives and folders, and counts what it looked at."""

    def __init__(self, *secrets: str) -> None:
        self.needles = {needle: name for secret in secrets for needle, name in spellings(secret).items()}
        self.looked = 0

    def leaks(self, where: str, data: bytes) -> Iterator[str]:
        """Each finding as `WHERE: how it was spelled`, in the bytes and in what is packed in them."""
        self.looked += 1
        yield from (f"{where}: {name}" for needle, name in self.needles.items() if needle in data)
        for inner, content in unpacked(data):
            yield from self.leaks(f"{where}!{inner}", content)

    def below(self, *folders: Path, but: Iterable[str] = ()) -> list[str]:
        """What is in the files of these folders, and in the names of files and links there."""
        found: list[str] = []
        for folder in folders:
            for path in sorted(folder.rglob("*")):
                found += self.leaks(f"the name of {path}", str(path.relative_to(folder)).encode())
                if path.is_symlink():
                    found += self.leaks(f"the link {path}", str(path.readlink()).encode())
                elif path.is_file() and path.name not in but:
                    found += self.leaks(str(path), path.read_bytes())
        return found


def unpacked(data: bytes) -> Iterator[tuple[str, bytes]]:
    """What is inside, where these bytes are an archive or compressed; one level."""
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        import zstandard

        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True) as stream:
            yield "zstd", stream.read()
    elif data.startswith(b"\x1f\x8b"):
        yield "gzip", gzip.decompress(data)
    elif data.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            yield from ((name, packed.read(name)) for name in packed.namelist())
    elif data.startswith(b"BZh"):
        import bz2

        yield "bzip2", bz2.decompress(data)
    elif data[257:262] == b"ustar":
        yield from _members(data)


def _members(data: bytes) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            yield f"{member.name} (its header)", repr(member.get_info()).encode()
            if member.isreg() and (stream := tar.extractfile(member)) is not None:
                yield member.name, stream.read()
