"""imgbuild: named conda environments in, proven container images out."""

import os

__version__ = "0.1.0"

# pydantic looks through every installed distribution for plugins when it is first imported. None of ours has one,
# and the search is a tenth of the time that a short command takes.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
