"""Tells the interfaces and routes there are, and what a name look-up and a connection answer."""

import json
import os
import socket
from pathlib import Path


def answer(attempt) -> str:
    """What an attempt to reach something ended with."""
    try:
        attempt()
    except OSError as error:
        return type(error).__name__
    return "reached"


numbers = {
    "interfaces": " ".join(name for _, name in socket.if_nameindex()),
    "routes": len(Path("/proc/net/route").read_text().splitlines()) - 1,
    "look-up": answer(lambda: socket.getaddrinfo("conda.anaconda.org", 443)),
    "connect": answer(lambda: socket.create_connection(("192.0.2.1", 443), timeout=3)),
}
Path(os.environ["IMGBUILD_RESULT"]).write_text(json.dumps(numbers))
