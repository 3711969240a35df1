"""The image of tests/support/tampering.py, built, and what builds changed ones of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.engine.port import Engine
from builder.progress import silent
from builder.render.context import context_tar
from builder.render.identity import finished
from builder.render.model import Rendered
from builder.spec.load import load_image
from builder.spec.project import find_project
from builder.store.kit import Kit
from builder.workflow.planning import plan_image, template_dirs
from tests.support.engine_base import context_of, unique
from tests.support.tampering import NAME, Case, dockerfile, held_kit, held_project, wheels
from tests.support.workshop import PREFIX, Workshop

IMAGE = f"{PREFIX}/{NAME}:latest"


@dataclass(frozen=True)
class Bench:
    """The image, and what builds changed ones of it."""

    workshop: Workshop
    engine: Engine
    rendered: Rendered
    context: Mapping[str, bytes]

    def verify(self, image: str, *words: str) -> tuple[int, dict[str, Any]]:
        """Exit code and document."""
        done = self.workshop.run("verify", image, "--env", NAME, "--json", *words)
        assert done.code in {0, 7}, done.err
        return done.code, done.document

    @contextmanager
    def changed(self, *cases: Case) -> Iterator[str]:
        """An image with these changes, under a name of its own."""
        tag, pages = unique("changed"), {old: new for case in cases for old, new in case.page.items()}
        if pages:
            text = self.rendered.dockerfile
            for case in cases:
                for old, new in case.page.items():
                    assert old in text
                    text = text.replace(old, new)
            made = context_tar(Rendered(text, self.rendered.files))
        else:
            made = context_of(dockerfile(IMAGE, *cases), self.context)
        with self.built(made, tag):
            yield tag

    @contextmanager
    def built(self, context: Iterable[bytes], tag: str) -> Iterator[str]:
        """An image of a context, for a while."""
        self.engine.build(
            context, tag=tag, labels={}, platform="linux/amd64", network="none", observer=silent
        )
        try:
            yield tag
        finally:
            self.engine.remove(tag)


def make_bench(workshop: Workshop, engine: Engine, home: Path) -> Bench:
    """Kit, project and image in a folder."""
    root = held_project(home / "project")
    kit = held_kit(workshop.kit, home / "kit", root)
    made = Workshop(root, kit, workshop.cache)
    done = made.run("build", NAME, "--kit", str(kit), "--json")
    assert done.code == 0, done.err
    project = find_project(root)
    source = Kit.open(kit)
    planned = plan_image(
        project, load_image(project, NAME), source, "linux/amd64", locked=True, observer=silent
    )
    (home / "wheels").mkdir()
    return Bench(made, engine, finished(planned.plan, template_dirs(project)), wheels(home / "wheels"))
