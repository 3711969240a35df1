"""Specs of several shapes with their locks, for everything that looks at rendered pages."""

from __future__ import annotations

from pathlib import Path

from builder.lock.inputs import apt_lines
from builder.lock.model import EnvironmentLock, LockSet
from builder.plan import LARGE
from builder.spec.model import CondaEnvironment, CopiedFile, ImageSpec
from tests.support.lock_samples import (
    apt_package,
    conda_environment,
    conda_package,
    environment_lock,
    image_spec,
    lock_set,
    pip_package,
)

APT = (
    apt_package("cpp-12", "12.2.0-14+deb12u1", size=LARGE),
    apt_package("libstdc++6", "12.2.0-14+deb12u1"),
    apt_package("make", "4.3-4.1"),
)
SHAPES = ("minimal", "pip", "two-environments", "own-files", "hostile", "apt-and-terms", "apt")


def sample(shape: str, folder: Path) -> tuple[ImageSpec, LockSet]:
    """A spec of one shape and its lock. folder: where the shape's own files are written."""
    spec = _spec(shape, folder)
    environments = [_environment(one.name, shape, spec) for one in spec.environments]
    uv = {} if any(environment.pip for environment in environments) else {"uv": None}
    apt = {"apt": APT, "apt_inputs": apt_lines(spec)} if shape == "apt" else {}
    return spec, lock_set(spec, environments=tuple(environments), **uv, **apt)


def environment_with(asked: CondaEnvironment, spec: ImageSpec, **changes: object) -> EnvironmentLock:
    """The sample lock of an environment with some values changed."""
    return environment_lock(asked, spec).model_copy(update=changes)


def _environment(name: str, shape: str, spec: ImageSpec) -> EnvironmentLock:
    asked = next(one for one in spec.environments if one.name == name)
    plain = environment_with(asked, spec, variables=asked.variables)
    if shape == "minimal":
        return plain.model_copy(update={"pip": ()})
    if shape == "pip":
        wheels = (pip_package(), pip_package("torch", "2.15.0", size=LARGE), pip_package("rich", "15.0.0"))
        conda = (*plain.conda, conda_package("mkl", "2026.0", size=LARGE))
        return plain.model_copy(update={"pip": wheels, "conda": conda})
    if shape == "two-environments" and name == "serve":
        return plain.model_copy(update={"pip": ()})
    return plain


def _spec(shape: str, folder: Path) -> ImageSpec:
    if shape == "two-environments":
        train = conda_environment("train", variables={"MODE": "train", "ONLY_TRAIN": "1"})
        serve = conda_environment("serve", variables={"MODE": "it's $serving"})
        return image_spec(train, serve, name="pair", summary="Two environments in one image")
    if shape == "own-files":
        return _own(folder)
    if shape == "hostile":
        # without a backslash at its end, at which hadolint's own parser trips; the engine's test has one
        nasty = "\"'$(id)`id`{{ 7 }}\\ <<EOF # \\."
        return image_spec(
            summary=nasty,
            env={"NASTY": nasty, "REFERS": "${HOME} $PATH ${NASTY}"},
            labels={"a.b": nasty},
            cmd=(nasty,),
            entrypoint=(nasty,),
        )
    if shape == "apt":
        return image_spec(apt=("make", "cpp-12", "bash"), summary="Tools of the system")
    if shape == "apt-and-terms":
        return image_spec(apt=("libc6", "bash"), accept_anaconda_terms=True, name="apt")
    return image_spec(summary="Regression with scikit-learn")


def _own(folder: Path) -> ImageSpec:
    (folder / "app" / "sub").mkdir(parents=True)
    (folder / "app" / "main.py").write_text("print('hello')\n")
    (folder / "app" / "sub" / "run").write_text("#!/bin/sh\n")
    (folder / "app" / "sub" / "run").chmod(0o755)
    (folder / "settings.toml").write_text("a = 1\n")
    (folder / "os.Dockerfile").write_text("RUN true\n")
    (folder / "end.Dockerfile").write_text("# a comment\nENV LAST=1\n")
    return image_spec(
        folder=folder,
        files=(
            CopiedFile(source=Path("app"), to="/app"),
            CopiedFile(source=Path("settings.toml"), to="/etc/app/"),
            CopiedFile(source=Path("settings.toml"), to="/etc/app/other.toml"),
        ),
        snippets={"after_os": Path("os.Dockerfile"), "end": Path("end.Dockerfile")},
    )
