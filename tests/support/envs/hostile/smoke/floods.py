"""Prints 200 MB, in lines and in one line, and leaves what is nearly too much. Nothing of that is forbidden."""

import os
import sys
from pathlib import Path

for _ in range(1000):
    sys.stdout.write("a line that says little\n" * 4000)
for _ in range(1000):
    sys.stdout.write("x" * 100_000)
print("\nthe end")
out = Path(os.environ["IMGBUILD_RESULT"]).parent
for number in range(6):
    (out / f"large{number}.bin").write_bytes(bytes(10_000_000))
