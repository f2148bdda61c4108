"""Responses of both webhooks: paths, authentication, traces, problem documents, and the data that none contains."""

from __future__ import annotations

import json
from collections.abc import Callable, MutableMapping
from typing import Any
from uuid import uuid4

import pytest
import yaml  # type: ignore[import-untyped]

from tests.webhooks.webhook_client import PROBLEM_MEMBERS, WebhookClient, expect_problem, line, order, same_ticket
from webhook_kit.app import create_app
from webhook_kit.errors import ConfigurationError
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.kit import Kit

CARD = {"type": "cardOnFile", "cardToken": "tok_4242", "processorType": "acme"}
CUSTOMER = {"firstName": "Ann", "lastName": "Example", "email": "ann@example.test", "phone": "+15550100"}
ADDRESS = {"address1": "1 Hidden Lane", "city": "New York", "state": "NY", "postalCode": "10001"}
PRIVATE = ("tok_4242", "ann@example.test", "+15550100", "Hidden Lane", "Example")


@pytest.mark.parametrize("prefix", ["", "/gett", "/a/b-c.d_e~f"])
def test_both_spellings_are_served_under_the_prefix(prefix: str, make_client: Callable[..., WebhookClient]) -> None:
    client = make_client(webhook_prefix=prefix)
    for validating, placing in (("validateOrder", "placeOrder"), ("validate", "place")):
        validated = client.deliver(validating, order())
        body = order(validatedOrderToken=validated.json["validatedOrderToken"], nonce=str(uuid4()))
        placed = client.deliver(placing, body, key=str(uuid4()))
        assert (validated.status_code, placed.status_code) == (200, 200)
        assert placed.headers["API-Version"] == validated.headers["API-Version"] == "2026-01-30"
    if prefix:
        expect_problem(client.open("POST", "/validateOrder"), 404, ErrorCode.NOT_FOUND)
    assert client.get("/healthz").status_code == 200


# -- authentication ----------------------------------------------------------------------------------------------------


def test_every_secret_of_a_rotation_is_accepted(make_client: Callable[..., WebhookClient]) -> None:
    client = make_client(gett_webhook_secrets=["new", "old"])
    statuses = {
        secret: client.deliver("validateOrder", order(), secret=secret).status_code
        for secret in ("new", "old", "older", "new,old")
    }
    assert statuses == {"new": 200, "old": 200, "older": 401, "new,old": 401}


def test_token_stays_valid_while_its_secret_is_rotated(
    make_client: Callable[..., WebhookClient],
) -> None:
    before = make_client(gett_webhook_secrets=["old"])
    token = before.deliver("validateOrder", order(), secret="old").json["validatedOrderToken"]
    after = make_client(gett_webhook_secrets=["new", "old"])
    placed = after.deliver("placeOrder", order(validatedOrderToken=token), secret="new", key=str(uuid4()))
    assert placed.status_code == 200


def test_static_authorization_header_is_accepted(make_client: Callable[..., WebhookClient]) -> None:
    client = make_client(gett_webhook_secrets=[], gett_webhook_authorization=["Bearer new", "Bearer old"])
    body = json.dumps(order()).encode()
    for value, status in {
        "Bearer new": 200,
        "Bearer old": 200,
        "Bearer older": 401,
        "": 401,
        "bearer new": 401,
    }.items():
        assert client.post("validateOrder", body, {"Authorization": value}).status_code == status, value
    expect_problem(client.post("validateOrder", body, {}), 401, ErrorCode.UNAUTHENTICATED)


def test_either_of_two_configured_authentications_is_enough(make_client: Callable[..., WebhookClient]) -> None:
    client = make_client(gett_webhook_authorization=["Bearer static"])
    body = json.dumps(order()).encode()
    assert client.post("validateOrder", body, {"Authorization": "Bearer static"}).status_code == 200
    assert client.validate(order()).status_code == 200
    expect_problem(client.post("validateOrder", body, {}), 401, ErrorCode.UNAUTHENTICATED)


def test_unsigned_webhooks_are_accepted_with_a_warning_when_allowed(
    make_client: Callable[..., WebhookClient], events: list[MutableMapping[str, Any]]
) -> None:
    client = make_client(gett_webhook_secrets=[], allow_unsigned_webhooks=True)
    assert client.post("validateOrder", json.dumps(order()).encode(), {}).json["isValid"] is True
    (warning,) = [entry for entry in events if entry["event"] == "unsigned_webhooks_allowed"]
    assert warning["log_level"] == "warning"


def test_application_without_authentication_does_not_start(make_kit: Callable[..., Kit]) -> None:
    with pytest.raises(ConfigurationError, match="GETT_WEBHOOK_SECRETS is not set"):
        create_app(make_kit(gett_webhook_secrets=[]))


# -- optional key ------------------------------------------------------------------------------------------------------


def test_gett_id_replaces_an_optional_key(make_client: Callable[..., WebhookClient]) -> None:
    client = make_client(require_idempotency_key=False)
    body = client.validated(order())
    placed = client.deliver("placeOrder", body)
    assert placed.status_code == 200
    assert same_ticket(client.deliver("placeOrder", body), placed)
    assert same_ticket(client.place(body), placed)
    for absent in ("", None):
        nameless = client.deliver("placeOrder", body | {"gettOrderId": absent})
        expect_problem(nameless, 400, ErrorCode.MISSING_IDEMPOTENCY_KEY)
    assert len(client.tickets()) == 1


# -- traces ------------------------------------------------------------------------------------------------------------

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_trace_of_the_caller_is_used_or_a_new_one(
    client: WebhookClient, events: list[MutableMapping[str, Any]]
) -> None:
    followed = client.validate(order("unicorn"), {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    assert followed.json["traceId"] == TRACE
    assert events[-1]["trace"] == TRACE
    made = {client.validate(order("unicorn")).json["traceId"] for _ in range(2)}
    assert len(made) == 2
    assert all(len(trace) == 32 and int(trace, 16) for trace in made)
    refused = client.open("POST", "/validateOrder", traceparent=f"00-{TRACE}-00f067aa0ba902b7-01")
    assert refused.json["traceId"] == TRACE


def test_order_has_a_trace_only_if_it_has_errors(client: WebhookClient) -> None:
    stale = {"traceId": "f" * 32, "isValid": False, "errors": [{"code": "OTHER", "message": "an earlier one"}]}
    good = client.validate(order(**stale)).json
    assert (good["errors"], good["traceId"], good["isValid"]) == ([], None, True)
    bad = client.validate(order("unicorn") | stale).json
    assert bad["errors"][0]["code"] == "ITEM_UNAVAILABLE"
    assert bad["traceId"] not in (None, "f" * 32)
    placed = client.place(client.validated(order()) | stale).json
    assert (placed["errors"], placed["traceId"], placed["isValid"]) == ([], None, True)


# -- problem documents -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", ["text/markdown", "text/markdown, application/json;q=0.5", "text/*"])
def test_problem_is_markdown_with_every_member_as_front_matter_if_preferred(accept: str, client: WebhookClient) -> None:
    hostile = 'no\u2028"---"\n# unicorn\x85\x7f \U0001f984: {x}'
    response = client.place(order(line(hostile), "unicorn", amounts={"total": 1.0}), headers={"Accept": accept})
    assert (response.status_code, response.mimetype) == (400, "text/markdown")
    _, front, text = response.data.decode().split("---\n", 2)
    members = yaml.safe_load(front)
    assert set(members) == PROBLEM_MEMBERS | {"errors"}
    assert members["errorCode"] == "ITEM_UNAVAILABLE"
    assert hostile in members["errors"][0]["message"]
    assert f"# {members['title']}" in text
    assert "**ITEM_UNAVAILABLE** at `$.cart.lineItems[1]`" in text


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "application/problem+json, text/markdown;q=0.9"])
def test_problem_is_json_otherwise(accept: str, client: WebhookClient) -> None:
    expect_problem(client.validate(b"", {"Accept": accept}), 400, ErrorCode.INVALID_REQUEST)


def test_unknown_paths_and_methods_are_problem_documents(client: WebhookClient) -> None:
    expect_problem(client.get("/nothing"), 404, ErrorCode.NOT_FOUND)
    expect_problem(client.open("POST", "/validateOrder/"), 404, ErrorCode.NOT_FOUND)
    for method, path in (("get", "/validateOrder"), ("put", "/placeOrder"), ("post", "/healthz")):
        response = client.open(method, path)
        expect_problem(response, 405, ErrorCode.INVALID_REQUEST)
        assert response.headers["Allow"]


def test_unexpected_error_is_a_problem_document(client: WebhookClient, events: list[MutableMapping[str, Any]]) -> None:
    @client.flask.application.get("/broken")
    def broken() -> str:
        raise RuntimeError("the vendor's secret")

    response = client.get("/broken")
    expect_problem(response, 500, ErrorCode.INTERNAL_ERROR)
    assert "secret" not in response.text
    assert [entry["event"] for entry in events if entry.get("exc_info")] == ["request_failed"]


def redis_content(client: WebhookClient) -> bytes:
    """Return everything that this installation has stored in Redis."""
    redis: Any = client.kit.redis
    read = {
        b"string": redis.get,
        b"hash": lambda name: repr(redis.hgetall(name)).encode(),
        b"list": lambda name: repr(redis.lrange(name, 0, -1)).encode(),
        b"stream": lambda name: repr(redis.xrange(name)).encode(),
        b"zset": lambda name: repr(redis.zrange(name, 0, -1)).encode(),
    }
    names = redis.scan_iter(f"{client.kit.settings.key_prefix}*")
    return b"".join(name + read[redis.type(name)](name) for name in names)


# -- private data ------------------------------------------------------------------------------------------------------


def test_payment_is_in_no_response_no_record_and_no_log(
    client: WebhookClient, events: list[MutableMapping[str, Any]]
) -> None:
    for item, price in {"cola": 2.75, "payment-declined": 5.01, "crashes": 5.04, "unicorn": 1.0}.items():
        key = str(uuid4())
        body = order(item, payment=CARD, amounts={"total": price})
        responses = [client.validate(body), client.place(body, key), client.place(body, key)]
        assert not [response for response in responses if "tok_4242" in response.text or '"payment":' in response.text]
        assert "tok_4242" not in repr(client.kit.placement_store.find(key))
    content = redis_content(client)
    assert b'"crashes"' in content  # it stays in doubt, with its order
    assert b"tok_4242" not in content
    assert "tok_4242" not in repr(events)


def test_customer_and_address_are_in_no_log(client: WebhookClient, events: list[MutableMapping[str, Any]]) -> None:
    prices = {
        "cola": 2.75,
        "payment-declined": 5.01,
        "crashes": 5.04,
        "nonsense": 5.05,
        "other-price": 5.09,
        "unicorn": 1,
    }
    for item, price in prices.items():
        full_order = order(item, customer=CUSTOMER, payment=CARD, deliveryInfo={"address": ADDRESS})
        client.validate(full_order)
        client.place(full_order | {"amounts": {"total": price}})
    assert len(events) > 12
    assert not [text for text in PRIVATE if text in repr(events)]


def test_payment_at_unknown_places_is_neither_stored_nor_sent_back(client: WebhookClient) -> None:
    card, key = "4111111111111111", str(uuid4())
    hidden = {"Payment": {"number": card}, "payments": [card], "memo": card, "more": {"creditCard": "x", "a": [card]}}
    body = order(amounts={"total": 2.75}, **hidden, gettOrderId="")
    body["cart"] |= hidden
    for response in (client.validate(body), client.place(body, key), client.place(body, key)):
        assert response.status_code == 200
        assert card not in response.text
        assert "ayment" not in response.text
    record = client.kit.redis.hgetall(client.kit.keys.order(key))
    assert card not in str(record)
    assert "creditCard" not in str(record)
