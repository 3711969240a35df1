"""Terms of service of Anaconda's channels: asked about configured channels, not about addresses in a file."""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

from builder.store.bootstrap.standin import channels as ch
from builder.store.bootstrap.standin import talk
from builder.store.bootstrap.standin.errors import (
    CondaError,
    CondaToSNonInteractiveError,
    CondaToSPermissionError,
    CondaToSRejectedError,
)
from builder.store.bootstrap.standin.settings import Settings, truth

GOVERNED = tuple(f"https://repo.anaconda.com/pkgs/{name}" for name in ("main", "r", "msys2", "free", "pro"))
CI_SWITCHES = (
    "APPVEYOR", "BITRISE_IO", "BUDDY", "BUILDKITE", "CI", "CIRCLECI", "CIRRUS_CI", "CONCOURSE_CI", "DRONE",
    "GITHUB_ACTIONS", "GITLAB_CI", "SAIL_CI", "SEMAPHORE", "TF_BUILD", "TRAVIS", "WERCKER", "WOODPECKER_CI",
)  # fmt: skip
CI_PRESENT = (
    "BAMBOO_BUILDKEY",
    "CODEBUILD_BUILD_ID",
    "HEROKU_TEST_RUN_ID",
    "JENKINS_URL",
    "TEAMCITY_VERSION",
)
CACHE = "conda-anaconda-tos"


WORDS = {True: "accepted", False: "rejected", None: "not accepted"}


def check(settings: Settings) -> None:
    """Raise CondaToSNonInteractiveError for channels with terms that nobody accepted; -y accepts nothing.

    A CI variable accepts, and so does `plugins.auto_accept_tos`; both leave a record. Also raises
    CondaToSRejectedError, and CondaToSPermissionError where the home cannot be written.

    The real plugin learns from the channel, or from what it cached, that there are terms. The stand-in knows
    Anaconda's channels and refuses them with the network off too.
    """
    if "CONDA_ROOT_PREFIX" in settings.env:  # the installer's bootstrapper has no such plugin
        return
    for url in ch.channel_urls(settings.channels):
        _note(settings, url)
    verdicts = {url: _verdict(settings, url) for url in governed(settings)}
    rejected = [url for url, verdict in verdicts.items() if verdict is False]
    if rejected:
        listed = "".join(f"    - {url}\n" for url in rejected)
        raise CondaToSRejectedError(
            "Terms of Service has been rejected for the following channels. "
            f"Please remove or accept them before proceeding:\n{listed}"
        )
    open_terms = [url for url, verdict in verdicts.items() if verdict is None]
    if not open_terms:
        return
    if _automatic(settings):
        for url in open_terms:
            _write(settings, url, "user", accepted=True)
        return
    listed = "".join(f"    - {url}\n" for url in open_terms)
    commands = "".join(f"    conda tos accept --override-channels --channel {url}\n" for url in open_terms)
    raise CondaToSNonInteractiveError(
        "Terms of Service have not been accepted for the following channels. "
        f"Please accept or remove them before proceeding:\n{listed}\n"
        f"To accept these channels' Terms of Service, run the following commands:\n{commands}\n"
        "For information on safely removing channels from your conda configuration,\n"
        "please see the official documentation:\n\n"
        "    https://www.anaconda.com/docs/tools/working-with-conda/channels"
    )


def governed(settings: Settings) -> list[str]:
    """The channels with terms among those that are configured or named with -c."""
    return [url for url in ch.channel_urls(settings.channels) if url in GOVERNED]


def _automatic(settings: Settings) -> bool:
    env = settings.env
    asked = env.get("CONDA_PLUGINS_AUTO_ACCEPT_TOS", settings.plugin("auto_accept_tos"))
    if asked is not None and _true(asked):
        return True
    if any(_false(env.get(name)) for name in CI_SWITCHES):  # one that says no outweighs the others
        return False
    return any(_true(env.get(name, "")) for name in CI_SWITCHES) or any(env.get(name) for name in CI_PRESENT)


def _true(value: object) -> bool:
    try:
        return truth(value)
    except ValueError:
        return False


def _false(value: str | None) -> bool:
    try:
        return bool(value) and not truth(value)
    except ValueError:
        return False


def _note(settings: Settings, url: str) -> None:
    """Leave an empty file for a channel of which nothing is known, as the plugin does when it cannot ask."""
    parts = url.rstrip("/").split("://", 1)[-1]
    location, _, name = parts.rpartition("/")
    if parts.startswith("repo.anaconda.com/pkgs/"):
        location, name = "repo.anaconda.com", parts.removeprefix("repo.anaconda.com/")
    digest = hashlib.sha256(f"{location}{name}".encode()).hexdigest()
    caches = settings.env.get("XDG_CACHE_HOME")
    file = (Path(caches) if caches else settings.home / ".cache") / CACHE / f"{digest}.cache"
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    except OSError as error:
        raise CondaToSPermissionError(
            f"Unable to read/write path ({file}) for {url}. Please check permissions. ({error})"
        ) from error


def _folder(settings: Settings, place: str) -> Path:
    known = {
        "site": Path("/etc/conda/tos"),
        "system": settings.root / "conda-meta" / "tos",
        "user": settings.home / ".conda" / "tos",
    }
    return known[place]


def _file(settings: Settings, url: str, place: str) -> Path:
    return _folder(settings, place) / hashlib.sha256(url.encode()).hexdigest() / "terms.json"


def _verdict(settings: Settings, url: str) -> bool | None:
    """Accepted, rejected, or neither."""
    for place in ("site", "system", "user"):
        try:
            record = json.loads(_file(settings, url, place).read_text("utf-8"))
        except (OSError, ValueError):
            continue
        return bool(record.get("tos_accepted"))
    return None


def _write(settings: Settings, url: str, place: str, *, accepted: bool) -> None:
    file = _file(settings, url, place)
    record = {"acceptance_timestamp": time.time(), "base_url": url, "tos_accepted": accepted}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(record, indent=2), "utf-8")
    except OSError as error:
        raise CondaError(f"CondaToSPermissionError: Unable to write {file}: {error}") from error


def command(arguments: argparse.Namespace, settings: Settings) -> int:
    """`conda tos accept`, `reject`, `info`."""
    named: Sequence[str] = arguments.channel or settings.channels
    urls = [url for url in ch.channel_urls(named) if url in GOVERNED]
    for url in urls:
        if arguments.action in ("accept", "reject"):
            _write(settings, url, arguments.place, accepted=arguments.action == "accept")
            talk.say(f"{arguments.action}ed Terms of Service for {url}")
        else:
            talk.say(f"{url}: {WORDS[_verdict(settings, url)]}")
    if not urls:
        talk.say("No Terms of Service apply to these channels.")
    return 0
