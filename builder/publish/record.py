"""What is kept of a push."""

from __future__ import annotations

from builder import __version__
from builder.values import Value


class Revision(Value):
    """The commit that an image was built from. repository: the remote `origin`, without a secret, or empty. changed:
    files below envs/ were not as the commit has them."""

    commit: str
    repository: str
    changed: bool


class Pushed(Value):
    """The record of a push, enough to see what was put where.

    digest: of the manifest; index: of the index over several platforms. tags: each with what it stands for now; moved:
    what it stood for before, where that was something else. waiting: platforms that are not there yet, each with the
    reason, so that no tag was moved. signed: digests that cosign signed. failed: the tag at which
    it stopped, and why; those in `tags` stand by then. done: False for a dry run.
    """

    format: int = 1
    image: str
    image_id: str
    plan_digest: str
    lock_digest: str
    platform: str
    repository: str
    permanent: str
    digest: str = ""
    index: str = ""
    tags: dict[str, str] = {}
    moved: dict[str, str] = {}
    waiting: dict[str, str] = {}
    beside: dict[str, str] = {}
    signed: tuple[str, ...] = ()
    unproven: str = ""
    failed: str = ""
    proven: bool
    engine: str
    version: str = __version__
    finished: str
    done: bool = True
