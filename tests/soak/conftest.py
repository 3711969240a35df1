"""`make test` runs a short seeded part of what is here; whole torch environments are for `make soak` alone."""

from __future__ import annotations

import os

collect_ignore = [] if os.environ.get("SOAK_STACKS") else ["test_audit_truth.py"]
