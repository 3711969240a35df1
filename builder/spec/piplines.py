"""Lines of a pip section or a requirements file: what is honoured, and what is refused by name with what to do.

A requirement is kept as it stands, with extras and markers. `-r FILE` and `-c FILE` are read where they stand
(`builder.spec.reqfiles`). What would make pip look elsewhere, build, or take something that no lock can name, is
refused. Messages repeat no line, because it may hold a password.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal
from urllib.parse import unquote

from builder.spec.fault import Fault

_INCLUDE = re.compile(
    r"(?:(?P<short>-[rc])\s*|--(?P<long>requirements?|constraints?)(?:\s+|\s*=\s*))(?P<file>\S.*)"
)
_WHEEL = re.compile(
    r"(?:.*[/\\])?(?P<name>[A-Za-z0-9_.]+)-(?P<version>[0-9][A-Za-z0-9.!+_]*)-(?:[0-9][^-/\\]*-)?[a-z]+[^-/\\]*-[^-/\\]+-[^-/\\]+"
    r"\.whl(?:#.*)?"
)

_INDEX = (
    "leave it out: an index is a setting (`wheel_index:` in imgbuild.yml, or `--wheel-index URL` of lock)"
)
_OWN_CODE = "take the code along with `files:` in image.yml, and name the packages that it needs in lines of their own"
_TRUST = "leave it out: the system's certificates are trusted, a company's among them"
_WHEELS_ONLY = "leave it out: nothing is compiled in a build; take such a package from conda"
_PRE = "name the pre-release itself, as `name==2.0rc1`"

# Option -> what to do. Short forms may be written together with their value (`-e.`).
_REFUSED: dict[str, str] = {
    "-e": _OWN_CODE,
    "--editable": _OWN_CODE,
    "-i": _INDEX,
    "--index-url": _INDEX,
    "--pypi-url": _INDEX,
    "--extra-index-url": _INDEX,
    "--no-index": _INDEX,
    "-f": _INDEX,
    "--find-links": _INDEX,
    "--trusted-host": _TRUST,
    "--cert": _TRUST,
    "--client-cert": _TRUST,
    "--proxy": "leave it out: proxies are read from HTTPS_PROXY and its like",
    "--pre": _PRE,
    "--no-binary": _WHEELS_ONLY,
    "--config-settings": _WHEELS_ONLY,
    "--global-option": _WHEELS_ONLY,
    "--install-option": _WHEELS_ONLY,
    "--no-build-isolation": _WHEELS_ONLY,
    "--no-deps": "leave it out: an environment without what its packages need does not run",
}
# What a lock does anyhow.
_NEEDLESS: dict[str, str] = {
    "--only-binary": "wheels are all that is taken",
    "--prefer-binary": "wheels are all that is taken",
    "--require-hashes": "a lock holds the sha256 of every wheel",
    "--no-cache-dir": "nothing of a cache stays in an image",
    "--upgrade": "`imgbuild lock --upgrade` is what moves versions",
    "-U": "`imgbuild lock --upgrade` is what moves versions",
    "--use-feature": "the resolver is uv's",
    "--disable-pip-version-check": "the resolver is uv's",
}
_FEEDSTOCK = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*@\s*file:.*", re.DOTALL)


def _is_vcs(line: str) -> bool:
    return re.match(r"(?:[A-Za-z0-9._\[\],-]+\s*@\s*)?(?:git|hg|svn|bzr)\+", line) is not None


def _is_url(line: str) -> bool:
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", line) is not None


def _is_named_url(line: str) -> bool:
    return re.match(r"[^\s@;]*@\s*\S+:", line.replace(" ", "")) is not None


def _is_path(line: str) -> bool:
    return re.match(r"(?:\.{0,2}[/\\]|~|[A-Za-z]:\\|\.{1,2}(?:\[|\Z))", line) is not None


def _is_file(line: str) -> bool:
    return re.search(r"\.(?:whl|tar\.gz|tar\.bz2|zip)$", line) is not None


_PLACES: tuple[tuple[Callable[[str], bool], str, str], ...] = (
    (_is_vcs, "a version control URL", "name a released version of it, or take its code along with `files:`"),
    (_is_named_url, "a URL after `@`", "name a version that an index has, as `name==1.2`"),
    (_is_url, "a URL", "name the package, as `name==1.2`"),
    (_is_path, "a path", _OWN_CODE),
    (_is_file, "a file", "name the package, as `name==1.2`"),
)


def check_pip(line: str) -> str:
    """The line as given; raises Fault for what cannot be honoured, and for what is no requirement.

    `-r FILE`, `-c FILE` and options that change nothing pass: see `included` and `needless`.
    """
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415  (20 ms that few files need)

    if line.startswith("-"):
        return _check_option(line)
    _refuse_places(line)
    if found := re.search(r"\s(--[a-z][a-z-]*)", line):
        fix = (
            "leave it out: the lock holds the sha256 of every wheel" if found[1] == "--hash" else _WHEELS_ONLY
        )
        raise Fault(f"the option `{found[1]}` of a requirement cannot be honoured", fix, private=True)
    try:
        asked = Requirement(line)
    except InvalidRequirement as error:
        raise Fault(
            "is not a pip requirement", "write it as `name`, `name==1.2` or `name[extra]>=1`"
        ) from error
    if asked.url:
        raise Fault("a URL after `@` cannot be honoured", _PLACES[1][2], private=True)
    return line


def included(line: str) -> tuple[Literal["requirements", "constraints"], str] | None:
    """What a line includes, and from which file; None for any other line."""
    found = _INCLUDE.fullmatch(line)
    if not found:
        return None
    kind: Literal["requirements", "constraints"] = (
        "requirements" if (found["short"] or found["long"]).lstrip("-").startswith("r") else "constraints"
    )
    return kind, found["file"].strip().strip("\"'")


def needless(line: str) -> str:
    """Why an option may be left out without a loss; empty for any other line."""
    return _NEEDLESS.get(_word(line), "") if line.startswith("-") else ""


def _word(line: str) -> str:
    word = re.split(r"[\s=]", line, maxsplit=1)[0]
    return word if word.startswith("--") else word[:2]


def _check_option(line: str) -> str:
    word = _word(line)
    if needless(line):
        return line
    if (include := included(line)) is not None:
        if "://" in include[1]:
            raise Fault(f"`{word}` of a URL cannot be honoured", "keep a copy of the file here", private=True)
        return line
    known = _REFUSED.get(word)
    shown = word if known or re.fullmatch(r"--?[A-Za-z][A-Za-z-]*", word) else "-"
    raise Fault(
        f"the pip option `{shown}` cannot be honoured",
        known or "leave it out, and name packages only",
        private=True,
    )


def _refuse_places(line: str) -> None:
    for matches, what, fix in _PLACES:
        if matches(line):
            raise Fault(f"{what} cannot be honoured", _version_in(line) or fix, private=True)


def _version_in(line: str) -> str:
    """What to write in place of one wheel, or of what conda built on another machine; empty for anything else."""
    if _is_vcs(line):
        return ""
    if wheel := _WHEEL.fullmatch(unquote(re.sub(r"\s*;.*", "", line))):
        return f"ask an index for it: `{wheel['name'].replace('_', '-')}=={wheel['version']}`"
    if conda := _FEEDSTOCK.fullmatch(line):
        return f"it lies on another machine: name its version, as `{conda['name']}==1.2`"
    return ""


def pip_name(line: str) -> str:
    """The package a checked requirement line is about, normalised (PEP 503)."""
    found = re.match(r"[A-Za-z0-9._-]+", line)
    return re.sub(r"[-_.]+", "-", found[0] if found else line).lower()
