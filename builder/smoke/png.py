"""Is this file a picture that shows something? Answered without an image library."""

from __future__ import annotations

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
MOST_PIXEL_BYTES = 64 * 2**20
FEWEST_VALUES = 16  # a picture of one colour has at most six byte values, whatever the filters


def png_fault(data: bytes) -> str:
    """Why this is no PNG with content, as the end of a sentence; empty when it is one."""
    try:
        return _fault(data)
    except (struct.error, zlib.error) as error:
        return f"a damaged PNG ({error})"


def _fault(data: bytes) -> str:
    if not data:
        return "an empty file"
    if not data.startswith(SIGNATURE):
        return "no PNG"
    chunks = _chunks(data)
    if not chunks or chunks[0][0] != b"IHDR" or chunks[-1][0] != b"IEND":
        return "a PNG that is cut short"
    width, height, depth, colour = struct.unpack(">IIBB", chunks[0][1][:10])
    row = 1 + (width * CHANNELS.get(colour, 0) * depth + 7) // 8
    if not width or not height or row == 1 or row * height > MOST_PIXEL_BYTES:
        return f"a PNG of an unusable size ({width} x {height} pixels)"
    packed = b"".join(body for kind, body in chunks if kind == b"IDAT")
    pixels = zlib.decompressobj().decompress(packed, row * height)  # never more than the header promised
    if len(pixels) < row * height:
        return "a PNG that is cut short"
    return "a PNG of one colour" if len(set(pixels)) < FEWEST_VALUES else ""


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """(kind, body) of each whole chunk whose checksum holds, up to IEND."""
    found: list[tuple[bytes, bytes]] = []
    at = len(SIGNATURE)
    while at + 12 <= len(data) and (not found or found[-1][0] != b"IEND"):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body, check = data[at + 8 : at + 8 + size], data[at + 8 + size : at + 12 + size]
        if len(check) < 4 or zlib.crc32(kind + body) != struct.unpack(">I", check)[0]:
            break
        found.append((kind, body))
        at += 12 + size
    return found
