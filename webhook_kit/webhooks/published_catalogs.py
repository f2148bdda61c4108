"""Published catalogs, from which Gett downloads: ``GET /catalogs/<token>/<catalogSetId>.json``.

A version never changes, so a process serves it from memory after the first request, and a client that has it already gets a 304.
Every catalog of every store is downloaded here, so this is a WSGI application in front of Flask, whose dispatch would take
several times as long as the response. When a version does not exist, Flask answers the request with its 404.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

import redis
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header, parse_etags

from webhook_kit.errors import CatalogInvalid
from webhook_kit.gett.problems import unavailable
from webhook_kit.logs import logger
from webhook_kit.publishing.publisher import Publisher
from webhook_kit.publishing.storage import StorageUnavailable
from webhook_kit.publishing.urls import CatalogUrls
from webhook_kit.vendor_calls import VendorCalls
from webhook_kit.webhooks.trace import trace_id

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["PublishedCatalogs"]

log = logger("published_catalogs")

_CACHED_VERSIONS = 32
"""Versions that a process keeps in memory; about 100 KB each."""

_LOAD_SECONDS = 10.0
"""Seconds that the storage may take, which a slow bucket would hold the server's threads for."""

_ROOT = "/catalogs/"


class PublishedCatalogs:
    """WSGI application that serves published catalogs and passes all other requests to the next application."""

    def __init__(
        self,
        next_app: WSGIApplication,
        publisher: Publisher,
        urls: CatalogUrls,
        on_damage: Callable[[str, str], object] = lambda _version, _why: None,
    ) -> None:
        """:param on_damage: called with the version and the reason when a stored body is damaged."""
        self._on_damage = on_damage
        self._next_app = next_app
        self._publisher = publisher
        self._urls = urls
        self._calls = VendorCalls("catalog-load", limit=8)
        self._load_cached = lru_cache(maxsize=_CACHED_VERSIONS)(self._load)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a GET or HEAD of a published catalog."""
        path = environ.get("PATH_INFO", "")
        if not path.startswith(_ROOT) or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return self._next_app(environ, start_response)
        try:
            compressed = self._load_cached(path)
        except LookupError:
            return self._next_app(environ, start_response)
        except CatalogInvalid as error:
            self._on_damage(_version(path), str(error))
            return _service_unavailable(path, start_response)
        except (redis.RedisError, StorageUnavailable, TimeoutError) as error:
            # The traceback would add nothing to the name of the error.
            log.error("catalog_not_served", error=type(error).__name__)  # noqa: TRY400
            return _service_unavailable(path, start_response)
        accepts_gzip = _accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
        representation = compressed if accepts_gzip else _decompressed(compressed)
        client_tags = environ.get("HTTP_IF_NONE_MATCH")
        if client_tags and parse_etags(client_tags).contains_weak(representation.tag):
            start_response("304 Not Modified", representation.headers[: _Representation.HEADERS_OF_304])
            return []
        start_response("200 OK", representation.headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [representation.body]

    def _load(self, path: str) -> _Representation:
        """Load the compressed version at a path.

        :raises LookupError: there is none; an exception is not cached, so the next request tries again.
        :raises CatalogInvalid: the stored body is damaged, or is another version's.
        """
        version = _version(path)
        if not version or not self._urls.verify(path.removeprefix(_ROOT).partition("/")[0], version):
            raise LookupError(path)
        body = self._calls.run(lambda: self._publisher.get(version), seconds=_LOAD_SECONDS)
        if body is None:
            raise LookupError(path)
        _require_intact(version, body)
        log.info("catalog_loaded", version=version, bytes=len(body))
        return _Representation(version, body, "gzip")


def _version(path: str) -> str:
    """Return the version that a path names, or the empty text."""
    name = path.removeprefix(_ROOT).partition("/")[2]
    return name.removesuffix(".json") if name.endswith(".json") else ""


def _require_intact(version: str, body: bytes) -> None:
    """Raise an error if a stored body is not what was published: Gett would take it for the catalog."""
    try:
        head = gzip.decompress(body)[:200]
    except (OSError, EOFError, zlib.error) as error:
        raise CatalogInvalid(f"the published catalog {version} cannot be read: {type(error).__name__}") from error
    if not head.startswith(f'{{"catalogSetId":"{version}",'.encode()):
        raise CatalogInvalid(f"the published catalog {version} has another content")


class _Representation:
    """A version in one encoding: its body, and headers that are created once."""

    HEADERS_OF_304 = 3  # the first headers are also those of a 304

    __slots__ = ("body", "headers", "tag", "version")

    def __init__(self, version: str, body: bytes, encoding: str | None = None) -> None:
        # RFC 9110 requires a different ETag for each encoding of a version.
        self.version, self.body, self.tag = version, body, f"{version}-{encoding}" if encoding else version
        self.headers = [
            ("ETag", f'"{self.tag}"'),
            ("Cache-Control", "public, max-age=86400, immutable"),
            ("Vary", "Accept-Encoding"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            *([("Content-Encoding", encoding)] if encoding else []),
        ]


def _decompressed(compressed: _Representation) -> _Representation:
    return _Representation(compressed.version, gzip.decompress(compressed.body))


def _service_unavailable(path: str, start_response: StartResponse) -> list[bytes]:
    problem = unavailable("catalogs cannot be served at the moment", retry_after=5)
    document = problem.document(instance=quote(path), trace_id=trace_id(None)).to_json()
    headers = [
        ("Content-Type", "application/problem+json"),
        ("Content-Length", str(len(document))),
        ("Retry-After", str(problem.retry_after)),
    ]
    start_response("503 Service Unavailable", headers)
    return [document]


@lru_cache(maxsize=64)
def _accepts_gzip(accept_encoding: str) -> bool:
    # [D] A client that does not explicitly accept gzip gets the uncompressed body.
    return bool(parse_accept_header(accept_encoding, Accept).quality("gzip"))
