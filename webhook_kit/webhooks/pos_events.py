"""Webhooks of a POS: ``POST /pos/<adapter>/events``, parsed by the adapter, answered when every event is durable.

==================  ====================================================================================================
event               effect
==================  ====================================================================================================
``OrderChanged``    appended to the order's lane; held while the order is being placed, or is not known (yet)
``StoreChanged``    the store is paused at Gett, or resumed; a pause by a person is not changed
``CatalogChanged``  a worker fetches the catalog and publishes it
``ItemChanged``     carts with an unavailable item are refused from now on, and the catalog is published without it
==================  ====================================================================================================

The response is a JSON list with one string for each event: ``ok``, ``same`` (a duplicate), ``stale`` (the order has a later
status), ``closed`` (the order has ended), ``held``, or ``refused: <reason>``. The POS does not have to send any of them again. An
order that stays unknown for ``EVENT_HOLD_TIMEOUT`` seconds raises an alert, so an adapter must leave out orders that are not Gett's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import Any

import redis
import requests
from flask import Blueprint, Response, jsonify, request
from pydantic import TypeAdapter, ValidationError

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
    AdapterError,
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
from webhook_kit.pos.session import call_deadline
from webhook_kit.printing import described
from webhook_kit.publishing.availability import ItemAvailability
from webhook_kit.publishing.sync import CatalogSync
from webhook_kit.settings import Settings
from webhook_kit.stores import StoreDirectory
from webhook_kit.stores.status import Owner, StoreStatusService
from webhook_kit.vendor_calls import VendorCalls
from webhook_kit.webhooks.current_call import current_call, trace_calls
from webhook_kit.webhooks.parsing import raw_body
from webhook_kit.webhooks.pos_order_events import LOGGED_NAME, PosOrderEvents

__all__ = ["PosEvents", "pos_webhooks"]

log = logger("pos_events")

_OK, _FAILED = "ok", "failed"

_IDS = "order_id", "order_ref", "item_id"
_LONGEST_ID = 255
"""Characters of an id at most, as in the messages of Gett."""

_TYPE_ADAPTERS: dict[type, TypeAdapter[Any]] = {
    event_type: TypeAdapter(event_type) for event_type in (OrderChanged, StoreChanged, CatalogChanged, ItemChanged)
}

_BODY_ERRORS = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""Exceptions of an adapter that parses a body of another shape; the same body fails again. JSON may have the number 1e400, and
nest deeper than Python does."""


class PosEvents:
    """Receives the events of POS systems and executes them."""

    def __init__(
        self,
        orders: PosOrderEvents,
        stores: StoreDirectory,
        store_status: StoreStatusService,
        sync: CatalogSync,
        availability: ItemAvailability,
        settings: Settings,
    ) -> None:
        self._orders = orders
        self._stores = stores
        self._store_status = store_status
        self._sync = sync
        self._availability = availability
        self._settings = settings
        self._calls = VendorCalls("parse-event")

    def receive(self, adapter: str, headers: Mapping[str, str], body: bytes) -> list[str]:
        """Parse a webhook of a POS and make every event in it durable.

        :param adapter: the adapter as it is configured for the stores: a registered name, or ``module:Class``.
        :param headers: names in lower case.
        :return: the outcome of each event.
        :raises Problem: the webhook is not from the POS or cannot be parsed; 5xx when the POS has to send it again.
        :raises redis.RedisError: not every event could be made durable; the POS has to send it again.
        :raises StoresUnavailable: the stores cannot be read completely now; the POS has to send it again.
        """
        self._stores.require_complete()
        served = self._stores.by_adapter(adapter)
        if not served:
            if self._stores.is_unusable(adapter=adapter):
                raise StoresUnavailable(f"no store of the adapter {adapter} can be served")
            log.warning("pos_event_adapter_unknown", adapter=adapter[:LOGGED_NAME])
            raise Problem(ErrorCode.NOT_FOUND, f"no store has the adapter {adapter}")
        events = self._parse(adapter, self._stores.adapter(next(iter(served.values()))), headers, body, served)
        self._orders.retry_held_of(events)  # earlier events come first
        outcomes = [self._execute(event, served.get(event.store_id)) for event in events]
        if _FAILED in outcomes:
            raise unavailable("an event cannot be handled now; the others of this webhook are")
        return outcomes

    def retry_held(self) -> int:
        """Try to append the held events; see :meth:`PosOrderEvents.retry_held`."""
        return self._orders.retry_held()

    # -- parsing -------------------------------------------------------------------------------------------------------

    def _parse(
        self, name: str, adapter: PosAdapter, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]
    ) -> Sequence[PosEvent]:
        try:
            events = self._calls.run(
                lambda: self._parsed(adapter, headers, body, stores), seconds=self._settings.pos_deadline
            )
        except InvalidSignature as error:
            log.warning("pos_event_not_authentic", adapter=name, why=str(error))
            raise Problem(ErrorCode.UNAUTHENTICATED, str(error)) from error
        except Unsupported as error:
            log.warning("pos_event_not_supported", adapter=name)
            raise Problem(ErrorCode.NOT_FOUND, "this adapter does not support events") from error
        except PosUnavailable as error:
            log.warning("pos_event_details_unavailable", adapter=name, why=str(error))
            raise unavailable(str(error), retry_after=error.retry_after) from error
        except NotPlaced as error:
            log.warning("pos_event_details_unavailable", adapter=name, why=str(error))
            raise unavailable("the POS cannot be reached for the details of the event") from error
        except requests.RequestException as error:  # some are a ValueError too: the POS's answer was not JSON
            log.exception("pos_event_parse_failed", adapter=name)
            raise unavailable("the POS gave no usable answer about the event") from error
        except _BODY_ERRORS as error:
            log.warning("pos_event_body_rejected", adapter=name, error=described(error))
            raise Problem(ErrorCode.INVALID_REQUEST, "the adapter cannot parse this body as an event") from error
        except Exception as error:
            log.exception("pos_event_parse_failed", adapter=name)
            raise unavailable("the event cannot be parsed now") from error
        return _validated_events(name, events)

    def _parsed(
        self, adapter: PosAdapter, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]
    ) -> Sequence[PosEvent]:
        with call_deadline(self._settings.pos_deadline):
            return adapter.parse_event(headers, body, MappingProxyType(stores))

    # -- execution ------------------------------------------------------------------------------------------------

    def _execute(self, event: PosEvent, store: Store | None) -> str:
        try:
            outcome = self._apply(event, store)
        except OperationRejected as error:
            outcome = f"refused: {str(error)[:LOGGED_NAME]}"
        except (redis.RedisError, StoresUnavailable):
            raise
        except Exception:  # the other events of the webhook are handled all the same
            log.exception("pos_event_failed", kind=type(event).__name__, store=event.store_id)
            outcome = _FAILED
        self._orders.record(event, outcome)
        return outcome

    def _apply(self, event: PosEvent, store: Store | None) -> str:
        for name in _IDS:
            if len(getattr(event, name, "")) > _LONGEST_ID:
                raise InvalidArgument(f"{name} has more than {_LONGEST_ID} characters")
        if store is None:
            if self._stores.is_unusable(store_id=event.store_id):
                raise StoresUnavailable(f"store {event.store_id} cannot be served")
            raise NotFound(f"this adapter does not serve store {event.store_id}")
        if isinstance(event, CatalogChanged):
            self._sync.request(store)
            return _OK
        if isinstance(event, ItemChanged):
            return self._item_changed(event, store)
        if isinstance(event, StoreChanged):
            return self._store_changed(event, store)
        return self._orders.append_or_hold(event)

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
        return _OK if changed else "duplicate"


def pos_webhooks(events: PosEvents) -> Blueprint:
    """Create the blueprint of the route to which POS systems send their events."""
    blueprint = Blueprint("pos_webhooks", __name__)
    trace_calls(blueprint)

    @blueprint.post("/pos/<adapter>/events")
    def pos_event(adapter: str) -> Response:
        raw = raw_body(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            outcomes = events.receive(adapter, headers, raw)
        except (redis.RedisError, StoresUnavailable, AdapterError) as error:
            # The traceback would add nothing to the name of the error.
            log.error("pos_event_not_stored", error=type(error).__name__)  # noqa: TRY400
            raise unavailable("events cannot be accepted at the moment", retry_after=5) from error
        current_call().note(outcome="taken")
        return jsonify(outcomes)

    @blueprint.after_request
    def finish(response: Response) -> Response:
        current_call().finish("posEvents", response.status_code)
        return response

    return blueprint


def _validated_events(adapter: str, events: Sequence[PosEvent]) -> list[PosEvent]:
    """Return the events of an adapter after checking their types.

    :raises Problem: 503: the mistake is the adapter's, and the POS's event must not be lost because of it.
    """
    try:
        return [_validated(event) for event in events]
    except Exception as error:
        reason = str(error) if not isinstance(error, ValidationError) else error.errors(include_input=False)[0]
        log.exception("pos_event_result_rejected", adapter=adapter, reason=str(reason))
        raise unavailable("the adapter returned invalid events") from error


def _validated(event: PosEvent) -> PosEvent:
    """Return the event with values of the declared types.

    An adapter may pass on values of its POS. An unknown one must not prevent the pause of a store, nor the other events of the
    webhook: an unknown reason becomes ``OTHER``; an unknown status or state of an order is kept, and refused when it is appended.
    """
    if isinstance(event, StoreChanged) and isinstance(event.reason, str) and event.reason not in set(PauseReason):
        event = replace(event, reason=PauseReason.OTHER)
    try:
        valid: PosEvent = _TYPE_ADAPTERS[type(event)].validate_python(asdict(event))
    except ValidationError as error:
        if isinstance(event, OrderChanged) and all(_is_unknown_value(mistake) for mistake in error.errors()):
            return event
        raise
    return valid


def _is_unknown_value(mistake: Mapping[str, Any]) -> bool:
    return mistake["type"] == "enum" and isinstance(mistake["input"], str)
