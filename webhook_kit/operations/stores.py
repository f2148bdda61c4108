"""Stores: their state here, at Gett and at the POS. A page of stores costs the same with 10 and with 10,000 of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from typing import Any

from webhook_kit.adapter import Capability, StoreState
from webhook_kit.errors import GettNotFound, WebhookKitError
from webhook_kit.gett.models.store import StoreAvailability
from webhook_kit.kit import Kit
from webhook_kit.monitoring.pos_health import HealthCheckResult
from webhook_kit.monitoring.store_status import Difference
from webhook_kit.operations.order_list import OrderFilter, list_orders
from webhook_kit.pos.store import Store
from webhook_kit.printing import described
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text
from webhook_kit.stores.status import KnownStatus, Owner

__all__ = [
    "StoreAtGett",
    "StoreAtPos",
    "StoreFilter",
    "StoreView",
    "StoresPage",
    "ask_gett",
    "ask_pos",
    "find_stores",
    "read_store",
]

_PAGE = 500


class StoreFilter(StrEnum):
    """Part of the stores."""

    ALL = "all"
    PAUSED = "paused"
    """Paused from here."""
    FAILING = "failing"
    """Their last health check failed."""
    CATALOG = "catalog"
    """Their last catalog was not taken."""


@dataclass(frozen=True, slots=True)
class StoreView:
    """State of one store as it is known here. Moments are Unix seconds, None if unknown.

    :ivar pause_owner: owner of the pause; None if the store is not paused from here.
    :ivar pause_reason: reason that Gett was given, or the empty text.
    :ivar paused_until: moment at which Gett lifts the pause by itself.
    :ivar pending: Gett has not taken the last change of the status yet.
    :ivar given_up: the last change of the status was given up or discarded before Gett took it.
    :ivar check: result of the last health check; None if there was none.
    :ivar failures: failed health checks in a row, at most the threshold.
    :ivar open_circuits: processes in which the circuit breaker of its POS is open.
    :ivar in_flight: calls of this process that are in flight; those of other processes are not known.
    :ivar last_order: moment of the newest order; only of a store that is read alone, and None if it is among older ones.
    :ivar catalog_items: items of the last good catalog; 0 without one.
    :ivar catalog_fetched: moment at which it was last fetched from the POS.
    :ivar catalog_rejected_since: moment since when newer catalogs were not taken.
    """

    store: Store
    configured: bool
    pause_owner: Owner | None
    paused_since: float | None
    pause_reason: str
    paused_until: float | None
    pending: bool
    given_up: bool
    check: HealthCheckResult | None
    checked_at: float | None
    failures: int
    failing_since: float | None
    open_circuits: Sequence[str]
    in_flight: int
    last_order: float | None
    catalog_items: int
    catalog_fetched: float | None
    catalog_rejected_since: float | None

    @property
    def paused(self) -> bool:
        """True if the store takes no orders because of a pause from here."""
        return self.pause_owner is not None

    @property
    def pause_untold(self) -> bool:
        """True if the store is paused here and Gett does not know it, so that orders may come."""
        return self.paused and (self.pending or self.given_up)

    @property
    def pos_down(self) -> bool:
        """True if the last health check found that the POS is down."""
        return self.failing_since is not None and self.check is HealthCheckResult.DOWN


@dataclass(frozen=True, slots=True)
class StoresPage:
    """Some of the stores that meet the conditions.

    :ivar total: number of stores that meet them.
    """

    at: float
    stores: tuple[StoreView, ...]
    total: int


@dataclass(frozen=True, slots=True)
class StoreAtGett:
    """Answer of Gett.

    :ivar explanation: status at Gett and its difference to the one here, in a sentence.
    :ivar differs: True if a person has to look.
    :ivar name: name at Gett, or the empty text.
    """

    explanation: str
    differs: bool
    name: str = ""


@dataclass(frozen=True, slots=True)
class StoreAtPos:
    """Answer of the POS.

    :ivar state: state that it reports; None if it did not answer.
    """

    state: StoreState | None
    explanation: str


def find_stores(
    kit: Kit, *, search: str = "", only: StoreFilter = StoreFilter.ALL, start: int = 0, limit: int = 50
) -> StoresPage:
    """Return a page of the stores that meet the conditions.

    :param search: a part of the id, of the name or of Gett's id, in any case.
    :raises redis.RedisError: Redis is not reachable.
    """
    wanted = search.strip().casefold()
    found = [store for store in _candidates(kit, only) if _matches(store, wanted)]
    return StoresPage(redis_time(kit.redis), tuple(_views(kit, found[start : start + limit])), len(found))


def read_store(kit: Kit, store: Store) -> StoreView:
    """Return the state of one store.

    :raises redis.RedisError: Redis is not reachable.
    """
    newest = list_orders(kit, OrderFilter(store_id=store.id), size=1).orders
    return replace(next(_views(kit, [store])), last_order=newest[0].created if newest else None)


def ask_gett(kit: Kit, store: Store) -> StoreAtGett:
    """Ask Gett for the status of a store; it costs two calls. A failure is in the answer."""
    if not store.gett_id:
        return StoreAtGett("the store is not registered at Gett yet", differs=False)
    try:
        comparison = kit.store_status_check.compare(store)
        name = kit.client.store(store.gett_id).name or ""
    except GettNotFound:
        return StoreAtGett("Gett has no store with this id", differs=True)
    except WebhookKitError as error:
        return StoreAtGett(f"Gett could not be asked: {error}", differs=False)
    differs = comparison.difference not in (Difference.NONE, Difference.PENDING)
    return StoreAtGett(comparison.why, differs, name)


def ask_pos(kit: Kit, store: Store) -> StoreAtPos:
    """Ask the POS for its state, and change nothing. A failure is in the answer."""
    try:
        adapter = kit.stores.adapter(store)
        if not adapter.offers(Capability.STORE_STATUS):
            return StoreAtPos(None, f"the adapter {store.adapter} cannot ask its POS for the state")
        state: object = kit.pos_executor.run(store.id, "store_status", lambda: adapter.store_status(store))
    except Exception as error:  # noqa: BLE001 - a vendor's code may raise anything
        return StoreAtPos(None, f"the POS did not answer: {described(error)}")
    if not isinstance(state, StoreState):
        return StoreAtPos(None, f"the adapter answered with {type(state).__name__}, not with a state")
    return StoreAtPos(state, f"the POS reports: {state.value}")


def _candidates(kit: Kit, only: StoreFilter) -> Iterator[Store]:
    if only is StoreFilter.ALL:
        yield from kit.stores
        return
    keys = kit.keys
    index = {
        StoreFilter.PAUSED: keys.paused_stores,
        StoreFilter.FAILING: keys.failing_stores,
        StoreFilter.CATALOG: keys.rejected_catalogs,
    }[only]
    store_ids = [text(member) for member in kit.redis.zrevrange(index, 0, -1)]
    if only is StoreFilter.PAUSED:
        store_ids = _still_paused(kit, store_ids)
    for store_id in store_ids:
        if (store := kit.stores.by_id(store_id)) is not None:
            yield store


def _still_paused(kit: Kit, store_ids: Sequence[str]) -> list[str]:
    """Return those of the stores in the index that are paused still; the others, whose pause has ended, are taken from it."""
    still: list[str] = []
    for start in range(0, len(store_ids), _PAGE):
        page = store_ids[start : start + _PAGE]
        owners = kit.redis.mget([kit.keys.pause_owner(store_id) for store_id in page])
        still += [store_id for store_id, owner in zip(page, owners, strict=True) if owner is not None]
        if ended := [store_id for store_id, owner in zip(page, owners, strict=True) if owner is None]:
            kit.redis.zrem(kit.keys.paused_stores, *ended)
    return still


def _matches(store: Store, wanted: str) -> bool:
    return not wanted or any(wanted in each.casefold() for each in (store.id, store.name, store.gett_id))


def _views(kit: Kit, stores: Sequence[Store]) -> Iterator[StoreView]:
    keys, circuits, in_flight = kit.keys, kit.open_circuits.by_store(), kit.pos_executor.in_flight()
    statuses = kit.store_status.known(stores)
    remaining = iter(stores)
    while page := list(islice(remaining, _PAGE)):
        with kit.redis.pipeline(transaction=False) as pipeline:
            for store in page:
                pipeline.zscore(keys.paused_stores, store.id)
                pipeline.hmget(keys.health(store.id), "result", "at", "failures")
                pipeline.zscore(keys.failing_stores, store.id)
                pipeline.hmget(keys.catalog(store.id), "items", "fetched")
                pipeline.zscore(keys.rejected_catalogs, store.id)
            replies = iter(pipeline.execute())
        for store in page:
            known, paused, health, failing = next(statuses), next(replies), next(replies), next(replies)
            items, fetched = next(replies)
            yield StoreView(
                store=store,
                configured=kit.stores.is_configured(store.id),
                **_pause(known, paused),
                pending=known.pending,
                given_up=known.given_up,
                check=_check(health[0]),
                checked_at=_number(health[1]),
                failures=int(health[2] or 0),
                failing_since=_number(failing) if health[0] is not None else None,
                open_circuits=circuits.get(store.id, ()),
                in_flight=in_flight.get(store.id, 0),
                last_order=None,
                catalog_items=int(items or 0),
                catalog_fetched=_number(fetched),
                catalog_rejected_since=_number(next(replies)),
            )


def _pause(known: KnownStatus, since: float | None) -> dict[str, Any]:
    if known.pause_owner is None:
        return {"pause_owner": None, "paused_since": None, "pause_reason": "", "paused_until": None}
    last = known.last if known.last.get("status") == StoreAvailability.PAUSED else {}
    return {
        "pause_owner": known.pause_owner,
        "paused_since": None if since is None else since / 1000,
        "pause_reason": str(last.get("reason") or ""),
        "paused_until": _moment(last.get("resumeAt")),
    }


def _moment(written: Any) -> float | None:
    try:
        moment = datetime.fromisoformat(written) if written else None
    except (TypeError, ValueError):
        return None
    return None if moment is None else moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def _check(result: bytes | None) -> HealthCheckResult | None:
    known = text(result)
    return HealthCheckResult(known) if known in set(HealthCheckResult) else None


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
