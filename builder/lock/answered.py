"""Waiting for rattler's answer, so that the process may end at any moment afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Answer = TypeVar("Answer")

# rattler's thread touches the interpreter a moment after it has answered. A process that ends before that crashes
# with SIGSEGV or SIGABRT in its last breath (pyo3-async-runtimes, issue 40): 6 of 100 runs, none with the rest.
_REST = 0.02  # seconds


def answered(asked: Coroutine[Any, Any, Answer]) -> Answer:
    """`asyncio.run` for what rattler does; its errors come through as they are."""
    return asyncio.run(_with_rest(asked))


async def _with_rest(asked: Coroutine[Any, Any, Answer]) -> Answer:
    try:
        return await asked
    finally:
        await asyncio.sleep(_REST)
