"""The webhook-side half of a certification: an endpoint that runs somewhere, met as Gett meets it.

It places real orders, of the cart it is given: point it at a store where that is welcome. It uses one order and one key, so that
however often it asks, a correct endpoint makes one ticket.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from uuid import uuid4

import requests

from webhook_kit.gett.models.order import Amounts
from webhook_kit.testing.report import ConformanceReport, RuleOutcome, RuleResult
from webhook_kit.testing.signer import signed

__all__ = ["certify_endpoint"]

_TIMEOUT = 30.0


class _Response(NamedTuple):
    status: int
    raw: bytes
    body: Any

    def __str__(self) -> str:
        return f"{self.status} {self.raw[:500].decode(errors='replace')}"


class _Failed(Exception):
    """A rule does not hold."""


class _Skipped(Exception):
    """A rule cannot be tried here."""


def certify_endpoint(url: str, secret: str, order: Mapping[str, Any] | None) -> ConformanceReport:
    """Try every rule that can be seen from outside.

    :param url: where the webhooks are, without ``/validateOrder``.
    :param secret: what Gett signs with.
    :param order: a legal order of the endpoint's store; None leaves out whatever needs one.
    """
    endpoint = _Endpoint(url.rstrip("/"), secret, order)
    return ConformanceReport(f"the endpoint {url}", tuple(_finding(endpoint, *rule) for rule in _RULES))


def _finding(
    endpoint: _Endpoint, part: str, rule: Callable[[_Endpoint], None], sentence: str, protects: str, remedy: str
) -> RuleResult:
    verdict, why = RuleOutcome.PASSED, ""
    try:
        rule(endpoint)
    except _Failed as broken:
        verdict, why = RuleOutcome.FAILED, str(broken)
    except _Skipped as left:
        verdict, why = RuleOutcome.SKIPPED, str(left)
    except requests.RequestException as failure:
        verdict, why = RuleOutcome.FAILED, f"no answer: {type(failure).__name__}"
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        verdict, why = RuleOutcome.FAILED, f"the answer is not what the protocol says: {error!r}"
    return RuleResult(rule.__name__.lstrip("_"), part, sentence, protects, remedy, verdict, why)


class _Endpoint:
    def __init__(self, url: str, secret: str, order: Mapping[str, Any] | None) -> None:
        self._url = url
        self._secret = secret
        self._order = order
        self._key = str(uuid4())
        self._gett_id = str(uuid4())
        self._placing: dict[str, Any] | None = None

    @property
    def order(self) -> dict[str, Any]:
        if self._order is None:
            raise _Skipped("no order was given: --order FILE")
        return {**self._order, "gettOrderId": self._gett_id}

    def placing(self) -> tuple[dict[str, Any], str]:
        """The order with its token, and its key: the same every time."""
        if self._placing is None:
            valid = self.deliver("validateOrder", self.order)
            if valid.status != 200 or not valid.body.get("validatedOrderToken"):
                raise _Skipped(f"the order given is not valid there: {valid}")
            token = valid.body["validatedOrderToken"]
            self._placing = {**self.order, "validatedOrderToken": token, "payment": {"type": "gettPayment"}}
        return self._placing, self._key

    def deliver(self, path: str, body: Mapping[str, Any] | bytes, key: str | None = None, **change: Any) -> _Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = signed(raw, change.get("secret", self._secret), key=key, age=change.get("age", 0.0))
        for name in change.get("without", ()):
            headers.pop(name)
        answer = requests.post(f"{self._url}/{path}", data=raw, headers=headers, timeout=_TIMEOUT)
        try:
            read = answer.json()
        except ValueError:
            read = None
        body = read if isinstance(read, dict) else {}
        return _Response(answer.status_code, answer.content, body)


def _expect(said: _Response, status: int, what: str) -> None:
    if said.status != status:
        raise _Failed(f"{what}: expected {status}, answered {said}")


def _unsigned_is_refused(endpoint: _Endpoint) -> None:
    _expect(endpoint.deliver("validateOrder", b"{}", without=["Signature"]), 401, "without a signature")
    _expect(
        endpoint.deliver("placeOrder", b"{}", key=str(uuid4()), without=["Signature"]), 401, "placeOrder without one"
    )


def _forged_is_refused(endpoint: _Endpoint) -> None:
    _expect(endpoint.deliver("validateOrder", b"{}", secret="whsec_nobody"), 401, "signed with another secret")  # noqa: S106


def _stale_is_refused(endpoint: _Endpoint) -> None:
    _expect(endpoint.deliver("validateOrder", b"{}", age=600), 401, "signed ten minutes ago")
    _expect(endpoint.deliver("validateOrder", b"{}", age=-600), 401, "signed in ten minutes")


def _garbage_is_a_problem(endpoint: _Endpoint) -> None:
    for garbage in (b"{", b"[]", b'{"cart": 5}'):
        said = endpoint.deliver("validateOrder", garbage)
        # It was signed rightly: an endpoint that believes nobody has proven nothing.
        if not 400 <= said.status < 500 or said.status in (401, 403) or "errorCode" not in said.body:
            raise _Failed(f"{garbage.decode()}: expected a problem document with a 4xx, answered {said}")


def _validates(endpoint: _Endpoint) -> None:
    said = endpoint.deliver("validateOrder", endpoint.order)
    _expect(said, 200, "a legal order")
    if not (said.body.get("isValid") and said.body.get("validatedOrderToken")):
        raise _Failed(f"a legal order is not valid, or has no token: {said}")
    amounts = Amounts.model_validate(said.body["amounts"])
    if found := amounts.contradictions():
        raise _Failed("; ".join(found))


def _validating_is_idempotent(endpoint: _Endpoint) -> None:
    first, second = (endpoint.deliver("validateOrder", endpoint.order) for _ in range(2))
    if first.body.get("amounts") != second.body.get("amounts"):
        raise _Failed(f"{first.body.get('amounts')}, then {second.body.get('amounts')}")


def _unknown_item_is_invalid(endpoint: _Endpoint) -> None:
    order = {**endpoint.order, "gettOrderId": str(uuid4())}
    order["cart"] = {**order["cart"], "lineItems": [{"itemId": f"no-such-item-{uuid4()}", "quantity": 1}]}
    said = endpoint.deliver("validateOrder", order)
    _expect(said, 200, "an item that does not exist")
    if said.body.get("isValid") or not any(e.get("code") == "ITEM_UNAVAILABLE" for e in said.body.get("errors") or ()):
        raise _Failed(f"an item that does not exist is not refused with ITEM_UNAVAILABLE: {said}")


def _key_is_required(endpoint: _Endpoint) -> None:
    order, _ = endpoint.placing()
    said = endpoint.deliver("placeOrder", {**order, "gettOrderId": ""})
    _expect(said, 400, "placeOrder without an Idempotency-Key")
    if said.body.get("errorCode") != "MISSING_IDEMPOTENCY_KEY":
        raise _Failed(f"expected MISSING_IDEMPOTENCY_KEY, answered {said}")


def _four_at_once_are_one(endpoint: _Endpoint) -> None:
    order, key = endpoint.placing()
    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(lambda _: endpoint.deliver("placeOrder", order, key=key), range(4)))
    for one in said:
        _expect(one, 200, "one of four at once")
    if len({one.body.get("partnerOrderId") for one in said}) != 1:
        raise _Failed(f"several tickets: {[one.body.get('partnerOrderId') for one in said]}")


def _replay_is_the_same(endpoint: _Endpoint) -> None:
    order, key = endpoint.placing()
    first, again = (endpoint.deliver("placeOrder", order, key=key) for _ in range(2))
    _expect(first, 200, "placeOrder")
    if first.raw != again.raw:
        raise _Failed(f"{first}, then {again}")


def _key_of_another_order_is_refused(endpoint: _Endpoint) -> None:
    order, key = endpoint.placing()
    _expect(endpoint.deliver("placeOrder", order, key=key), 200, "placeOrder")
    lines = [{**line, "quantity": line.get("quantity", 1) + 1} for line in order["cart"]["lineItems"]]
    other = {**order, "cart": {**order["cart"], "lineItems": lines}, "gettOrderId": str(uuid4())}
    _expect(endpoint.deliver("placeOrder", other, key=key), 422, "the key of another order")


_RULES: tuple[tuple[str, Callable[[_Endpoint], None], str, str, str], ...] = (
    ("authenticity", _unsigned_is_refused, "A webhook without a signature is refused.",
     "the kitchen: anybody could send orders", "set GETT_WEBHOOK_SECRETS, and ALLOW_UNSIGNED_WEBHOOKS to nothing"),
    ("authenticity", _forged_is_refused, "A webhook with a wrong signature is refused.",
     "the kitchen: anybody could send orders", "verify hex(HMAC-SHA256(secret, raw body)) in constant time"),
    ("authenticity", _stale_is_refused, "A webhook signed more than 300 s ago, or ahead, is refused.",
     "the kitchen from recorded orders", "compare Timestamp with the clock, and keep the clock right"),
    ("authenticity", _garbage_is_a_problem, "A signed body that is no order is refused with a problem document.",
     "whoever has to find out what went wrong", "answer 4xx with errorCode, as RFC 9457 has it"),
    ("validation", _validates, "A legal order is valid, gets a token, and its amounts add up.",
     "orders", "look at the errors in the answer; is the cart of --order legal now?"),
    ("validation", _validating_is_idempotent, "Validating twice gives one price.",
     "the customer from a price that moves", "let validateOrder write nothing"),
    ("validation", _unknown_item_is_invalid, "An item that does not exist is refused as unavailable.",
     "the kitchen from orders that cannot be made", "answer 200 with isValid false and errors"),
    ("placement", _key_is_required, "placeOrder without an Idempotency-Key is refused.",
     "customers from paying twice", "set REQUIRE_IDEMPOTENCY_KEY to true"),
    ("placement", _four_at_once_are_one, "Four deliveries of one order at the same moment are one ticket.",
     "customers from paying for four dinners", "let all web processes share one Redis"),
    ("placement", _replay_is_the_same, "The same key is answered as before.",
     "customers from paying twice", "keep the answer for 24 h"),
    ("placement", _key_of_another_order_is_refused, "A key that was used for another order is refused with 422.",
     "the second order, which would be lost", "compare the order with the one that the key was used for"),
)  # fmt: skip
