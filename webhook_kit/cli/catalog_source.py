"""Read a catalog for the command line from a file, an address or a store's POS."""

from __future__ import annotations

import time
from pathlib import Path

import click
import requests
from pydantic import ValidationError

from webhook_kit.adapter import CatalogSet, Store
from webhook_kit.catalog.lenient_parse import MAX_CATALOG_BYTES
from webhook_kit.errors import ConfigurationError, WebhookKitError
from webhook_kit.gett.models.base import error_lines
from webhook_kit.kit import Kit
from webhook_kit.texts import decode_file
from webhook_kit.web import AnswerTooLarge, fetch

__all__ = ["read_from_pos", "read_source"]

_DEADLINE = 60.0
"""Seconds for a complete download."""


class _Unreadable(WebhookKitError):
    """The source exists, or should exist, but cannot be read."""


def read_source(source: str) -> bytes:
    """Return the bytes of a catalog; of one beyond the size limit, one byte more than the limit.

    :raises WebhookKitError: with one line, when the source cannot be read.
    :raises BadParameter: when it is neither a file, an address nor a store.
    """
    if source.startswith(("http://", "https://")):
        return _as_utf8(source, _download(source))
    path = Path(source)
    try:
        if path.exists():
            with path.open("rb") as file:
                return _as_utf8(source, file.read(MAX_CATALOG_BYTES + 1))
    except OSError as error:
        raise _Unreadable(f"{source[:200]}: {error.strerror}") from error
    return _from_pos(source)


def _as_utf8(source: str, body: bytes) -> bytes:
    if len(body) > MAX_CATALOG_BYTES:  # refused anyway, and cut off
        return body
    try:
        return decode_file(body).encode()
    except ValueError as error:
        raise _Unreadable(f"{source[:200]}: {error}") from error


def _download(url: str) -> bytes:
    end = time.monotonic() + _DEADLINE
    try:
        response = fetch("GET", url, seconds=_DEADLINE, limit=MAX_CATALOG_BYTES, follow=True)
    except AnswerTooLarge:
        return bytes(MAX_CATALOG_BYTES + 1)  # beyond the limit the content does not matter
    except (requests.RequestException, ValueError) as error:  # requests lets some malformed addresses through to others
        if time.monotonic() >= end:
            raise _Unreadable(f"{url}: took longer than {_DEADLINE:g} seconds") from error
        raise _Unreadable(f"{url}: cannot be fetched ({type(error).__name__})") from error
    if response.status_code != 200:
        raise _Unreadable(f"{url}: the server answered {response.status_code}")
    return response.content


def _from_pos(store_id: str) -> bytes:
    try:
        kit = Kit.from_env()
        store = kit.stores.by_id(store_id) or kit.stores.by_gett_id(store_id)
    except ConfigurationError as error:
        raise click.BadParameter(
            f"{store_id!r} is not a file or an address, and stores cannot be read: {error}"
        ) from error
    except WebhookKitError as error:
        raise _Unreadable(f"{store_id} is not a file or an address, and stores cannot be read: {error}") from error
    if store is None:
        known = ", ".join(one.id for one in kit.stores)
        raise click.BadParameter(f"{store_id!r} is not a file, an http(s) address or a store (stores: {known})")
    return read_from_pos(kit, store)


def read_from_pos(kit: Kit, store: Store) -> bytes:
    """Fetch a store's catalog from its POS.

    :raises WebhookKitError: with one line, when there is none.
    """
    adapter = kit.stores.adapter(store)
    try:
        catalog = kit.pos_executor.fetch_catalog(store.id, lambda: adapter.fetch_catalog(store))
        body = catalog.to_json() if isinstance(catalog, CatalogSet) else None
    except WebhookKitError:
        raise
    except ValidationError as error:
        raise _Unreadable(
            f"store {store.id}: fetch_catalog() built an invalid catalog: {'; '.join(error_lines(error)[:5])}"
        ) from error
    except Exception as error:  # an adapter may raise anything
        raise _Unreadable(f"store {store.id}: fetch_catalog() failed ({type(error).__name__}: {error})") from error
    if body is None:
        raise _Unreadable(f"store {store.id}: fetch_catalog() returned {type(catalog).__name__}, not a CatalogSet")
    return body
