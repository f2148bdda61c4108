"""Order webhooks: validateOrder, placeOrder and order events as Flask serves them.

Each request passes the same steps in this order: size limit, raw body, signature, shape, store. Only then is an order
claimed.
"""

from __future__ import annotations

import json
import time
from hashlib import sha256
from typing import NamedTuple, TypeVar

import redis
from flask import Blueprint, Request, Response, jsonify

from webhook_kit.adapter import Store
from webhook_kit.errors import AdapterError, StoresUnavailable
from webhook_kit.gett.models.base import Wire
from webhook_kit.gett.models.marketfront import OrderEvent
from webhook_kit.gett.models.order import ExternalOrder, PlaceOrderRequest
from webhook_kit.gett.models.payment_data import remove_payment_data
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import FORMS, Problem, as_markdown, unavailable
from webhook_kit.gett.signing import API_VERSION
from webhook_kit.logs import logger
from webhook_kit.placement.placement import Placement
from webhook_kit.placement.token import Tokens
from webhook_kit.placement.validation import OrderValidator
from webhook_kit.settings import Settings
from webhook_kit.stores import StoreDirectory
from webhook_kit.webhooks.authentication import verify_webhook
from webhook_kit.webhooks.current_call import WebhookCall, current_call, trace_calls
from webhook_kit.webhooks.order_events import OrderEventReceiver
from webhook_kit.webhooks.parsing import parse, raw_body

__all__ = ["OrderWebhooks", "order_webhooks", "problem_response"]

log = logger("webhooks")

W = TypeVar("W", bound=Wire)

_MAX_KEY_LENGTH = 255
_LOGGED_ID = 100

_CALL_NAMES = {
    "validateOrder": "validateOrder",
    "validate": "validateOrder",
    "placeOrder": "placeOrder",
    "place": "placeOrder",
    "orderEvents": "orderEvents",
}
"""Names of the calls by the last part of their paths."""


class OrderWebhooks(NamedTuple):
    """The parts that the order webhooks use."""

    settings: Settings
    stores: StoreDirectory
    validator: OrderValidator
    placement: Placement
    tokens: Tokens
    order_events: OrderEventReceiver | None = None


def order_webhooks(parts: OrderWebhooks) -> Blueprint:
    """Return the routes of validateOrder and placeOrder, both spellings, and of order events if there is a handler.

    See ``gett-protocol.md §3``.
    """
    blueprint = Blueprint("order_webhooks", __name__, url_prefix=parts.settings.webhook_prefix or None)
    trace_calls(blueprint)

    @blueprint.post("/validateOrder")
    @blueprint.post("/validate")
    def validate_order() -> Response:
        call = current_call()
        order = _verified_body(parts, call, ExternalOrder).without_coordinates()
        return _json(_validate(parts, call, order, _store_of(parts, call, order)))

    @blueprint.post("/placeOrder")
    @blueprint.post("/place")
    def place_order() -> Response:
        call = current_call()
        key = call.request.headers.get("Idempotency-Key", "").strip()
        call.note(key=key[:_MAX_KEY_LENGTH] or None)
        order = _verified_body(parts, call, PlaceOrderRequest)
        call.note(order=order.gett_order_id or None)
        key = _idempotency_key(parts.settings, key, order)
        call.note(key=key)
        store = _store_of(parts, call, order)
        try:
            response = parts.placement.place(
                order,
                store,
                key,
                instance=call.request.path,
                trace_id=call.trace,
                traced=call.traced,
                signed_body=sha256(call.signed_body).hexdigest() if call.signed_body else "",
            )
        except redis.RedisError as error:
            log.error("redis_unavailable", error=type(error).__name__)  # noqa: TRY400 - the traceback adds nothing
            raise unavailable("orders cannot be placed for the moment", retry_after=5) from error
        call.note(order=response.ref, replayed=response.replayed)
        if response.status == 200:
            call.note(outcome="placed")
            return _json(response.body)
        call.note(outcome="refused", code=json.loads(response.body).get("errorCode"))
        return _problem(call.request, response.status, response.body)

    if (events := parts.order_events) is not None:

        @blueprint.post("/orderEvents")
        def order_events() -> Response:
            call = current_call()
            event = _verified_body(parts, call, OrderEvent)
            call.note(session=event.data.checkout_session_id)
            try:
                outcome = events.receive(event)
            except redis.RedisError as error:
                raise unavailable("order events cannot be handled for the moment", retry_after=5) from error
            call.note(outcome=outcome)
            return jsonify(outcome=outcome)

    @blueprint.after_request
    def finish(response: Response) -> Response:
        call = current_call()
        response.headers["API-Version"] = API_VERSION
        path = call.request.path.rpartition("/")[2]
        seconds = call.finish(_CALL_NAMES.get(path, path), response.status_code)
        facts = {"ms": round(seconds * 1000, 1), "trace": call.trace, **call.noted}
        if response.status_code >= 500:
            log.warning("webhook_answered", path=call.request.path, status=response.status_code, **facts)
        else:
            log.info("webhook_answered", path=call.request.path, status=response.status_code, **facts)
        return response

    return blueprint


def problem_response(problem: Problem) -> Response:
    """Return a problem document for this request, as Markdown if the caller prefers it."""
    call = current_call()
    call.note(outcome="refused" if problem.status < 500 else "failed", code=problem.code.value)
    document = problem.document(instance=call.request.path, trace_id=call.trace)
    response = _problem(call.request, problem.status, document.to_json())
    if problem.retry_after is not None:
        response.headers["Retry-After"] = str(problem.retry_after)
    return response


def _verified_body(parts: OrderWebhooks, call: WebhookCall, model: type[W]) -> W:
    """Return the parsed body of this request, after its signature was verified.

    :raises Problem: 400, 401, 413, 415 or 422.
    """
    raw = raw_body(call.request)
    if verify_webhook(parts.settings, call.request, raw):
        call.signed_body = raw
    body = parse(model, raw)
    remove_payment_data(body)
    return body


def _store_of(parts: OrderWebhooks, call: WebhookCall, order: ExternalOrder) -> Store:
    """Return the store of an order.

    :raises Problem: 404 when no such store is served, 503 when the stores cannot be read.
    """
    # The partner's own id is noted too when it is known; a store that is unknown here can be found at Gett by this one.
    call.note(order=order.gett_order_id or None, gett_store=order.cart.store_id[:_LOGGED_ID])
    try:
        store = parts.stores.by_gett_id(order.cart.store_id)
        if store is None:
            raise Problem(ErrorCode.STORE_NOT_FOUND, "no store with this id is served here: $.cart.storeId")
        call.note(store=store.id)
        parts.stores.adapter(store)
    except (StoresUnavailable, AdapterError) as error:  # a refusal would be final
        raise unavailable("the store cannot be served for the moment", retry_after=5) from error
    return store


def _validate(parts: OrderWebhooks, call: WebhookCall, order: ExternalOrder, store: Store) -> bytes:
    """Return the answer to a validateOrder. Nothing is written; violations are members of the order."""
    deadline = time.monotonic() + parts.settings.webhook_deadline
    result = parts.validator.validate(order, store, deadline=deadline)
    valid = not result.violations
    call.note(outcome="valid" if valid else "invalid")
    if not valid:
        call.note(code=str(result.violations[0].code), violations=len(result.violations))
    changes: dict[str, object] = {
        "amounts": result.amounts,
        "is_valid": valid,
        "errors": list(result.violations),
        "trace_id": None if valid else call.trace,
    }
    # [D] A validateOrder needs neither a payment nor an earlier token; neither is echoed.
    left_out = {"payment", "validated_order_token"}
    if valid and result.amounts is not None:
        left_out = {"payment"}
        changes["validated_order_token"] = parts.tokens.issue(order, result.amounts, result.lines)
    answer = order.model_copy(update=changes)
    return answer.model_dump_json(by_alias=True, exclude_unset=True, exclude=left_out).encode()


def _idempotency_key(settings: Settings, key: str, order: ExternalOrder) -> str:
    """Return the Idempotency-Key that was sent, or Gett's order id in its place where the settings allow it.

    :raises Problem: 400 when it is missing or cannot be used.
    """
    if not key and not settings.require_idempotency_key:
        key = order.gett_order_id or ""
    if not key:
        raise Problem(ErrorCode.MISSING_IDEMPOTENCY_KEY, "the Idempotency-Key header is missing; send a UUID v4")
    if len(key) > _MAX_KEY_LENGTH or not key.isascii() or not key.isprintable():
        detail = f"the Idempotency-Key has more than {_MAX_KEY_LENGTH} characters, or one that is not printable ASCII"
        raise Problem(ErrorCode.INVALID_REQUEST, detail)
    if not _is_uuid4(key):
        log.warning("idempotency_key_not_uuid4", length=len(key))
    return key


def _is_uuid4(key: str) -> bool:
    digits = key.replace("-", "")
    return (
        len(key) == 36 and len(digits) == 32 and key[14] == "4" and all(c in "0123456789abcdefABCDEF" for c in digits)
    )


def _json(body: bytes) -> Response:
    return Response(body, content_type="application/json")


def _problem(request: Request, status: int, document: bytes) -> Response:
    if request.accept_mimetypes.best_match(FORMS) == "text/markdown":
        return Response(as_markdown(document), status, mimetype="text/markdown")
    return Response(document, status, mimetype=FORMS[0])
