"""environment.yml and image.yml as text: the same for the same content, and read back as what was written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence

import yaml

from builder.spec.environment import DEFAULT_CHANNELS, NO_DEFAULTS
from builder.start.model import Draft

_BARE = re.compile(r"[A-Za-z_/](?:[A-Za-z0-9_.,/@+~!%=<>()|*\[\]'-]|:(?=[^\s:,\]])|:(?=:)| (?=[^\s#]))*")
_FLOW = re.compile(r"[A-Za-z_/][A-Za-z0-9_./+~-]*")
_TEMPTING = re.compile(r"(?i:y|n|yes|no|on|off|true|false|null|nan|inf)")


def quoted(text: str) -> str:
    """A text that every reader of YAML takes for this text."""
    if _BARE.fullmatch(text) and not _TEMPTING.fullmatch(text) and _reads_as(text):
        return text
    if text.isprintable():
        return json.dumps(text, ensure_ascii=False)
    written: str = yaml.safe_dump(
        text, default_style='"', width=100_000
    )  # escapes that are YAML's, beyond JSON's
    return written.rstrip("\n")


def _reads_as(text: str) -> bool:
    try:
        return bool(yaml.safe_load(f"- {text}") == [text])
    except yaml.YAMLError:
        return False


def _in_flow(text: str) -> str:
    return text if _FLOW.fullmatch(text) and not _TEMPTING.fullmatch(text) else json.dumps(text)


def environment_text(draft: Draft, name: str, head: Sequence[str] = ()) -> str:
    """One environment. head: comment lines without their `#`."""
    channels = [*(draft.channels or DEFAULT_CHANNELS), NO_DEFAULTS]
    lines = [
        *(f"# {line}".rstrip() for line in head),
        f"name: {quoted(name)}",
        f"channels: [{', '.join(map(_in_flow, channels))}]",
        "dependencies:",
        *(f"  - {quoted(spec)}" for spec in draft.conda),
    ]
    if draft.pip:
        lines += ["  - pip:", *(f"      - {quoted(line)}" for line in draft.pip)]
    lines += _mapping("variables", draft.variables)
    return _joined(lines)


def image_text(
    *,
    summary: str = "",
    extends: str = "",
    platforms: Sequence[str] = (),
    accept_anaconda_terms: bool = False,
    environments: Mapping[str, str] | None = None,
    cuda: str = "",
) -> str:
    """The keys of image.yml that say something; empty where none does. environments: name to file."""
    lines = []
    if summary:
        lines.append(f"summary: {quoted(summary)}")
    if extends:
        lines.append(f"extends: {extends}")
    if platforms:
        lines.append(f"platforms: [{', '.join(platforms)}]")
    if accept_anaconda_terms:
        lines.append("accept_anaconda_terms: true")
    if environments:
        lines += [
            "environments:",
            *(f"  - {{name: {_in_flow(name)}, file: {file}}}" for name, file in environments.items()),
        ]
    if cuda:
        lines.append(f'cuda: "{cuda}"')
    return _joined(lines) if lines else ""


def _mapping(key: str, values: Mapping[str, str]) -> list[str]:
    if not values:
        return []
    return [f"{key}:", *(f"  {_in_flow(name)}: {quoted(value)}" for name, value in values.items())]


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
