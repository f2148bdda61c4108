"""Catalogs: the last good one, the reason for which a newer one was not taken, and the difference to the one before."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from pydantic import ValidationError

from webhook_kit.catalog.diff import Change, diff
from webhook_kit.errors import WebhookKitError
from webhook_kit.gett.models.catalog import ExternalCatalogSet
from webhook_kit.kit import Kit
from webhook_kit.pos.store import Store
from webhook_kit.publishing.sync import CatalogStatus
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text

__all__ = [
    "CatalogDifference",
    "CatalogView",
    "RejectedCatalog",
    "UnavailableItem",
    "count_rejected_catalogs",
    "read_catalog",
    "read_catalog_difference",
    "rejected_catalogs",
]

_MOST_CHANGES = 500


@dataclass(frozen=True, slots=True)
class UnavailableItem:
    """Item or option that has run out.

    :ivar name: its name in the last good catalog; its id if the catalog does not have it.
    :ivar until: moment at which it is available again; None: when a person or the POS says so.
    """

    item_id: str
    name: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class CatalogView:
    """Catalog of one store.

    :ivar status: last good and published version, last outcome, and every violation of the last failure.
    :ivar rejected_since: moment of the first failure in a row, Unix seconds; None if the last catalog was taken.
    :ivar names: names of the items and options that can be marked, by id.
    """

    at: float
    status: CatalogStatus
    rejected_since: float | None
    unavailable: tuple[UnavailableItem, ...]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CatalogDifference:
    """Difference between the published catalog and the one before.

    :ivar before: version of the catalog before; None if none is kept.
    :ivar since: moment of the published version, Unix seconds.
    :ivar omitted: number of further changes.
    :ivar why_unknown: reason for which there is no comparison, or the empty text.
    """

    before: str | None
    after: str | None
    since: float | None
    changes: tuple[Change, ...]
    omitted: int
    why_unknown: str


@dataclass(frozen=True, slots=True)
class RejectedCatalog:
    """Store whose last catalog was not taken.

    :ivar since: moment of the first failure in a row, Unix seconds.
    :ivar reasons: of the last failure, one line each.
    """

    store_id: str
    name: str
    since: float
    reasons: tuple[str, ...]


def read_catalog(kit: Kit, store: Store) -> CatalogView:
    """Return the state of a store's catalog.

    :raises redis.RedisError: Redis is not reachable.
    """
    names: Mapping[str, str] = {}
    with suppress(WebhookKitError):  # a catalog that cannot be read is reported elsewhere
        catalog = kit.catalogs.last_good(store)
        names = {item_id: item.name for item_id, item in catalog.items.items()} if catalog else {}
    since = kit.redis.zscore(kit.keys.rejected_catalogs, store.id)
    unavailable = kit.availability.unavailable_items(store)
    return CatalogView(
        at=redis_time(kit.redis),
        status=kit.catalog_sync.status(store),
        rejected_since=None if since is None else float(since),
        unavailable=tuple(
            UnavailableItem(item_id, names.get(item_id, item_id), until)
            for item_id, until in sorted(unavailable.items())
        ),
        names=names,
    )


def read_catalog_difference(kit: Kit, store: Store) -> CatalogDifference:
    """Return the difference between the published catalog of a store and the one before, as customers notice it.

    :raises redis.RedisError: Redis is not reachable.
    """
    current = kit.publisher.current(store.id)
    if current is None:
        return CatalogDifference(None, None, None, (), 0, "nothing is published yet")
    before = next(
        (
            version
            for version in map(text, kit.redis.zrevrange(kit.keys.superseded(store.id), 0, 1))
            if version != current.version
        ),
        None,
    )
    if before is None:
        why = "the catalog before is not kept any more (CATALOG_RETENTION)"
        return CatalogDifference(None, current.version, current.at, (), 0, why)
    old, new = _published(kit, before), _published(kit, current.version)
    if old is None or new is None:
        why = "one of both catalogs cannot be read from the catalog storage"
        return CatalogDifference(before, current.version, current.at, (), 0, why)
    changes = diff(old, new)
    shown = tuple(islice(changes, _MOST_CHANGES))
    return CatalogDifference(before, current.version, current.at, shown, len(changes) - len(shown), "")


def rejected_catalogs(kit: Kit, *, start: int = 0, limit: int = 50) -> Sequence[RejectedCatalog]:
    """Return stores whose last catalog was not taken, the one that failed last first.

    :raises redis.RedisError: Redis is not reachable.
    """
    found: Any = kit.redis.zrevrange(kit.keys.rejected_catalogs, start, start + limit - 1, withscores=True)
    rejected = []
    for store_id, since in ((text(store_id), float(since)) for store_id, since in found):
        store = kit.stores.by_id(store_id)
        if store is not None:
            reasons = kit.catalog_sync.status(store).reasons
            rejected.append(RejectedCatalog(store_id, store.name, since, reasons))
    return rejected


def count_rejected_catalogs(kit: Kit) -> int:
    """Return the number of stores whose last catalog was not taken.

    :raises redis.RedisError: Redis is not reachable.
    """
    return int(kit.redis.zcard(kit.keys.rejected_catalogs))


def _published(kit: Kit, version: str) -> ExternalCatalogSet | None:
    try:
        body = kit.publisher.get(version)
        return None if body is None else ExternalCatalogSet.model_validate_json(gzip.decompress(body))
    except (WebhookKitError, OSError, EOFError, zlib.error, ValidationError):
        return None
