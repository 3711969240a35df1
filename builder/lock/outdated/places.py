"""Which line of a definition brings a package: its own, or that of the package which needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from builder.lock.outdated.model import Holder
from builder.spec.model import CondaEnvironment, ImageSpec
from builder.spec.origins import Origin, origins
from builder.spec.piplines import pip_name
from builder.spec.requirements import conda_name


class Places:
    """The lines of one environment. label: how messages name a file."""

    def __init__(self, spec: ImageSpec, environment: CondaEnvironment, label: Callable[[Path], str]) -> None:
        self._known = origins(spec, environment)
        self._label = label
        self.conda = _by_name(environment.conda, conda_name)
        self.pip = _by_name(environment.pip, pip_name)

    def of_line(self, line: str, *, pip: bool = False, why: str = "") -> Holder:
        """A line of `dependencies:`, or of its pip section."""
        return self._holder(line, self._known.of_pip(line) if pip else self._known.of_conda(line), why)

    def of_image(self, key: str, value: str, why: str = "") -> Holder:
        """A key of image.yml; the file alone where nobody wrote it. why: what it contradicts."""
        found = self._holder(f"{key}: {value}", self._known.of_image(key), why)
        return found.model_copy(update={"against": bool(why)})

    def wrote(self, key: str) -> bool:
        """Whether a key of image.yml stands in one."""
        return key in self._known.image

    def against(self, name: str, requirers: Mapping[str, Iterable[str]], why: str) -> Holder:
        """The line that brings a conda package, which is not as why says that it must be."""
        found = self.bringing(name, requirers, why, pip=False)
        return found.model_copy(update={"against": True})

    def bringing(self, name: str, requirers: Mapping[str, Iterable[str]], why: str, *, pip: bool) -> Holder:
        """The line that asks for a package, or for the nearest package that needs it.

        requirers: by name, the packages that need it, of the same manager.
        """
        lines = self.pip if pip else self.conda
        seen, level = {name}, [name]
        while level:
            found = next((lines[one][0] for one in level if one in lines), None)
            if found is not None:
                return self.of_line(found, pip=pip, why=why)
            level = sorted({over for one in level for over in requirers.get(one, ())} - seen)
            seen |= set(level)
        return Holder(why=why)

    def _holder(self, asked: str, place: Origin, why: str) -> Holder:
        return Holder(why=why, asked=asked, file=self._label(place.file), line=place.line)


def _by_name(lines: Iterable[str], name: Callable[[str], str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in lines:
        found.setdefault(name(line), []).append(line)
    return found
