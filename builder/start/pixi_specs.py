"""Single dependencies of pixi's: `"1.2.*"`, `">=1,<2"`, or a table with version, build, channel, extras."""

from __future__ import annotations

from typing import Any

from builder.spec.document import bad_character, printable
from builder.spec.fault import Fault
from builder.spec.piplines import check_pip
from builder.spec.requirements import check_channel, check_conda

_OPERATORS = ("=", "<", ">", "!", "~", "*")
_OWN_CODE = "take the code along with `files:` in image.yml, and name what it needs"
_PLACES = {
    "git": ("a git repository", "name a released version"),
    "path": ("a path", _OWN_CODE),
    "url": ("a URL", "name a version that a channel or an index has"),
    "workspace": ("a package of the workspace", _OWN_CODE),
}
_CONDA_KEYS = {
    "version",
    "build",
    "build-number",
    "channel",
    "subdir",
    "md5",
    "sha256",
    "file-name",
    "license",
}
_PIP_KEYS = {"version", "extras", "env-markers", "markers"}


def conda_spec(name: str, value: Any) -> str:
    """The match spec; raises Fault."""
    if isinstance(value, str):
        return check_conda(_joined(name, value))
    if not isinstance(value, dict):
        raise Fault("is no version", 'write it as "1.2.*"')
    _refuse_places(value, _CONDA_KEYS)
    channel = str(value["channel"]) if "channel" in value else ""
    brackets = {
        key.replace("-", "_"): str(value[key])
        for key in ("version", "build", "build-number", "subdir", "md5", "sha256", "license")
        if key in value and not (key == "version" and value[key] == "*")
    }
    if channel:
        check_channel(channel)
    before = f"{channel}::" if channel else ""
    if set(brackets) <= {"version"}:
        return check_conda(before + _joined(name, brackets.get("version", "*")))
    inside = ", ".join(f"{key}='{text}'" for key, text in brackets.items())
    return check_conda(f"{before}{name}[{inside}]")


def _joined(name: str, version: str) -> str:
    text = version.strip()
    if text in {"*", ""}:
        return name
    # A bare version is exact to pixi, and with a space between to conda as well.
    return f"{name}{text}" if text.startswith(_OPERATORS[:-1]) else f"{name} {text}"


def pip_line(name: str, value: Any) -> str:
    """The requirement line; raises Fault."""
    said: dict[str, Any] = {"version": value} if isinstance(value, str) else value
    if not isinstance(said, dict):
        raise Fault("is no version", 'write it as ">=1.2"')
    if "index" in said:
        raise Fault(
            "an index of its own cannot be honoured", "an index is a setting: `wheel_index:` in imgbuild.yml"
        )
    _refuse_places(said, _PIP_KEYS)
    extras = said.get("extras", [])
    shown = f"[{','.join(str(one) for one in extras)}]" if isinstance(extras, list) and extras else ""
    version = str(said.get("version", "*")).strip()
    if version and version != "*" and version[0] not in "=<>!~":
        version = f"=={version}"
    marker = said.get("env-markers", said.get("markers", ""))
    behind = f"; {marker}" if marker else ""
    line = f"{name}{shown}{'' if version == '*' else version}{behind}"
    if bad_character(line):
        raise Fault("holds a control character", "remove it")
    return check_pip(line)


def _refuse_places(value: dict[str, Any], known: set[str]) -> None:
    for key, (what, fix) in _PLACES.items():
        if key in value:
            raise Fault(f"{what} cannot be honoured", fix)
    for key in value:
        if key not in known:
            raise Fault(f"the key `{printable(key)}` is not known", f"known here: {', '.join(sorted(known))}")
