"""Discovery: stores near a consumer, and their catalogs (``gett-protocol.md §6``)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, g
from pydantic import BeforeValidator

from webhook_kit.catalog.hours import is_open
from webhook_kit.gett.models.catalog import AvailabilityWindow
from webhook_kit.gett.models.marketfront import (
    DiscoverStoresRequest,
    DiscoverStoresResponse,
    MarketfrontStore,
    StoreOptions,
)
from webhook_kit.gett.models.order import Location
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.models.store import StoreAvailability
from webhook_kit.gett.problems import Problem
from webhook_kit.sandbox.commerce import find_store
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.fulfillment import fulfillment_kind, offers
from webhook_kit.sandbox.geocoding import miles, session_location, store_address, store_location
from webhook_kit.sandbox.http import json_response, make_blueprint, parse_body
from webhook_kit.sandbox.paging import clamp
from webhook_kit.sandbox.problems import invalid
from webhook_kit.sandbox.search import Match, query_words, search
from webhook_kit.sandbox.state import SessionRecord, StoreRecord

__all__ = ["blueprint", "is_accepting_orders", "store_stem", "store_timezone"]

_CLUSTER = 1.0  # [D] a store at most this many miles farther than the nearest one is tagged Closest
_POPULAR = 4.5  # [D] minimum rating of the tag Popular
_SAVINGS = 5.0  # [D] minimum discount, in percent, of the tag Savings


class _Discovery(DiscoverStoresRequest):
    """A search whose page is brought within its bounds, as in every list, instead of refused [D]."""

    limit: Annotated[int, BeforeValidator(lambda limit: 50 if limit is None else limit)] = 50
    offset: Annotated[int, BeforeValidator(lambda offset: 0 if offset is None else offset)] = 0


class _Candidate(NamedTuple):
    record: StoreRecord
    distance: float | None
    match: Match | None


def blueprint(context: SandboxContext) -> Blueprint:
    """Return the calls about stores and catalogs."""
    calls = _Marketfront(context)
    return make_blueprint(
        "marketfront",
        "/v1/marketplace",
        {
            "POST /stores/discover": calls.discover_stores,
            "GET /stores/<store_id>": calls.market_store,
            "GET /catalog-sets/<catalog_set_id>": calls.catalog_set,
        },
    )


def store_timezone(record: StoreRecord) -> ZoneInfo | None:
    """Return the store's time zone; None if it is missing or unknown."""
    try:
        return ZoneInfo(record.store.timezone or "")
    except (KeyError, ValueError, OSError):
        return None


def is_accepting_orders(context: SandboxContext, record: StoreRecord, now: datetime) -> bool:
    """Return True if the store takes orders at this time; unknown data counts as no (``gett-protocol.md §6``)."""
    zone = store_timezone(record)
    online = record.status(now).status == StoreAvailability.ONLINE
    return record.enabled and online and zone is not None and is_open(_availability(context, record), now, zone)


class _Marketfront:
    def __init__(self, context: SandboxContext) -> None:
        self._context = context

    def discover_stores(self) -> Response:
        body = parse_body(_Discovery)
        limit, offset = clamp(body.limit, body.offset)
        query = query_words(body.query or "")
        candidates = []
        with self._context.lock:
            start = body.location or self._session_location()
            for record in self._context.state.stores.values():
                match = search(query, record, self._context.state.catalogs.get(record.catalog_set_id or ""))
                if (query and match is None) or not _offers(record, body.fulfillment_type):
                    continue
                place = store_location(record)
                distance = None if place is None else miles(start, place)
                candidates.append(_Candidate(record, distance, match if query else None))
            candidates.sort(key=_rank)
            nearest = min((one.distance for one in candidates if one.distance is not None), default=0.0)
            page = candidates[offset : offset + limit]
            stores = [self._to_marketfront_store(one, nearest) for one in page]
        return json_response(
            DiscoverStoresResponse(
                stores=stores, total_count=len(candidates), has_more=offset + limit < len(candidates)
            )
        )

    def _session_location(self) -> Location:
        """Return the location of the session's address (``gett-protocol.md §6``).

        :raises Problem: 422 if it has none.
        """
        session: SessionRecord | None = g.session
        location = session_location(session, self._context.state.users) if session else None
        if location is None:
            raise invalid("$.location", "send a location, or use the token of a session with an address")
        return location

    def market_store(self, store_id: str) -> Response:
        with self._context.lock:
            return json_response(
                self._to_marketfront_store(_Candidate(find_store(self._context, store_id), None, None), 0.0)
            )

    def catalog_set(self, catalog_set_id: str) -> Response:
        with self._context.lock:
            catalog = self._context.state.catalogs.get(catalog_set_id)
        if catalog is None:
            raise Problem(ErrorCode.CATALOGSET_NOT_FOUND, f"there is no catalog set {catalog_set_id}")
        return json_response(catalog)

    def _to_marketfront_store(self, candidate: _Candidate, nearest: float) -> MarketfrontStore:
        record, listing = candidate.record, candidate.record.listing
        return MarketfrontStore(
            store_id=record.store.store_id,
            name=record.store.name or "",
            stem=store_stem(record),
            categories=_categories(candidate, nearest),
            options=StoreOptions(
                accepts_delivery_tips=listing.accepts_delivery_tips, accepts_pickup_tips=listing.accepts_pickup_tips
            ),
            delivery_allowed=record.delivery_allowed,
            pickup_allowed=record.pickup_allowed,
            is_accepting_orders=is_accepting_orders(self._context, record, self._context.clock.now()),
            address=store_address(record),
            availability=_availability(self._context, record),
            catalog_set_id=record.catalog_set_id,
            description=record.store.description,
            distance_miles=None if candidate.distance is None else round(candidate.distance, 2),
            highlights=candidate.match.highlights if candidate.match else None,
            image_url=listing.image_url or record.store.logo_url,
            matched_dishes=(candidate.match.items or None) if candidate.match else None,
            price_level=listing.price_level,
            rating=listing.rating,
            review_count=listing.review_count,
            savings=listing.savings,
            time_zone=record.store.timezone,
        )


def _rank(candidate: _Candidate) -> tuple[int, bool, float]:
    """Return the sort key: best match first, then nearest; stores without a location come last."""
    score = candidate.match.score if candidate.match else 0
    return -score, candidate.distance is None, candidate.distance or 0.0


def _offers(record: StoreRecord, fulfillment_type: str | None) -> bool:
    if not fulfillment_type:
        return True
    kind = fulfillment_kind(fulfillment_type)
    return kind is not None and offers(record, kind)


def _categories(candidate: _Candidate, nearest: float) -> list[str]:
    """Return cuisines and computed tags; tags about discounts are left out of a search [S]."""
    listing = candidate.record.listing
    tags = {
        "Closest": candidate.distance is not None and candidate.distance <= nearest + _CLUSTER,
        "Popular": (listing.rating or 0) >= _POPULAR,
        "Savings": candidate.match is None and (listing.savings or 0) >= _SAVINGS,
        "Exclusive": candidate.match is None and candidate.record.catalog_set_id is not None and not listing.savings,
    }
    return [*listing.cuisines, *(tag for tag, applies in tags.items() if applies)]


def _availability(context: SandboxContext, record: StoreRecord) -> list[AvailabilityWindow] | None:
    """Return the windows of all its catalogs; None without any."""
    catalog = context.state.catalogs.get(record.catalog_set_id or "")
    if catalog is None:
        return None
    windows = [window for one in catalog.catalogs.values() for window in one.availability or ()]
    return [window for index, window in enumerate(windows) if window not in windows[:index]] or None


def store_stem(record: StoreRecord) -> str:
    """Return the slug, the last part of ``/store/{stem}``: name and first characters of the id, in URL form [D]."""
    text = f"{record.store.name or ''}-{record.store.store_id[:8]}"
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "store"
