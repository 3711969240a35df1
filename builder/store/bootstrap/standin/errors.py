"""conda's errors: each class has the name that conda prints before the message, and its exit code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar


class CondaError(Exception):
    """A failure that conda reports in one paragraph. `message` is what stands after the class name."""

    code: ClassVar[int] = 1

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return f"{type(self).__name__}: {self.message}"


class CondaMultiError(CondaError):
    """Several failures of one step, printed one after the other."""

    def __init__(self, errors: Sequence[CondaError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in self.errors))

    def __str__(self) -> str:
        return self.message


class ArgumentError(CondaError):
    """Arguments that argparse cannot judge."""

    code = 2


class CondaSystemExit(CondaError):  # noqa: N818  (the names are conda's)
    """The user said no; nothing was done and that is not a failure."""

    code = 0


class DryRunExit(CondaSystemExit):
    """Everything up to the first change was done."""

    def __init__(self) -> None:
        super().__init__("Dry run. Exiting.")


class CondaValueError(CondaError):
    """A value that cannot be meant."""


class ParseError(CondaError):
    """A line of an explicit file that is no package URL."""


class PluginError(CondaError):
    """A file that is not what its name says."""


class OfflineError(CondaError):
    """A package that is in no package directory, with the network switched off."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"EnforceUnusedAdapter called with url {url}\n"
            "This command is using a remote connection in offline mode."
        )


class CondaHTTPError(CondaError):
    """An address that does not answer."""


class PackagesNotFoundInChannelsError(CondaError):
    """Specs that no channel within reach satisfies."""


class NoChannelsConfiguredError(CondaError):
    """There is something to solve and nowhere to look."""


class InvalidArchiveError(CondaError):
    """A package archive that cannot be unpacked."""

    def __init__(self, archive: Path, reason: object) -> None:
        super().__init__(
            f"Error with archive {archive}.  You probably need to delete and re-download or re-create this file."
            f"  Message was:\n\nfailed with error: {reason}"
        )


class CondaVerificationError(CondaError):
    """An unpacked package that is not what its manifest says."""


class SafetyError(CondaError):
    """A changed file in an unpacked package; an error or a warning, as `safety_checks` says."""


class ClobberError(CondaError):
    """Two owners of one path."""


class PaddingError(CondaError):
    """A prefix too long for the space a binary has for it."""


class LinkError(CondaError):
    """A package's own script failed."""


class EnvironmentLocationNotFound(CondaError):  # noqa: N818
    """A directory that is no conda environment."""

    def __init__(self, prefix: Path) -> None:
        super().__init__(f"Not a conda environment: {prefix}")


class EnvironmentNameNotFound(CondaError):  # noqa: N818
    """A name that no environment has."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Could not find conda environment: {name}\n"
            "You can list all discoverable environments with `conda info --envs`."
        )


class EnvironmentIsFrozenError(CondaError):
    """An environment whose maker forbids changes (CEP 22)."""

    def __init__(self, prefix: Path, message: str) -> None:
        reason = f" Reason:\n\n{message}\n" if message else ""
        super().__init__(
            f"Cannot modify '{prefix}'. The environment is marked as frozen.{reason}\n"
            "You can bypass these protections with the `--override-frozen` flag, at your own risk."
        )


class EnvironmentNotWritableError(CondaError):
    """A prefix that this user may not write."""


class NoWritablePkgsDirError(CondaError):
    """No package directory to unpack into."""

    def __init__(self, directories: Sequence[Path]) -> None:
        listed = "".join(f"\n  - {directory}" for directory in directories)
        super().__init__(f"No writeable pkgs directories configured.{listed}")


class ConfigurationLoadError(CondaError):
    """A .condarc that cannot be read."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"Unable to load configuration file.\n  path: {path}\n  reason: {reason}")


class InvalidTypeError(CondaError):
    """A setting of the wrong type."""


class CondaToSNonInteractiveError(CondaError):
    """Channels with terms that nobody accepted."""


class CondaToSRejectedError(CondaError):
    """Channels with terms that somebody rejected."""


class CondaToSPermissionError(CondaError):
    """No place to note what is known of a channel's terms."""


class SpecNotFound(CondaError):  # noqa: N818
    """An input file of no known kind, or none at all."""
