"""The webhooks as Flask sees them: two small functions, and what every answer has in common.

The order of the steps is the design's: size, raw bytes, authentic, shape, known store; only then is anything claimed.
"""

from __future__ import annotations

import time
from typing import NamedTuple, TypeVar

import redis
from flask import Blueprint, Response, g, jsonify, request

from webhook_kit.adapter import Store
from webhook_kit.errors import StoresUnavailable
from webhook_kit.gett.models.base import Wire
from webhook_kit.gett.models.marketfront import OrderEvent
from webhook_kit.gett.models.order import ExternalOrder, PlaceOrderRequest
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import Problem, as_markdown, unavailable
from webhook_kit.gett.signing import API_VERSION
from webhook_kit.logs import logger
from webhook_kit.placement.placement import Placement, PlacementResponse
from webhook_kit.placement.token import Tokens
from webhook_kit.placement.validation import OrderValidator
from webhook_kit.settings import Settings
from webhook_kit.stores import StoreDirectory
from webhook_kit.webhooks.authentication import verify_webhook
from webhook_kit.webhooks.order_events import OrderEvents
from webhook_kit.webhooks.parsing import parse, raw_body
from webhook_kit.webhooks.trace import trace_id

__all__ = ["OrderWebhooks", "current_trace", "order_webhooks", "place", "problem_response", "validate"]

log = logger("receiver")

W = TypeVar("W", bound=Wire)

_LONGEST_KEY = 255


class OrderWebhooks(NamedTuple):
    """The parts that the webhooks work with."""

    settings: Settings
    stores: StoreDirectory
    assessor: OrderValidator
    placement: Placement
    tokens: Tokens
    order_events: OrderEvents | None = None


def order_webhooks(receiver: OrderWebhooks) -> Blueprint:
    """ValidateOrder and placeOrder, both spellings, and order events if somebody handles them (``gett-protocol.md §3``)."""
    blueprint = Blueprint("order_webhooks", __name__, url_prefix=receiver.settings.webhook_prefix or None)

    @blueprint.post("/validateOrder")
    @blueprint.post("/validate")
    def validate_order() -> Response:
        order = _received(receiver, ExternalOrder)
        return _json(200, validate(receiver, order))

    @blueprint.post("/placeOrder")
    @blueprint.post("/place")
    def place_order() -> Response:
        order = _received(receiver, PlaceOrderRequest)
        try:
            answer = place(receiver, order, request.headers.get("Idempotency-Key"))
        except redis.RedisError as error:
            log.error("redis out of reach", error=type(error).__name__)  # noqa: TRY400 - the traceback says nothing more
            raise unavailable("orders cannot be placed for the moment", retry_after=5) from error
        g.order = {"order": answer.ref, "replayed": answer.replayed}
        if answer.status != 200:
            return _problem_document(answer.status, answer.body)
        return _json(answer.status, answer.body)

    if (events := receiver.order_events) is not None:

        @blueprint.post("/orderEvents")
        def order_events() -> Response:
            event = _received(receiver, OrderEvent)
            try:
                outcome = events.receive(event)
            except redis.RedisError as error:
                raise unavailable("order events cannot be handled for the moment", retry_after=5) from error
            return jsonify(outcome=outcome)

    @blueprint.before_request
    def begin() -> None:
        g.started = time.perf_counter()

    @blueprint.after_request
    def end(response: Response) -> Response:
        response.headers["API-Version"] = API_VERSION
        log.info(
            "webhook",
            path=request.path,
            status=response.status_code,
            ms=round((time.perf_counter() - g.started) * 1000, 1),
            trace=current_trace(),
            **g.get("order", {}),
        )
        return response

    return blueprint


def validate(receiver: OrderWebhooks, order: ExternalOrder) -> bytes:
    """Answer a validateOrder: nothing is written, business failures are inline."""
    store = _known_store(receiver, order)
    until = time.monotonic() + receiver.settings.webhook_deadline
    assessed = receiver.assessor.validate(order, store, until=until)
    valid = not assessed.violations
    changes: dict[str, object] = {
        "amounts": assessed.amounts,
        "is_valid": valid,
        "errors": list(assessed.violations),
        "trace_id": None if valid else current_trace(),
    }
    left_out = {"payment", "validated_order_token"}
    if valid and assessed.amounts is not None:
        left_out = {"payment"}
        changes["validated_order_token"] = receiver.tokens.issue(order, assessed.amounts, assessed.lines)
    # [D] A payment has no business in a validateOrder; one that comes all the same is not echoed, nor is an older token.
    return (
        order.model_copy(update=changes).model_dump_json(by_alias=True, exclude_unset=True, exclude=left_out).encode()
    )


def place(receiver: OrderWebhooks, order: PlaceOrderRequest, key: str | None) -> PlacementResponse:
    """Answer a placeOrder, exactly once."""
    key = _idempotency_key(receiver, order, key)
    # A refusal is rendered in the thread of the POS call, which knows nothing of this request.
    instance, trace = request.path, current_trace()

    def render(problem: Problem) -> bytes:
        return problem.document(instance=instance, trace_id=trace).to_json()

    return receiver.placement.place(order, _known_store(receiver, order), key, render)


def problem_response(problem: Problem) -> Response:
    """A problem document, as Markdown for whoever asks for it."""
    response = _problem_document(problem.status, problem.rendered or _render(problem))
    if problem.retry_after is not None:
        response.headers["Retry-After"] = str(problem.retry_after)
    return response


def current_trace() -> str:
    """The trace of this request."""
    if "trace" not in g:
        g.trace = trace_id(request.headers.get("traceparent"))
    trace: str = g.trace
    return trace


def _received(receiver: OrderWebhooks, model: type[W]) -> W:
    raw = raw_body(request)
    verify_webhook(receiver.settings, raw)
    return parse(model, raw)


def _known_store(receiver: OrderWebhooks, order: ExternalOrder) -> Store:
    try:
        store = receiver.stores.by_gett_id(order.cart.store_id)
    except StoresUnavailable as error:  # a refusal would be final
        raise unavailable("whether this store is served here cannot be said now", retry_after=5) from error
    if store is None:
        raise Problem(ErrorCode.STORE_NOT_FOUND, "no store of that id is served here: $.cart.storeId")
    return store


def _idempotency_key(receiver: OrderWebhooks, order: ExternalOrder, key: str | None) -> str:
    key = (key or "").strip()
    if not key and not receiver.settings.require_idempotency_key:
        key = order.gett_order_id or ""
    if not key:
        raise Problem(ErrorCode.MISSING_IDEMPOTENCY_KEY, "the Idempotency-Key header is missing; send a UUID v4")
    if len(key) > _LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise Problem(ErrorCode.INVALID_REQUEST, f"the Idempotency-Key is longer than {_LONGEST_KEY} or not printable")
    if not _is_uuid4(key):
        log.warning("idempotency key is no uuid v4", length=len(key))
    return key


def _is_uuid4(key: str) -> bool:
    digits = key.replace("-", "")
    return (
        len(key) == 36 and len(digits) == 32 and key[14] == "4" and all(c in "0123456789abcdefABCDEF" for c in digits)
    )


def _render(problem: Problem) -> bytes:
    return problem.document(instance=request.path, trace_id=current_trace()).to_json()


def _json(status: int, body: bytes) -> Response:
    return Response(body, status, mimetype="application/json")


def _problem_document(status: int, document: bytes) -> Response:
    accepted = request.accept_mimetypes
    if accepted.best_match(["application/problem+json", "application/json", "text/markdown"]) == "text/markdown":
        return Response(as_markdown(document), status, mimetype="text/markdown")
    return Response(document, status, mimetype="application/problem+json")
