"""What `targets:` asks of a build, and which builds and lines of the tables give it: fixes are computed from that."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.version import Version

from builder.fit.lines import known_lines, lowest, reach
from builder.gpu.drivers import Driver, driver, drives
from builder.gpu.gpus import find_gpu
from builder.gpu.tables import Gpu, TorchBuild, torch_builds
from builder.lock.cuda.line import Line, of_version
from builder.lock.cuda.table import table
from builder.spec.model import ImageSpec, Platform
from builder.values import Value


class Wants(Value):
    """What a build has to serve. gpus: by the name that image.yml has for each. python: `3.12`, empty where unknown.

    others: the platforms that the image is declared for besides.
    """

    gpus: dict[str, Gpu] = {}
    driver: Driver | None = None
    python: str = ""
    platform: Platform = "linux/amd64"
    others: tuple[Platform, ...] = ()
    declared: Line | None = None

    def alone(self, name: str) -> Wants:
        """The same for one GPU only."""
        return self.model_copy(update={"gpus": {name: self.gpus[name]}})


def wants(spec: ImageSpec, platform: Platform, python: str = "") -> Wants:
    """What a definition asks for. Raises UsageError for GPUs and drivers that are none."""
    return Wants(
        gpus={name: find_gpu(name) for name in spec.targets.gpus},
        driver=driver(spec.targets.driver) if spec.targets.driver else None,
        python=python,
        platform=platform,
        others=tuple(one for one in spec.platforms if one != platform),
        declared=of_version(spec.cuda) if spec.cuda else None,
    )


def has_python(row: TorchBuild, python: str) -> bool:
    """Whether there are wheels of a build for a Python; an unknown one fits."""
    low, high = (Version(text) for text in row.python)
    return not python or low <= Version(python) <= high


def serves_driver(line: Line, have: Driver | None) -> bool:
    """Whether programs of a line run with a driver; what is not known is taken to fit."""
    least = lowest(line)
    return have is None or least is None or have.reaches(least)


def elsewhere(rows: Sequence[TorchBuild], gpu: Gpu, wanted: Wants) -> Platform | None:
    """The other declared platform whose build of the same release and line covers a GPU.

    One list of GPUs is for all platforms of an image, and hardly a GPU is found beside both kinds of processor.
    """
    same = {(row.version, row.cuda) for row in rows}
    for row in torch_builds():
        if (
            (row.version, row.cuda) in same
            and row.platform in wanted.others
            and row.cover(gpu.capability) != "none"
        ):
            return row.platform
    return None


def left_behind(have: Driver | None, wanted: Wants) -> list[str]:
    """The GPUs that a driver is too new for."""
    return [name for name, gpu in wanted.gpus.items() if have is not None and not drives(have, gpu)]


def build_for(wanted: Wants, rows: Sequence[TorchBuild]) -> TorchBuild | None:
    """The build that serves all of it and is nearest to the chosen ones; None where there is none.

    Of the same release the newest line; else the release of the package index that is nearest, newer before older.
    """
    fitting = [row for row in torch_builds() if row.platform == wanted.platform and _serves(row, wanted)]
    versions = {row.version for row in rows}
    same = [row for row in fitting if row.version in versions]
    if same:
        return max(same, key=lambda row: (Version(row.version), Version(row.cuda)))
    order = {version: at for at, version in enumerate(dict.fromkeys(row.version for row in torch_builds()))}
    here = max((order[version] for version in versions), default=len(order))

    def distance(row: TorchBuild) -> tuple[bool, bool, int]:
        away = order[row.version] - here
        return row.index != "pypi", away < 0, abs(away)

    return min(fitting, key=distance, default=None)


def line_for(wanted: Wants, here: Line) -> Line | None:
    """The line nearest to one that compiles for all GPUs and runs with the driver; None where there is none."""
    known = known_lines()
    at = sum((line.major, line.minor or 0) < (here.major, here.minor or 0) for line in known)
    fitting = [
        place
        for place, line in enumerate(known)
        if serves_driver(line, wanted.driver)
        and all(reach(line, gpu) == "compiles" for gpu in wanted.gpus.values())
        and not left_behind(wanted.driver, wanted)
    ]
    return known[min(fitting, key=lambda place: abs(place - at))] if fitting else None


def told(row: TorchBuild, wanted: Wants) -> str:
    """How to ask for a build."""
    line = of_version(row.cuda)
    if row.index == "pypi":
        other = wanted.declared is not None and wanted.declared != line
        declare = f', and declare cuda: "{row.cuda}"' if other else ""
        return f"ask for torch=={row.version}, which is for CUDA {row.cuda}{declare}"
    own = table().packages["torch"].from_pip
    return f'declare cuda: "{row.cuda}" and ' + own.format(
        line=row.cuda, major=row.cuda.partition(".")[0], tag=row.index, version=row.version
    )


def _serves(row: TorchBuild, wanted: Wants) -> bool:
    line = of_version(row.cuda)
    return (
        has_python(row, wanted.python)
        and line is not None
        and serves_driver(line, wanted.driver)
        and all(row.cover(gpu.capability) == "runs" for gpu in wanted.gpus.values())
        and not left_behind(wanted.driver, wanted)
    )
