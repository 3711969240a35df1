""".dockerignore as the engine reads it, and files that never go into an image because they hold secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from posixpath import normpath

from builder.spec.fault import Fault

IGNORE_FILE = ".dockerignore"
LITTER = frozenset({"__pycache__", ".git", ".DS_Store", ".ipynb_checkpoints", IGNORE_FILE})
MAX_BYTES = 1 << 16

# Names of files whose purpose is to hold a secret; what stands behind `but` is there to be shared.
_SECRET = (
    *(".env", ".env.*", "*.env", ".envrc", ".netrc", "_netrc", ".pypirc", ".npmrc", ".yarnrc.yml", ".pgpass"),
    *(".git-credentials", ".dockercfg", ".htpasswd", ".s3cfg", ".boto", ".my.cnf", "kaggle.json", "*.kdbx"),
    *("*.p12", "*.pfx", "*.jks"),
    *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "*.key", "*.ppk", "*.keystore", "*service-account*.json"),
    *("service_account*.json", "client_secret*.json", "application_default_credentials.json", "*.tfstate"),
    *("secrets.toml", "secrets.yml", "secrets.yaml", "secrets.json", "credentials.json", "*.tfvars"),
)  # fmt: skip
_BUT = (
    ".env.example",
    ".env.sample",
    ".env.template",
    ".env.dist",
    "*.example.env",
    "*.sample.env",
    "*.template.env",
)
_SECRET_PATHS = (
    *(".ssh/*", ".gnupg/*", ".aws/credentials", ".docker/config.json", ".kube/config", ".azure/*"),
    *(
        ".config/gcloud/*",
        ".huggingface/token",
        "huggingface/token",
        ".config/rclone/rclone.conf",
        ".conda/*.token",
    ),
)
_PRIVATE_KEY = re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----\r?\n")
_AS_MEANT = "give it to the container when it runs (`--env-file`, a mounted file)"


def secret_name(path: str) -> bool:
    """Whether a file is there to hold a secret. path: relative, with `/`."""
    name = path.rpartition("/")[2].lower()
    if any(fnmatchcase(name, pattern) for pattern in _BUT):
        return False
    lower = path.lower()
    return any(fnmatchcase(name, pattern) for pattern in _SECRET) or any(
        fnmatchcase(lower, pattern) or fnmatchcase(lower, f"*/{pattern}") for pattern in _SECRET_PATHS
    )


def holds_private_key(content: bytes) -> bool:
    """Whether the beginning of a file holds a private key, whatever it is called."""
    return _PRIVATE_KEY.search(content[:MAX_BYTES]) is not None


def secret_fault(path: str, why: str = "is a file for secrets") -> Fault:
    """What to say of a file that would take a secret along."""
    fix = f"name it in a {IGNORE_FILE} of that folder, and {_AS_MEANT}"
    return Fault(f"`{path}` {why}, and none goes into an image", fix)


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    keeps: bool


@dataclass(frozen=True, slots=True)
class Ignore:
    """The rules of one .dockerignore; the last that matches a path or a folder above it decides."""

    rules: Sequence[_Rule] = ()

    def leaves_out(self, path: str) -> bool:
        """Whether a file is left out. path: relative to the folder of the .dockerignore, with `/`."""
        parts = path.split("/")
        out = False
        for rule in self.rules:
            if out == rule.keeps and any(
                rule.pattern.fullmatch("/".join(parts[:depth])) for depth in range(1, len(parts) + 1)
            ):
                out = not rule.keeps
        return out


def read_ignore(folder: Path) -> Ignore:
    """The rules in a folder, none where it has no .dockerignore. Raises Fault for one that cannot be read."""
    path = folder / IGNORE_FILE
    if not path.is_file():
        return Ignore()
    try:
        with path.open("rb") as stream:
            text = stream.read(MAX_BYTES + 1).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Fault(f"`{IGNORE_FILE}` cannot be read", "write it as UTF-8, readable for you") from error
    if len(text) > MAX_BYTES:
        raise Fault(f"`{IGNORE_FILE}` is larger than 64 KiB", "leave out whole folders with one line")
    return Ignore(
        tuple(_rule(line.strip(), at) for at, line in enumerate(text.splitlines(), 1) if _says(line))
    )


def _says(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#") and line.strip() not in {"!", "/"}


def _rule(line: str, at: int) -> _Rule:
    keeps = line.startswith("!")
    written = normpath(line.removeprefix("!").strip()).lstrip("/")
    fault = Fault(f"`{IGNORE_FILE}` line {at} is no pattern", "mend its brackets, or shorten it")
    if len(written) > 300 or written.count("**") > 5:
        raise fault
    try:
        return _Rule(re.compile(_expression(written), re.DOTALL), keeps)
    except (re.error, IndexError) as error:
        raise fault from error


def _expression(pattern: str) -> str:
    """Go's filepath.Match with `**`, as the engine has it, as a regular expression."""
    found = ""
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if pattern.startswith("**/", at):
            found, at = found + "(?:.*/)?", at + 3
        elif pattern.startswith("**", at):
            found, at = found + ".*", at + 2
        elif char == "*":
            found, at = found + "[^/]*", at + 1
        elif char == "?":
            found, at = found + "[^/]", at + 1
        elif char == "\\":
            found, at = found + re.escape(pattern[at + 1]), at + 2
        elif char == "[":
            end = pattern.index("]", at + 2) if "]" in pattern[at + 2 :] else len(pattern)
            inside = pattern[at + 1 : end].replace("\\", r"\\").replace("[", r"\[")
            found, at = f"{found}[{inside}{pattern[end]}", end + 1
        else:
            found, at = found + re.escape(char), at + 1
    return found


def taken(folder: Path, source: Path) -> Iterator[tuple[str, Path]]:
    """Every file of `files:` by its name relative to source, sorted, without litter and what .dockerignore leaves out.

    folder: the image's; its own .dockerignore counts, and that of the source. A source that is one file is that file.
    Links to folders come as they are, for the caller to judge. Raises Fault.
    """
    outer = read_ignore(folder)
    if not source.is_dir():
        name = Path(os.path.relpath(source, folder)).as_posix()
        if outer.leaves_out(name):
            raise Fault(f"`{name}` is left out by {IGNORE_FILE}", "change one of the two")
        yield source.name, source
        return
    inner = read_ignore(source) if source != folder else Ignore()
    for here, folders, names in os.walk(source):
        folders[:] = sorted(set(folders) - LITTER)
        links = [name for name in folders if (Path(here) / name).is_symlink()]
        for name in sorted({*names, *links} - LITTER):
            path = Path(here) / name
            relative = path.relative_to(source).as_posix()
            if inner.leaves_out(relative) or outer.leaves_out(Path(os.path.relpath(path, folder)).as_posix()):
                continue
            yield relative, path


def secrets_in(folder: Path, source: Path) -> list[str]:
    """Names of files that are there to hold secrets and would be taken along, relative to the image's folder."""
    return [
        Path(os.path.relpath(path, folder)).as_posix()
        for _, path in taken(folder, source)
        if secret_name(Path(os.path.relpath(path, folder)).as_posix())
    ]
