"""config: what the settings are, where each comes from, and changes to one file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from builder.store.bootstrap.standin import environment, talk, yamlish
from builder.store.bootstrap.standin.activate import UNSET
from builder.store.bootstrap.standin.errors import CondaError, CondaValueError, ConfigurationLoadError
from builder.store.bootstrap.standin.settings import ALIASES, LISTS, SCALARS, Settings


def config(arguments: argparse.Namespace, settings: Settings) -> int:
    """Show or change settings."""
    if arguments.show_sources:
        _show_sources(arguments, settings)
    elif arguments.show is not None:
        _show(arguments, settings)
    elif arguments.get is not None:
        _get(arguments, settings)
    else:
        _change(arguments, settings)
    return 0


def _show_sources(arguments: argparse.Namespace, settings: Settings) -> None:
    documents = {source.name: dict(source.values) for source in settings.sources if source.values}
    if not arguments.json:
        documents.pop("cmd_line", None)
        for name, values in documents.items():
            talk.say(f"==> {name} <==\n{yamlish.dump(values)}")
    else:
        talk.show_json(documents)


def _show(arguments: argparse.Namespace, settings: Settings) -> None:
    everything: dict[str, object] = {key: settings.scalar(key) for key in SCALARS}
    everything |= {key: settings.sequence(key) for key in LISTS}
    everything |= {
        "channels": settings.channels,
        "envs_dirs": [str(path) for path in settings.envs_dirs],
        "pkgs_dirs": [str(path) for path in settings.pkgs_dirs],
        "subdir": settings.subdir,
    }
    unknown = [key for key in arguments.show if ALIASES.get(key, key) not in everything]
    if unknown:
        raise CondaValueError(f"Invalid configuration parameters: {', '.join(unknown)}")
    chosen = [ALIASES.get(key, key) for key in arguments.show] or sorted(everything)
    shown = {key: everything[key] for key in chosen}
    talk.show_json(shown) if arguments.json else talk.say(yamlish.dump(shown).rstrip("\n"))


def _get(arguments: argparse.Namespace, settings: Settings) -> None:
    values = _load(_file(arguments, settings))
    chosen = {key: value for key, value in values.items() if not arguments.get or key in arguments.get}
    if arguments.json:
        talk.show_json({"get": chosen, "success": True})
        return
    for key, value in chosen.items():
        if isinstance(value, list):
            for item in reversed(value):
                talk.say(f"--add {key} {item!r}")
        else:
            talk.say(f"--set {key} {value}")


def _file(arguments: argparse.Namespace, settings: Settings) -> Path:
    if arguments.file:
        return Path(arguments.file)
    if arguments.system:
        return settings.root / ".condarc"
    if arguments.env and settings.env.get("CONDA_PREFIX"):
        return Path(settings.env["CONDA_PREFIX"]) / ".condarc"
    return settings.home / ".condarc"


def _load(file: Path) -> dict[str, object]:
    try:
        value = yamlish.load(file.read_text("utf-8")) if file.is_file() else {}
    except (OSError, ValueError) as error:
        raise ConfigurationLoadError(str(file), str(error)) from error
    return dict(value) if isinstance(value, dict) else {}


def _change(arguments: argparse.Namespace, settings: Settings) -> None:
    file = _file(arguments, settings)
    values = _load(file)
    for key, value in arguments.set or []:
        _set(values, key, value)
    _extend(arguments, values)
    for key, value in arguments.remove or []:
        if value not in _list(values, key):
            raise CondaError(f"'{key}': '{value}' is not in the {key!r} key of the config file")
        values[key] = [item for item in _list(values, key) if item != value]
    for key in arguments.remove_key or []:
        if key not in values:
            raise CondaError(f"'{key}': key {key!r} is not in the config file")
        del values[key]
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yamlish.dump(values) if values else "", "utf-8")
    except OSError as error:
        raise CondaError(f"Cannot write to condarc file at {file}\nCaused by {error}") from error


def _extend(arguments: argparse.Namespace, values: dict[str, object]) -> None:
    added, appended = arguments.add or [], arguments.append or []
    if "channels" not in values and "channels" in (key for key, _ in [*added, *appended]):
        values["channels"] = ["defaults"]  # the first channel that is added brings `defaults` along
    for key, value in added:
        values[key] = [value, *(item for item in _list(values, key) if item != value)]
    for key, value in appended:
        values[key] = [*(item for item in _list(values, key) if item != value), value]


def _set(values: dict[str, object], key: str, value: str) -> None:
    top, _, below = key.partition(".")
    if ALIASES.get(top, top) in LISTS:
        raise CondaValueError(f"Key {key!r} is a list; use --add, --append or --remove.")
    word = yamlish.load(value)
    if not below:
        values[key] = word
        return
    nested = values.get(top)
    values[top] = {**(nested if isinstance(nested, dict) else {}), below: word}


def _list(values: dict[str, object], key: str) -> list[object]:
    if key not in LISTS:
        raise CondaValueError(f"Key {key!r} is not a known list parameter.")
    value = values.get(key)
    return list(value) if isinstance(value, list) else []


def env_config(arguments: argparse.Namespace, settings: Settings) -> int:
    """`conda env config vars`: variables that activation sets, kept in conda-meta/state."""
    prefix = environment.check_exists(environment.prefix_for(settings, arguments.name, arguments.prefix))
    file = prefix / "conda-meta" / "state"
    state: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {"version": 1}
    variables: dict[str, str] = state.setdefault("env_vars", {})
    if arguments.action == "list":
        shown = {name: value for name, value in variables.items() if value != UNSET}
        if arguments.json:
            talk.show_json(shown)
        else:
            talk.say("".join(f"{k} = {v}\n" for k, v in shown.items()).rstrip("\n"))
        return 0
    for item in arguments.settings:
        name, equals, text = item.partition("=")
        if arguments.action == "set" and not equals:
            raise CondaValueError(f"{item!r} is not KEY=VALUE")
        if arguments.action == "set":
            variables[name] = text
        else:
            variables.pop(name, None)
    file.write_text(json.dumps(state), "utf-8")
    return 0
