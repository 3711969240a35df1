"""pixi.toml, and pyproject.toml with or without [tool.pixi]: features put together into environments."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from builder.spec.document import bad_character, printable
from builder.spec.fault import Fault
from builder.spec.model import Platform
from builder.spec.piplines import check_pip, pip_name
from builder.spec.requirements import check_channel, conda_name, needs_anaconda_terms
from builder.start.model import Draft, Found, Given, Wish, terms_problem
from builder.start.pinned import SUBDIRS
from builder.start.pixi_specs import conda_spec, pip_line
from builder.start.toml_text import NotTomlError, Places, read_toml

DEFAULT = "default"
_CUDA = re.compile(r"[1-9][0-9]?\.[0-9]{1,2}")
_TARGETS = ("unix", "linux")
_LEFT_OUT = {
    "tasks": "tasks are not for an image; what it runs is `cmd:` in image.yml",
    "pypi-options": "an index is a setting: `wheel_index:` in imgbuild.yml",
    "build": "imgbuild builds no packages",
    "package": "imgbuild builds no packages",
    "dev": "imgbuild builds no packages",
}


@dataclass(slots=True)
class Feature:
    """What one feature adds. keys: where it stands in the file."""

    keys: tuple[str, ...]
    channels: list[str] = field(default_factory=list)
    conda: list[str] = field(default_factory=list)
    pip: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    cuda: tuple[Any, tuple[str, ...]] | None = None


def read_pixi(given: Given, wish: Wish) -> Found:
    """What the manifest asks for: its default environment, or the one that was asked for, or all of them."""
    found = Found("pixi")
    try:
        data = read_toml(given.text)
    except NotTomlError as error:
        what = f"is not TOML: {error.said}"
        found.problems.append(given.problem(error.line, what, "mend it", column=error.column or 1))
        return found
    _Reader(given, wish, found, data).read()
    return found


class _Reader:
    """One manifest being read; what is wrong goes to `found`."""

    def __init__(self, given: Given, wish: Wish, found: Found, data: dict[str, Any]) -> None:
        self.given = given
        self.wish = wish
        self.found = found
        self.whole = data
        self.root: tuple[str, ...] = ("tool", "pixi") if _table(_table(data, "tool"), "pixi") else ()
        self.data = _table(_table(data, "tool"), "pixi") if self.root else data
        self.places = Places(given.text)

    def fault(self, keys: tuple[str, ...], what: str, fix: str = "", *, warning: bool = False) -> None:
        """Note a problem at a key."""
        key = printable(".".join(keys))
        self.found.add(self.given.problem(self.places.line(keys), what, fix, key=key, warning=warning))

    def read(self) -> None:
        """Fill `found`."""
        top = "project" if self.data.get("project") and not self.root else "workspace"
        self.workspace = _table(self.data, top) or _table(self.data, "project")
        self.top = (*self.root, top)
        self._left_out(self.data, self.root)
        main = self._feature(self.data, self.root)
        if not self.root or "project" in self.whole:
            self._project(main)
        channels = self._channels(self.workspace.get("channels"), (*self.top, "channels"))
        self._platforms(self.workspace.get("platforms"))
        tables = {
            name: table for name, table in _table(self.data, "feature").items() if isinstance(table, dict)
        }
        read: dict[str, Feature] = {DEFAULT: main}
        for name, members in self._chosen(list(tables)).items():
            for one in members:  # only what is used: a feature that nothing takes may hold what it likes
                if one not in read and one in tables:
                    read[one] = self._feature(tables[one], (*self.root, "feature", one))
            self._draft(name, [read[one] for one in members if one in read], channels)

    def _left_out(self, table: dict[str, Any], keys: tuple[str, ...]) -> None:
        for key, why in _LEFT_OUT.items():
            if table.get(key):
                self.fault((*keys, key), "is left out", why, warning=key != "pypi-options")

    def _feature(self, table: dict[str, Any], keys: tuple[str, ...]) -> Feature:
        """A feature with its targets for Linux, and for the architecture of an image that is for one."""
        feature = Feature(keys)
        self._add(feature, table, keys)
        feature.channels = (
            self._channels(table.get("channels"), (*keys, "channels")) if keys != self.root else []
        )
        said = _table(table, "system-requirements").get("cuda")
        if said is not None:
            feature.cuda = (said, (*keys, "system-requirements", "cuda"))
        for target, inner in _table(table, "target").items():
            if not isinstance(inner, dict):
                continue
            if target in _TARGETS or target == self._subdir():
                self._add(feature, inner, (*keys, "target", target))
            elif target in SUBDIRS:
                what = f"is left out: it is for {target} alone"
                self.fault((*keys, "target", target), what, "choose with --platform", warning=True)
        return feature

    def _subdir(self) -> str:
        wanted = self.wish.platform or next(iter(self._ours()), "linux/amd64")
        return next(subdir for subdir, platform in SUBDIRS.items() if platform == wanted)

    def _add(self, feature: Feature, table: dict[str, Any], keys: tuple[str, ...]) -> None:
        for section in ("dependencies", "host-dependencies", "build-dependencies"):
            for name, value in _table(table, section).items():
                self._spec(feature, name, value, (*keys, section, name))
        for name, value in _table(table, "pypi-dependencies").items():
            self._wheel(feature, name, value, (*keys, "pypi-dependencies", name))
        activation = _table(table, "activation")
        if activation.get("scripts"):
            what, fix = "activation scripts are left out", "set variables in `env:` of image.yml"
            self.fault((*keys, "activation", "scripts"), what, fix, warning=True)
        for name, value in _table(activation, "env").items():
            text = str(value)
            if bad_character(text) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or "$" in text:
                what = "is no plain variable, or takes others in"
                self.fault((*keys, "activation", "env", name), what, "write its value out")
            else:
                feature.variables[name] = text

    def _spec(self, feature: Feature, name: str, value: Any, keys: tuple[str, ...]) -> None:
        try:
            spec = conda_spec(name, value)
        except Fault as fault:
            self.fault(keys, fault.what, fault.fix)
            return
        feature.conda = [one for one in feature.conda if conda_name(one) != conda_name(spec)] + [spec]

    def _wheel(self, feature: Feature, name: str, value: Any, keys: tuple[str, ...]) -> None:
        try:
            line = pip_line(name, value)
        except Fault as fault:
            self.fault(keys, fault.what, fault.fix)
            return
        feature.pip = [one for one in feature.pip if pip_name(one) != pip_name(line)] + [line]

    def _project(self, main: Feature) -> None:
        """[project] of pyproject.toml: its Python and what it needs; the project itself is code of the user's own."""
        project = _table(self.whole, "project")
        if not ({"dependencies", "requires-python"} & project.keys() or self.root):
            return
        python = project.get("requires-python")
        if isinstance(python, str) and not any(conda_name(one) == "python" for one in main.conda):
            self._spec(main, "python", python.replace(" ", ""), ("project", "requires-python"))
        for line in (
            project.get("dependencies") or [] if isinstance(project.get("dependencies"), list) else []
        ):
            try:
                checked = check_pip(line) if isinstance(line, str) else check_pip("")
            except Fault as fault:
                self.fault(("project", "dependencies"), fault.what, fault.fix)
                continue
            main.pip.append(checked)
        if project.get("optional-dependencies"):
            self.fault(
                ("project", "optional-dependencies"), "is left out", "name what of it is needed", warning=True
            )
        if "build-system" in self.whole:
            fix = "take its code along with `files:` in image.yml"
            self.fault(("project",), "the project itself is not installed", fix, warning=True)

    def _channels(self, written: Any, keys: tuple[str, ...]) -> list[str]:
        found = []
        for one in written if isinstance(written, list) else []:
            channel = one.get("channel") if isinstance(one, dict) else one
            try:
                name = check_channel(str(channel))
            except Fault as fault:
                shown = "the channel" if fault.private else f"`{printable(str(channel))}`"
                self.fault(keys, f"{shown} {fault.what}", fault.fix)
                continue
            if needs_anaconda_terms(name) and not self.wish.channels:
                self.found.terms = self.wish.accept_anaconda_terms
                if not self.wish.accept_anaconda_terms:
                    at = self.given.problem(self.places.line(keys), "", key=printable(".".join(keys)))
                    self.found.problems.append(terms_problem(at, name))
            found.append(name)
        return found

    def _ours(self) -> tuple[Platform, ...]:
        written = self.workspace.get("platforms")
        listed = written if isinstance(written, list) else []
        names = [one.get("platform") if isinstance(one, dict) else one for one in listed]
        return tuple(dict.fromkeys(SUBDIRS[one] for one in names if isinstance(one, str) and one in SUBDIRS))

    def _platforms(self, written: Any) -> None:
        ours = self._ours()
        for one in written if isinstance(written, list) else []:
            if isinstance(one, dict) and "cuda" in one:
                self._take_cuda(one["cuda"], (*self.top, "platforms"))
        self.found.platforms = (self.wish.platform,) if self.wish.platform else ours
        if written and not ours:
            what = "names no platform that an image can have"
            self.fault((*self.top, "platforms"), what, f"add {' or '.join(SUBDIRS)}")

    def _take_cuda(self, said: Any, keys: tuple[str, ...]) -> None:
        line = said.get("version") if isinstance(said, dict) else said
        text = str(line) if "." in str(line) else f"{line}.0"
        if not _CUDA.fullmatch(text):
            self.fault(keys, "is not a CUDA line", 'write it as "12.6"')
        elif self.found.cuda and self.found.cuda != text:
            what = f"asks for CUDA {text} beside {self.found.cuda}, and an image has one line"
            self.fault(keys, what, "choose one environment with --environment")
        else:
            self.found.cuda = text

    def _chosen(self, features: list[str]) -> dict[str, list[str]]:
        """Environments by name, each with its features in the order of their weight; `default` comes first."""
        written = _table(self.data, "environments")
        every: dict[str, list[str]] = {DEFAULT: [DEFAULT]} if DEFAULT not in written else {}
        for name, value in written.items():
            members = value.get("features", []) if isinstance(value, dict) else value
            alone = isinstance(value, dict) and value.get("no-default-feature") is True
            named = [str(one) for one in members] if isinstance(members, list) else []
            for one in named:
                if one not in features and one != DEFAULT:
                    fix = f"known here: {', '.join(features) or 'none'}"
                    self.fault(
                        (*self.root, "environments", name), f"no feature is called `{printable(one)}`", fix
                    )
            every[name] = [*([] if alone else [DEFAULT]), *(one for one in named if one != DEFAULT)]
        asked = self.wish.environment
        if not asked:
            return {DEFAULT: every.pop(DEFAULT), **every}
        if asked not in every:
            fix = f"known here: {', '.join(every)}"
            self.fault((*self.root, "environments"), f"no environment is called `{printable(asked)}`", fix)
            return {}
        return {asked: every[asked]}

    def _draft(self, name: str, features: list[Feature], channels: list[str]) -> None:
        conda = list(dict.fromkeys(spec for feature in features for spec in feature.conda))
        pip = tuple(dict.fromkeys(line for feature in features for line in feature.pip))
        variables = {key: value for feature in features for key, value in feature.variables.items()}
        if name == DEFAULT and not conda and not pip and _table(self.data, "environments"):
            return  # all there is stands in the other environments
        for feature in features:
            if feature.cuda is not None:
                self._take_cuda(*feature.cuda)
        if self.wish.python:
            conda = [f"python={self.wish.python}", *(one for one in conda if conda_name(one) != "python")]
        if pip and not any(conda_name(one) == "python" for one in conda):
            conda = ["python", *conda]
        more = [channel for feature in features for channel in feature.channels]
        listed = self.wish.channels or tuple(dict.fromkeys((*more, *channels)))
        first = not self.found.drafts
        self.found.drafts.append(Draft("" if first else name, listed, tuple(conda), pip, variables))


def _table(data: Any, key: str) -> dict[str, Any]:
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}
