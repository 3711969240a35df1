"""NVIDIA's libnvfatbin: fat binaries as a given CUDA release writes them, where its nvcc is not to be had."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path


class Fatbinary:
    """One release of the library. Calls as in its nvFatbin.h; a result other than 0 raises RuntimeError."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))

    def _call(self, name: str, *arguments: object) -> None:
        result = getattr(self._library, name)(*arguments)
        if result:
            raise RuntimeError(f"{name} says {result}")

    def packed(self, parts: Sequence[tuple[str, bytes]], options: Sequence[str]) -> bytes:
        """A fat binary of (target, code) pairs: `sm_90a` a cubin, `compute_80` PTX."""
        handle = ctypes.c_void_p()
        texts = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        self._call("nvFatbinCreate", ctypes.byref(handle), texts, ctypes.c_size_t(len(options)))
        for name, code in parts:
            kind, _, arch = name.partition("_")
            data = code.rstrip(b"\0") + b"\0" if kind == "compute" else code
            common = (handle, data, ctypes.c_size_t(len(data)), arch.encode(), b"sample")
            if kind == "compute":
                self._call("nvFatbinAddPTX", *common, b"")
            else:
                self._call("nvFatbinAddCubin", *common)
        size = ctypes.c_size_t()
        self._call("nvFatbinSize", handle, ctypes.byref(size))
        whole = ctypes.create_string_buffer(size.value)
        self._call("nvFatbinGet", handle, whole)
        self._call("nvFatbinDestroy", ctypes.byref(handle))
        return whole.raw
