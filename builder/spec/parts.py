"""One layer of a definition (an image.yml, or one of its variants) with everything it names looked up.

A part is checked by itself, whatever it is merged with later; its values are those of builder.spec.model, and
hold only what was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from builder.data import BUILTIN_SMOKE
from builder.errors import UsageError
from builder.problems import Problem
from builder.spec.document import Document, Keys, printable
from builder.spec.environment import EnvironmentRead
from builder.spec.fault import Fault
from builder.spec.files import EnvironmentEntry, NamedFile, Settings, SmokeScript
from builder.spec.ignored import secret_fault, secrets_in
from builder.spec.model import Allowance, Base, CopiedFile, Installer, SmokeTest, User
from builder.spec.paths import inside
from builder.spec.patterns import IMAGE_NAME, size_in_bytes
from builder.spec.translate import near_or_all

_PLAIN = ("summary", "workdir", "entrypoint", "cmd", "env", "labels", "accept_anaconda_terms")


@dataclass(slots=True)
class Part:
    """What one layer says. owner: the image whose folder it stands in. keys: where in the document it starts.

    main: the file for the image's own environment; further: files for others, by name.
    """

    owner: str
    folder: Path
    document: Document
    keys: Keys = ()
    values: dict[str, Any] = field(default_factory=dict)
    main: EnvironmentRead | None = None
    further: dict[str, EnvironmentRead] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def fault(self, keys: Keys, what: str, fix: str) -> None:
        """Note a problem at a key path of this layer."""
        self.problems.append(self.document.problem((*self.keys, *keys), what, fix))

    def path(self, keys: Keys, text: str, kind: Literal["file", "any"]) -> Path | None:
        """A file below the folder; None, with a problem, where there is none to use."""
        try:
            return inside(self.folder, text, kind)
        except Fault as fault:
            self.fault(keys, fault.what, fault.fix)
            return None


def fill(part: Part, settings: Settings, bases: Mapping[str, Base]) -> None:
    """Put what the settings say into the part."""
    said = settings.model_fields_set
    part.values = {name: getattr(settings, name) for name in _PLAIN if name in said}
    if "platforms" in said:
        part.values["platforms"] = tuple(dict.fromkeys(settings.platforms))
    if "cuda" in said:
        part.values["cuda"] = None if settings.cuda == "none" else settings.cuda
    if "budget" in said:
        part.values["budget_bytes"] = size_in_bytes(settings.budget.size)
    if "targets" in said:
        _targets(part, settings)
    if "licences" in said:
        entry = settings.licences.model_dump(exclude_unset=True)
        part.values["licences"] = {key: tuple(dict.fromkeys(value)) for key, value in entry.items()}
    if "user" in said:
        part.values["user"] = User(**getattr(settings, "user").model_dump())  # noqa: B009  (an ImageFile has it)
    _base(part, settings, bases)
    _installer(part, settings)
    _apt(part, settings)
    _copied(part, settings)
    _smoke(part, settings)
    _allow(part, settings)


def _targets(part: Part, settings: Settings) -> None:
    said = settings.targets.model_dump(exclude_unset=True)
    part.values["targets"] = {key: tuple(value) if key == "gpus" else value for key, value in said.items()}
    for at, name in enumerate(settings.targets.gpus):
        _gpu(part, at, name)


def _gpu(part: Part, at: int, name: str) -> None:
    from builder.gpu.gpus import find_gpu  # noqa: PLC0415  (200 rows that few commands need)

    try:
        find_gpu(name)
    except UsageError as error:
        part.fault(("targets", "gpus", at), error.what, error.fix)


def _base(part: Part, settings: Settings, bases: Mapping[str, Base]) -> None:
    if "base" not in settings.model_fields_set:
        return
    if settings.base in bases:
        part.values["base"] = bases[settings.base]
    else:
        part.fault(("base",), f"no base is called `{settings.base}`", near_or_all(settings.base, bases))


def _installer(part: Part, settings: Settings) -> None:
    if "installer" not in settings.model_fields_set:
        return
    word, _, version = settings.installer.partition("=")
    if word == "none":
        part.values["installer"] = None
        return
    kind: Literal["miniconda", "miniforge"] = "miniconda" if word == "miniconda" else "miniforge"
    from builder.data.installers import near_versions, versions  # noqa: PLC0415  (400 rows that few commands need)

    if version in versions(kind):
        part.values["installer"] = Installer(kind=kind, version=version)
        return
    close = " or ".join(f"`{kind}={near}`" for near in near_versions(kind, version))
    part.fault(("installer",), f"no {kind} installer {version} is known", f"did you mean {close}?")


def _apt(part: Part, settings: Settings) -> None:
    if "apt" not in settings.model_fields_set:
        return
    part.values["apt"] = tuple(settings.apt)
    for at, name in enumerate(settings.apt):
        if name in settings.apt[:at]:
            part.fault(("apt", at), f"`{name}` stands there twice", "keep one of them")


def _copied(part: Part, settings: Settings) -> None:
    files = []
    for at, entry in enumerate(settings.files):
        source = part.path(("files", at, "from"), entry.source, "any")
        if source is not None:
            files.append(CopiedFile(source=source, to=entry.to))
            _secrets(part, at, source)
    if files:
        part.values["files"] = tuple(files)
    snippets = {}
    for name, text in settings.snippets.model_dump(exclude_unset=True).items():
        path = part.path(("snippets", name), text, "file")
        if path is not None:
            snippets[name] = path
    if snippets:
        part.values["snippets"] = snippets


def _secrets(part: Part, at: int, source: Path) -> None:
    """A problem for each file that is there to hold a secret; one for rules that cannot be read."""
    try:
        names = secrets_in(part.folder, source)
    except Fault as unreadable:
        part.fault(("files", at, "from"), unreadable.what, unreadable.fix)
        return
    for name in names:
        fault = secret_fault(name)
        part.fault(("files", at, "from"), fault.what, fault.fix)


def _smoke(part: Part, settings: Settings) -> None:
    tests: dict[str, SmokeTest] = {}
    for at, entry in enumerate(settings.smoke):
        test = _builtin(part, at, entry) if isinstance(entry, str) else _script(part, at, entry)
        if test is None:
            continue
        if test.name in tests:
            part.fault(
                ("smoke", at), f"a test called `{test.name}` stands above", "give this one another `name:`"
            )
        tests[test.name] = test
    if tests:
        part.values["smoke"] = tuple(tests.values())


def _builtin(part: Part, at: int, name: str) -> SmokeTest | None:
    if name in BUILTIN_SMOKE:
        return SmokeTest(name=name)
    fix = near_or_all(name, BUILTIN_SMOKE)
    part.fault(
        ("smoke", at), f"no built-in test is called `{name}`", f"{fix}; a script of yours is `run: FILE`"
    )
    return None


def _script(part: Part, at: int, entry: SmokeScript) -> SmokeTest | None:
    path = part.path(("smoke", at, "run"), entry.run, "file")
    if path is None:
        return None
    if path.suffix != ".py":
        part.fault(("smoke", at, "run"), f"`{entry.run}` is not a Python script", "name a `.py` file")
    name = entry.name or path.stem
    try:
        IMAGE_NAME.require(name.lower())
    except Fault:
        part.fault(("smoke", at), f"`{printable(name)}` cannot name a test", "give it a `name:`")
    if name in BUILTIN_SMOKE:
        part.fault(("smoke", at), f"`{name}` is the name of a built-in test", "give this one another `name:`")
    return SmokeTest(
        name=name,
        script=path,
        timeout=entry.timeout,
        needs=entry.needs or None,
        environment=entry.environment or None,
    )


def _allow(part: Part, settings: Settings) -> None:
    allowed: dict[tuple[str, str], Allowance] = {}
    for at, entry in enumerate(settings.allow):
        key = (entry.check, entry.package)
        if key in allowed:
            part.fault(
                ("allow", at), f"{entry.check} of `{entry.package}` is allowed above", "keep one of them"
            )
        allowed[key] = Allowance(check=entry.check, package=entry.package, reason=entry.reason)
    if allowed:
        part.values["allow"] = tuple(allowed.values())


def named_file(entry: EnvironmentEntry) -> NamedFile:
    """A further environment's name and file, from `environment.x.yml`, `x`, or both in full."""
    if isinstance(entry, NamedFile):
        return entry
    stem, dot, ending = entry.rpartition(".")
    if dot and ending in {"yml", "yaml"}:
        return NamedFile.model_construct(name=stem.removeprefix("environment."), file=entry)
    return NamedFile.model_construct(name=entry, file=f"environment.{entry}.yml")
