"""requirements.txt: a Python of conda's, and the lines as its pip section."""

from __future__ import annotations

import re

from builder.spec.fault import Fault
from builder.spec.piplines import pip_name
from builder.spec.pipsection import limited
from builder.spec.reqfiles import Line, read_requirements
from builder.spec.requirements import check_conda
from builder.start.model import Draft, Found, Given, Wish

_CONDA_ONLY = frozenset({"python", "cudatoolkit", "cudnn"})
_SPECIFIER = re.compile(r"[A-Za-z0-9._-]+\s*(?P<version>[=<>!~][^;\[\]]*)?(?P<marker>;.*)?", re.DOTALL)


def read_requirements_file(given: Given, wish: Wish) -> Found:
    """What the file and those it includes ask for, limits of constraints in the lines they limit."""
    found = Found("requirements")
    read = read_requirements(given.path, given.label, text=given.text)
    lines, problems = limited(read.lines, read.limits)
    for problem in (*read.problems, *problems):
        found.add(problem)
    conda: list[str] = []
    pip: list[str] = []
    for line in lines:
        if pip_name(line.text) in _CONDA_ONLY:
            conda += _from_conda(found, line)
        elif line.text not in pip:
            pip.append(line.text)
    own = [spec for spec in conda if spec.startswith("python")]
    rest = [spec for spec in conda if spec not in own]
    found.drafts.append(Draft(conda=(*python(found, given, wish, own), "pip", *rest), pip=tuple(pip)))
    return found


def python(found: Found, given: Given, wish: Wish, own: list[str]) -> list[str]:
    """The spec of Python itself: what the command line says, what the file says, or any."""
    if wish.python:
        return [f"python={wish.python}"]
    if own:
        return own
    what = "names no version of Python: the newest that its channel has is taken"
    found.notes.append(given.problem(0, what, "say which with --python 3.12", warning=True))
    return ["python"]


def _from_conda(found: Found, line: Line) -> list[str]:
    """`python==3.9` among requirements, which no index has: conda brings it."""
    name = pip_name(line.text)
    said = _SPECIFIER.fullmatch(line.text)
    version = re.sub(r"\s+", "", said["version"] or "") if said else ""
    spec = f"{name}{version.replace('===', '==')}"
    try:
        check_conda(spec)
    except Fault as fault:
        found.problems.append(line.problem(f"`{name}` is no package of an index", fault.fix))
        return []
    found.notes.append(line.problem(f"`{name}` is no package of an index: conda brings it", warning=True))
    return [spec]
