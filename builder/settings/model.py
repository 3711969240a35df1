"""Settings as a value: light, because every command that chooses a source carries it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Settings:
    """Settings from one place, or from all of them together. Prefixes end in `/`, channel URLs do not.

    mirrors: canonical prefix to the prefix that is asked instead. wheel_index: empty leaves uv to its own
    configuration. cpu_wheel_index: one more index for images that declare no `cuda:`, empty for none.
    """

    mirrors: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    wheel_index: str = ""
    cpu_wheel_index: str = ""

    def over(self, other: Settings) -> Settings:
        """These settings, and the other's where these say nothing."""
        return Settings(
            mirrors={**other.mirrors, **self.mirrors},
            channels={**other.channels, **self.channels},
            wheel_index=self.wheel_index or other.wheel_index,
            cpu_wheel_index=self.cpu_wheel_index or other.cpu_wheel_index,
        )

    def address(self, url: str) -> str:
        """Where the bytes of a canonical URL are asked for; the longest mirrored prefix decides."""
        return _swapped(url, self.mirrors)

    def canonical(self, url: str) -> str:
        """The canonical URL of one that a mirror answered with; others as they are."""
        return _swapped(url, {place: prefix for prefix, place in self.mirrors.items()})


def _swapped(url: str, prefixes: Mapping[str, str]) -> str:
    # A channel's URL has no slash at its end and may be a prefix itself.
    best = max((one for one in prefixes if f"{url}/".startswith(one)), key=len, default=None)
    if best is None:
        return url
    moved = prefixes[best] + f"{url}/".removeprefix(best)
    return moved.removesuffix("/")
