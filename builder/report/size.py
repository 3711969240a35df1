"""Bytes as people read them."""

from __future__ import annotations


def human_size(size: int | None) -> str:
    """`0 B`, `12 kB`, `695 MB`, `1.2 GB`: decimal units, as docker prints them; `?` when nobody knows."""
    if size is None:
        return "?"
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if round(amount) < 1000:
            return f"{amount:.1f} {unit}" if unit == "GB" and amount < 10 else f"{amount:.0f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
