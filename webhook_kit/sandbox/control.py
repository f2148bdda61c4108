"""The control API, ``/__sandbox/…``: inspect and change the sandbox. It is not part of the protocol."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

from flask import Blueprint, Response, jsonify, request
from pydantic import Field

from webhook_kit.gett.models.base import UtcTime
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.models.store import CommerceAddress, CommerceStore
from webhook_kit.gett.problems import Problem
from webhook_kit.sandbox.commerce import find_store
from webhook_kit.sandbox.context import SandboxContext, SavedState
from webhook_kit.sandbox.faults import Fault
from webhook_kit.sandbox.http import make_blueprint, parse_body, read_body
from webhook_kit.sandbox.options import Options
from webhook_kit.sandbox.state import Listing, SandboxModel, StoreRecord
from webhook_kit.sandbox.update_log import UPDATES

__all__ = ["blueprint"]

_MAX_WAIT = 30.0
_HEARTBEAT = 10.0
_MAX_NUMBER = 2**53
_MAX_ADVANCE = 10 * 365 * 86_400.0  # seconds
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class _ClockChange(SandboxModel):
    now: Annotated[UtcTime, Field(ge=_EARLIEST, le=_LATEST)] | None = None
    speed: Annotated[float, Field(ge=0, le=1_000_000)] | None = None
    advance: Annotated[float, Field(ge=-_MAX_ADVANCE, le=_MAX_ADVANCE)] | None = None


class _NewStore(SandboxModel):
    partner_store_id: str
    name: str
    webhook_url: str = ""
    catalog_url: str = ""
    timezone: str = "UTC"
    phone: str | None = None
    description: str | None = None
    logo_url: str | None = None
    address: CommerceAddress | None = None
    listing: Listing = Field(default_factory=Listing)


class _StoreChanges(SandboxModel):
    webhook_url: str = ""
    enabled: bool = True
    delivery_allowed: bool = True
    pickup_allowed: bool = True
    listing: Listing = Field(default_factory=Listing)


_Printable = Annotated[str, Field(pattern=r"^[!-~]{1,200}$")]


class _Credentials(SandboxModel):
    api_key: _Printable | None = None
    secret: _Printable | None = None


def blueprint(context: SandboxContext) -> Blueprint:
    """Return the calls of the control API."""
    calls = _Control(context)
    return make_blueprint(
        "control",
        "/__sandbox",
        {
            "GET /orders": calls.updates,
            "GET /orders/<order_id>": calls.order,
            "GET /log": calls.log,
            "GET /stream": calls.stream,
            "GET /stores": calls.all_stores,
            "PUT /stores/<store_id>": calls.put_store,
            "PATCH /stores/<store_id>": calls.change_store,
            "POST /reset": calls.reset,
            "GET /faults": calls.faults,
            "POST /faults": calls.add_faults,
            "PUT /faults": calls.replace_faults,
            "GET /clock": calls.clock,
            "POST /clock": calls.set_clock,
            "GET /options": calls.options,
            "PATCH /options": calls.change_options,
            "PATCH /credentials": calls.change_credentials,
            "GET /state": calls.state,
            "PUT /state": calls.load,
        },
    )


class _Control:
    def __init__(self, context: SandboxContext) -> None:
        self._context = context

    def updates(self) -> Response:
        return jsonify(updates=[update.to_data() for update in self._context.update_log.updates()])

    def order(self, order_id: str) -> Response:
        with self._context.lock:
            record = self._context.state.orders.get(order_id)
            if record is None:
                raise Problem(ErrorCode.NOT_FOUND, f"there is no order {order_id}")
            return jsonify(record.to_data())

    def all_stores(self) -> Response:
        with self._context.lock:
            return jsonify(stores=[record.to_data() for record in self._context.state.stores.values()])

    def put_store(self, store_id: str) -> Response:
        """Create or replace a store, as after its registration; pull its catalog if there is a ``catalogUrl``."""
        body = parse_body(_NewStore)
        members = {name: value for name in CommerceStore.model_fields if (value := getattr(body, name, None))}
        record = StoreRecord(
            store=CommerceStore(store_id=store_id, **members),
            partner_store_id=body.partner_store_id,
            webhook_url=body.webhook_url,
            listing=body.listing,
        )
        with self._context.lock:
            self._context.state.stores[store_id] = record
        if body.catalog_url:
            self._context.scheduler.add("pull_for_store", store_id=store_id, url=body.catalog_url)
        return jsonify(record.to_data())

    def change_store(self, store_id: str) -> Response:
        changes = parse_body(_StoreChanges)
        with self._context.lock:
            record = find_store(self._context, store_id)
            for name in changes.model_fields_set:
                setattr(record, name, getattr(changes, name))
            return jsonify(record.to_data())

    def reset(self) -> Response:
        """Delete everything but the options, the clock and the seed."""
        self._context.reset()
        return Response(status=204)

    def stream(self) -> Response:
        """Stream the traffic log after ``?after=`` as server-sent events."""
        number = int(_number("after", 0))

        def entries() -> Iterator[str]:
            last = number
            while True:
                new = self._context.log.after(last, wait=_HEARTBEAT)
                for entry in new:
                    last = entry["number"]
                    yield f"id: {last}\nevent: {entry['kind']}\ndata: {json.dumps(entry)}\n\n"
                if not new:
                    yield ": heartbeat\n\n"  # writing detects a client that has disconnected

        return Response(entries(), mimetype="text/event-stream", headers={"Cache-Control": "no-store"})

    def log(self) -> Response:
        wait = min(_number("wait", 0.0), _MAX_WAIT)
        log = self._context.log
        return jsonify(log=log.id, entries=log.after(int(_number("after", 0)), wait=wait))

    def faults(self) -> Response:
        return jsonify(faults=[rule.to_data() for rule in self._context.faults.rules()])

    def add_faults(self) -> Response:
        self._context.faults.add(*_faults())
        return self.faults()

    def replace_faults(self) -> Response:
        self._context.faults.replace(_faults())
        return self.faults()

    def clock(self) -> Response:
        return jsonify(now=self._context.clock.now().isoformat(), speed=self._context.clock.speed)

    def set_clock(self) -> Response:
        body = parse_body(_ClockChange)
        self._context.clock.set(now=body.now, speed=body.speed)
        if body.advance:
            self._context.clock.advance(body.advance)
        return self.clock()

    def options(self) -> Response:
        return jsonify(self._context.options.to_data())

    def change_options(self) -> Response:
        changes = parse_body(Options)
        with self._context.lock:
            self._context.options = self._context.options.model_copy(
                update={name: getattr(changes, name) for name in changes.model_fields_set}
            )
        return self.options()

    def change_credentials(self) -> Response:
        changes = parse_body(_Credentials)
        changed = sorted(changes.to_data())
        with self._context.lock:
            for name in changes.model_fields_set:
                if (value := getattr(changes, name)) is not None:
                    setattr(self._context, name, value)
        return jsonify(changed=changed)

    def state(self) -> Response:
        return jsonify(self._context.save().to_data())

    def load(self) -> Response:
        self._context.load(parse_body(SavedState))
        return self.state()


def _faults() -> list[Fault]:
    """Return the faults of the body.

    It is one rule, ``{"faults": [rule, …]}``, or ``{"statuses": [503, …]}``: statuses of the next updates, one each.
    """
    try:
        body = json.loads(read_body())
    except (ValueError, RecursionError) as error:
        raise Problem(ErrorCode.INVALID_REQUEST, "the body is not valid JSON, or it nests too deeply") from error
    if isinstance(body, dict) and "statuses" in body:
        statuses = body["statuses"]
        if not isinstance(statuses, list) or not all(isinstance(s, int) and 400 <= s <= 599 for s in statuses):
            raise Problem(ErrorCode.INVALID_REQUEST, "statuses must be a list of HTTP statuses from 400 to 599")
        return [Fault(kind="status", status=status, times=1, call=UPDATES) for status in statuses]
    if isinstance(body, dict) and "faults" in body:
        return parse_body(_FaultList).faults
    return [parse_body(Fault)]


class _FaultList(SandboxModel):
    faults: list[Fault]


def _number(name: str, default: float) -> float:
    text: Any = request.args.get(name, default)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= _MAX_NUMBER:
        raise Problem(ErrorCode.INVALID_REQUEST, f"?{name}= must be a number that is not negative")
    return number
