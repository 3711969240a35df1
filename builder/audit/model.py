"""What an audit says: findings, and the table of extensions and GPUs."""

from __future__ import annotations

from typing import Literal, TypeAlias

from builder.audit.facts import Reading
from builder.gpu.tables import Gpu
from builder.spec.findings import Finding
from builder.spec.model import Allowance, AuditCheck
from builder.values import Value

Fit: TypeAlias = Literal["runs", "jit", "partly", "fails"]
Weight: TypeAlias = Literal["fault", "warning", "note"]


class Wanted(Value):
    """What an image is held against. glibc: of the base, for archives, where its libraries are not known.

    claimed: targets that the image's label names, None without a label. variables: the image's environment, of which
    some tell a package which of its builds to load.
    """

    image: str
    gpus: tuple[Gpu, ...] = ()
    driver: str | None = None
    cuda: str | None = None
    glibc: str | None = None
    claimed: tuple[str, ...] | None = None
    allow: tuple[Allowance, ...] = ()
    variables: dict[str, str] = {}


class AuditFinding(Finding):
    """One thing that will not work, or not well; cause: what was read that says so.

    file: absolute path, empty where the fault is no file's. gpus: the declared ones that it is about, none where it is
    about all. source: where the rule comes from, for warnings about named parts.
    """

    check: AuditCheck
    weight: Weight
    file: str = ""
    gpus: tuple[str, ...] = ()
    source: str = ""


class Row(Value):
    """One extension: a package's files that hold device code, or a package that compiles at run time.

    fits: by declared GPU, as in `targets.gpus`. code, ptx: targets read, sorted by capability.
    """

    package: str
    file: str
    code: tuple[str, ...] = ()
    ptx: tuple[str, ...] = ()
    fits: dict[str, Fit] = {}
    note: str = ""


class Audit(Value):
    """All of it. cuda: line of the installed torch or of the CUDA libraries; driver: the lowest that is declared.

    allowed: findings that image.yml takes, with its reason; they count in nothing else. unread: files that could not
    be read, with the reason.
    """

    image: str
    reading: Reading
    files: int
    gpus: tuple[str, ...] = ()
    driver: str | None = None
    torch: str = ""
    cuda: str | None = None
    rows: tuple[Row, ...] = ()
    findings: tuple[AuditFinding, ...] = ()
    allowed: tuple[tuple[AuditFinding, Allowance], ...] = ()
    unneeded: tuple[Allowance, ...] = ()
    unread: dict[str, str] = {}
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """No fault that is not allowed."""
        return all(finding.weight != "fault" for finding in self.findings)
