"""Options that several commands share."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from builder.cli.app import App
from builder.cli.complete_values import environments, files, gpus, kits, words
from builder.errors import UsageError
from builder.progress import Event, Note

if TYPE_CHECKING:
    from builder.spec.model import ImageSpec, Platform
    from builder.workflow.sources import Asked

F = TypeVar("F", bound=Callable[..., Any])

# Names as the distribution specification has them: an optional host with a port, lower-case parts, a tag.
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
REPOSITORY = rf"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{{1,5}})?/)?{_PART}(?:/{_PART})*"
TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"

PLATFORMS = ("linux/amd64", "linux/arm64")


def kit_option(function: F) -> F:
    """`--kit DIR`."""
    return click.option(
        "--kit",
        metavar="DIR",
        shell_complete=kits,
        help="Take locks and bytes from this kit (`none`: the committed locks).",
    )(function)


def platform_option(function: F) -> F:
    """`--platform P`."""
    return click.option(
        "--platform",
        type=click.Choice(PLATFORMS),
        envvar="IMGBUILD_PLATFORM",
        help="Default: this machine's, or `platform:` of the settings.",
    )(function)


def for_option(function: F) -> F:
    """`--for GPU`."""
    return click.option(
        "--for",
        "gpu",
        metavar="GPU",
        shell_complete=gpus,
        help="Take the variant that is for this GPU: h100, rtx4090, 9.0.",
    )(function)


def locked_option(function: F) -> F:
    """`--locked`."""
    return click.option(
        "--locked", is_flag=True, help="Stop with code 3 where a lock is missing (as with CI set)."
    )(function)


def upstream_options(function: F) -> F:
    """`--installer`, `--installer-sha256`, `--mirror`, `--wheel-index`: the function gets them as one `asked`."""

    @functools.wraps(function)
    def call(*args: Any, **rest: Any) -> object:
        words = [rest.pop(name) for name in ("installer", "installer_sha256", "mirrors", "wheel_index")]
        return function(*args, asked=_asked(*words), **rest)

    made: Any = call
    for option in (
        click.option("--wheel-index", metavar="URL", default="", help="Resolve pip sections against this index."),
        click.option("--mirror", "mirrors", metavar="FROM=TO", multiple=True,
                     help="Ask TO for what lies below FROM; locks keep FROM."),
        click.option("--installer-sha256", metavar="HEX", envvar="IMGBUILD_INSTALLER_SHA256",
                     help="The sha256 that --installer must have."),
        click.option("--installer", metavar="FILE|URL", shell_complete=files, envvar="IMGBUILD_INSTALLER",
                     help="An installer in place of the table's; it goes into the lock."),
    ):  # fmt: skip
        made = option(made)
    result: F = made
    return result


def _asked(installer: str | None, sha256: str | None, mirrors: Sequence[str], wheel_index: str) -> Asked:
    from builder.settings.read import from_words
    from builder.store.given import given_installer
    from builder.workflow.sources import Asked

    given = given_installer(installer, sha256)
    return Asked(installer=given, settings=from_words(mirrors, wheel_index=wheel_index))


def prefix_option(function: F) -> F:
    """`--prefix NAME`."""
    return click.option(
        "--prefix",
        default="imgbuild",
        show_default=True,
        envvar="IMGBUILD_PREFIX",
        callback=_repository,
        help="First part of the images' names in the engine.",
    )(function)


def gpus_option(function: F) -> F:
    """`--gpus auto|none|all|DEVICES`, checked."""
    return click.option(
        "--gpus",
        default="auto",
        show_default=True,
        metavar="auto|none|all|DEVICES",
        callback=_gpus,
        shell_complete=words("auto", "none", "all"),
        help="GPUs for the tests that use one: those the engine gives, none, all, or such as 0,1 or GPU-...",
    )(function)


def _gpus(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    return read_gpus_word(value)


def read_gpus_word(text: str) -> str:
    """What `--gpus` says, checked."""
    from builder.smoke.gpus import read_gpus

    return read_gpus(text)


def tag_option(function: F) -> F:
    """`--tag REF`, any number of times."""
    return click.option(
        "--tag",
        "tags",
        multiple=True,
        metavar="REF",
        callback=_references,
        help="One more name for the image.",
    )(function)


def _repository(_context: click.Context, _option: click.Parameter, value: str) -> str:
    if not re.fullmatch(REPOSITORY, value):
        raise click.BadParameter(
            f"{value!r} cannot begin an image's name; use lower-case words such as team/images"
        )
    return value


def _references(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    for value in values:
        if not re.fullmatch(rf"{REPOSITORY}(:{TAG})?", value):
            raise click.BadParameter(f"{value!r} is no image name; write it as registry/name:tag")
    return values


def names_argument(function: F) -> F:
    """`[ENV[@VARIANT]...] | --all`."""
    named = click.argument("names", nargs=-1, metavar="[ENV[@VARIANT]]...", shell_complete=environments)(
        function
    )
    return click.option("--all", "every", is_flag=True, help="All images of the project.")(named)


def _names_or_all(names: Sequence[str], every: bool) -> None:
    if every and names:
        raise click.UsageError("give names or --all, not both")
    if not every and not names:
        raise click.UsageError("which image? give names (see `imgbuild list`) or --all")


def images_of(app: App, names: Sequence[str], every: bool) -> list[ImageSpec]:
    """The images that names or `--all` mean, a name with all its variants. Raises UsageError for both or neither."""
    from builder.spec.load import load_all, load_images

    _names_or_all(names, every)
    project = app.project()
    return load_all(project) if every else load_images(project, names)


def with_platforms(
    images: Sequence[ImageSpec], asked: Sequence[Platform]
) -> list[tuple[ImageSpec, tuple[Platform, ...]]]:
    """The images with those of their platforms that are asked for; images that declare none of them are left out.

    Raises UsageError where all are.
    """
    if not asked:
        return [(spec, spec.platforms) for spec in images]
    found = [(spec, tuple(one for one in spec.platforms if one in asked)) for spec in images]
    kept = [(spec, platforms) for spec, platforms in found if platforms]
    if not kept:
        raise UsageError(
            f"{images[0].ref} is not declared for {', '.join(asked)}",
            where=str(images[0].folder / "image.yml"),
            fix=f"choose --platform {' or '.join(images[0].platforms)}, or add it to platforms:",
        )
    return kept


def refs_for(
    app: App, names: Sequence[str], every: bool, gpu: str, kit: str | None = None, asked: Asked | None = None
) -> list[str]:
    """The variant of each image that is for a GPU."""
    if every or not names:
        raise click.UsageError("--for chooses among the variants of images: give their names")
    from builder.workflow.sources import NOTHING
    from builder.workflow.variants import choose_variant

    project = app.project()
    notes: list[str] = []

    def tell(event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)

    refs = [
        choose_variant(project, name, gpu, tell, kit=kit, asked=asked or NOTHING)
        for name in dict.fromkeys(names)
    ]
    for note in notes:
        app.say(note)
    return refs


def images_named(app: App, names: Sequence[str], every: bool) -> list[str]:
    """The images a command works on: those given, or all of the project with their variants."""
    _names_or_all(names, every)
    if names:
        return list(dict.fromkeys(names))
    from builder.spec.load import load_all

    return [spec.ref for spec in load_all(app.project())]
