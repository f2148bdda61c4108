"""The Commerce Partner API: stores, their status, catalogs, progress of orders (``gett-protocol.md §2``)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, request

from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.models.store import (
    CatalogSetNotification,
    CommerceStore,
    OrderState,
    OrderStatus,
    OrderStatusUpdate,
    StoreAvailability,
    StoreStatus,
    StoreStatusUpdate,
    StoreUpdate,
)
from webhook_kit.gett.problems import Problem
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.http import json_response, make_blueprint, parse_body
from webhook_kit.sandbox.order_events import OrderEvents
from webhook_kit.sandbox.state import OrderRecord, StoreRecord

__all__ = ["apply_order_update", "blueprint", "find_store"]

_PROGRESS: list[str] = ["pending", *OrderStatus]


def blueprint(context: SandboxContext, events: OrderEvents) -> Blueprint:
    """Return the calls about active stores, catalogs and orders."""
    calls = _Commerce(context, events)
    return make_blueprint(
        "commerce",
        "/v1/commerce",
        {
            "GET /stores": calls.stores,
            "GET /stores/<store_id>": calls.store,
            "PUT /stores/<store_id>": calls.update_store,
            "GET /stores/<store_id>/status": calls.store_status,
            "POST /stores/<store_id>/status": calls.set_store_status,
            "POST /orders/<order_id>/status": calls.set_order_status,
            "POST /catalogset-notification": calls.catalog_notification,
        },
    )


class _Commerce:
    def __init__(self, context: SandboxContext, events: OrderEvents) -> None:
        self._context = context
        self._events = events

    def stores(self) -> Response:
        with self._context.lock:
            return json_response(
                [store.to_store(self._context.clock.now()) for store in self._context.state.stores.values()]
            )

    def store(self, store_id: str) -> Response:
        with self._context.lock:
            return json_response(find_store(self._context, store_id).to_store(self._context.clock.now()))

    def update_store(self, store_id: str) -> Response:
        update = parse_body(StoreUpdate)
        with self._context.lock:
            record = find_store(self._context, store_id)
            _apply(record, update)
            return json_response(record.to_store(self._context.clock.now()))

    def store_status(self, store_id: str) -> Response:
        with self._context.lock:
            return json_response(find_store(self._context, store_id).status(self._context.clock.now()))

    def set_store_status(self, store_id: str) -> Response:
        update = parse_body(StoreStatusUpdate)
        with self._context.lock:
            record = find_store(self._context, store_id)
            now = self._context.clock.now()
            record.pause = None if update.status is StoreAvailability.ONLINE else _pause(update, now)
            return json_response(record.status(now))

    def set_order_status(self, order_id: str) -> Response:
        update = parse_body(OrderStatusUpdate)
        with self._context.lock:
            record = _order_record(self._context, order_id)
            before = self._events.status(record)
            apply_order_update(record, update, self._context.clock.now())
            self._events.updated(record, before)
            # The protocol promises 202 and no members; these are an addition of the sandbox [D].
            return json_response({"orderId": order_id, "state": record.state, "status": record.status}, 202)

    def catalog_notification(self) -> Response:
        partner_store_id = request.args.get("storeId", "")
        if not partner_store_id:
            raise Problem(ErrorCode.INVALID_REQUEST, "?storeId= is missing; send the partner's own id of the store")
        notification = parse_body(CatalogSetNotification)
        with self._context.lock:
            record = self._context.state.store_by_partner_id(partner_store_id)
            if record is None:
                raise Problem(
                    ErrorCode.STORE_NOT_FOUND, f"there is no store with the partner's id “{partner_store_id}”"
                )
            store_id = record.store.store_id
        self._context.scheduler.add("pull_for_store", store_id=store_id, url=notification.callback_url)
        return json_response({}, 202)


def find_store(context: SandboxContext, store_id: str) -> StoreRecord:
    """Return a store.

    :raises Problem: 404 ``STORE_NOT_FOUND``.
    """
    record = context.state.stores.get(store_id)
    if record is None and context.options.adopt_unknown:
        record = StoreRecord(store=CommerceStore(store_id=store_id, name=store_id), partner_store_id=store_id)
        context.state.stores[store_id] = record
    if record is None:
        raise Problem(ErrorCode.STORE_NOT_FOUND, f"there is no store {store_id}")
    return record


def apply_order_update(record: OrderRecord, update: OrderStatusUpdate, now: datetime) -> None:
    """Apply an update to an order (``gett-protocol.md §2``).

    The current status may be repeated, because an update whose response was lost is sent again. Statuses may be skipped.

    :raises Problem: [D] 409 ``CONFLICT`` if the order is closed in another way, or has a later status.
    """
    if record.state is not OrderState.OPEN and update.state is not record.state:
        raise Problem(ErrorCode.CONFLICT, f"the order is already {record.state} and takes no more updates")
    if update.status is not None:
        if record.state is OrderState.OPEN and _PROGRESS.index(update.status) < _PROGRESS.index(record.status):
            raise Problem(ErrorCode.CONFLICT, f"the order is already {record.status}; it cannot become {update.status}")
        record.status = update.status
    if update.state is not None:
        record.state = update.state
    record.cancel_reason = update.cancel_reason or record.cancel_reason
    record.estimated_ready_at = update.estimated_ready_at or record.estimated_ready_at
    record.history.append({"at": now.isoformat(), **update.to_wire()})


def _order_record(context: SandboxContext, order_id: str) -> OrderRecord:
    record = context.state.orders.get(order_id)
    if record is None and context.options.adopt_unknown:
        record = context.state.orders[order_id] = OrderRecord(order_id=order_id, created_at=context.clock.now())
    # An update may arrive before Gett has read the store's response to placeOrder.
    if record is None or (context.options.early_updates_unknown and not record.answered):
        raise Problem(ErrorCode.NOT_FOUND, f"there is no order {order_id}")
    return record


def _apply(record: StoreRecord, update: StoreUpdate) -> None:
    """Change the members that are not null [D]."""
    # The model rejects an update in which both flags are false.
    if update.delivery_allowed is not None:
        record.delivery_allowed = update.delivery_allowed
    if update.pickup_allowed is not None:
        record.pickup_allowed = update.pickup_allowed
    changes: dict[str, Any] = {
        "name": update.name,
        "phone": update.phone,
        "logo_url": update.logo_url,
        "description": update.description,
    }
    record.store = record.store.model_copy(update={name: value for name, value in changes.items() if value is not None})


def _pause(update: StoreStatusUpdate, now: datetime) -> StoreStatus:
    paused = StoreStatus(status=update.status, reason=update.reason, paused_at=now)
    return paused if update.resume_at is None else paused.model_copy(update={"resume_at": update.resume_at})
