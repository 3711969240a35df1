"""What stands in `channels:` and `dependencies:`: channels and conda match specs, checked without a solver.

The checks are light: they refuse what would be dangerous or is plainly not a spec, and leave the rest to the
solver. Nothing here imports rattler, so that listing stays quick.
"""

from __future__ import annotations

import re

from builder.spec.fault import Fault
from builder.spec.piplines import pip_name

_CHANNEL_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*"
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?"
_CHANNEL_URL = rf"https?://{_HOST}(?:/[A-Za-z0-9_~+][A-Za-z0-9._~+-]*)*/?"
LOOPBACK = re.compile(r"http://(?:localhost|127(?:\.[0-9]{1,3}){3})(?::[0-9]{1,5})?(?:/|\Z)")
_ADDRESS = re.compile(rf"https?://{_HOST}(?:/[A-Za-z0-9_~+%=][A-Za-z0-9._~+%=-]*)*/?")
_DIRECTORY = re.compile(r"file://(?:/[A-Za-z0-9_~+%=][A-Za-z0-9._~+%=-]*)+/?")
CHANNEL = re.compile(rf"{_CHANNEL_NAME}|{_CHANNEL_URL}")
ANACONDA = re.compile(
    r"defaults|(?:https?://repo\.anaconda\.com/)?pkgs(?:/[A-Za-z0-9]+)*/?|(?:https?://conda\.anaconda\.org/)?(?:main|r|msys2)/?"
)

_SPEC = re.compile(
    r"(?:(?P<channel>[^\s:\[]*(?:://[^\s\[]*?)?)::)?"
    r"(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)"
    r"(?P<rest>(?:\s*[=<>!~]|\s+[0-9*(A-Za-z])[A-Za-z0-9 .,*!+_|<>=~()-]*)?"
    r"\s*(?:\[(?P<options>[^\[\]]*)\])?"
)
_OPTION = re.compile(
    r"(?P<key>[a-z_0-9]+)\s*=\s*(?:\"[A-Za-z0-9 .,*!+_|<>=~():/-]+\"|'[A-Za-z0-9 .,*!+_|<>=~():/-]+'|"
    r"[A-Za-z0-9.*!+_<>=~:/-]+)"
)
_NAMED: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"[^\s\[]*\*[^\s\[=<>!~]*(?:[\s\[=<>!~].*)?"),
        "asks for any package whose name fits",
        "name each package: one spec chooses one",
    ),
    (
        re.compile(r"[^:\[]*:[^:/\[]*:[A-Za-z0-9_].*"),
        "names a namespace, which no solver reads",
        "write it as `channel::name`",
    ),
    (
        re.compile(r".*[\s=\[]['\"]?\^.*\$.*"),
        "holds a regular expression",
        "write a pattern with `*`, as `[build=py311_*]`",
    ),
    (re.compile(r"@.*"), "asks for a feature, which channels have no more", "name a package of that build"),
    (
        re.compile(r".*\[.*\b(?:url|fn|file_name)\s*=.*"),
        "is one package file, which a lock cannot choose",
        "name the package, its version and build: `name=1.2=build`",
    ),
    (
        re.compile(r".*\(\s*optional\b.*"),
        "is optional, and a lock has no use for what may be missing",
        "leave it out, or remove `(optional=...)`",
    ),
)
_HASHES = {"md5": 32, "sha256": 64}
_OPTIONS = {"version", "build", "build_number", "channel", "subdir", "md5", "sha256", "license", "features"}
_DANGLING = re.compile(r"[=<>!~]\s*(?:[,|)]|$)|[,|]\s*$|^\s*[,|]|[=<>]\s*[=<>]\s*[=<>]")
_TOKEN = re.compile(r"/t/[^/]+|@")


def check_channel(channel: str) -> str:
    """The channel as given; raises Fault for one that cannot be used."""
    if "://" in channel and _TOKEN.search(channel):
        raise Fault(
            "holds a token or a password", "keep it out of the file, in your conda credentials", private=True
        )
    if channel.startswith(("file:", "/", ".", "~")) or channel == "local":
        raise Fault("is a directory of one machine", "name a channel or an https URL")
    if not CHANNEL.fullmatch(channel):
        raise Fault("is not a channel", "name one (`conda-forge`) or give its https URL")
    return check_plain_http(channel)


def check_plain_http(url: str) -> str:
    """The URL as given; raises Fault for plain http to another machine.

    Archives are checked by sha256 however they came; what a solver reads decides which archives those are.
    """
    if url.startswith("http://") and not LOOPBACK.match(url):
        raise Fault(
            "is plain http, and what a solver reads there can be changed on its way",
            "use https, or serve it on this machine (http://127.0.0.1)",
        )
    return url


def check_address(url: str, *, files: bool) -> str:
    """A place that bytes are asked for, as given; raises Fault. files: a directory of this machine may be one."""
    if _TOKEN.search(url):
        raise Fault(
            "holds a token or a password", "keep it out of settings: downloads read ~/.netrc", private=True
        )
    if not (_ADDRESS.fullmatch(url) or (files and _DIRECTORY.fullmatch(url))):
        raise Fault("is not a plain URL", "write it as `https://HOST/PATH/`, without query and blanks")
    return check_plain_http(url)


def needs_anaconda_terms(channel: str) -> bool:
    """Whether Anaconda's terms of service govern the channel (`defaults`, `pkgs/*`)."""
    return ANACONDA.fullmatch(channel) is not None


def check_conda(spec: str) -> str:
    """The match spec as given; raises Fault for one that no solver could take."""
    if re.match(r"(?:https?|file)://\S*(?:\.conda|\.tar\.bz2)", spec) or spec.startswith(("/", "./", "../")):
        raise Fault("is one package file, which a lock cannot choose", "name the package and its channel")
    if ";" in spec:
        raise Fault("conditions (`;`) are not read here", "use a variant for each platform")
    found = _SPEC.fullmatch(spec)
    if not found or len(spec) > 500:
        raise _no_spec(spec)
    if found["channel"] is not None:
        check_channel(re.sub(r"/(?:linux-(?:64|aarch64)|noarch)$", "", found["channel"]))
    if found["rest"] and _DANGLING.search(found["rest"]):
        raise Fault("has an operator without a version", "write it as `name=1.2` or `name>=1.2,<2`")
    if found["options"] is not None:
        _check_options(found["options"])
    return spec


def _no_spec(spec: str) -> Fault:
    for pattern, what, fix in _NAMED if len(spec) <= 500 else ():
        if pattern.fullmatch(spec):
            return Fault(what, fix)
    return Fault("is not a conda match spec", "write it as `name`, `name=1.2` or `name>=1.2,<2`")


def _check_options(options: str) -> None:
    rest = options.strip()
    while rest:
        found = _OPTION.match(rest)
        if not found or found["key"] not in _OPTIONS:
            if (named := _no_spec(f"x[{rest}]")).what != "is not a conda match spec":
                raise named
            raise Fault("has brackets that are not understood", f"known there: {', '.join(sorted(_OPTIONS))}")
        value = found[0].partition("=")[2].strip().strip("\"'")
        if found["key"] == "channel":
            check_channel(value)
        if (digits := _HASHES.get(found["key"])) and not re.fullmatch(rf"[0-9a-fA-F]{{{digits}}}", value):
            raise Fault(
                f"has no {found['key']} in its brackets", f"write its {digits} digits, or leave it out"
            )
        rest = rest[found.end() :].strip()
        if rest and not rest.startswith(","):
            raise Fault("has brackets that are not understood", "write them as `[version='>=1', build='*']`")
        rest = rest[1:].strip()


def conda_name(spec: str) -> str:
    """The package a checked match spec is about, lower case."""
    found = _SPEC.fullmatch(spec)
    return found["name"].lower() if found else spec.lower()


def wheel_name(spec: str) -> str:
    """The name under which pip would most likely bring the package of a match spec."""
    return pip_name(conda_name(spec))


def spec_channel(spec: str) -> str:
    """The channel that a checked match spec names for itself, empty where it names none."""
    found = _SPEC.fullmatch(spec)
    if not found:
        return ""
    option = re.search(r"channel\s*=\s*[\"']?([^\"',\]\s]+)", found["options"] or "")
    chosen = found["channel"] or (option[1] if option else "")
    return re.sub(r"/(?:linux-(?:64|aarch64)|noarch)$", "", chosen)
