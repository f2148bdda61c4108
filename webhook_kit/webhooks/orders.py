"""Order webhooks: validateOrder, placeOrder and order events.

Each request passes the same steps in this order: size limit, raw body, signature, shape, store. Only then is an order
claimed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import redis
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Request

from webhook_kit.adapter import Store
from webhook_kit.errors import AdapterError, StoresUnavailable
from webhook_kit.gett.models.base import Wire
from webhook_kit.gett.models.marketfront import OrderEvent
from webhook_kit.gett.models.order import ExternalOrder, PlaceOrderRequest
from webhook_kit.gett.models.payment_data import remove_payment_data
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import Problem, unavailable
from webhook_kit.gett.signing import API_VERSION
from webhook_kit.logs import logger
from webhook_kit.placement.placement import Placement
from webhook_kit.placement.token import Tokens
from webhook_kit.placement.validation import OrderValidator
from webhook_kit.settings import Settings
from webhook_kit.stores import StoreDirectory
from webhook_kit.webhooks.authentication import verify_webhook
from webhook_kit.webhooks.current_call import WebhookCall
from webhook_kit.webhooks.order_events import OrderEventReceiver
from webhook_kit.webhooks.parsing import parse, raw_body
from webhook_kit.webhooks.problems import WebhookAnswer, document_answer, error_answer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["OrderRoutes", "OrderWebhooks"]

log = logger("webhooks")

W = TypeVar("W", bound=Wire)

_MAX_KEY_LENGTH = 255
_LOGGED_ID = 100


class OrderWebhooks(NamedTuple):
    """The parts that the order webhooks use."""

    settings: Settings
    stores: StoreDirectory
    validator: OrderValidator
    placement: Placement
    tokens: Tokens
    order_events: OrderEventReceiver | None = None


class OrderRoutes:
    """WSGI application that answers the order webhooks, and passes all other requests to the next application.

    The webhooks are validateOrder and placeOrder, both spellings, and order events if there is a handler (``gett-protocol.md §3``).
    Flask's dispatch would take longer than parsing an order, so there is only werkzeug's request.

    :ivar paths: paths of the webhooks, which all take a POST.
    """

    def __init__(self, parts: OrderWebhooks, next_app: WSGIApplication) -> None:
        self._parts = parts
        self._next_app = next_app
        prefix = parts.settings.webhook_prefix
        self._webhooks: dict[str, tuple[str, Callable[[WebhookCall], WebhookAnswer]]] = {
            f"{prefix}/validateOrder": ("validateOrder", self._validate_order),
            f"{prefix}/validate": ("validateOrder", self._validate_order),
            f"{prefix}/placeOrder": ("placeOrder", self._place_order),
            f"{prefix}/place": ("placeOrder", self._place_order),
        }
        if parts.order_events is not None:
            receive = partial(self._receive_event, parts.order_events)
            self._webhooks[f"{prefix}/orderEvents"] = ("orderEvents", receive)
        self.paths = frozenset(self._webhooks)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer an order webhook."""
        path = environ.get("PATH_INFO", "")
        webhook = self._webhooks.get(path)
        if webhook is None:
            return self._next_app(environ, start_response)
        name, handle = webhook
        call = WebhookCall(Request(environ), path)
        call.start_span()
        try:
            try:
                is_post = call.request.method == "POST"
                answer = handle(call) if is_post else error_answer(MethodNotAllowed(["POST"]), call)
            except Exception as error:  # noqa: BLE001 - each has its answer
                answer = error_answer(error, call)
            self._finish(call, name, answer)
            return answer.send(start_response)
        finally:
            call.end_span()

    def _finish(self, call: WebhookCall, name: str, answer: WebhookAnswer) -> None:
        answer.headers.append(("API-Version", API_VERSION))
        seconds = call.finish(name, answer.status)
        facts = {"ms": round(seconds * 1000, 1), "trace": call.trace, **call.noted}
        if answer.status >= 500:
            log.warning("webhook_answered", path=call.route, status=answer.status, **facts)
        else:
            log.info("webhook_answered", path=call.route, status=answer.status, **facts)

    def _validate_order(self, call: WebhookCall) -> WebhookAnswer:
        order = _verified_body(self._parts, call, ExternalOrder).without_coordinates()
        return WebhookAnswer(_validate(self._parts, call, order, _store_of(self._parts, call, order)))

    def _place_order(self, call: WebhookCall) -> WebhookAnswer:
        parts = self._parts
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
                arrived=call.received,
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
            return WebhookAnswer(response.body)
        call.note(outcome="refused", code=json.loads(response.body).get("errorCode"))
        return document_answer(response.status, response.body, call)

    def _receive_event(self, events: OrderEventReceiver, call: WebhookCall) -> WebhookAnswer:
        event = _verified_body(self._parts, call, OrderEvent)
        call.note(session=event.data.checkout_session_id)
        try:
            outcome = events.receive(event)
        except redis.RedisError as error:
            raise unavailable("order events cannot be handled for the moment", retry_after=5) from error
        call.note(outcome=outcome)
        return WebhookAnswer(json.dumps({"outcome": outcome}).encode())


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
    deadline = call.received + parts.settings.webhook_deadline
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
