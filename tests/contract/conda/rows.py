"""Every row of conda's contract, in our own words: what an image build relies on, and what it cannot meet.

A row with neither `real` nor `unmet` is shown by tests that carry `@pytest.mark.row(ID)`. `real`: only a real installer
can show it, and why. `unmet`: an image build never gets there, and why.
"""

from __future__ import annotations

from dataclasses import dataclass

NO_NETWORK = "the build runs with the network off"
NO_CACHE_MOUNT = "the build uses no cache mounts: packages come from read-only bind mounts"
NO_SOLVER = "the build never solves: rattler does, on the host"


@dataclass(frozen=True)
class Row:
    """One fact about conda. section: its heading in the reference."""

    id: str
    section: str
    fact: str
    real: str = ""
    unmet: str = ""

    @property
    def tested(self) -> bool:
        """Whether the suite has to show it."""
        return not (self.real or self.unmet)


def _section(name: str, *rows: tuple[str, str] | tuple[str, str, str, str]) -> tuple[Row, ...]:
    made = []
    for item in rows:
        kind, why = (item[2], item[3]) if len(item) == 4 else ("", "")
        made.append(
            Row(
                item[0],
                name,
                item[1],
                real=why if kind == "real" else "",
                unmet=why if kind == "unmet" else "",
            )
        )
    return tuple(made)


ROWS: tuple[Row, ...] = (
    *_section(
        "Offline from a second package directory",
        ("offline-links", "Archives of a read-only second package directory with urls.txt are linked with --offline."),
        ("offline-record", "conda-meta records canonical address, channel and md5; list --explicit --md5 is the lock."),
        ("offline-no-urls", "Without urls.txt the directory's archives are not taken: OfflineError."),
        ("offline-other-url", "An archive whose urls.txt line is another address is not taken: OfflineError."),
        ("offline-sha256", "Lines with #sha256: find nothing in a package directory: OfflineError."),
        ("offline-wrong-md5", "An archive with another md5 is not the package: OfflineError."),
        ("offline-build", "A whole image builds that way with the network off.", "unmet",
         "shown with an engine, in tests/integration"),
    ),
    *_section(
        "Hashes: what conda does not check",
        ("hashes-file-not-checked", "file:// packages are copied without comparison: a zero sha256 passes."),
        ("hashes-http-checked", "Over http the hash is checked.", "real", NO_NETWORK),
        ("hashes-same-size", "A changed file of the same size in an unpacked package is linked silently."),
        ("hashes-other-size", "A changed size is a warning, with safety_checks enabled an error."),
        ("hashes-extra", "With both safety switches a changed file of the same size is an error too."),
        ("hashes-installer-md5", "The installer's own md5 check only warns."),
    ),
    *_section(
        "Exit 0 although nothing, or the wrong thing, happened",
        ("zero-empty-lock", "An empty or comment-only lock makes an empty environment."),
        ("zero-empty-explicit-name", "A file named explicit.txt without the mark is refused, an empty one too."),
        ("zero-no-mark", "A lock without @EXPLICIT goes to the solver and its channels; offline it fails."),
        ("zero-no-answer", "Without -y the end of input is the default answer: nothing is removed, exit 0."),
        ("zero-create-again", "create -y over an environment makes it anew."),
        ("zero-env-create-again", "env create does so even without -y."),
        ("zero-download-only", "--download-only is ignored for explicit files."),
        ("zero-export-missing", "env export of a missing name gives an empty list, exit 0.", "unmet",
         "the build reads environments with `list`, which fails for a missing one; the stand-in has no export"),
        ("zero-list-missing", "list of a missing environment fails."),
        ("zero-platform", "# platform: in a lock is not enforced."),
    ),
    *_section(
        "Cache mounts",
        ("mount-parallel", "A shared cache mount on the package directory breaks parallel cold builds.", "unmet",
         NO_CACHE_MOUNT),
        ("mount-copies", "A mount is another file system: files are copied, not linked.", "unmet", NO_CACHE_MOUNT),
        ("mount-installer", "A mount in the prefix makes the installer refuse it: the prefix exists."),
        ("mount-missing-file", "A file missing from an unpacked package fails every later create until it is cleaned."),
        ("mount-heals", "Truncated archives and kills during extraction heal with the next run."),
    ),
    *_section(
        "Networks",
        ("net-truncated", "A truncated body fails at once; the next run resumes only where the size is known.",
         "real",
         NO_NETWORK),
        ("net-retries", "429, 500 and 503 are tried three times more; 403 and 404 are not.", "real", NO_NETWORK),
        ("net-channels", "Online, an explicit create contacts the configured channels too.", "real", NO_NETWORK),
        ("net-own-channels", "The base prefix's .condarc decides which channels those are, and later files win."),
        ("net-kept-keys", "Other keys that the installer wrote there can be kept."),
        ("net-notices", "number_channel_notices: 0 is understood."),
        ("net-no-ca", "Without CA certificates the rattler solver does not load; explicit files still work.", "real",
         NO_SOLVER),
    ),
    *_section(
        "Terms of service",
        ("terms-commands", "create, env create/update/remove, install, remove, rename, search and update ask."),
        ("terms-never", "list, run, clean, info and config never ask."),
        ("terms-refuse", "Not accepted and not interactive is exit 1; -y does not accept."),
        ("terms-ci", "A CI variable accepts; one that says no does not."),
        ("terms-auto", "CONDA_PLUGINS_AUTO_ACCEPT_TOS accepts."),
        ("terms-user", "Acceptance is per user unless --system; a rejection refuses."),
        ("terms-urls", "Addresses of such a channel pass when the channel is not configured."),
        ("terms-unknown", "Offline, the real plugin lets a channel pass whose terms it never fetched.", "real",
         "the stand-in knows Anaconda's channels and refuses them with the network off too: stricter on purpose"),
    ),
    *_section(
        "Installer",
        ("installer-name", "The file name must end in .sh."),
        ("installer-prefix", "The prefix must not exist, unless -u or -f."),
        ("installer-shells", "It works with sh and bash, without network, with a home that cannot be written."),
        ("installer-user", "It works for a user without rights."),
        ("installer-space", "Free space is checked first."),
        ("installer-broken", "A broken payload leaves a half-made prefix and exit 1 or 255."),
        ("installer-removable", "The bootstrapper and the package cache may be removed."),
        ("installer-licence", "Without -b the licence is asked, and the end of input installs nothing."),
    ),
    *_section(
        "Errors worth translating",
        ("error-space-unpack", "No space in the package directory: InvalidArchiveError with [Errno 28]."),
        ("error-space-link", "No space in the environment: Rolling back transaction, [Errno 28]; it is removed."),
        ("error-checksum", "ChecksumMismatchError, printed twice: wrong hash over http; no environment left.", "real",
         NO_NETWORK),
        ("error-not-found", "PackagesNotFound names the spec: unknown, or not satisfiable."),
        ("error-corrupted", "CondaVerificationError, appears to be corrupted: a damaged package directory."),
        ("error-connection", "HTTP 000 CONNECTION FAILED: the host cannot be reached.", "real", NO_NETWORK),
        ("error-pip", "CondaEnvException: Pip failed, and the half-made environment stays.", "unmet",
         "the build installs pip's part with uv, not with env create"),
    ),
    *_section(
        "Running",
        ("run-codes", "conda run passes exit codes and activates."),
        ("run-sigterm", "SIGTERM to conda run does not reach the program."),
        ("run-output", "Output is held back without --no-capture-output."),
        ("run-hooks", "Activation sets PATH, CONDA_PREFIX and CONDA_DEFAULT_ENV and sources activate.d."),
        ("run-login", "bash -lc on Debian resets PATH.", "unmet",
         "a fact about Debian; doors are shown with an engine"),
        ("run-frozen", "conda-meta/frozen makes install and remove refuse with its message."),
        ("run-frozen-create", "create -y replaces a frozen environment all the same."),
        ("run-frozen-pip", "pip is stopped only by EXTERNALLY-MANAGED.", "unmet", "a fact about pip, not conda"),
        ("run-home", "create and info want a home that can be written; list and run do not."),
        ("run-no-user", "For a user that nothing knows, without HOME, no command works; with HOME they do."),
    ),
    *_section(
        "Repeatability",
        ("repeat-files", "Two creates of one lock differ in conda-meta/history and conda-meta/created_at only."),
        ("repeat-mtimes", "Besides that, only times of files differ.", "unmet", "follows from repeat-files"),
        ("repeat-outside", "Outside the environment: ~/.conda/environments.txt and caches below HOME."),
    ),
    *_section(
        "Formats",
        ("format-order", "list --explicit writes addresses in link order; --sha256 adds known hashes."),
        ("format-export", "export --format=explicit has no hashes.", "unmet", "the build writes its locks itself"),
        ("format-locks", "conda reads and writes conda-lock.yml v1 and pixi.lock v6.", "real",
         "the stand-in reads explicit files only"),
    ),
)  # fmt: skip
BY_ID = {row.id: row for row in ROWS}
