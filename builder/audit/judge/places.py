"""Where the loader finds a library: the rules of ld.so(8), with one addition for what Python loads first."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from builder.audit.facts import FileFacts, Inventory
from builder.audit.judge.loaded import Environment


@dataclass(frozen=True)
class Places:
    """Everything in an inventory that the loader may find, by path."""

    inventory: Inventory

    @cached_property
    def files(self) -> Mapping[str, FileFacts]:
        """ELF files by path."""
        return {one.path: one for one in self.inventory.files}

    def at(self, path: str) -> FileFacts | None:
        """The file behind a path, through links of files and of folders."""
        links = self.inventory.links
        path = "/" + posixpath.normpath(path).lstrip("/")  # normpath keeps two slashes at the start
        if path in self.files:
            return self.files[path]
        if path in links:
            return self.files.get(links[path])
        folder, name = posixpath.split(path)
        above = folder
        while above not in {"/", ""}:
            if above in links:
                return self.files.get(posixpath.normpath(links[above] + folder[len(above) :] + "/" + name))
            above = posixpath.dirname(above)
        return None

    def find(self, library: str, asker: FileFacts, environment: Environment) -> FileFacts | None:
        """The file that is loaded for a name.

        Last of all, a library of that name anywhere in the environment counts: torch loads NVIDIA's libraries before
        its extensions are imported, and what is loaded already is not looked for.
        """
        if "/" in library:  # Pythons that can be moved ask for $ORIGIN/../lib/libpython3.12.so.1.0
            return self.at(next(_places((library,), asker)))
        for folder in self._folders(asker, environment):
            found = self.at(f"{folder}/{library}")
            if found is not None and found.machine == asker.machine:
                return found
        found = environment.by_name.get(library) or self._linked(environment).get(library)
        return found if found is not None and found.machine == asker.machine else None

    def _folders(self, asker: FileFacts, environment: Environment) -> Iterator[str]:
        if (
            not asker.runpath
        ):  # with RUNPATH, the RPATH of the file and of those that loaded it is not looked at
            yield from _places(asker.rpath, asker)
            yield from self._interpreters(environment)
        yield from self.inventory.library_path
        yield from _places(asker.runpath, asker)
        yield from self.inventory.search

    def _interpreters(self, environment: Environment) -> tuple[str, ...]:
        """RPATH of the environment's python, which everything that it loads inherits."""
        python = self.at(f"{environment.prefix}/bin/python3") or self.at(f"{environment.prefix}/bin/python")
        return () if python is None or python.runpath else tuple(_places(python.rpath, python))

    def _linked(self, environment: Environment) -> Mapping[str, FileFacts]:
        """Names of links below the environment."""
        return self._links.get(environment.prefix, {})

    @cached_property
    def _links(self) -> Mapping[str, dict[str, FileFacts]]:
        found: dict[str, dict[str, FileFacts]] = {}
        for path, leads in self.inventory.links.items():
            for prefix in self.inventory.prefixes:
                if leads in self.files and path.startswith(f"{prefix.rstrip('/')}/"):
                    found.setdefault(prefix, {})[posixpath.basename(path)] = self.files[leads]
        return found


def _places(folders: tuple[str, ...], asker: FileFacts) -> Iterator[str]:
    here = posixpath.dirname(asker.path)
    for folder in folders:
        yield folder.replace("${ORIGIN}", here).replace("$ORIGIN", here)
