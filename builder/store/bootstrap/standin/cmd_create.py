"""create, install, remove: environments from explicit files; everything that needs a solver fails as conda does."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from builder.store.bootstrap.standin import channels as ch
from builder.store.bootstrap.standin import environment, talk
from builder.store.bootstrap.standin.cache import PackageCache, Spec
from builder.store.bootstrap.standin.errors import (
    CondaError,
    CondaHTTPError,
    CondaValueError,
    DryRunExit,
    EnvironmentNotWritableError,
    NoChannelsConfiguredError,
    PackagesNotFoundInChannelsError,
)
from builder.store.bootstrap.standin.explicit import Wanted, read_wanted
from builder.store.bootstrap.standin.package import Package
from builder.store.bootstrap.standin.settings import Settings, Source
from builder.store.bootstrap.standin.transaction import Transaction

AFTERWARDS = """
#
# To activate this environment, use
#
#     $ conda activate {name}
#
# To deactivate an active environment, use
#
#     $ conda deactivate
"""


def create(arguments: argparse.Namespace, settings: Settings) -> int:
    """Make an environment; one that exists is asked about, removed and made anew."""
    prefix = environment.prefix_for(settings, arguments.name, arguments.prefix)
    if prefix == settings.root:
        raise CondaValueError("The target prefix is the base prefix. Aborting.")
    defaults = [] if arguments.no_default_packages else settings.sequence("create_default_packages")
    wanted = _wanted(arguments, defaults)
    if prefix.exists():
        _make_room(arguments, settings, prefix)
    _refuse_specs(settings, wanted)
    if arguments.dry_run:
        raise DryRunExit
    _make(arguments, settings, prefix, wanted.packages)
    if not settings.flag("json") and not settings.flag("quiet"):
        talk.say(AFTERWARDS.format(name=environment.name_of(settings, prefix) or prefix))
    return 0


def env_create(arguments: argparse.Namespace, settings: Settings) -> int:
    """`env create`: as create, and what exists is replaced without a question."""
    settings.sources[-1] = Source("cmd_line", {**settings.sources[-1].values, "always_yes": True})
    return create(arguments, settings)


def _wanted(arguments: argparse.Namespace, defaults: Sequence[str] = ()) -> Wanted:
    return read_wanted(arguments.packages, [Path(file) for file in arguments.file], defaults)


def _make_room(arguments: argparse.Namespace, settings: Settings, prefix: Path) -> None:
    if not environment.is_environment(prefix):
        if not prefix.is_dir() or any(prefix.iterdir()):
            talk.say(
                f"WARNING: A directory already exists at the target location '{prefix}'\n"
                "but it is not a conda environment."
            )
            talk.confirm(settings, "Continue creating environment", default=False)
        return
    talk.say(f"WARNING: A conda environment already exists at '{prefix}'\n") if not settings.flag(
        "json"
    ) else None
    talk.confirm(
        settings,
        "Remove existing environment?\nThis will remove ALL directories contained within "
        "this specified prefix directory, including any other conda environments.\n\n",
        default=False,
    )
    if not arguments.dry_run:
        _delete(prefix)


def _make(arguments: argparse.Namespace, settings: Settings, prefix: Path, specs: Sequence[Spec]) -> None:
    cache = PackageCache(settings.pkgs_dirs, offline=settings.flag("offline"))
    if specs:
        with talk.step(settings, "\nDownloading and Extracting Packages"):
            directories = cache.ensure(specs)
    else:
        directories = {}
    packages = [Package(directory, spec) for spec, directory in directories.items()]
    Transaction(settings, prefix, packages).run(arguments.told, [spec.dist for spec in specs])
    if settings.flag("json"):
        linked = [environment.list_row({**package.record, "url": package.spec.url}) for package in packages]
        talk.show_json(
            {"actions": {"LINK": linked, "PREFIX": str(prefix)}, "prefix": str(prefix), "success": True}
        )


def install(arguments: argparse.Namespace, settings: Settings) -> int:
    """Add the packages of an explicit file to an environment."""
    prefix = environment.check_exists(environment.prefix_for(settings, arguments.name, arguments.prefix))
    if not arguments.override_frozen:
        environment.check_not_frozen(prefix)
    wanted = _wanted(arguments)
    _refuse_specs(settings, wanted)
    if arguments.dry_run:
        raise DryRunExit
    _make(arguments, settings, prefix, wanted.packages)
    return 0


def remove(arguments: argparse.Namespace, settings: Settings) -> int:
    """Remove an environment as a whole; single packages would need a solver."""
    prefix = environment.check_exists(environment.prefix_for(settings, arguments.name, arguments.prefix))
    if prefix == settings.root:
        raise CondaError("cannot remove root environment, add -n NAME or -p PREFIX option")
    if not arguments.all:
        _refuse_specs(settings, Wanted(specs=tuple(arguments.packages) or ("(no package named)",)))
    if not arguments.override_frozen:
        environment.check_not_frozen(prefix)
    if not settings.flag("json"):
        talk.say(f"\nRemove all packages in environment {prefix}:\n")
    talk.confirm(settings, "Proceed", default=True)
    if arguments.dry_run:
        raise DryRunExit
    _delete(prefix)
    environment.register(settings, prefix, remove=True)
    if settings.flag("json"):
        talk.show_json({"success": True, "prefix": str(prefix)})
    return 0


def unsolvable(arguments: argparse.Namespace, settings: Settings) -> NoReturn:
    """search, update, env update: nothing of them goes without channels."""
    named = tuple(arguments.packages) or tuple(arguments.file) or (arguments.command,)
    _refuse_specs(settings, Wanted(specs=named))
    raise CondaError("unreachable")


def _refuse_specs(settings: Settings, wanted: Wanted) -> None:
    """Fail for specs, with what conda says where its channels cannot be reached."""
    if not wanted.specs:
        return
    urls = ch.channel_urls(settings.channels)
    if not urls:
        raise NoChannelsConfiguredError("No channels are configured; add one with -c or in a .condarc.")
    listed = [f"{url}/{subdir}" for url in urls for subdir in (settings.subdir, "noarch")]
    if not settings.flag("offline"):
        raise CondaHTTPError(
            f"HTTP 000 CONNECTION FAILED for url <{listed[0]}/repodata.json>\nElapsed: -\n\n"
            "This is the imgbuild stand-in: it has no solver and reaches no channel. Install from an explicit file."
        )
    raise PackagesNotFoundInChannelsError(
        "The following packages are not available from current channels:\n\n"
        + "".join(f"  - {spec}\n" for spec in wanted.specs)
        + "\nCurrent channels:\n\n"
        + "".join(f"  - {url}\n" for url in listed)
        + "\nThis is the imgbuild stand-in: it has no solver. Install from an explicit file."
    )


def _delete(prefix: Path) -> None:
    try:
        shutil.rmtree(prefix)
    except OSError as error:
        raise EnvironmentNotWritableError(f"{prefix} cannot be removed: {error}") from error
