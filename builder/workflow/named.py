"""The image of the engine that somebody means by a name that is no environment of the project."""

from __future__ import annotations

from builder.engine.port import Engine, ImageInfo
from builder.errors import UsageError
from builder.spec.project import Project
from builder.spec.translate import near_or_all


def image_named(project: Project, name: str, engine: Engine) -> ImageInfo:
    """The image. Raises UsageError with near misses among the environments, EngineError when the engine goes away."""
    image = engine.find(name)
    if image is None:
        known = near_or_all(name, project.names())
        raise UsageError(
            f"{name!r} is neither an environment of this project nor an image in the engine",
            fix=f"{known}{'' if known.endswith('?') else ';'} an image of a registry has to be pulled first",
        )
    return image
