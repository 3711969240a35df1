"""The hunt for secrets finds them: a search that cannot find anything would prove nothing."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
from pathlib import Path
from urllib.parse import quote

import pytest
import zstandard

from tests.support.leaks import Hunt
from tests.support.wheel_samples import write_wheel

SECRET = "pa%ss/w0rd:9c1f&e"
HIDDEN = {
    "plain": f"x{SECRET}y".encode(),
    "percent": quote(SECRET, safe="").encode(),
    "json": json.dumps({"a": SECRET}).encode(),
    "hex": SECRET.encode().hex().encode(),
    **{
        f"basic {'u' * count}": base64.b64encode(f"{'u' * count}:{SECRET}{'z' * count}".encode())
        for count in range(4)
    },
}


def tarred(name: str, data: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    return packed.getvalue()


@pytest.mark.parametrize("how", HIDDEN)
def test_a_secret_is_found_in_every_spelling(how: str) -> None:
    assert list(Hunt(SECRET).leaks("here", b"before " + HIDDEN[how] + b" after"))


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress, lambda data: tarred("a", data)])
def test_a_secret_is_found_in_what_is_packed(pack: object) -> None:
    assert callable(pack)
    found = list(Hunt(SECRET).leaks("here", pack(pack(SECRET.encode() * 100))))
    assert any(line.count("!") == 2 for line in found)


def test_a_secret_is_found_in_files_names_links_and_wheels(tmp_path: Path) -> None:
    (tmp_path / "token-0123456789").write_text("")
    (tmp_path / "link").symlink_to("token-0123456789")
    write_wheel(tmp_path, files={"sample/x": b"token-0123456789" * 1000})
    (tmp_path / "kept").write_text("token-0123456789")
    found = Hunt("token-0123456789").below(tmp_path, but=["kept"])
    assert {line.partition(":")[0].removeprefix(f"{tmp_path}/") for line in found} >= {
        f"the name of {tmp_path / 'token-0123456789'}",
        f"the link {tmp_path / 'link'}",
        "sample-1.2-py3-none-any.whl!sample/x",
    }
    assert not any("kept" in line for line in found)


def test_nothing_is_found_where_nothing_is() -> None:
    hunt = Hunt(SECRET)
    assert list(hunt.leaks("here", gzip.compress(b"pa%ss/w0rd:9c1f" * 100))) == []
    assert hunt.looked == 2
