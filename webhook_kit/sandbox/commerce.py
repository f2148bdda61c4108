"""Gett's commerce API, as far as the sandbox has it (``gett-protocol.md §2``), with faults on demand.

========================================  ==============================================================================
``POST /v1/commerce/orders/{id}/status``  an OrderStatusUpdate → 202; needs ``Authorization: Bearer <api key>``
``POST /v1/commerce/stores/{id}/status``  a StoreStatusUpdate → 200 and the StoreStatus; likewise
``GET /__sandbox/orders``                 ``{"updates": [{orderId, arrivedAt, answer, update}]}``, in order of arrival
``POST /__sandbox/faults``                ``{"statuses": [503, 429]}``: the next calls are answered with these
========================================  ==============================================================================
"""

from __future__ import annotations

import hmac
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import responses
from typing import Any
from uuid import uuid4

import pydantic
from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from webhook_kit.gett.models.base import Wire
from webhook_kit.gett.models.order import ValidationError
from webhook_kit.gett.models.problem import ERROR_TYPE_BASE, ErrorCode, ProblemDetail
from webhook_kit.gett.models.store import OrderStatusUpdate, StoreStatusUpdate

__all__ = ["Ledger", "Update", "create_app"]

_RETRY_AFTER = 1  # seconds, wherever the protocol wants some
_CODES = {
    401: ErrorCode.UNAUTHENTICATED,
    403: ErrorCode.FORBIDDEN,
    404: ErrorCode.NOT_FOUND,
    409: ErrorCode.CONFLICT,
    422: ErrorCode.VALIDATION_FAILED,
    429: ErrorCode.RATE_LIMITED,
    500: ErrorCode.INTERNAL_ERROR,
    502: ErrorCode.BAD_GATEWAY,
    503: ErrorCode.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class Update:
    """One update of an order or a store, as it arrived.

    :ivar order_id: Gett's id of the order, or of the store, it was sent for.
    :ivar arrived_at: when, UTC.
    :ivar answer: the HTTP status it was answered with; only 2xx counts at Gett.
    :ivar body: what was sent, as JSON data; None when it was no JSON.
    """

    order_id: str
    arrived_at: datetime
    answer: int
    body: Any


class Ledger:
    """What arrived, and what to answer next. Used by many threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._updates: list[Update] = []
        self._faults: deque[int] = deque()

    def updates(self, order_id: str | None = None) -> list[Update]:
        """Every update that came with the right key, refused ones included, in order of arrival.

        :param order_id: of this order alone; of all when None.
        """
        with self._lock:
            return [update for update in self._updates if order_id in (None, update.order_id)]

    def fail_with(self, *statuses: int) -> None:
        """Answer the next calls with these HTTP statuses, one each, and do nothing else."""
        with self._lock:
            self._faults.extend(statuses)

    def next_fault(self) -> int | None:
        """The status to fail the running call with, if any; it is used up."""
        with self._lock:
            return self._faults.popleft() if self._faults else None

    def record(self, update: Update) -> None:
        """Keep an update."""
        with self._lock:
            self._updates.append(update)


def create_app(api_key: str, ledger: Ledger | None = None) -> Flask:
    """The commerce API as a WSGI application.

    :param api_key: the partner's key; every call under ``/v1`` needs it.
    :param ledger: where updates go; a new one when None.
    """
    app = Flask("webhook_kit.sandbox")
    kept = Ledger() if ledger is None else ledger

    @app.before_request
    def authenticate() -> Response | None:
        given = request.headers.get("Authorization", "")
        if request.path.startswith("/v1/") and not hmac.compare_digest(given.encode(), f"Bearer {api_key}".encode()):
            return _problem(401, "the API key is missing or wrong")
        return None

    @app.post("/v1/commerce/orders/<order_id>/status")
    def order_status(order_id: str) -> Response:
        return received(order_id, OrderStatusUpdate, 202, {"orderId": order_id})

    @app.post("/v1/commerce/stores/<store_id>/status")
    def store_status(store_id: str) -> Response:
        body = request.get_json(force=True, silent=True)
        return received(store_id, StoreStatusUpdate, 200, body if isinstance(body, dict) else {})

    def received(subject: str, model: type[Wire], status: int, answer: Mapping[str, Any]) -> Response:
        arrived = datetime.now(UTC)
        fault = kept.next_fault()
        response = _accept(model, status, answer) if fault is None else _problem(fault, "a fault on demand")
        kept.record(Update(subject, arrived, response.status_code, request.get_json(force=True, silent=True)))
        return response

    @app.get("/__sandbox/orders")
    def orders() -> Response:
        return jsonify(updates=[_wire(update) for update in kept.updates()])

    @app.post("/__sandbox/faults")
    def faults() -> Response:
        wanted = request.get_json(silent=True)
        statuses = wanted.get("statuses") if isinstance(wanted, dict) else None
        if not isinstance(statuses, list) or not all(isinstance(s, int) and 400 <= s <= 599 for s in statuses):
            return _problem(400, "statuses must be a list of HTTP statuses from 400 to 599")
        kept.fail_with(*statuses)
        return jsonify(statuses=statuses)

    @app.errorhandler(HTTPException)
    def failed(failure: HTTPException) -> Response:
        return _problem(failure.code or 500, failure.description or failure.name)

    return app


def _accept(model: type[Wire], status: int, answer: Mapping[str, Any]) -> Response:
    try:
        model.from_json(request.get_data())
    except pydantic.ValidationError as failure:
        mistakes = failure.errors(include_url=False, include_input=False, include_context=False)
        if any(mistake["type"] == "json_invalid" for mistake in mistakes):
            return _problem(400, "the body is no JSON")
        return _problem(422, "the update is not valid", [_mistake(mistake) for mistake in mistakes])
    response = jsonify(answer)
    response.status_code = status  # [D] for orders the protocol says "accepted" and no more
    return response


def _mistake(mistake: Mapping[str, Any]) -> ValidationError:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in mistake["loc"])
    return ValidationError(code=ErrorCode.INVALID_REQUEST, message=mistake["msg"], json_path=f"${path}")


def _problem(status: int, detail: str, errors: Sequence[ValidationError] = ()) -> Response:
    code = _CODES.get(status, ErrorCode.INVALID_REQUEST if status < 500 else ErrorCode.INTERNAL_ERROR)
    problem = ProblemDetail(
        type=f"{ERROR_TYPE_BASE}{code}",
        title=responses.get(status, str(status)),
        status=status,
        detail=detail,
        instance=request.path,
        error_code=code,
        error_category=code.kind.category,
        retryable=code.kind.retryable,
        request_id=str(uuid4()),
        timestamp=datetime.now(UTC),
    )
    headers = {}
    if status in (429, 503):
        problem.retry_after = _RETRY_AFTER
        headers["Retry-After"] = str(_RETRY_AFTER)
    if errors:
        problem.errors = list(errors)
    return Response(problem.to_json(), status, headers, mimetype="application/problem+json")


def _wire(update: Update) -> dict[str, Any]:
    return {
        "orderId": update.order_id,
        "arrivedAt": update.arrived_at.isoformat(),
        "answer": update.answer,
        "update": update.body,
    }
