"""One registry: its manifests and blobs, checked against their digests."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from builder.errors import RegistryError
from builder.network.places.docker import Login, Logins
from builder.network.redact import public
from builder.registry.faults import BROKEN_FIX, said
from builder.registry.manifest import ACCEPTED
from builder.registry.reference import HUB
from builder.registry.tokens import authorization
from builder.registry.wire import LIMIT, Answer, Question, Wire


@dataclass(frozen=True)
class Document:
    """A manifest or an index as its bytes. media_type: of the header; digest: of these very bytes."""

    media_type: str
    digest: str
    body: bytes


class Registry:
    """The repositories of one host (`docker.io`, `host:5000`). at: another address that answers for it, a mirror's.

    written: repositories that will be written to. They are read with the right to push as well, as the engine does: it
    is one token less, and where a repository comes to be with its first push nobody may read it before.
    """

    def __init__(self, host: str, wire: Wire, logins: Logins, at: str = "") -> None:
        self.host = host
        self._wire, self._logins, self._at = wire, logins, at
        self._rights: dict[str, str] = {}
        self.written: set[str] = set()

    def manifest(self, repository: str, wanted: str) -> Document:
        """What lies under a tag or digest. Raises RegistryError."""
        answer = self.ask(repository, f"manifests/{wanted}", {"Accept": ", ".join(ACCEPTED)})
        digest = wanted if ":" in wanted else f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
        _check(answer, digest)
        told = answer.headers.get("docker-content-digest", digest)
        if told.startswith("sha256:") and digest.startswith("sha256:") and told != digest:
            raise _altered(answer, told)
        media_type = answer.headers.get("content-type", "").partition(";")[0].strip()
        return Document(media_type, digest, answer.body)

    def find_manifest(self, repository: str, wanted: str) -> Document | None:
        """What lies under a tag or digest; None where nothing does. Raises RegistryError for all else."""
        try:
            return self.manifest(repository, wanted)
        except RegistryError as error:
            if error.kind == "missing":
                return None
            raise

    def blob(self, repository: str, digest: str, limit: int = LIMIT) -> bytes:
        """A blob of at most `limit` bytes. Raises RegistryError."""
        answer = self.ask(repository, f"blobs/{digest}", {}, limit=limit)
        _check(answer, digest)
        return answer.body

    def ask(
        self,
        repository: str,
        path: str,
        headers: Mapping[str, str],
        *,
        good: Collection[int] = (200,),
        method: str = "GET",
        data: bytes | None = None,
        limit: int = LIMIT,
        once: bool = False,
        beside: str = "",
    ) -> Answer:
        """One question about a repository, with the right to ask it: to push for all that is no GET.

        path: below the repository, or a URL that the registry itself gave. beside: another repository that is read for
        it. Raises RegistryError for an answer whose status is not good.
        """
        url = path if "://" in path else f"{self._base()}/v2/{repository}/{path}"
        writes = method not in {"GET", "HEAD"} or repository in self.written
        scope = f"repository:{repository}:{'pull,push' if writes else 'pull'}"
        scope += f" repository:{beside}:pull" if beside else ""
        question = Question(url, headers, limit, method=method, data=data, once=once)
        right = self._rights.get(scope)
        answer = self._wire.ask(replace(question, headers=_with(headers, right)))
        if answer.status == 401:
            # Tokens end within minutes, so a second 401 after a first success is answered the same way.
            login = self._logins.for_host(self._login_host)
            right = authorization(answer, login, scope, self._wire)
            if right is not None:
                self._rights[scope] = right
                answer = self._wire.ask(replace(question, headers=_with(headers, right)))
        if answer.status not in good:
            raise self._refused(answer, url, repository, _known(answer, right) and writes)
        return answer

    def _base(self) -> str:
        return self._at or self._wire.base(_api(self.host))

    @property
    def _login_host(self) -> str:
        return self._at.split("/")[2] if self._at else self.host

    def _refused(self, answer: Answer, url: str, repository: str, known: bool) -> RegistryError:
        where, detail = public(url), said(answer.body)
        if answer.status == 404 and url.split("?", maxsplit=1)[0].endswith("/blobs/uploads/"):
            what, fix = (
                f"there is no repository {repository}, and a push makes none there",
                "create it, or check --to",
            )
            return RegistryError("denied", what, where=where, fix=fix, detail=detail)
        if answer.status == 413:
            fix = (
                "whoever runs it, or the proxy before it, limits how large an upload may be: have that raised"
            )
            return RegistryError(
                "denied", "the upload is too large for it (413)", where=where, fix=fix, detail=detail
            )
        if answer.status == 404:
            fix = "check the name and the tag; `docker manifest inspect` asks the same"
            return RegistryError(
                "missing", "the registry has no such image", where=where, fix=fix, detail=detail
            )
        if answer.status in {401, 403}:
            return (
                self._no_right(answer, repository, detail) if known else self._denied(answer, where, detail)
            )
        what = f"the registry answers {answer.status}"
        return RegistryError("broken", what, where=where, fix=BROKEN_FIX, detail=detail)

    def _no_right(self, answer: Answer, repository: str, detail: str) -> RegistryError:
        """Who asks is known there, and may not do this."""
        login, name = self._logins.for_host(self._login_host), f"{self._login_host}/{repository}"
        what = f"the registry lets nobody push to {repository} without a login"
        if login is not None:
            what = f"the registry does not let the login of {login.place} push to {repository}"
        fix = f"ask whoever runs it for the right to push to {name}, or log in as somebody else with `docker login`"
        return RegistryError("denied", f"{what} ({answer.status})", where=name, fix=fix, detail=detail)

    def _denied(self, answer: Answer, where: str, detail: str) -> RegistryError:
        host = self._login_host
        login: Login | None = self._logins.for_host(host)
        name = "" if host == HUB else f" {host}"
        what = "the registry refuses, or hides that it has no such image"
        fix = f"check the name, and log in with `docker login{name}`"
        if login is not None:
            what = f"the registry refuses what {login.place} holds for it"
            fix = f"log in anew with `docker login{name}`, or check the name and your rights"
        trouble = self._logins.trouble.get(host, "")
        lines = "\n".join(line for line in (trouble, detail) if line)
        return RegistryError("denied", f"{what} ({answer.status})", where=where, fix=fix, detail=lines)


def _api(host: str) -> str:
    return "registry-1.docker.io" if host == HUB else host


def _with(headers: Mapping[str, str], right: str | None) -> dict[str, str]:
    return {**headers, **({"Authorization": right} if right else {})}


def _known(answer: Answer, right: str | None) -> bool:
    """Whether a refusal is about what was asked, and not about who asks: a token is given to whom one knows."""
    return answer.status == 403 or (right or "").startswith("Bearer ")


def _check(answer: Answer, digest: str) -> None:
    algorithm, _, wanted = digest.partition(":")
    if algorithm not in {"sha256", "sha512"}:
        what = f"digests of {algorithm} cannot be checked"
        raise RegistryError("broken", what, where=public(answer.url), fix=BROKEN_FIX)
    if hashlib.new(algorithm, answer.body).hexdigest() != wanted:
        raise _altered(answer, digest)


def _altered(answer: Answer, digest: str) -> RegistryError:
    what = f"what came is not what {digest[:19]}... names"
    return RegistryError(
        "broken", what, where=public(answer.url), fix="something between here and the registry changes it"
    )
