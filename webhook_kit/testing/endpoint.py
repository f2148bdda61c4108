"""Conformance test of a running endpoint: sends it requests as Gett does.

It places a real order with the given cart, so the store has to be one where that is acceptable. All requests use one order
and one idempotency key: a correct endpoint creates one ticket.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from uuid import uuid4

import requests

from webhook_kit.gett.models.order import Amounts
from webhook_kit.printing import without_secrets
from webhook_kit.testing.report import ConformanceReport, RuleOutcome, RuleResult
from webhook_kit.testing.signer import signed
from webhook_kit.web import fetch

__all__ = ["certify_endpoint"]

_TIMEOUT = 30.0
"""Seconds for a whole response."""

_MAX_RESPONSE_BYTES = 8_000_000


class _Response(NamedTuple):
    status: int
    raw: bytes
    body: Any

    def __str__(self) -> str:
        return f"{self.status} {self.raw[:500].decode(errors='replace')}"


class _Failed(Exception):
    """A rule is broken."""


class _Skipped(Exception):
    """A rule cannot be tested here."""


def certify_endpoint(url: str, secret: str, order: Mapping[str, Any] | None) -> ConformanceReport:
    """Test every rule that can be checked from outside.

    :param url: base URL of the webhooks, without ``/validateOrder``.
    :param secret: the secret with which Gett signs.
    :param order: a valid order of the endpoint's store; when None, the rules that need one are skipped.
    """
    endpoint = _Endpoint(url.rstrip("/"), secret, order)
    return ConformanceReport(f"the endpoint {without_secrets(url)}", tuple(_result(endpoint, *rule) for rule in _RULES))


def _result(
    endpoint: _Endpoint, part: str, rule: Callable[[_Endpoint], None], statement: str, protects: str, remedy: str
) -> RuleResult:
    outcome, detail = RuleOutcome.PASSED, ""
    try:
        rule(endpoint)
    except _Failed as error:
        outcome, detail = RuleOutcome.FAILED, str(error)
    except _Skipped as error:
        outcome, detail = RuleOutcome.SKIPPED, str(error)
    except requests.RequestException as error:
        outcome, detail = RuleOutcome.FAILED, f"no response: {type(error).__name__}"
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        outcome, detail = RuleOutcome.FAILED, f"the response does not follow the protocol: {error!r}"
    return RuleResult(rule.__name__.lstrip("_"), part, statement, protects, remedy, outcome, detail)


class _Endpoint:
    def __init__(self, url: str, secret: str, order: Mapping[str, Any] | None) -> None:
        self._url = url
        self._secret = secret
        self._order = order
        self._key = str(uuid4())
        self._gett_id = str(uuid4())
        self._validated: dict[str, Any] | None = None

    @property
    def order(self) -> dict[str, Any]:
        """The order with the one order id of this test."""
        if self._order is None:
            raise _Skipped("no order was given: --order FILE")
        return {**self._order, "gettOrderId": self._gett_id}

    def validated_order(self) -> tuple[dict[str, Any], str]:
        """Return the order with its token, and the idempotency key; the same at every call."""
        if self._validated is None:
            response = self.call("validateOrder", self.order)
            if response.status != 200 or not response.body.get("validatedOrderToken"):
                raise _Skipped(f"the endpoint does not accept the order of --order: {response}")
            token = response.body["validatedOrderToken"]
            self._validated = {**self.order, "validatedOrderToken": token, "payment": {"type": "gettPayment"}}
        return self._validated, self._key

    def require_authentic(self) -> None:
        """Fail if correctly signed requests are rejected too: then a rejection shows nothing."""
        response = self.call("validateOrder", b"{}")
        if response.status in (401, 403):
            raise _Failed(f"correctly signed requests are rejected too, so this cannot be tested: {response}")

    def call(
        self,
        path: str,
        body: Mapping[str, Any] | bytes,
        key: str | None = None,
        *,
        secret: str | None = None,
        age: float = 0.0,
        signature: bool = True,
    ) -> _Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = signed(raw, secret or self._secret, key=key, age=age)
        if not signature:
            headers.pop("Signature")
        # A redirect is an answer: the signature is for this address, and another one must not get it.
        response = fetch(
            "POST", f"{self._url}/{path}", data=raw, headers=headers, seconds=_TIMEOUT, limit=_MAX_RESPONSE_BYTES
        )
        try:
            document = response.json()
        except ValueError:
            document = None
        return _Response(response.status_code, response.content, document if isinstance(document, dict) else {})


def _expect(response: _Response, status: int, request: str) -> None:
    if response.status != status:
        raise _Failed(f"{request}: expected {status}, not {response}")


def _unsigned_is_rejected(endpoint: _Endpoint) -> None:
    endpoint.require_authentic()
    _expect(endpoint.call("validateOrder", b"{}", signature=False), 401, "validateOrder without a signature")
    response = endpoint.call("placeOrder", b"{}", key=str(uuid4()), signature=False)
    _expect(response, 401, "placeOrder without a signature")


def _wrong_signature_is_rejected(endpoint: _Endpoint) -> None:
    endpoint.require_authentic()
    response = endpoint.call("validateOrder", b"{}", secret="whsec_nobody")  # noqa: S106 - a wrong one on purpose
    _expect(response, 401, "validateOrder with another secret")


def _stale_signature_is_rejected(endpoint: _Endpoint) -> None:
    endpoint.require_authentic()
    _expect(endpoint.call("validateOrder", b"{}", age=600), 401, "a signature from ten minutes ago")
    _expect(endpoint.call("validateOrder", b"{}", age=-600), 401, "a signature ten minutes in the future")


def _malformed_body_is_rejected(endpoint: _Endpoint) -> None:
    for body in (b"{", b"[]", b'{"cart": 5}'):
        response = endpoint.call("validateOrder", body)
        # The signature is correct: 401 would not show that the body was checked.
        if not 400 <= response.status < 500 or response.status in (401, 403) or "errorCode" not in response.body:
            raise _Failed(f"{body.decode()}: expected a problem document with 4xx, not {response}")


def _valid_order_is_accepted(endpoint: _Endpoint) -> None:
    response = endpoint.call("validateOrder", endpoint.order)
    _expect(response, 200, "a valid order")
    if not (response.body.get("isValid") and response.body.get("validatedOrderToken")):
        raise _Failed(f"a valid order was refused, or received no token: {response}")
    amounts = Amounts.model_validate(response.body["amounts"])
    if contradictions := amounts.contradictions():
        raise _Failed("; ".join(contradictions))


def _validating_twice_gives_the_same_price(endpoint: _Endpoint) -> None:
    responses = [endpoint.call("validateOrder", endpoint.order) for _ in range(2)]
    for response in responses:
        _expect(response, 200, "a valid order")
    first, second = (response.body.get("amounts") for response in responses)
    if first != second:
        raise _Failed(f"the first response had {first}, the second {second}")


def _unknown_item_is_refused(endpoint: _Endpoint) -> None:
    order = {**endpoint.order, "gettOrderId": str(uuid4())}
    order["cart"] = {**order["cart"], "lineItems": [{"itemId": f"no-such-item-{uuid4()}", "quantity": 1}]}
    response = endpoint.call("validateOrder", order)
    _expect(response, 200, "an item that does not exist")
    codes = [error.get("code") for error in response.body.get("errors") or ()]
    if response.body.get("isValid") or "ITEM_UNAVAILABLE" not in codes:
        raise _Failed(f"an item that does not exist has to be refused with ITEM_UNAVAILABLE: {response}")


def _idempotency_key_is_required(endpoint: _Endpoint) -> None:
    order, _ = endpoint.validated_order()
    response = endpoint.call("placeOrder", {**order, "gettOrderId": ""})
    _expect(response, 400, "placeOrder without an Idempotency-Key")
    if response.body.get("errorCode") != "MISSING_IDEMPOTENCY_KEY":
        raise _Failed(f"expected MISSING_IDEMPOTENCY_KEY, not {response}")


def _concurrent_duplicates_create_one_ticket(endpoint: _Endpoint) -> None:
    order, key = endpoint.validated_order()
    with ThreadPoolExecutor(4) as pool:
        responses = list(pool.map(lambda _: endpoint.call("placeOrder", order, key=key), range(4)))
    for response in responses:
        _expect(response, 200, "one of four concurrent deliveries")
    ids = [response.body.get("partnerOrderId") for response in responses]
    if len(set(ids)) != 1:
        raise _Failed(f"several tickets: {ids}")


def _duplicate_gets_the_first_response(endpoint: _Endpoint) -> None:
    order, key = endpoint.validated_order()
    first, second = (endpoint.call("placeOrder", order, key=key) for _ in range(2))
    _expect(first, 200, "placeOrder")
    if first.raw != second.raw:
        raise _Failed(f"the first response was {first}, the second {second}")


def _key_of_another_order_is_rejected(endpoint: _Endpoint) -> None:
    order, key = endpoint.validated_order()
    _expect(endpoint.call("placeOrder", order, key=key), 200, "placeOrder")
    lines = [{**line, "quantity": line.get("quantity", 1) + 1} for line in order["cart"]["lineItems"]]
    other = {**order, "cart": {**order["cart"], "lineItems": lines}, "gettOrderId": str(uuid4())}
    _expect(endpoint.call("placeOrder", other, key=key), 422, "placeOrder with the key of another order")


_RULES: tuple[tuple[str, Callable[[_Endpoint], None], str, str, str], ...] = (
    (
        "authenticity", _unsigned_is_rejected, "A webhook without a signature is rejected.",
        "the kitchen: otherwise anybody could send orders",
        "set GETT_WEBHOOK_SECRETS, and unset ALLOW_UNSIGNED_WEBHOOKS",
    ),
    (
        "authenticity", _wrong_signature_is_rejected, "A webhook with a wrong signature is rejected.",
        "the kitchen: otherwise anybody could send orders",
        "verify hex(HMAC-SHA256(secret, raw body)) in constant time",
    ),
    (
        "authenticity", _stale_signature_is_rejected,
        "A webhook with a signature from more than 300 s ago or ahead is rejected.",
        "the kitchen from recorded orders that are sent again",
        "compare Timestamp with the clock, and synchronise the clock",
    ),
    (
        "authenticity", _malformed_body_is_rejected,
        "A signed body that is not a valid order is rejected with a problem document.",
        "operators who have to find the cause of an error",
        "respond with 4xx and errorCode, as in RFC 9457",
    ),
    (
        "validation", _valid_order_is_accepted, "A valid order is accepted and receives a token, and its amounts add up.",
        "orders",
        "check the errors in the response, and that the cart of --order is valid now",
    ),
    (
        "validation", _validating_twice_gives_the_same_price, "Validating twice gives the same price.",
        "the customer from a price that changes",
        "let validateOrder write nothing",
    ),
    (
        "validation", _unknown_item_is_refused, "An item that does not exist is refused as unavailable.",
        "the kitchen from orders that it cannot make",
        "respond with 200, isValid false and errors",
    ),
    (
        "placement", _idempotency_key_is_required, "placeOrder without an Idempotency-Key is rejected.",
        "customers from paying twice",
        "set REQUIRE_IDEMPOTENCY_KEY to true",
    ),
    (
        "placement", _concurrent_duplicates_create_one_ticket,
        "Four deliveries of one order at the same time create one ticket.",
        "customers from paying four times",
        "let all web processes share one Redis",
    ),
    (
        "placement", _duplicate_gets_the_first_response, "A duplicate with the same key gets the first response.",
        "customers from paying twice",
        "store the response for 24 h",
    ),
    (
        "placement", _key_of_another_order_is_rejected, "A key that was used for another order is rejected with 422.",
        "the second order, which would be lost",
        "compare the order with the one for which the key was used",
    ),
)  # fmt: skip
