"""Which commit a project's definitions are of."""

from __future__ import annotations

import logging

from builder import proc
from builder.network.redact import public
from builder.publish.record import Revision
from builder.spec.project import Project

_PATIENCE = 10.0  # seconds
_FAULTS = (OSError, proc.CommandFailed, proc.Expired)
log = logging.getLogger(__name__)


def revision_of(project: Project) -> Revision | None:
    """The commit of the folder that holds envs/, and whether files below envs/ differ from it.

    None where the project lies in no git repository, has no commit yet, or git is not there.
    """
    try:
        commit = _git(project, "rev-parse", "--verify", "HEAD")
        changed = bool(_git(project, "status", "--porcelain", "--", str(project.envs)))
    except _FAULTS as error:
        log.debug("no revision of %s: %s", project.root, error)
        return None
    return Revision(commit=commit, repository=_origin(project), changed=changed)


def _origin(project: Project) -> str:
    """Where the repository is from, without a secret; empty where it has no remote."""
    try:
        url = _git(project, "remote", "get-url", "origin")
    except _FAULTS:
        return ""
    return public(url) if "://" in url else url


def _git(project: Project, *words: str) -> str:
    return proc.run(["git", *words], cwd=project.root, timeout=_PATIENCE).stdout.strip()
