"""The page: one spec and its lock as a Dockerfile that a person can read from top to bottom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from builder.errors import UsageError
from builder.fit.facts import Facts, image_facts
from builder.lock.model import EnvironmentLock, LockSet
from builder.render.floor import check_base
from builder.render.gpus import PATH as GPU_NEEDS
from builder.render.gpus import gpu_needs
from builder.render.held import constraint_files, held, variables
from builder.render.locks import lock_files, variables_script
from builder.render.model import Rendered, RenderedFile
from builder.render.own import own_files, snippets
from builder.render.quoting import FILTERS, only_quoted
from builder.spec.model import ImageSpec
from builder.store.group import PackageGroup

Templates = Path | Sequence[Path]
CONDA = "/opt/conda"
ENTRYPOINT = "/usr/local/bin/imgbuild-entrypoint"
BASE_TAR = "base.tar"
# Where libraries keep what they download or compile; without these they want a home that can be written.
CACHES = {
    "XDG_CACHE_HOME": "/cache",
    "CUDA_CACHE_PATH": "/cache/cuda",
    "CUPY_CACHE_DIR": "/cache/cupy",
    "HF_HOME": "/cache/huggingface",
    "KERAS_HOME": "/cache/keras",
    "MPLCONFIGDIR": "/cache/matplotlib",
    "NUMBA_CACHE_DIR": "/cache/numba",
    "TORCHINDUCTOR_CACHE_DIR": "/cache/torchinductor",
    "TORCH_EXTENSIONS_DIR": "/cache/torch_extensions",
    "TORCH_HOME": "/cache/torch",
    "TRITON_CACHE_DIR": "/cache/triton",
}


def render(
    spec: ImageSpec,
    lock: LockSet,
    groups: Sequence[PackageGroup],
    *,
    templates: Templates,
    plain_mounts: bool = False,
    extra_labels: Mapping[str, str] | None = None,
) -> Rendered:
    """The Dockerfile and its context. Equal inputs give equal bytes, wherever and whenever.

    templates: where the page is looked for, the first that has a file wins. plain_mounts: package files lie
    in the context (`render --output`) and not in the engine. extra_labels: what is known only afterwards.
    Raises UsageError for a base that cannot carry the packages and for values that cannot stand in a
    Dockerfile, LockError for a lock that must not be built from.
    """
    check_base(spec, lock)
    jinja = _jinja(templates)
    copies, own = own_files(spec)
    files = {**lock_files(lock, groups), **constraint_files(lock), **own}
    environments = [_environment(environment, groups, lock) for environment in lock.environments]
    facts = image_facts(spec, lock)
    files |= _rootfs(jinja, lock, facts)
    values = {
        **_head(spec, lock, plain_mounts),
        "installer": _installer(lock, groups),
        "apt_groups": [group for group in groups if group.kind == "apt"],
        "uv_group": next((group for group in groups if group.kind == "uv"), None),
        "environments": environments,
        "environments_title": _environments_title(lock),
        "gpu_facts": facts is not None,
        "env": [*_env(spec, lock), *_nvidia(facts)],
        "own_env": _own_env(spec, lock),
        "copies": copies,
        "snippets": snippets(spec),
        "labels": sorted(
            {**_labels(spec, lock), **(facts.labels if facts else {}), **(extra_labels or {})}.items()
        ),
    }
    page = _fill(jinja, "conda.Dockerfile.j2", values)
    return Rendered(page.rstrip("\n") + "\n", dict(sorted(files.items())))


def _jinja(templates: Templates) -> jinja2.Environment:
    folders = [templates] if isinstance(templates, Path) else list(templates)
    environment = jinja2.Environment(  # noqa: S701  (no HTML: what passes no filter is not printed)
        loader=jinja2.FileSystemLoader([str(folder) for folder in folders]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=only_quoted,
    )
    environment.filters.update(FILTERS)
    return environment


def _fill(jinja: jinja2.Environment, name: str, values: Mapping[str, Any]) -> str:
    """Fill one template. Raises UsageError with file and line when the template itself is wrong."""
    try:
        return jinja.get_template(name).render(values)
    except jinja2.TemplateSyntaxError as error:
        where = f"{error.filename or error.name}:{error.lineno}"
        raise UsageError(f"the template is not valid: {error.message}", where=where, fix="mend it") from error
    except (jinja2.TemplateError, TypeError) as error:
        raise UsageError(
            f"the template cannot be filled: {error}", where=name, fix="mend the template"
        ) from error


def _head(spec: ImageSpec, lock: LockSet, plain_mounts: bool) -> dict[str, Any]:
    base = lock.base
    return {
        "plain_mounts": plain_mounts,
        "image": spec.ref,
        "tag": spec.tag(),
        "summary": spec.summary,
        "base": {
            "key": base.key,
            "ref": base.ref,
            "glibc": base.glibc,
            "tar": BASE_TAR if plain_mounts and base.tar is not None and not base.image_id else "",
            "archive": BASE_TAR if base.image_id else "",
        },
        "apt": spec.apt,
        "apt_title": f"OS packages: {', '.join(spec.apt)}",
        "accept_terms": spec.accept_anaconda_terms,
        "user": {"name": spec.user.name, "uid": spec.user.uid, "home": _home(spec)},
        "workdir": spec.workdir,
        "cache_folders": sorted(set(CACHES.values()) - {"/cache"}),
        "entrypoint": (ENTRYPOINT, *spec.entrypoint),
        "cmd": spec.cmd,
    }


def _home(spec: ImageSpec) -> str:
    return f"/home/{spec.user.name}"


def _installer(lock: LockSet, groups: Sequence[PackageGroup]) -> dict[str, Any]:
    kind = {"miniconda": "Miniconda", "miniforge": "Miniforge"}.get(lock.installer.kind, lock.installer.kind)
    # One that was given need not be what the definition's table row names: its own file name is what is known.
    name = lock.installer.filename if lock.installer.given else f"{kind} {lock.installer.version}"
    return {
        "title": f"{name}{' (stand-in)' if lock.installer.stand_in else ''}",
        "filename": lock.installer.filename,
        "group": next(group for group in groups if group.kind == "installer"),
    }


def _environment(
    environment: EnvironmentLock, groups: Sequence[PackageGroup], lock: LockSet
) -> dict[str, Any]:
    mine = [group for group in groups if group.environment == environment.name]
    return {
        "name": environment.name,
        "prefix": _prefix(environment),
        "channels": environment.channels,
        "python": environment.python,
        "variables": bool(variables(environment, lock)),
        "held": bool(held(environment)),
        # bytecode without its prefix is the same in all environments, and import puts the real path in
        "strips": len(lock.environments) > 1 and _minor(environment.python) >= (3, 9),
        "title": _environment_title(environment),
        "conda_groups": [group for group in mine if group.kind == "conda"],
        "pip_groups": [group for group in mine if group.kind == "pip"],
    }


def _minor(python: str) -> tuple[int, ...]:
    """(3, 11) of `3.11.2`; () without a python."""
    return tuple(int(part) for part in python.split(".")[:2] if part.isdigit())


def _environments_title(lock: LockSet) -> str:
    """One environment in full; of several the names, because each has its title at its own steps."""
    if len(lock.environments) == 1:
        return _environment_title(lock.environments[0])
    return f"Environments {', '.join(environment.name for environment in lock.environments)}"


def _environment_title(environment: EnvironmentLock) -> str:
    counts = [f"{len(environment.conda)} conda packages"]
    if environment.pip:
        counts.append(f"{len(environment.pip)} wheel{'s' if len(environment.pip) != 1 else ''}")
    if environment.python:
        counts.append(f"Python {environment.python}")
    return f"Environment {environment.name}: {', '.join(counts)}"


def _prefix(environment: EnvironmentLock) -> str:
    return f"{CONDA}/envs/{environment.name}"


def _env(spec: ImageSpec, lock: LockSet) -> list[tuple[str, str]]:
    """What imgbuild itself tells every process of the image, besides PATH."""
    active = lock.environments[0]
    activation = {
        "CONDA_PREFIX": _prefix(active),
        "CONDA_DEFAULT_ENV": active.name,
        "CONDA_SHLVL": "1",
        "CONDA_EXE": f"{CONDA}/bin/conda",
        "CONDA_PYTHON_EXE": f"{CONDA}/bin/python",
        "HOME": _home(spec),
        "USER": spec.user.name,
        "LOGNAME": spec.user.name,
        "LANG": "C.UTF-8",
    }
    return list({**activation, **CACHES}.items())


def _own_env(spec: ImageSpec, lock: LockSet) -> list[tuple[str, str]]:
    """What the definition adds: the environment's `variables:`, and the image's `env:`, which wins over all."""
    first = variables(lock.environments[0], lock)
    return list({**dict(sorted(first.items())), **dict(sorted(spec.env.items()))}.items())


def _labels(spec: ImageSpec, lock: LockSet) -> dict[str, str]:
    described = {"org.opencontainers.image.title": spec.ref}
    if spec.summary:
        described["org.opencontainers.image.description"] = spec.summary
    own = {
        "io.imgbuild.kind": "image",  # a kit's base says `base`, and labels are inherited
        "io.imgbuild.source": lock.source.label,
        "io.imgbuild.image": spec.ref,
        "io.imgbuild.lock": lock.digest,
        "io.imgbuild.stand-in": "true" if lock.installer.stand_in else "false",
    }
    return {**described, **spec.labels, **own}


def _nvidia(facts: Facts | None) -> list[tuple[str, str]]:
    """What the container toolkit reads: which GPUs and parts of the driver to bring in, and which driver must be there.

    Images without CUDA have none of it: with it, hosts would bring in GPUs, or refuse to start them. The base's own
    NVIDIA_REQUIRE_CUDA, of an image of CUDA, is replaced.
    """
    if facts is None:
        return []
    return [
        ("NVIDIA_VISIBLE_DEVICES", "all"),
        ("NVIDIA_DRIVER_CAPABILITIES", "compute,utility"),
        ("NVIDIA_REQUIRE_CUDA", facts.requires),
    ]


def _rootfs(jinja: jinja2.Environment, lock: LockSet, facts: Facts | None) -> dict[str, RenderedFile]:
    """What activates the environments at run time."""
    names = [environment.name for environment in lock.environments]
    profile = _fill(jinja, "rootfs/imgbuild.sh.j2", {"default": names[0], "names": names})
    scripts = {
        f"rootfs/envs/{environment.name}.sh": RenderedFile(variables_script(environment, lock).encode())
        for environment in lock.environments
    }
    wanted = [*(["share.py"] if len(names) > 1 else []), *(["imgbuild-gpus"] if facts else [])]
    needs = {f"rootfs/{GPU_NEEDS}": RenderedFile(gpu_needs(facts).encode())} if facts else {}
    return {
        **{f"rootfs/{name}": _as_it_is(jinja, name) for name in wanted},
        **needs,
        "rootfs/imgbuild-entrypoint": _as_it_is(jinja, "imgbuild-entrypoint", 0o755),
        "rootfs/imgbuild-init": _as_it_is(jinja, "imgbuild-init", 0o755),
        "rootfs/imgbuild.sh": RenderedFile(profile.encode()),
        **scripts,
    }


def _as_it_is(jinja: jinja2.Environment, name: str, mode: int = 0o644) -> RenderedFile:
    """A file of rootfs/ that is no template."""
    if jinja.loader is None:
        raise AssertionError("the page is loaded from folders")
    return RenderedFile(jinja.loader.get_source(jinja, f"rootfs/{name}")[0].encode(), mode)
