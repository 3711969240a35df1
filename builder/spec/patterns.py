"""The types of single values in the files: each says what it wants, and lets nothing else through.

Whatever can reach a Dockerfile, a shell or a path has a tight pattern. Free text (env values, labels, cmd)
may hold quotes, `$(x)` and `{{ }}`, which are quoted where they are used, and never a control character.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from builder.spec.document import bad_character, printable
from builder.spec.fault import Fault
from builder.spec.piplines import check_pip
from builder.spec.requirements import check_channel, check_conda

if TYPE_CHECKING:  # 10 ms of import that only the schema needs
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

MAX_TEXT = 8192

SYSTEM_USERS = frozenset(
    {
        *(
            "root",
            "daemon",
            "bin",
            "sys",
            "sync",
            "games",
            "man",
            "lp",
            "mail",
            "news",
            "uucp",
            "proxy",
            "www-data",
        ),
        *("backup", "list", "irc", "gnats", "nobody", "ubuntu"),
    }
)
RESERVED_ENV = frozenset(
    {
        *("PATH", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CONDA_EXE", "CONDA_PYTHON_EXE", "CONDA_SHLVL"),
        "CONDA_PROMPT_MODIFIER",
    }
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern for a text, with what to say when it does not match, and a further check if there is one."""

    pattern: str
    says: str
    fix: str
    check: Callable[[str], str] | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.apply, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}

    def apply(self, text: str) -> str:
        """The text, or the custom error that builder.spec.translate turns into a problem."""
        try:
            return self.require(text)
        except Fault as fault:
            what = fault.what if fault.private else f"`{printable(text)}` {fault.what}"
            raise PydanticCustomError("imgbuild", "{what}", {"what": what, "fix": fault.fix}) from fault

    def require(self, text: str) -> str:
        """The text; raises Fault."""
        if bad_character(text) or not re.fullmatch(self.pattern, text, re.DOTALL):
            raise Fault(self.says, self.fix)
        return self.check(text) if self.check else text


def _user(name: str) -> str:
    if name in SYSTEM_USERS:
        raise Fault("is an account of the system", "choose another name, such as `app`")
    return name


def _variable(name: str) -> str:
    if name in RESERVED_ENV or name.startswith("IMGBUILD_"):
        raise Fault("is set by the image itself", "remove it")
    return name


def _label(key: str) -> str:
    if key.startswith("io.imgbuild."):
        raise Fault("is set by imgbuild itself", "remove it, or use a name of your own")
    return key


def _environment(name: str) -> str:
    if name.lower() in {"base", "root"}:
        raise Fault("is the name of conda's own environment", "choose another name")
    return name


def _variant(name: str) -> str:
    if name == "latest":
        raise Fault("is the tag of the image without a variant", "choose another name")
    return name


def _inside(path: str) -> str:
    if any(part in {"", ".", ".."} for part in path.removesuffix("/").split("/")):
        raise Fault("is not a plain path below the folder", "name a file below the folder, without `..`")
    return path


def _absolute(path: str) -> str:
    parts = path.split("/")[1:]
    if any(part in {".", ".."} for part in parts) or "" in parts[:-1]:
        raise Fault("is not a plain absolute path", "write it without `.`, `..` and `//`")
    if parts[0] in {"proc", "sys", "dev", "mnt", "run"}:
        raise Fault("lies where the system or the build mounts things", "choose another directory")
    return path


_SEGMENT = r"[A-Za-z0-9._+@][A-Za-z0-9._+@-]*"
_SLUG = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"
_SLUG_FIX = "use lower-case letters and digits, with single `-`, `_` or `.` between them"

Text = Annotated[str, Rule(rf".{{0,{MAX_TEXT}}}", "is too long or holds a control character", "shorten it")]
IMAGE_NAME = Rule(_SLUG, "cannot name an image", _SLUG_FIX, _environment)
ImageName = Annotated[str, Field(max_length=64), IMAGE_NAME]
VariantName = Annotated[str, Field(max_length=64), Rule(_SLUG, "cannot name a variant", _SLUG_FIX, _variant)]
EnvironmentName = Annotated[
    str,
    Field(max_length=64),
    Rule(
        r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*",
        "cannot name an environment",
        "use letters and digits, with single `-`, `_` or `.` between them",
        _environment,
    ),
]
BaseKey = Annotated[str, Field(max_length=64), Rule(_SLUG, "cannot name a base", _SLUG_FIX)]
RelPath = Annotated[
    str,
    Field(max_length=500),
    Rule(
        rf"{_SEGMENT}(?:/{_SEGMENT})*/?",
        "is not a plain path below the folder",
        "use letters, digits, `._+@-` and `/`, without `..`",
        _inside,
    ),
]
YamlFile = Annotated[
    str,
    Field(max_length=200),
    Rule(
        r"[A-Za-z0-9][A-Za-z0-9._-]*\.ya?ml",
        "is not a YAML file of this folder",
        "name a `.yml` file beside it",
    ),
]
AbsPath = Annotated[
    str,
    Field(max_length=500),
    Rule(
        rf"/(?:{_SEGMENT}(?:/{_SEGMENT})*/?)?",
        "is not a plain absolute path",
        "use letters, digits, `._+@-` and `/`",
        _absolute,
    ),
]
EnvVar = Annotated[
    str,
    Field(max_length=200),
    Rule(r"[A-Za-z_][A-Za-z0-9_]*", "cannot name a variable", "use letters, digits and `_`", _variable),
]
LabelKey = Annotated[
    str,
    Field(max_length=200),
    Rule(
        r"[A-Za-z0-9]+(?:[._/-][A-Za-z0-9]+)*",
        "cannot name a label",
        "use letters and digits, with single `.`, `-`, `_` or `/` between them",
        _label,
    ),
]
UserName = Annotated[
    str,
    Rule(
        r"[a-z][a-z0-9_-]{0,30}",
        "cannot name a user",
        "use up to 31 lower-case letters, digits, `-` and `_`",
        _user,
    ),
]
AptName = Annotated[
    str,
    Field(max_length=100),
    Rule(
        r"[a-z0-9][a-z0-9+.-]+",
        "is not a Debian package name",
        "name the package alone: its version stands in the lock",
    ),
]
CUDA_LINE = Rule(r"[1-9][0-9]?\.[0-9]{1,2}|none", "is not a CUDA line", 'write it as "13.0", or none')
CudaVersion = Annotated[str, CUDA_LINE]
DriverVersion = Annotated[
    str,
    Rule(
        r"[1-9][0-9]{2}(?:\.[0-9]{1,3}){0,2}", "is not a driver version", 'write it as "580" or "525.60.13"'
    ),
]
GpuName = Annotated[
    str,
    Field(max_length=40),
    Rule(r"[a-z0-9]+(?:[._-][a-z0-9]+)*", "is not a GPU name", 'write it as `t4`, `rtx-4090` or "9.0"'),
]
InstallerName = Annotated[
    str,
    Rule(
        r"none|(?:miniconda|miniforge)=[0-9]+(?:\.[0-9]+){1,3}-[0-9]+",
        "is not an installer",
        "write `miniconda=VERSION`, `miniforge=VERSION` or `none`",
    ),
]
Size = Annotated[
    str,
    Rule(
        r"[0-9]{1,6}(?:\.[0-9]{1,3})? ?(?:[KMGT]B|[KMG]iB)", "is not a size", "write it as `9GB` or `700MB`"
    ),
]
GlibcVersion = Annotated[str, Rule(r"2\.[0-9]{1,2}", "is not a glibc version", 'write it as "2.36"')]
Suite = Annotated[str, Field(max_length=40), Rule(r"[a-z]+", "is not a suite", "write it as `bookworm`")]
ImageRef = Annotated[
    str,
    Field(max_length=300),
    Rule(
        r"[a-z0-9]+(?:[.-][a-z0-9]+)*(?::[0-9]{1,5})?(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
        r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(?:@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})",
        "is not an image reference with a tag or a digest",
        "write it as `docker.io/library/debian:bookworm-slim`",
    ),
]
Channel = Annotated[
    str, Rule(r".+", "is not a channel", "name one (`conda-forge`) or give its URL", check_channel)
]
CondaSpec = Annotated[
    str,
    Field(max_length=500),
    Rule(
        r"[^ ].*",
        "is not a conda match spec",
        "write it as `name`, `name=1.2` or `name>=1.2,<2`",
        check_conda,
    ),
]
PackageName = Annotated[
    str,
    Field(max_length=100),
    Rule(
        r"[a-z0-9_](?:[a-z0-9._+-]*[a-z0-9+])?",
        "is not a package's name",
        "name the package alone in lower case, as the finding does",
    ),
]
Reason = Annotated[str, Rule(r".{0,500}\S.{0,500}", "is no reason", "say in a few words why it is meant")]
PipLine = Annotated[
    str,
    Field(max_length=500),
    Rule(r"\S.*", "is not a pip requirement", "write it as `name==1.2`", check_pip),
]

_UNITS = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}


def size_in_bytes(size: str) -> int:
    """Bytes of a checked size: `9GB` is 9,000,000,000."""
    found = re.fullmatch(r"([0-9.]+) ?([A-Za-z]+)", size)
    if not found:
        raise ValueError(size)
    return int(float(found[1]) * _UNITS[found[2]])
