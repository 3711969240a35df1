"""Libraries that are asked for: what is nowhere, what is there for another CUDA, and two CUDA majors at once."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from builder.audit.facts import FileFacts, Inventory
from builder.audit.judge.loaded import Chosen, Environment
from builder.audit.judge.places import Places
from builder.audit.judge.words import base, both, owner, some
from builder.audit.model import AuditFinding
from builder.audit.tables import CudaName, cuda_name, table

# Given by the driver, which the container toolkit mounts when a container starts.
_DRIVERS = re.compile(r"lib(cuda|nvcuvid|nvoptix|nvidia-.+|cudadebugger|nvrm_.+|nvsci.+)\.so(\.[0-9]+)*")
_TORCH = re.compile(r"lib(torch\w*|c10\w*|caffe2\w*|shm)\.so")
_RUNTIME = re.compile(r"libcudart\.so\.([0-9]+)(?:\.0)?")
_NVIDIAS_NEW = 13  # from CUDA 13 on, NVIDIA's wheels have no -cu13 behind their names
Lack = tuple[FileFacts, str]  # who asks, for which library


def findings(environment: Environment, places: Places) -> Iterator[AuditFinding]:
    """What is asked for and nowhere, by package; builds of which none is loaded; two majors of CUDA at once."""
    lacking: dict[str, list[Lack]] = {}
    majors: dict[str, dict[str, FileFacts]] = {}
    for one in _judged(environment):
        for library in one.needed:
            if _DRIVERS.fullmatch(library) or not _is_known(library, places.inventory):
                continue
            if places.find(library, one, environment) is None:
                lacking.setdefault(owner(one, environment.prefix), []).append((one, library))
            elif shared := _RUNTIME.fullmatch(library):  # copies of a package's own have other names
                majors.setdefault(shared[1], {}).setdefault(owner(one, environment.prefix), one)
    for package, lacks in lacking.items():
        yield from _of_package(package, lacks, environment)
    for choice in environment.chosen:
        yield from _none_loaded(choice, environment, places.inventory)
    if len(majors) > 1:
        yield _two_majors(majors, environment)


def _judged(environment: Environment) -> Iterator[FileFacts]:
    """Files of the environment; of the operating system only what Python's distributions brought."""
    for one in environment.files:
        if one.machine != "cuda" and (environment.is_judged or "-packages/" in one.path):
            yield one


def _is_known(library: str, inventory: Inventory) -> bool:
    """Of archives the base's libraries are not known: only CUDA's and torch's are looked for."""
    return inventory.reading != "archives" or bool(cuda_name(library) or _TORCH.fullmatch(library))


def _of_package(package: str, lacks: Sequence[Lack], environment: Environment) -> Iterator[AuditFinding]:
    """At most one finding of each kind: what may be missing, what is there for another CUDA, what is nowhere."""
    optional = [lack for lack in lacks if _because(lack)]
    others = [lack for lack in lacks if lack not in optional and _there(lack[1], environment)]
    missing = [lack for lack in lacks if lack not in optional and lack not in others]
    if missing:
        yield _missing(package, missing, environment)
    if others:
        yield _other_cuda(package, others, environment)
    if optional:
        yield _optional(package, optional)


def _because(lack: Lack) -> tuple[str, str] | None:
    """Why a file may lack a library, and the source of that."""
    one, library = lack
    row = next((row for row in table().optional_links if row.is_of(one.path, library)), None)
    return (row.because, row.source) if row else None


def _there(library: str, environment: Environment) -> str:
    """The name that the same library of NVIDIA's has in this environment; empty where it has none."""
    wanted = cuda_name(library)
    if wanted is None:
        return ""
    same = (name for name in environment.by_name if (other := cuda_name(name)) and other.stem == wanted.stem)
    return max((name for name in same if re.search(r"\.so\.[0-9]+", name)), default="")


def _asked(lacks: Sequence[Lack]) -> str:
    return f"asked for by {some(posixpath.basename(one.path) for one, _ in lacks)}"


def _lost(package: str, lacks: Sequence[Lack]) -> tuple[str, str]:
    """What the package loses, and the source, where all of these files are parts that it works without."""
    parts = [table().part(base(package), one.path) for one, _ in lacks]
    if not all(parts):
        return "", ""
    rows = list(dict.fromkeys(part for part in parts if part))
    return f" It works without {both([row.loses for row in rows])}.", rows[0].source


def _missing(package: str, lacks: Sequence[Lack], environment: Environment) -> AuditFinding:
    libraries = list(dict.fromkeys(library for _, library in lacks))
    lost, source = _lost(package, lacks)
    nowhere = "are nowhere in the image" if len(libraries) > 1 else "is nowhere in the image"
    return AuditFinding(
        check="missing-library",
        weight="warning" if lost else "fault",
        package=base(package),
        file=lacks[0][0].path,
        what=f"{package} needs {some(libraries, 6)}, which {nowhere}",
        cause=f"{_asked(lacks)}{f'.{lost}' if lost else ''}",
        fix=_bring(package, libraries, environment),
        source=source,
    )


def _bring(package: str, libraries: Sequence[str], environment: Environment) -> str:
    """How to get them: system packages, NVIDIA's wheels, torch."""
    system = [table().system_libraries[name] for name in libraries if name in table().system_libraries]
    wheels = [wheel for name in libraries if (cuda := cuda_name(name)) and (wheel := _wheel(cuda))]
    ways = []
    if system:
        ways.append(f"add to apt: {', '.join(dict.fromkeys(system))}")
    if wheels:
        ways.append(f"add to pip: {', '.join(dict.fromkeys(wheels))}")
    if any(_TORCH.fullmatch(name) for name in libraries):
        ways.append(
            "install torch beside it"
            if environment.torch is None
            else f"take a build of {base(package)} for torch {environment.torch.version}"
        )
    return "; ".join(ways) or f"add what brings {some(libraries)}, or take a build that does without"


def _wheel(cuda: CudaName) -> str:
    major = cuda.cuda or "12"
    if not cuda.row.wheel or not major.isdigit():
        return ""
    tag = f"-cu{major}"
    return cuda.row.wheel.format(tag="" if int(major) >= _NVIDIAS_NEW else tag, always=tag)


def _other_cuda(package: str, lacks: Sequence[Lack], environment: Environment) -> AuditFinding:
    library = next((name for _, name in lacks if cuda_name(name) and "cudart" in name), lacks[0][1])
    have = _there(library, environment)
    mine, theirs = cuda_name(library), cuda_name(have)
    made_for = f"CUDA {mine.cuda}" if mine and mine.cuda else library
    there = f"CUDA {theirs.cuda}" if theirs and theirs.cuda else have
    lost, source = _lost(package, lacks)
    torch = environment.torch
    beside = f"; torch {torch.version} is a build for CUDA {torch.cuda}" if torch and torch.cuda else ""
    return AuditFinding(
        check="other-cuda",
        weight="warning" if lost else "fault",
        package=base(package),
        file=lacks[0][0].path,
        what=f"{package} was built for {made_for}, and the environment has {there}",
        cause=f"{library} is {_asked(lacks)}, and {have} is what there is{beside}{f'.{lost}' if lost else ''}",
        fix=f"take a build of {base(package)} for {there}" + (f", or torch for {made_for}" if torch else ""),
        source=source,
    )


def _optional(package: str, lacks: Sequence[Lack]) -> AuditFinding:
    reasons = dict.fromkeys(reason for lack in lacks if (reason := _because(lack)))
    return AuditFinding(
        check="missing-library",
        weight="note",
        package=base(package),
        file=lacks[0][0].path,
        what=f"{package} finds no {some((library for _, library in lacks), 6)}: "
        + "; ".join(because for because, _ in reasons),
        cause=_asked(lacks),
        fix="nothing, where that is not used",
        source="; ".join(source for _, source in reasons),
    )


def _none_loaded(choice: Chosen, environment: Environment, inventory: Inventory) -> Iterator[AuditFinding]:
    """Builds side by side of which none fits; only for those that say what is lost then."""
    variant, torch = choice.variant, environment.torch
    if choice.digits in choice.there or not variant.loses:
        return
    if variant.rule == "libraries":
        if inventory.reading == "archives":
            return
        weight, check = "warning", "missing-library"
        what, cause = "no build that finds its libraries", f"its builds are {', '.join(choice.there)}"
        fix = "install one of them, or leave the package out"
    elif torch is None or torch.cuda is None:
        return
    else:
        weight, check = "fault", "other-cuda"
        named = (
            f"{variant.override}={choice.digits} names no build" if choice.digits else "no build for its CUDA"
        )
        what, cause = (
            named,
            f"it brings {', '.join(choice.there)}, and torch is a build for CUDA {torch.cuda}",
        )
        fix = f"take a release of {variant.package} with a build for CUDA {torch.cuda}"
    first = choice.files[0]
    yield AuditFinding.model_validate(
        {
            "check": check,
            "weight": weight,
            "package": variant.package,
            "file": first.path,
            "what": f"{owner(first, environment.prefix)} has {what}: it works without {variant.loses}",
            "cause": cause,
            "fix": fix,
            "source": variant.source,
        }
    )


def _two_majors(majors: Mapping[str, Mapping[str, FileFacts]], environment: Environment) -> AuditFinding:
    ours = str(environment.line.major) if environment.line else max(majors, key=lambda one: len(majors[one]))
    strangers = {
        package: one for major, users in majors.items() if major != ours for package, one in users.items()
    }
    package, one = min(strangers.items())
    told = "; ".join(f"CUDA {major} by {some(sorted(users))}" for major, users in sorted(majors.items()))
    return AuditFinding(
        check="other-cuda",
        weight="warning",
        package=base(package),
        file=one.path,
        what=f"two CUDA runtimes are loaded in one environment: {both(sorted(majors))}",
        cause=f"libcudart is asked for and found: {told}",
        fix=f"take a build of {base(package)} for CUDA {ours}",
    )
