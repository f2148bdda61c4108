"""The POS's own webhooks: ``POST /pos/<adapter>/events``, read by the adapter, answered when every event is durable.

================  ======================================================================================================
what it says      what becomes of it
================  ======================================================================================================
an order changed  appended to the order's lane; held while the order is still being placed, or is not known (yet)
the store closed  paused at Gett, and resumed when it opens; what a person has paused stays paused
the menu changed  a worker fetches and publishes it
an item ran out   refused from now on; the published menu follows (and again when it is back)
================  ======================================================================================================

The answer is a JSON list with one text for each event: ``ok``, ``same`` (said before), ``stale`` (the order is further),
``closed`` (it has ended), ``held``, or ``refused: why``. All of these are 2xx: the POS need not say it again. An order that stays
unknown for ``EVENT_HOLD_TIMEOUT`` seconds is an alert; an adapter whose POS also tells of other people's orders leaves those out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import Any

import redis
from flask import Blueprint, Response, jsonify, request
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from webhook_kit.adapter import (
    CatalogChanged,
    ItemChanged,
    OrderChanged,
    PosAdapter,
    PosEvent,
    Store,
    StoreChanged,
    StoreState,
)
from webhook_kit.errors import (
    InvalidArgument,
    InvalidSignature,
    NotFound,
    NotPlaced,
    OperationRejected,
    PosUnavailable,
    StoresUnavailable,
    Unsupported,
)
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.models.store import PauseReason
from webhook_kit.gett.problems import Problem, unavailable
from webhook_kit.logs import logger
from webhook_kit.outbox.order_updates import OrderUpdates
from webhook_kit.outbox.updates import from_pos
from webhook_kit.pos.session import call_deadline
from webhook_kit.publishing.availability import ItemAvailability
from webhook_kit.publishing.sync import CatalogSync
from webhook_kit.settings import Settings
from webhook_kit.storage.alerts import Alert, Alerts
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.stores import StoreDirectory
from webhook_kit.stores.status import Owner, StoreStatusService
from webhook_kit.webhooks.parsing import raw_body

__all__ = ["PosEvents", "pos_webhooks"]

log = logger("pos-events")

_OK = "ok"
_HELD = "held"

_SHAPES: dict[type, TypeAdapter[Any]] = {
    shape: TypeAdapter(shape) for shape in (OrderChanged, StoreChanged, CatalogChanged, ItemChanged)
}

_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError)
"""What reading a body of another shape ends in: the same body will never be better."""


class PosEvents:
    """What becomes of the events that POS systems send."""

    def __init__(
        self,
        connection: redis.Redis,
        keys: Keys,
        stores: StoreDirectory,
        store_status: StoreStatusService,
        orders: OrderUpdates,
        sync: CatalogSync,
        availability: ItemAvailability,
        alerts: Alerts,
        settings: Settings,
    ) -> None:
        self._redis = connection
        self._keys = keys
        self._stores = stores
        self._store_status = store_status
        self._orders = orders
        self._sync = sync
        self._availability = availability
        self._alerts = alerts
        self._settings = settings

    def receive(self, adapter: str, headers: Mapping[str, str], body: bytes) -> list[str]:
        """Read a webhook of a POS and make every event in it durable.

        :param adapter: as the stores name it: a registered name, or ``module:Class``.
        :param headers: names in lower case.
        :return: what became of each event.
        :raises Problem: when it is not from the POS, or cannot be read; 5xx when it is worth sending again.
        :raises redis.RedisError: when not all of it could be made durable; to be sent again as well.
        :raises StoresUnavailable: when its store may be one that this process has not heard of; likewise.
        """
        self._stores.require_complete()
        served = {store.id: store for store in self._stores if store.adapter == adapter}
        if not served:
            raise Problem(ErrorCode.NOT_FOUND, "no store here has an adapter of that name")
        events = self._read(adapter, self._stores.adapter(next(iter(served.values()))), headers, body, served)
        return [self._take(event, served.get(event.store_id)) for event in events]

    def retry_held(self, store_id: str | None = None) -> int:
        """Look again at the events that are held; those that were held for too long become alerts.

        :param store_id: of this store alone; of all when None.
        :return: how many are no longer held.
        """
        settled = 0
        now = self._now()
        for raw in self._redis.lrange(self._keys.held_events, 0, -1):
            entry = json.loads(raw)
            event: OrderChanged = _SHAPES[OrderChanged].validate_python(entry["event"])
            if store_id not in (None, event.store_id):
                continue
            outcome = self._append(event)
            if outcome == _HELD:
                if now - entry["at"] < self._settings.event_hold_timeout:
                    continue
                outcome = "given up"
                why = f"the POS of store {event.store_id} tells of it, and nobody here has placed it"
                self._alerts.raise_once(Alert.UNKNOWN, event.order_ref or f"{event.store_id}/{event.order_id}", why)
            # Only now: an event is in two places rather than in none. Saying it twice changes nothing.
            if self._redis.lrem(self._keys.held_events, 1, text(raw)):
                settled += 1
                self._note(event, outcome)
        return settled

    # -- reading -------------------------------------------------------------------------------------------------------

    def _read(
        self, name: str, adapter: PosAdapter, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]
    ) -> Sequence[PosEvent]:
        try:
            with call_deadline(self._settings.pos_deadline):
                found = adapter.parse_event(headers, body, MappingProxyType(stores))
        except InvalidSignature as error:
            raise Problem(ErrorCode.UNAUTHENTICATED, str(error)) from error
        except Unsupported as error:
            raise Problem(ErrorCode.NOT_FOUND, "this adapter takes no events") from error
        except PosUnavailable as error:
            raise unavailable(str(error), retry_after=error.retry_after) from error
        except NotPlaced as error:
            raise unavailable("the POS could not be asked for the details") from error
        except _UNREADABLE as error:
            log.warning("pos event not readable", adapter=name, error=repr(error))
            raise Problem(ErrorCode.INVALID_REQUEST, "the body is not an event that this adapter can read") from error
        except Exception as error:
            log.exception("pos event not read", adapter=name)
            raise unavailable("the event could not be read now") from error
        return _checked(name, found)

    # -- making durable ------------------------------------------------------------------------------------------------

    def _take(self, event: PosEvent, store: Store | None) -> str:
        try:
            outcome = self._become(event, store)
        except OperationRejected as error:
            outcome = f"refused: {error}"
        self._note(event, outcome)
        return outcome

    def _become(self, event: PosEvent, store: Store | None) -> str:
        if store is None:
            raise NotFound(f"this adapter does not serve store {event.store_id}")
        if isinstance(event, CatalogChanged):
            self._sync.request(store)
            return _OK
        if isinstance(event, ItemChanged):
            return self._item_changed(event, store)
        if isinstance(event, StoreChanged):
            return self._store_changed(event, store)
        if self._redis.llen(self._keys.held_events):
            self.retry_held(store.id)  # what was said earlier is told earlier
        outcome = self._append(event)
        if outcome == _HELD:
            entry = {"at": self._now(), "event": _SHAPES[OrderChanged].dump_python(event, mode="json")}
            self._redis.rpush(self._keys.held_events, json.dumps(entry))
        return outcome

    def _append(self, event: OrderChanged) -> str:
        update = from_pos(event)
        order = self._orders.find_by_pos_reference(event.store_id, event.order_id, event.order_ref)
        return _HELD if order is None or order.placing else self._orders.append(order, update).value

    def _store_changed(self, event: StoreChanged, store: Store) -> str:
        if event.state is StoreState.OPEN:
            return self._store_status.resume(store, owner=Owner.POS).value
        if event.state is StoreState.UNKNOWN:
            raise InvalidArgument("StoreChanged.state must be OPEN, CLOSED or DOWN")
        return self._store_status.pause(store, event.reason, owner=Owner.POS).value

    def _item_changed(self, event: ItemChanged, store: Store) -> str:
        if event.available:
            changed = self._availability.mark_available(store, event.item_id)
        else:
            changed = self._availability.mark_unavailable(store, event.item_id, event.until)
        return _OK if changed else "same"

    def _note(self, event: PosEvent, outcome: str) -> None:
        self._redis.hincrby(self._keys.pos_event_counts, outcome.partition(":")[0], 1)
        facts = {"order": event.order_ref or event.order_id} if isinstance(event, OrderChanged) else {}
        log.info("pos event", kind=type(event).__name__, store=event.store_id, outcome=outcome, **facts)

    def _now(self) -> float:
        return redis_time(self._redis)


def pos_webhooks(events: PosEvents) -> Blueprint:
    """The address to which POS systems send their events."""
    blueprint = Blueprint("pos_webhooks", __name__)

    @blueprint.post("/pos/<adapter>/events")
    def pos_event(adapter: str) -> Response:
        raw = raw_body(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            return jsonify(events.receive(adapter, headers, raw))
        except (redis.RedisError, StoresUnavailable) as error:
            log.error("redis out of reach", error=type(error).__name__)  # noqa: TRY400 - the traceback says nothing more
            raise unavailable("events cannot be taken for the moment", retry_after=5) from error

    return blueprint


def _checked(adapter: str, found: Sequence[PosEvent]) -> list[PosEvent]:
    """What an adapter returned, if it is events all through.

    :raises Problem: 503: the adapter is at fault, and the event must not be lost over it.
    """
    try:
        return [_validated(event) for event in found]
    except Exception as error:
        complaint = str(error) if not isinstance(error, ValidationError) else error.errors(include_input=False)[0]
        log.exception("pos event not usable", adapter=adapter, complaint=str(complaint))
        raise unavailable("the adapter gave no usable events") from error


def _validated(event: PosEvent) -> PosEvent:
    """Return the event with values of the declared types.

    An adapter may have passed on values of its POS. They must not cost the pause of a store, nor the other events of the webhook:
    an unknown reason becomes ``OTHER``; an unknown status or state of an order is left in place, and refused when it is appended.
    """
    if isinstance(event, StoreChanged) and isinstance(event.reason, str) and event.reason not in set(PauseReason):
        event = replace(event, reason=PauseReason.OTHER)
    try:
        valid: PosEvent = _SHAPES[type(event)].validate_python(asdict(event))
    except ValidationError as error:
        if isinstance(event, OrderChanged) and all(_is_unknown_value(mistake) for mistake in error.errors()):
            return event
        raise
    return valid


def _is_unknown_value(mistake: ErrorDetails) -> bool:
    return mistake["type"] == "enum" and isinstance(mistake["input"], str)
