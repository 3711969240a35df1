"""`imgbuild sbom`: what an image is made of, as CycloneDX or SPDX, and under which licences."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.app import App, command
from builder.cli.complete_values import images
from builder.cli.documented import ends
from builder.cli.options import kit_option
from builder.errors import ProofError

if TYPE_CHECKING:
    from builder.sbom.documents import Format
    from builder.sbom.read import Reading
    from builder.workflow.sboms import Listed


@command(
    "sbom",
    examples=[
        "imgbuild sbom regression --format spdx -o regression.spdx.json",
        "imgbuild sbom regression --licences",
        "imgbuild sbom regression --check",
    ],
    exits=ends(3, 4, 5, end_6="with --check: a licence that image.yml does not allow"),
    pages=["sbom"],
)
@click.argument("name", metavar="ENV[@VARIANT]|IMAGE", shell_complete=images)
@click.option(
    "--format",
    "form",
    type=click.Choice(["cyclonedx", "spdx"]),
    default="cyclonedx",
    show_default=True,
    help="CycloneDX 1.6 or SPDX 2.3, as JSON.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the document there and print what is in it.",
)
@click.option(
    "--licences", "--licenses", is_flag=True, help="Print a table of licences in place of the document."
)
@click.option("--check", is_flag=True, help="Hold the licences against `licences:` of image.yml.")
@click.option(
    "--from",
    "reading",
    type=click.Choice(["auto", "layers"]),
    default="auto",
    show_default=True,
    help="Read the image with its own Python where one runs, or its layers.",
)
@kit_option
def sbom(
    app: App,
    name: str,
    form: Format,
    output: Path | None,
    licences: bool,
    check: bool,
    reading: Reading,
    kit: str | None,
) -> None:
    """List every conda, pip and Debian package of an image: origin, hash, licence and what it needs."""
    from builder.workflow.sboms import Question
    from builder.workflow.sboms import sbom as answer

    with app.face() as observer:
        found = answer(app.project(), name, Question(check, kit, reading), observer)
    if output is not None:
        _write(found, form, output)
    if check:
        _checked(app, name, found, licences)
    elif licences:
        app.result(_table(app, found), _rows(found))
    elif output is not None:
        app.result(f"{_counts(found)}: {output}", {**_counted(found), "file": str(output)})
    else:
        from builder.sbom.documents import document, written

        made = document(found.bom, form)
        app.result(written(made).decode().rstrip("\n"), made)


def _write(found: Listed, form: Format, output: Path) -> None:
    from builder.sbom.documents import document, written
    from builder.workflow.sboms import keep_as

    keep_as(output, written(document(found.bom, form)))


def _checked(app: App, name: str, found: Listed, licences: bool) -> None:
    """Print what is refused, and end with 6 where anything is."""
    from builder.report.sbom import judged_text

    judged = found.licences
    text = judged_text(found.bom.name, judged, width=app.width)
    if licences:
        text = f"{_table(app, found)}\n\n{text}"
    document = {"passed": judged.passed, **_counted(found), **judged.model_dump(mode="json")}
    if judged.passed:
        app.result(text, document)
        return
    names = list(dict.fromkeys(finding.package for finding in judged.findings))
    example = f'allow: [{{check: licence, package: {names[0]}, reason: "..."}}]'
    what = f"{len(names)} packages of {found.bom.name} have" if len(names) > 1 else f"{names[0]} has"
    error = ProofError(
        f"{what} a licence that is not allowed: {', '.join(names)}",
        where=str(found.spec.folder / "image.yml") if found.spec else "",
        fix=f"leave them out, or allow each in image.yml with a reason: {example}",
    )
    app.refused(text, document, error)


def _table(app: App, found: Listed) -> str:
    from builder.report.sbom import licences_text

    return licences_text(found.bom, color=app.color_on_stdout, width=app.width, every=app.verbose)


def _rows(found: Listed) -> dict[str, object]:
    rows = [
        {
            "package": one.name,
            "version": one.version,
            "kind": one.kind,
            "environment": one.place,
            "licence": one.licence.expression,
            "as_written": one.licence.said,
        }
        for one in found.bom.components
    ]
    return {**_counted(found), "packages": rows}


def _counted(found: Listed) -> dict[str, object]:
    bom = found.bom
    kinds = {"conda": bom.count("conda"), "pypi": bom.count("pypi"), "deb": bom.count("deb")}
    return {"image": bom.name, "image_id": bom.image_id, "counts": kinds, "notes": list(bom.notes)}


def _counts(found: Listed) -> str:
    bom = found.bom
    return f"{bom.name}: {bom.count('conda')} conda, {bom.count('pypi')} pip and {bom.count('deb')} Debian packages"


COMMAND = sbom
