"""A registry in memory, as opencontainers/distribution-spec 1.1 has it: uploads that go on, mounts, tags, referrers.

What a registry may do or leave is a field: the referrers API, filters, pages. Who may do what is asked of a token
server that it has itself. Debian's registry (real_registry.py) is the real one, and has no referrers API.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.support.fake_registry import INDEX, Asked, FakeRegistry, Reply, errors, serving

_PATH = re.compile(
    r"/v2/(?P<name>[a-z0-9._/-]+?)/(?P<kind>blobs/uploads|blobs|manifests|referrers|tags)/(?P<last>[^/]*)"
)
_RANGE = re.compile(r"(?:bytes=)?(\d+)-(\d*)")


@dataclass
class Repository:
    """manifests: media type and bytes by digest; listed: digests that were put while there was a referrers API."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    listed: list[str] = field(default_factory=list)

    def find(self, wanted: str) -> tuple[str, str, bytes] | None:
        """Digest, media type and bytes of what a tag or digest stands for."""
        digest = self.tags.get(wanted, wanted)
        found = self.manifests.get(digest)
        return None if found is None else (digest, *found)


Right = Callable[[str, str, str], bool]
"""Whether a user (empty for nobody) may do something (`pull`, `push`) in a repository."""


@dataclass
class OciRegistry(FakeRegistry):
    """referrers_api: it has one. filters: it filters by artifactType. page: rows at once, 0 for all. forgets: it lists
    no manifests from before it had the API. users: passwords by name; with any, tokens are wanted. may: who may what.
    refuses: the status for a token that is not wide enough."""

    referrers_api: bool = True
    filters: bool = True
    page: int = 0
    forgets: bool = False
    users: dict[str, str] = field(default_factory=dict)
    may: Right = field(default=lambda _user, _name, _action: True)
    refuses: int = 401
    repositories: dict[str, Repository] = field(default_factory=dict)
    tokens: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    _uploads: dict[str, bytes] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        if self.users:
            self.knocks, self.rule = True, self._guarded

    def serve(self, asked: Asked) -> Reply:
        method, target = asked.line.split(" ")
        parts = urlsplit(target)
        if parts.path in {"/v2/", "/token"}:
            return Reply(200, b"{}") if parts.path == "/v2/" else self._token(asked)
        match = _PATH.fullmatch(parts.path)
        if match is None:
            return Reply(404, errors("UNSUPPORTED", "no such path"))
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        place = self.repositories.setdefault(match["name"], Repository())
        kinds = {"blobs": self._blob, "blobs/uploads": self._upload, "manifests": self._manifest,
                 "referrers": self._referrers, "tags": self._tags}  # fmt: skip
        with self._lock:
            return kinds[match["kind"]](place, method, match["last"], query, asked)

    def _blob(self, place: Repository, method: str, last: str, _query: dict[str, str], asked: Asked) -> Reply:
        data = place.blobs.get(last)
        if data is None:
            return Reply(404, errors("BLOB_UNKNOWN", "blob unknown to registry"))
        headers = {"Docker-Content-Digest": last, "Content-Type": "application/octet-stream"}
        wanted = _RANGE.fullmatch(asked.headers.get("Range", ""))
        if wanted and method == "GET":
            begin, end = int(wanted[1]), int(wanted[2] or len(data) - 1)
            return Reply(206, data[begin : end + 1], headers)
        return Reply(200, data, headers)

    def _upload(
        self, place: Repository, method: str, last: str, query: dict[str, str], asked: Asked
    ) -> Reply:
        name = _name(asked)
        if method == "POST":
            source = self.repositories.get(query.get("from", ""))
            mounted = source.blobs.get(query.get("mount", "")) if source else None
            if mounted is not None:
                return self._stored(place, name, query["mount"], mounted)
            last = uuid.uuid4().hex
            self._uploads[last] = b""
        if last not in self._uploads:
            return Reply(404, errors("BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"))
        told = _RANGE.fullmatch(asked.headers.get("Content-Range", ""))
        if told and int(told[1]) != len(self._uploads[last]):
            return Reply(416, errors("BLOB_UPLOAD_INVALID", "not where it goes on"))
        self._uploads[last] += asked.body
        if "digest" in query:
            return self._stored(place, name, query["digest"], self._uploads.pop(last))
        end = max(len(self._uploads[last]) - 1, 0)
        headers = {"Location": f"/v2/{name}/blobs/uploads/{last}", "Range": f"0-{end}"}
        return Reply(204 if method == "GET" else 202, b"", headers)

    def _stored(self, place: Repository, name: str, digest: str, data: bytes) -> Reply:
        if _digest(data) != digest:
            return Reply(400, errors("DIGEST_INVALID", "provided digest did not match uploaded content"))
        place.blobs[digest] = data
        return Reply(201, b"", {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest})

    def _manifest(
        self, place: Repository, method: str, last: str, _query: dict[str, str], asked: Asked
    ) -> Reply:
        if method == "PUT":
            return self._put(place, last, asked)
        found = place.find(last)
        if found is None:
            return Reply(404, errors("MANIFEST_UNKNOWN", "manifest unknown"))
        digest, kind, body = found
        if method == "DELETE":
            place.tags.pop(last, None)
            return Reply(202)
        return Reply(200, body, {"Content-Type": kind, "Docker-Content-Digest": digest})

    def _put(self, place: Repository, wanted: str, asked: Asked) -> Reply:
        digest, document = _digest(asked.body), json.loads(asked.body)
        if ":" in wanted and wanted != digest:
            return Reply(400, errors("DIGEST_INVALID", "provided digest did not match uploaded content"))
        blobs = [
            row["digest"] for row in (*document.get("layers", ()), *filter(None, [document.get("config")]))
        ]
        missing = [one for one in blobs if one not in place.blobs]
        missing += [
            row["digest"] for row in document.get("manifests", ()) if row["digest"] not in place.manifests
        ]
        if missing:
            return Reply(400, errors("MANIFEST_BLOB_UNKNOWN", f"blob unknown to registry: {missing[0]}"))
        place.manifests[digest] = (asked.headers["Content-Type"], asked.body)
        if ":" not in wanted:
            place.tags[wanted] = digest
        headers = {"Location": f"/v2/{_name(asked)}/manifests/{digest}", "Docker-Content-Digest": digest}
        subject = (document.get("subject") or {}).get("digest")
        if subject and self.referrers_api:
            place.listed.append(digest)
            headers["OCI-Subject"] = subject
        return Reply(201, b"", headers)

    def _referrers(
        self, place: Repository, _method: str, last: str, query: dict[str, str], asked: Asked
    ) -> Reply:
        if not self.referrers_api:
            return Reply(404, b"404 page not found\n", {"Content-Type": "text/plain"})
        rows = [row for digest in place.manifests if (row := self._row(place, digest, last)) is not None]
        headers = {"Content-Type": INDEX}
        if self.filters and "artifactType" in query:
            rows = [row for row in rows if row.get("artifactType") == query["artifactType"]]
            headers["OCI-Filters-Applied"] = "artifactType"
        begin = int(query.get("next", 0))
        end = begin + (self.page or len(rows))
        if end < len(rows):
            words = urlencode({**query, "next": end})
            headers["Link"] = f'</v2/{_name(asked)}/referrers/{last}?{words}>; rel="next"'
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": rows[begin:end]}
        return Reply(200, json.dumps(document).encode(), headers)

    def _row(self, place: Repository, digest: str, subject: str) -> dict[str, Any] | None:
        kind, body = place.manifests[digest]
        document = json.loads(body)
        if (document.get("subject") or {}).get("digest") != subject:
            return None
        if self.forgets and digest not in place.listed:
            return None
        row = {"mediaType": kind, "digest": digest, "size": len(body)}
        said = document.get("artifactType") or (document.get("config") or {}).get("mediaType")
        return {**row, **({"artifactType": said} if said else {}),
                "annotations": document.get("annotations") or {}}  # fmt: skip

    def _tags(
        self, place: Repository, _method: str, _last: str, _query: dict[str, str], asked: Asked
    ) -> Reply:
        return Reply(200, json.dumps({"name": _name(asked), "tags": sorted(place.tags)}).encode())

    def _guarded(self, asked: Asked) -> Reply | None:
        """A Rule: only with a token that is wide enough."""
        method, target = asked.line.split(" ")
        path = urlsplit(target).path
        if path == "/token":
            return None
        rights = self.tokens.get(asked.authorization.removeprefix("Bearer "))
        action = "pull" if method in {"GET", "HEAD"} else "push"
        match = _PATH.fullmatch(path)
        if rights is not None and (match is None or (match["name"], action) in rights):
            return None
        if rights is not None and self.refuses != 401:
            return Reply(self.refuses, errors("DENIED", "requested access to the resource is denied"))
        scope = f',scope="repository:{match["name"]}:{action}"' if match else ""
        wide = ',error="insufficient_scope"' if rights is not None else ""
        challenge = f'Bearer realm="{self.url}/token",service="lab"{scope}{wide}'
        return Reply(401, errors("UNAUTHORIZED", "authentication required"), {"WWW-Authenticate": challenge})

    def _token(self, asked: Asked) -> Reply:
        """What distribution's token servers do: those of the wanted rights that the user has, which may be none."""
        user = ""
        if asked.authorization:
            pair = base64.b64decode(asked.authorization.removeprefix("Basic ")).decode()
            user, _, password = pair.partition(":")
            if self.users.get(user) != password:
                return Reply(401, errors("UNAUTHORIZED", "wrong password"))
        query = parse_qs(urlsplit(asked.line.split(" ")[1]).query)
        wanted = [one.split(":") for text in query.get("scope", []) for one in text.split()]
        rights = {
            (name, action)
            for _kind, name, actions in wanted
            for action in actions.split(",")
            if self.may(user, name, action)
        }
        token = uuid.uuid4().hex
        self.tokens[token] = rights
        return Reply(200, json.dumps({"token": token, "expires_in": 300}).encode())


def _name(asked: Asked) -> str:
    match = _PATH.fullmatch(urlsplit(asked.line.split(" ")[1]).path)
    assert match
    return match["name"]


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@contextmanager
def oci_registry(**how: Any) -> Iterator[OciRegistry]:
    """Serve until the context ends. how: fields of OciRegistry."""
    site = OciRegistry(**how)
    with serving(site):
        yield site
