"""What wheels of torch and of NVIDIA's compiler say of themselves: members are read, nothing of them runs."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.parser import HeaderParser
from io import RawIOBase

from packaging.requirements import InvalidRequirement, Requirement

from builder.audit.archives import ARCHIVE_FAULTS
from builder.errors import BuildError

_CUDA = re.compile(r"^cuda\b[^=\n]*= *['\"]([0-9.]+)['\"]", re.MULTILINE)
_NONE = re.compile(r"^cuda\b[^=\n]*= *None", re.MULTILINE)
# As torch._C._cuda_getArchFlags() prints it: one text, blanks between, a zero byte behind. Before it stands whatever
# stands there: in 2.8.0 for Python 3.10 a letter.
_TARGET = rb"(?:sm|compute)_[0-9]{2,3}[af]?"
_FLAGS = re.compile(_TARGET + rb"(?: " + _TARGET + rb")*(?=\0)")
# The compiler's own list of what --gpu-name takes: checked against `ptxas --help` of 30 versions, 11.7 to 13.5. Its
# `sm_` texts are of no use for this: architectures that were dropped long ago are among them.
_COMPUTE = re.compile(rb"compute_([0-9]{2,3})([af]?)(?=\0)")
_PIECE = 1 << 20
_LONGEST = 1 << 10  # bytes of such a text, at most


@dataclass(frozen=True, slots=True)
class TorchWheel:
    """cuda: its line, `13.0`; targets as they stand there; requires: distribution to version."""

    cuda: str
    targets: tuple[str, ...]
    requires: dict[str, str]


def read_torch(wheel: RawIOBase, name: str) -> TorchWheel | None:
    """A wheel of torch; None for a build without CUDA. Raises BuildError for what cannot be read."""
    with _opened(wheel, name) as archive:
        version = archive.read("torch/version.py").decode()
        if _NONE.search(version):
            return None
        cuda = _CUDA.search(version)
        if cuda is None:
            raise _unread(name, "its version.py does not tell the CUDA line")
        texts = _texts(archive, "torch/lib/libtorch_python.so", _FLAGS)
        longest = max(texts, key=len, default=b"")
        if not longest or sum(len(one) == len(longest) for one in texts) > 1:
            raise _unread(name, "libtorch_python.so does not tell what it is compiled for")
        return TorchWheel(cuda[1], tuple(longest.decode().split()), _requires(archive, name))


def read_compiler(wheel: RawIOBase, name: str) -> tuple[str, ...]:
    """The compute capabilities that a wheel's ptxas compiles for, `7.5`, sorted. Raises BuildError."""
    with _opened(wheel, name) as archive:
        member = next((one for one in archive.namelist() if one.endswith("/bin/ptxas")), None)
        if member is None:
            raise _unread(name, "it holds no ptxas")
        numbers = {int(found[:-1] if found[-1:] in b"af" else found) for found in _suffixed(archive, member)}
    return tuple(f"{number // 10}.{number % 10}" for number in sorted(numbers))


def _suffixed(archive: zipfile.ZipFile, member: str) -> Iterator[bytes]:
    for text in _texts(archive, member, _COMPUTE):
        yield text.removeprefix(b"compute_")


@contextmanager
def _opened(wheel: RawIOBase, name: str) -> Iterator[zipfile.ZipFile]:
    """A wheel as an archive, with the faults of damaged ones in words."""
    try:
        # All that it takes of a file is there: read, seek and tell.
        with zipfile.ZipFile(wheel) as archive:
            yield archive
    except KeyError as error:
        raise _unread(name, "a file that tells it is not there") from error
    except ARCHIVE_FAULTS as error:
        raise _unread(name, "it is no wheel, or a damaged one") from error


def _texts(archive: zipfile.ZipFile, member: str, wanted: re.Pattern[bytes]) -> set[bytes]:
    """Every match in a member, which is never held as a whole."""
    found: set[bytes] = set()
    kept = b""
    with archive.open(member) as stream:
        while piece := stream.read(_PIECE):
            data = kept + piece
            found.update(match[0] for match in wanted.finditer(data))
            kept = data[-_LONGEST:]
    return {one for one in found if not any(one != other and other.endswith(b" " + one) for other in found)}


def _requires(archive: zipfile.ZipFile, name: str) -> dict[str, str]:
    """Versions that the metadata pins, by distribution: `==` and `~=`."""
    member = next((one for one in archive.namelist() if one.endswith(".dist-info/METADATA")), None)
    if member is None:
        raise _unread(name, "it has no metadata")
    lines = HeaderParser().parsestr(archive.read(member).decode()).get_all("Requires-Dist", [])
    pinned: dict[str, str] = {}
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement as error:
            raise _unread(name, f"its metadata has {line!r}") from error
        for one in requirement.specifier:
            if one.operator in {"==", "~="}:
                pinned[requirement.name] = one.version
    return pinned


def _unread(name: str, why: str) -> BuildError:
    fix = "run it again; if it stays so, the table has to be edited by hand, or this command to learn a new form"
    return BuildError(f"{name} cannot be read: {why}", where=name, fix=fix)
