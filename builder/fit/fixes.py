"""What to do about a GPU, a driver or a Python that does not fit, computed from the tables."""

from __future__ import annotations

from builder.fit.lines import lowest
from builder.fit.model import Chosen
from builder.fit.wants import Wants, build_for, has_python, left_behind, line_for, told
from builder.gpu.tables import TorchBuild
from builder.lock.cuda.line import Line


def other_gpu(name: str, one: Chosen, wanted: Wants) -> str:
    """Another build or line that serves all declared GPUs; else a variant of its own for this one."""
    whole = _instead(one, wanted)
    if whole:
        return whole
    alone = _instead(one, wanted.alone(name)) if len(wanted.gpus) > 1 else ""
    if alone:
        return (
            f"nothing known serves all of {', '.join(wanted.gpus)}: take {name} out of targets.gpus, and give it a "
            f"variant of its own (variants: {{{name}: {{targets: {{gpus: [{name}]}}}}}}); there {alone}"
        )
    return f"take {name} out of targets.gpus: nothing that imgbuild knows serves it as declared"


def other_driver(line: Line, one: Chosen, wanted: Wants) -> str:
    """The floor as a declaration, or a build or line that the declared driver serves."""
    raised = f'declare driver: "{lowest(line)}"'
    lost = left_behind(lowest(line), wanted)  # GPUs that no driver of the line is for
    other = _instead(one, wanted)
    if lost:
        return other or f"{raised} and take {' and '.join(lost)} out of targets.gpus"
    return f"{raised}, or {other}" if other else raised


def older_driver(name: str, branch: int, one: Chosen) -> str:
    """For a GPU that newer drivers left behind."""
    lines = [least for line in one.lines if (least := lowest(line))]
    if any(least.branch > branch for least in lines):
        return f"take {name} out of targets.gpus: drivers for it end with {branch}, and the line needs a newer one"
    return f'declare driver: "{branch}", or take {name} out of targets.gpus'


def other_python(row: TorchBuild, one: Chosen, wanted: Wants) -> str:
    """The nearest Python of the build, or a build for the one that is asked for."""
    low, high = row.python
    nearest = low if _minor(wanted.python) < _minor(low) else high
    other = build_for(wanted, one.rows)
    asked = f"ask for python={nearest}"
    return f"{asked}, or {told(other, wanted)}" if other and has_python(other, wanted.python) else asked


def _instead(one: Chosen, wanted: Wants) -> str:
    if one.rows:
        build = build_for(wanted, one.rows)
        return told(build, wanted) if build else ""
    line = line_for(wanted, min(one.lines)) if one.lines else None
    if line is None or line == wanted.declared:
        return ""
    pin = f", with `cuda-version={line}` among the dependencies" if one.torch and not one.wheel else ""
    return f'declare cuda: "{line}"{pin}'


def _minor(python: str) -> tuple[int, ...]:
    return tuple(int(part) for part in python.split("."))
