"""Published menus as Gett pulls them: ``GET /catalogs/<token>/<catalogSetId>.json``.

A version never changes, so what a process has served once it serves from memory, and whoever has it already is answered 304.
Every menu of every store is pulled through here, so it stands in front of Flask, whose dispatch would take several times as long as
the answer. What is not there is Flask's to refuse.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

import redis
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header, parse_etags

from webhook_kit.gett.problems import unavailable
from webhook_kit.logs import logger
from webhook_kit.publishing.publisher import CatalogUrls, Publisher, StorageUnavailable
from webhook_kit.webhooks.trace import trace_id

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["PublishedCatalogs"]

log = logger("serving")

_IN_MEMORY = 32
"""Versions that a process keeps at hand; some 100 KB each."""

_ROOT = "/catalogs/"


class PublishedCatalogs:
    """A WSGI application that serves published menus and leaves everything else to the one behind it."""

    def __init__(self, behind: WSGIApplication, publisher: Publisher, addresses: CatalogUrls) -> None:
        self._behind = behind
        self._publisher = publisher
        self._addresses = addresses
        self._find = lru_cache(maxsize=_IN_MEMORY)(self._found)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a GET or HEAD of a published menu."""
        path = environ.get("PATH_INFO", "")
        if not path.startswith(_ROOT) or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return self._behind(environ, start_response)
        try:
            version = self._find(path)
        except LookupError:
            return self._behind(environ, start_response)
        except (redis.RedisError, StorageUnavailable) as error:
            log.error("menu not served", error=type(error).__name__)  # noqa: TRY400 - the traceback says nothing more
            return _not_now(path, start_response)
        compressed = _takes_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
        spelling = version if compressed else _plain(version)
        known = environ.get("HTTP_IF_NONE_MATCH")
        if known and parse_etags(known).contains_weak(spelling.tag):
            start_response("304 Not Modified", spelling.headers[: _Spelling.SHARED])
            return []
        start_response("200 OK", spelling.headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [spelling.body]

    def _found(self, path: str) -> _Spelling:
        """The version at a path, compressed.

        :raises LookupError: when there is none; which, unlike an answer, is not remembered.
        """
        token, _, name = path.removeprefix(_ROOT).partition("/")
        version = name.removesuffix(".json")
        if version == name or not self._addresses.verify(token, version):
            raise LookupError(path)
        body = self._publisher.body(version)
        if body is None:
            raise LookupError(path)
        log.info("menu loaded", version=version, bytes=len(body))
        return _Spelling(version, body, "gzip")


class _Spelling:
    """A version as it travels: its body, and headers that are made once."""

    SHARED = 3  # the first headers stand in a 304, too

    __slots__ = ("body", "headers", "tag", "version")

    def __init__(self, version: str, body: bytes, encoding: str | None = None) -> None:
        # Each spelling of a version has a tag of its own, as RFC 9110 wants it.
        self.version, self.body, self.tag = version, body, f"{version}-{encoding}" if encoding else version
        self.headers = [
            ("ETag", f'"{self.tag}"'),
            ("Cache-Control", "public, max-age=86400, immutable"),
            ("Vary", "Accept-Encoding"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            *([("Content-Encoding", encoding)] if encoding else []),
        ]


def _plain(compressed: _Spelling) -> _Spelling:
    return _Spelling(compressed.version, gzip.decompress(compressed.body))


def _not_now(path: str, start_response: StartResponse) -> list[bytes]:
    problem = unavailable("menus cannot be served for the moment", retry_after=5)
    document = problem.document(instance=quote(path), trace_id=trace_id(None)).to_json()
    headers = [
        ("Content-Type", "application/problem+json"),
        ("Content-Length", str(len(document))),
        ("Retry-After", str(problem.retry_after)),
    ]
    start_response("503 Service Unavailable", headers)
    return [document]


@lru_cache(maxsize=64)
def _takes_gzip(accepted: str) -> bool:
    # [D] Who does not say that it takes gzip gets the plain text.
    return bool(parse_accept_header(accepted, Accept).quality("gzip"))
