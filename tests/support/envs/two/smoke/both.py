"""Runs in both environments: tells which one it is."""

import json
import os
import sys
from pathlib import Path

Path(os.environ["IMGBUILD_RESULT"]).write_text(json.dumps({"prefix": sys.prefix}))
