"""What the user adds: files copied into the image, and snippets of Dockerfile text."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from builder.errors import UsageError
from builder.render.model import RenderedFile
from builder.spec.fault import Fault
from builder.spec.ignored import holds_private_key, secret_fault, secret_name, taken
from builder.spec.model import CopiedFile, ImageSpec

Copies = list[tuple[str, str]]


def own_files(spec: ImageSpec) -> tuple[Copies, dict[str, RenderedFile]]:
    """COPY's pairs (folder of the context, absolute folder of the image), and the files by path in the
    context.

    Each entry is a folder of its own in the context, so that no name of the user's stands in a source. A file
    goes to `to`, or into it when `to` ends with a slash; a folder's content goes into `to`.
    """
    copies: Copies = []
    files: dict[str, RenderedFile] = {}
    for number, copied in enumerate(spec.files):
        source = spec.folder / copied.source
        try:
            folder, target, found = _entry(f"files/{number}", spec.folder, source, copied)
        except Fault as fault:
            raise UsageError(fault.what, where=str(source), fix=fault.fix) from fault
        copies.append((f"{folder}/", target))
        files |= found
    return copies, files


def _entry(
    folder: str, home: Path, source: Path, copied: CopiedFile
) -> tuple[str, str, dict[str, RenderedFile]]:
    if source.is_dir():
        found = {f"{folder}/{name}": _read(path, name) for name, path in _walk(home, source)}
        if not found:
            raise UsageError("there are no files in it", where=str(source), fix="remove it from files:")
        return folder, copied.to.rstrip("/") + "/", found
    (_, path), *_ = taken(_home(home, source), source)
    target = PurePosixPath(copied.to + source.name if copied.to.endswith("/") else copied.to)
    place = str(target.parent).rstrip("/") + "/"
    return folder, place, {f"{folder}/{target.name}": _read(_inside(path, source.parent), source.name)}


def _home(folder: Path, source: Path) -> Path:
    """The folder whose .dockerignore counts: the image's, or of an inherited file the folder it lies in."""
    return folder if source.is_relative_to(folder) else source.parent


def _walk(home: Path, root: Path) -> Iterator[tuple[str, Path]]:
    """Every file below a folder by its relative name, sorted; links may not lead out of it."""
    for name, path in taken(_home(home, root), root):
        if path.is_symlink() and path.is_dir():
            fix = "copy the folder in its place"
            raise UsageError("a linked folder cannot be copied", where=str(path), fix=fix)
        yield name, _inside(path, root)


def _inside(path: Path, root: Path) -> Path:
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise UsageError(
            "cannot be read", where=str(path), fix="restore it, or remove it from files:"
        ) from error
    if not real.is_relative_to(root.resolve()):
        raise UsageError("leads out of its folder", where=str(path), fix="copy the file in its place")
    if not real.is_file():
        raise UsageError("is not a plain file", where=str(path), fix="remove it from files:")
    return path


def _read(path: Path, name: str) -> RenderedFile:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror}", where=str(path), fix="check its rights"
        ) from error
    if secret_name(name):
        raise secret_fault(name)
    if holds_private_key(content):
        raise secret_fault(name, "holds a private key")
    return RenderedFile(content, 0o755 if os.access(path, os.X_OK) else 0o644)


def snippets(spec: ImageSpec) -> Mapping[str, str]:
    """Each snippet's text under a comment that names its file; '' where there is none."""
    return {place: _snippet(spec, place) for place in ("after_os", "after_environments", "end")}


def _snippet(spec: ImageSpec, place: str) -> str:
    named = {str(name): path for name, path in spec.snippets.items()}
    if place not in named:
        return ""
    path = _inside(spec.folder / named[place], (spec.folder / named[place]).parent)
    try:
        text = path.read_text(encoding="utf-8").replace("\r\n", "\n").strip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "cannot be read as UTF-8 text", where=str(path), fix="write it as plain text"
        ) from error
    _check_snippet(text, path)
    return f"# ---- Snippet {place}: {path.name} ----\n{text}"


def _check_snippet(text: str, path: Path) -> None:
    """A snippet adds steps to this page: it may not swallow the next one, nor begin another image."""
    if text.rstrip().endswith("\\"):
        raise UsageError(
            "its last line goes on after its end", where=str(path), fix="remove the last backslash"
        )
    if "FROM" in instructions(text):
        raise UsageError(
            "FROM would begin another image", where=str(path), fix="change base: in image.yml instead"
        )
    if "\0" in text:
        raise UsageError("holds a NUL", where=str(path), fix="write it as plain text")


def instructions(text: str) -> list[str]:
    """The instruction words of Dockerfile text, in capitals; a line that goes on, or a comment, begins none."""
    words: list[str] = []
    goes_on = False
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue  # empty lines and comments may stand between the lines of one instruction
        if not goes_on:
            words.append(line.split()[0].upper())
        goes_on = line.rstrip().endswith("\\")
    return words
