"""clean: caches and packages that nothing is linked to. --all does not include --force-pkgs-dirs."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path

from builder.store.bootstrap.standin import talk
from builder.store.bootstrap.standin.cache import PackageDir
from builder.store.bootstrap.standin.channels import EXTENSIONS
from builder.store.bootstrap.standin.errors import ArgumentError, CondaError, DryRunExit
from builder.store.bootstrap.standin.settings import Settings


def clean(arguments: argparse.Namespace, settings: Settings) -> int:
    """Remove what was named. Raises ArgumentError when nothing was."""
    wishes = _wishes(arguments)
    if not wishes and not arguments.force_pkgs_dirs:
        raise ArgumentError("At least one removal target must be given. See 'conda clean --help'.")
    folders = [path for path in settings.pkgs_dirs if PackageDir(path).writable]
    victims = {wish: sorted(_find(wish, folders, settings, arguments)) for wish in wishes}
    if arguments.force_pkgs_dirs:
        victims["force_pkgs_dirs"] = folders
    everything = list(dict.fromkeys(path for paths in victims.values() for path in paths))
    if not arguments.json:
        talk.say(
            f"There are {len(everything)} paths to remove." if everything else "There is nothing to remove."
        )
        for path in everything:
            talk.say(f"     {path}")
    if arguments.dry_run and not arguments.json:
        raise DryRunExit
    if everything and not arguments.dry_run:
        talk.confirm(settings, "Proceed", default=True)
        for path in everything:
            _delete(path)
    if arguments.json:
        listed = {wish: [str(path) for path in paths] for wish, paths in victims.items()}
        talk.show_json({**listed, "dry_run": arguments.dry_run, "success": True})
    return 0


def _wishes(arguments: argparse.Namespace) -> list[str]:
    chosen = {
        "index_cache": arguments.index_cache,
        "logfiles": arguments.logfiles,
        "packages": arguments.packages,
        "tarballs": arguments.tarballs,
        "tempfiles": arguments.tempfiles is not None,
    }
    return [wish for wish, wanted in chosen.items() if wanted or arguments.all]


def _find(
    wish: str, folders: list[Path], settings: Settings, arguments: argparse.Namespace
) -> Iterator[Path]:
    for folder in folders:
        if wish == "index_cache":
            yield from [folder / "cache"] if (folder / "cache").is_dir() else []
        elif wish == "logfiles":
            yield from (folder / ".logs").glob("*.log")
        elif wish == "tarballs":
            yield from (
                p for p in folder.iterdir() if p.is_file() and p.name.endswith((*EXTENSIONS, ".partial"))
            )
        elif wish == "packages":
            yield from (
                p for p in folder.iterdir() if (p / "info" / "index.json").is_file() and not _in_use(p)
            )
    if wish == "tempfiles":
        for root in [Path(text) for text in arguments.tempfiles or []] or [settings.root]:
            yield from (p for p in root.rglob("*") if p.name.endswith((".c~", ".trash")))


def _in_use(package: Path) -> bool:
    """Whether a file of the package has a second name, in an environment."""
    return any(p.stat().st_nlink > 1 for p in package.rglob("*") if p.is_file() and not p.is_symlink())


def _delete(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise CondaError(f"cannot remove {path}: {error}") from error
