"""Runs inside the image: says which python it is. The host judges whether that is the environment's."""

import json
import os
import platform
import sys


def main() -> None:
    """Write the measurements to $IMGBUILD_RESULT."""
    numbers = {"python": platform.python_version(), "prefix": sys.prefix}
    with open(os.environ["IMGBUILD_RESULT"], "w", encoding="utf-8") as file:
        json.dump(numbers, file)


main()
