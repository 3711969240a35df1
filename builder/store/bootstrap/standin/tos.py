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
from builder.store.bootstrap.standin.errors import CondaError, CondaToSNonInteractiveError
from builder.store.bootstrap.standin.settings import Settings, truth

GOVERNED = tuple(f"https://repo.anaconda.com/pkgs/{name}" for name in ("main", "r", "msys2", "free", "pro"))
CI_SWITCHES = ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "TRAVIS", "CIRCLECI", "APPVEYOR", "TF_BUILD", "BUILDKITE")
CI_PRESENT = ("JENKINS_URL", "CODEBUILD_BUILD_ID")


def check(settings: Settings) -> None:
    """Raise CondaToSNonInteractiveError for channels with terms that nobody accepted; -y accepts nothing.

    A CI variable accepts without a word, and so does `plugins.auto_accept_tos`; both leave a record.
    """
    open_terms = [url for url in governed(settings) if not _accepted(settings, url)]
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
    return any(_true(env.get(name, "")) for name in CI_SWITCHES) or any(env.get(name) for name in CI_PRESENT)


def _true(value: object) -> bool:
    try:
        return truth(value)
    except ValueError:
        return False


def _folder(settings: Settings, place: str) -> Path:
    known = {
        "site": Path("/etc/conda/tos"),
        "system": settings.root / "conda-meta" / "tos",
        "user": settings.home / ".conda" / "tos",
    }
    return known[place]


def _file(settings: Settings, url: str, place: str) -> Path:
    return _folder(settings, place) / hashlib.sha256(url.encode()).hexdigest() / "terms.json"


def _accepted(settings: Settings, url: str) -> bool:
    for place in ("user", "system", "site"):
        try:
            record = json.loads(_file(settings, url, place).read_text("utf-8"))
        except (OSError, ValueError):
            continue
        return bool(record.get("tos_accepted"))
    return False


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
            talk.say(f"{url}: {'accepted' if _accepted(settings, url) else 'not accepted'}")
    if not urls:
        talk.say("No Terms of Service apply to these channels.")
    return 0
