"""Settings: .condarc files in conda's search path, the environment's variables, the command line; later ones win."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from builder.store.bootstrap.standin import channels as ch
from builder.store.bootstrap.standin import yamlish
from builder.store.bootstrap.standin.errors import CondaError, ConfigurationLoadError, InvalidTypeError

SCALARS: dict[str, bool | str | int] = {
    "always_copy": False,
    "always_yes": False,
    "auto_activate": True,
    "changeps1": True,
    "channel_alias": ch.ALIAS,
    "channel_priority": "flexible",
    "extra_safety_checks": False,
    "json": False,
    "number_channel_notices": 5,
    "offline": False,
    "path_conflict": "clobber",
    "quiet": False,
    "register_envs": True,
    "safety_checks": "warn",
    "solver": "libmamba",
    "subdir": "",
}
LISTS = (
    "channels",
    "create_default_packages",
    "default_channels",
    "envs_dirs",
    "pinned_packages",
    "pkgs_dirs",
)
ALIASES = {"auto_activate_base": "auto_activate", "yes": "always_yes", "envs_path": "envs_dirs"}
LIST_SEPARATORS = {"envs_dirs": os.pathsep}
TRUE = frozenset({"true", "yes", "on", "y", "1"})
FALSE = frozenset({"false", "no", "off", "n", "0", "none", ""})

SYSTEM_DIRS = ("/etc/conda", "/var/lib/conda")


def truth(value: object) -> bool:
    """A switch as conda reads it from text. Raises ValueError."""
    text = str(value).strip().lower()
    if text in TRUE or text in FALSE:
        return text in TRUE
    raise ValueError(text)


@dataclass(frozen=True)
class Source:
    """One place that settings come from: a file's path, `envvars` or `cmd_line`."""

    name: str
    values: Mapping[str, object]


@dataclass
class Settings:
    """What all places together say. `sources` goes from the weakest to the strongest."""

    root: Path
    env: Mapping[str, str]
    sources: list[Source] = field(default_factory=list)
    override_channels: bool = False

    def scalar(self, key: str) -> bool | str | int:
        """One setting of SCALARS. Raises InvalidTypeError."""
        for source in reversed(self.sources):
            if key in source.values:
                return _typed(key, source.values[key], source.name)
        return SCALARS[key]

    def flag(self, key: str) -> bool:
        """A switch of SCALARS."""
        return bool(self.scalar(key))

    def sequence(self, key: str) -> list[str]:
        """A list setting: the strongest place's items first, each once."""
        items: list[str] = []
        for source in reversed(self.sources):
            value = source.values.get(key)
            if value is None:
                continue
            if not isinstance(value, list):
                raise InvalidTypeError(
                    f"Parameter {key} = {value!r} declared in {source.name} has type {type(value).__name__}.\n"
                    "Valid types:\n  - tuple"
                )
            items += [str(item) for item in value]
        return list(dict.fromkeys(items))

    def plugin(self, key: str) -> object:
        """A key below `plugins:`."""
        for source in reversed(self.sources):
            plugins = source.values.get("plugins")
            if isinstance(plugins, dict) and key in plugins:
                return plugins[key]
        return None

    @property
    def channels(self) -> list[str]:
        """Channels as they are written, the command line's first."""
        if self.override_channels:
            return [str(item) for item in _as_list(self.sources[-1].values.get("channels"))]
        return self.sequence("channels")

    @property
    def subdir(self) -> str:
        """The platform to install for."""
        return str(self.scalar("subdir")) or ch.native_subdir()

    @property
    def pkgs_dirs(self) -> list[Path]:
        """Package directories, in the order they are searched."""
        named = self.sequence("pkgs_dirs")
        if named:
            return [self._expand(item) for item in named]
        return [self.root / "pkgs", self.home / ".conda" / "pkgs"]

    @property
    def envs_dirs(self) -> list[Path]:
        """Directories of environments; a new one goes into the first that can be written."""
        own, home = self.root / "envs", self.home / ".conda" / "envs"
        fixed = [own, home] if os.access(self.root, os.W_OK) else [home, own]
        named = [self._expand(item) for item in self.sequence("envs_dirs")]
        return list(dict.fromkeys([*named, *fixed]))

    @property
    def home(self) -> Path:
        """The user's home, which may not exist. Raises CondaError for a user that nothing knows and without HOME."""
        if self.env.get("HOME"):
            return Path(self.env["HOME"])
        try:
            return Path.home()
        except RuntimeError as error:
            raise CondaError(f"RuntimeError: {error}") from error

    def _expand(self, text: str) -> Path:
        known = re.sub(r"\$\{?(\w+)\}?", lambda match: self.env.get(match[1], match[0]), text)
        return Path(known.replace("~", str(self.home), 1) if known.startswith("~") else known).absolute()

    def files(self) -> list[str]:
        """The files that were read."""
        return [source.name for source in self.sources if source.name.startswith("/")]


def root_prefix(env: Mapping[str, str]) -> Path:
    """The base environment: where this interpreter is, or CONDA_ROOT_PREFIX while it is being installed."""
    return Path(env.get("CONDA_ROOT_PREFIX") or sys.prefix)


def load_settings(env: Mapping[str, str], command_line: Mapping[str, object] | None = None) -> Settings:
    """Read every place. Raises ConfigurationLoadError."""
    settings = Settings(root_prefix(env), env)
    files = [Source(str(path), _read(path)) for path in search_path(settings)]
    settings.sources = [
        *files,
        Source("envvars", _from_environment(env)),
        Source("cmd_line", dict(command_line or {})),
    ]
    return settings


def search_path(settings: Settings) -> Iterator[Path]:
    """The .condarc files there are, from the weakest to the strongest, each once."""
    env, home = settings.env, settings.home
    xdg = env.get("XDG_CONFIG_HOME")
    folders = [Path(text) for text in SYSTEM_DIRS] + [settings.root]
    folders += [Path(xdg) / "conda"] if xdg else []
    folders += [home / ".config" / "conda", home / ".conda"]
    named = [path for folder in folders for path in _in_folder(folder)]
    named.append(home / ".condarc")
    if env.get("CONDA_PREFIX"):
        named += _in_folder(Path(env["CONDA_PREFIX"]))
    if env.get("CONDARC"):
        named.append(Path(env["CONDARC"]).absolute())
    yield from dict.fromkeys(path for path in named if path.is_file())


def _in_folder(folder: Path) -> list[Path]:
    dropped = folder / "condarc.d"
    pieces = sorted(p for p in dropped.iterdir() if p.suffix in (".yml", ".yaml")) if dropped.is_dir() else []
    return [folder / ".condarc", folder / "condarc", *pieces]


def _read(path: Path) -> Mapping[str, object]:
    try:
        value = yamlish.load(path.read_text("utf-8"))
    except (OSError, UnicodeError, ValueError) as error:
        raise ConfigurationLoadError(str(path), f"invalid yaml: {error}") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigurationLoadError(str(path), "invalid yaml: not a mapping")
    return {ALIASES.get(str(key), str(key)): item for key, item in value.items()}


def _from_environment(env: Mapping[str, str]) -> dict[str, object]:
    names = {f"CONDA_{key.upper()}": key for key in (*SCALARS, *LISTS)}
    names |= {f"CONDA_{alias.upper()}": key for alias, key in ALIASES.items()}
    found: dict[str, object] = {}
    for name, key in names.items():
        if env.get(name):
            separator = LIST_SEPARATORS.get(key, ",")
            parts = [part.strip() for part in env[name].split(separator) if part.strip()]
            found[key] = parts if key in LISTS else env[name]
    return found


def _typed(key: str, value: object, where: str) -> bool | str | int:
    wanted = type(SCALARS[key])
    try:
        return truth(value) if wanted is bool else wanted(str(value))
    except ValueError as error:
        raise InvalidTypeError(
            f"Parameter {key} = {value!r} declared in {where} has type {type(value).__name__}.\n"
            f"Valid types:\n  - {wanted.__name__}"
        ) from error


def _as_list(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else []
