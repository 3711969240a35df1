"""rattler alone: python -m benchmarks.yardstick CHANNEL... -- SPEC... prints URLs and seconds as JSON.

What a lock cannot be quicker than: the same specs, channels and machine, given to rattler as it comes.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from rattler import ChannelPriority, GenericVirtualPackage, PackageName, Version, solve
from rattler.package import BuildString

MACHINE = {
    "__archspec": ("1", "x86_64"),
    "__glibc": ("2.36", "0"),
    "__linux": ("4.18", "0"),
    "__unix": ("0", "0"),
}


async def alone(channels: list[str], specs: list[str]) -> list[str]:
    """The URLs of what rattler takes."""
    machine = [
        GenericVirtualPackage(PackageName(name), Version(version), BuildString(build))
        for name, (version, build) in MACHINE.items()
    ]
    found = await solve(
        channels, specs, platforms=["linux-64", "noarch"], virtual_packages=machine,
        channel_priority=ChannelPriority.Strict, channel_relations="disabled",
    )  # fmt: skip
    return [record.url for record in found]


if __name__ == "__main__":
    words = sys.argv[1:]
    border = words.index("--")
    begun = time.perf_counter()
    urls = asyncio.run(alone(words[:border], words[border + 1 :]))
    print(json.dumps({"urls": urls, "seconds": time.perf_counter() - begun}), flush=True)
    time.sleep(0.02)  # or rattler's threads may abort the ending interpreter (see builder.cli)
