"""What doctor says of everything around the engine: context, logins, settings, certificates, proxies, sources."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path

from builder.engine.endpoints import endpoints
from builder.errors import DefinitionError, EngineError, ImgbuildError, UsageError
from builder.host.diagnosis import Row
from builder.network.offline import is_offline
from builder.network.places import Here, here
from builder.network.places.docker import Kept, Logins
from builder.network.redact import public, redacted
from builder.settings.read import check_variables
from builder.settings.trace import trace
from builder.spec.load import survey
from builder.spec.project import Project
from builder.store.upstream import Upstream
from builder.workflow.reach import Reached, reach, sources_of

CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
PROXIES = ("https_proxy", "http_proxy", "all_proxy", "no_proxy")


def surroundings(project: Project, environ: Mapping[str, str], place: Here | None = None) -> Iterator[Row]:
    """A row for each. environ: the variables before settings files spoke, for where a value comes from."""
    now = place or here()
    yield from context_row(now)
    yield settings_row(project, environ)
    yield logins_row(now)
    yield authorities_row(now.environ)
    yield proxies_row(now.environ)
    yield from source_rows(project, now.environ)


def context_row(now: Here) -> Iterator[Row]:
    """Which engine is meant, and who says so; what is wrong with it stands in the engine's row."""
    try:
        found = endpoints(now.environ, Path(now.environ.get("HOME") or now.home))
    except EngineError:
        return
    named = len(found) == 1
    says = (
        f"{redacted(found[0].url)}, by {found[0].origin}"
        if named
        else "none is named: the usual sockets are tried"
    )
    yield Row(name="docker context", state="ok", says=says)


def settings_row(project: Project, environ: Mapping[str, str]) -> Row:
    """What is set, and where."""
    try:
        found = trace(project.root, environ)
    except DefinitionError as error:
        first = error.problems[0]
        says = f"cannot be read: {first.file}:{first.line}: {first.what}"
        return Row(
            name="settings",
            state="missing",
            says=says,
            needed=True,
            todo=("`imgbuild check` names every problem",),
        )
    try:
        check_variables(environ)
    except UsageError as error:
        says = f"{error.where}: {redacted(error.what)}"
        return Row(
            name="settings",
            state="missing",
            says=says,
            needed=True,
            todo=(f"{error.fix}, or unset {error.where}",),
        )
    said = [f"{one.name} by {one.origin}" for one in found if one.origin != "default"]
    return Row(name="settings", state="ok", says=", ".join(said) or "all as they come")


def logins_row(now: Here) -> Row:
    """Which registries docker has logins for. No helper is run and nothing secret is shown."""
    logins = Logins(now)
    kept, store = logins.kept(), logins.store()
    lost = {one.keeper for one in (*kept, *([store] if store else [])) if not one.there}
    said = [_kept(one) for one in kept] + ([f"others in {store.keeper}"] if store else [])
    if lost:
        todo = tuple(
            f"install {name} onto PATH, or take it out of docker's config.json and `docker login` again"
            for name in sorted(lost)
        )
        says = f"{', '.join(said)}; not there: {', '.join(sorted(lost))}"
        return Row(name="registry logins", state="note", says=says, todo=todo)
    return Row(
        name="registry logins", state="ok", says=", ".join(said) or "none: registries are asked without"
    )


def _kept(one: Kept) -> str:
    return f"{one.host} in {one.keeper}"


def authorities_row(environ: Mapping[str, str]) -> Row:
    """Whom downloads trust."""
    named = [(name, environ[name]) for name in CERTIFICATES if environ.get(name)]
    for name, path in named:
        if not Path(path).exists():
            todo = (f"correct {name} (`ca:` of your settings sets SSL_CERT_FILE), or unset it",)
            return Row(
                name="certificates", state="note", says=f"{name} names {path}, which is not there", todo=todo
            )
    if named:
        return Row(
            name="certificates", state="ok", says=", ".join(f"{path} by {name}" for name, path in named)
        )
    usual = ssl.get_default_verify_paths()
    says = f"what this machine trusts ({usual.cafile or usual.capath or 'its own store'})"
    return Row(name="certificates", state="ok", says=says)


def proxies_row(environ: Mapping[str, str]) -> Row:
    """Proxies in use; a password in one is not shown."""
    names = [spelled for name in PROXIES for spelled in (name, name.upper()) if environ.get(spelled)]
    said = [f"{name}={_address(environ[name])}" for name in names]
    return Row(name="proxies", state="ok", says=", ".join(said) or "none")


def _address(text: str) -> str:
    """Without user and password, however the proxy was written."""
    secret, at, host = text.rpartition("@")
    return f"***@{host}" if at and secret else text


def source_rows(project: Project, environ: Mapping[str, str]) -> Iterator[Row]:
    """Whether what this project would be made from can be asked now."""
    kit = environ.get("IMGBUILD_KIT")
    if is_offline():
        todo = ("leave --offline (IMGBUILD_OFFLINE) away to have the sources asked",)
        yield Row(name="sources", state="note", says="offline: none was asked", todo=todo)
        return
    if kit and kit != "none":
        yield Row(name="sources", state="ok", says=f"the kit {kit}; no network is needed")
        return
    try:
        from builder.settings.read import read_settings

        settings = read_settings(project.root, environ=environ)
        places = sources_of(survey(project).specs, Upstream(read=lambda: settings))
    except ImgbuildError as error:
        fix = error.fix or "`imgbuild check` names every problem"
        yield Row(name="sources", state="note", says=f"not known: {redacted(error.what)}", todo=(fix,))
        return
    yield from (_row(one) for one in reach(places))


def _row(one: Reached) -> Row:
    where = one.place.url if one.place.kind == "registry" else public(one.place.url)
    todo = (one.todo,) if one.todo else ()
    return Row(name=f"{one.place.kind} {where}", state="ok" if one.fine else "note", says=one.says, todo=todo)
