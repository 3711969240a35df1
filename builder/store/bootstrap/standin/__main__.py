"""`python -m conda_standin`."""

from __future__ import annotations

import sys

from builder.store.bootstrap.standin.cli import main

if __name__ == "__main__":
    sys.exit(main())
