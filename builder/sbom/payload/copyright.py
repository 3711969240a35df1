"""The names of licences in a Debian copyright file: machine-readable ones (DEP-5), or what they refer to."""

from __future__ import annotations

import re
from typing import Any, Dict, List

_COMMON = re.compile(r"/usr/share/common-licenses/([A-Za-z0-9][A-Za-z0-9.+-]*[A-Za-z0-9+])")
_FORMAT = re.compile(r"format(?:-specification)?:\s*\S*(?:copyright-format|dep5)", re.IGNORECASE)
_FIELD = re.compile(r"^([A-Za-z][A-Za-z-]*):[ \t]*(.*)$", re.MULTILINE)
_LONGEST = 200  # characters of a name; some write the text itself into its place


def terms(text: str) -> Dict[str, Any]:
    """names: of the licences that files of the package are under, each once, sorted; none without the format.

    refers: texts of Debian's own folder that the file points at.
    """
    names = set()
    if _FORMAT.match(text.lstrip("\ufeff\n ")):
        stanzas = [_fields(part) for part in re.split(r"\n[ \t]*\n", text)]
        of_files = [stanza["license"] for stanza in stanzas if "files" in stanza and "license" in stanza]
        alone = [stanza["license"] for stanza in stanzas if "license" in stanza]
        names = {" ".join(name.split())[:_LONGEST] for name in of_files or alone if name.strip()}
    refers: List[str] = sorted(set(_COMMON.findall(text)))
    return {"names": sorted(names), "refers": refers}


def _fields(stanza: str) -> Dict[str, str]:
    """The first line of each field, by its name in small letters."""
    return {name.lower(): line for name, line in _FIELD.findall(stanza)}
