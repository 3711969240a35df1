"""The base images: the shipped envs/_bases.yml, with a project's own rows added or put in their place."""

from __future__ import annotations

from builder.problems import Problem
from builder.shipped import shipped_dir
from builder.spec.document import read_document
from builder.spec.files import BasesFile
from builder.spec.model import Base
from builder.spec.project import BASES_FILE, Project
from builder.spec.translate import read_model

DEFAULT_BASE = "debian-bookworm"


def load_bases(project: Project) -> tuple[dict[str, Base], list[Problem]]:
    """Bases by key, and what is wrong in the files that name them."""
    bases: dict[str, Base] = {}
    problems: list[Problem] = []
    shipped = shipped_dir("envs") / BASES_FILE
    for path in dict.fromkeys((shipped, project.envs / BASES_FILE)):
        if path.exists() or path.is_symlink():
            document = read_document(path, project.label(path))
            file, faults = read_model(document, BasesFile)
            problems += [*document.problems, *faults]
            bases |= {key: Base(key=key, **row.model_dump()) for key, row in file.root.items()}
    return bases, problems
