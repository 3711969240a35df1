"""The user's files and snippets: what is read, what is refused, and that it is what the plan was made from."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.errors import UsageError
from builder.render.identity import finished, make_plan
from builder.render.own import instructions
from builder.shipped import shipped_dir
from builder.spec.model import CopiedFile, ImageSpec
from tests.support.lock_samples import image_spec, lock_set

TEMPLATES = shipped_dir("dockerfiles")


def with_snippet(folder: Path, text: str) -> ImageSpec:
    (folder / "x.Dockerfile").write_text(text)
    return image_spec().model_copy(update={"folder": folder, "snippets": {"end": folder / "x.Dockerfile"}})


@pytest.mark.parametrize(
    "text", ["FROM scratch\n", "From scratch\n", "  from x\n", "RUN a\nFROM y\n", "RUN a \\\n  b\nFROM y"]
)
def test_a_snippet_may_not_begin_another_image(text: str, tmp_path: Path) -> None:
    spec = with_snippet(tmp_path, text)
    with pytest.raises(UsageError, match="FROM would begin another image"):
        make_plan(spec, lock_set(spec), TEMPLATES)


@pytest.mark.parametrize(
    "text", ["RUN echo \\\n FROM y\n", "# FROM y\nRUN a\n", "RUN a \\\n# why\n FROM b\n"]
)
def test_a_line_that_only_goes_on_is_no_instruction(text: str, tmp_path: Path) -> None:
    spec = with_snippet(tmp_path, text)
    assert make_plan(spec, lock_set(spec), TEMPLATES).digest


def test_instructions_are_found_as_the_builder_finds_them() -> None:
    assert instructions("run a && \\\n\n  b\n\ncopy x y\n# run\nENV A=1") == ["RUN", "COPY", "ENV"]


def test_a_file_that_changes_after_the_plan_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("v1")
    copied = CopiedFile(source=tmp_path / "app.py", to="/app/")
    spec = image_spec().model_copy(update={"folder": tmp_path, "files": (copied,)})
    plan = make_plan(spec, lock_set(spec), TEMPLATES)
    assert finished(plan, TEMPLATES).files
    (tmp_path / "app.py").write_text("v2")
    with pytest.raises(UsageError, match="were changed while it was made"):
        finished(plan, TEMPLATES)
