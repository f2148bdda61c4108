"""What both webhooks have in common: spellings, proofs, traces, problem documents, replays, and what is never told."""

from __future__ import annotations

import json
from collections.abc import Callable, MutableMapping
from typing import Any
from uuid import uuid4

import pytest
import yaml  # type: ignore[import-untyped]

from tests.webhooks.scripted_pos import scripted_pos
from tests.webhooks.webhook_client import PROBLEM_MEMBERS, WebhookClient, expect_problem, line, order, same_ticket
from webhook_kit.adapter import Reason, Refused
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
        wanted = order(validatedOrderToken=validated.json["validatedOrderToken"])
        placed = client.deliver(placing, wanted, key=str(uuid4()))
        assert (validated.status_code, placed.status_code) == (200, 200)
        assert placed.headers["API-Version"] == validated.headers["API-Version"] == "2026-01-30"
    if prefix:
        expect_problem(client.open("POST", "/validateOrder"), 404, ErrorCode.NOT_FOUND)
    assert client.get("/healthz").status_code == 200


# -- proofs ------------------------------------------------------------------------------------------------------------


def test_every_secret_of_a_rotation_is_accepted(make_client: Callable[..., WebhookClient]) -> None:
    client = make_client(gett_webhook_secrets=["new", "old"])
    statuses = {
        secret: client.deliver("validateOrder", order(), secret=secret).status_code
        for secret in ("new", "old", "older", "new,old")
    }
    assert statuses == {"new": 200, "old": 200, "older": 401, "new,old": 401}


def test_a_token_outlives_the_rotation_of_the_secret_it_was_derived_from(
    make_client: Callable[..., WebhookClient],
) -> None:
    before = make_client(gett_webhook_secrets=["old"])
    token = before.deliver("validateOrder", order(), secret="old").json["validatedOrderToken"]
    after = make_client(gett_webhook_secrets=["new", "old"])
    placed = after.deliver("placeOrder", order(validatedOrderToken=token), secret="new", key=str(uuid4()))
    assert placed.status_code == 200


def test_a_static_authorization_header_proves_as_well(make_client: Callable[..., WebhookClient]) -> None:
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


def test_where_both_proofs_are_set_up_either_will_do(make_client: Callable[..., WebhookClient]) -> None:
    client = make_client(gett_webhook_authorization=["Bearer static"])
    body = json.dumps(order()).encode()
    assert client.post("validateOrder", body, {"Authorization": "Bearer static"}).status_code == 200
    assert client.validate(order()).status_code == 200
    expect_problem(client.post("validateOrder", body, {}), 401, ErrorCode.UNAUTHENTICATED)


def test_unsigned_webhooks_are_served_when_allowed_and_loudly(
    make_client: Callable[..., WebhookClient], events: list[MutableMapping[str, Any]]
) -> None:
    client = make_client(gett_webhook_secrets=[], allow_unsigned_webhooks=True)
    assert client.post("validateOrder", json.dumps(order()).encode(), {}).json["isValid"] is True
    (loud,) = [entry for entry in events if entry["event"] == "unsigned_webhooks_allowed"]
    assert loud["log_level"] == "warning"


def test_without_any_proof_the_application_refuses_to_start(make_kit: Callable[..., Kit]) -> None:
    with pytest.raises(ConfigurationError, match="GETT_WEBHOOK_SECRETS is not set"):
        create_app(make_kit(gett_webhook_secrets=[]))


# -- the key, relaxed --------------------------------------------------------------------------------------------------


def test_relaxed_the_gett_id_stands_in_for_a_missing_key(make_client: Callable[..., WebhookClient]) -> None:
    client = make_client(require_idempotency_key=False)
    wanted = client.validated(order())
    placed = client.deliver("placeOrder", wanted)
    assert placed.status_code == 200
    assert same_ticket(client.deliver("placeOrder", wanted), placed)
    assert same_ticket(client.place(wanted), placed)
    for absent in ("", None):
        nameless = client.deliver("placeOrder", wanted | {"gettOrderId": absent})
        expect_problem(nameless, 400, ErrorCode.MISSING_IDEMPOTENCY_KEY)
    assert len(client.tickets()) == 1


# -- traces ------------------------------------------------------------------------------------------------------------

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_the_callers_trace_is_followed_and_else_one_is_made(
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


def test_an_order_has_a_trace_exactly_when_it_has_errors(client: WebhookClient) -> None:
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
def test_problems_come_as_markdown_for_whoever_asks_with_every_member_in_front(
    accept: str, client: WebhookClient
) -> None:
    nasty = 'no\u2028"---"\n# unicorn\x85\x7f \U0001f984: {x}'
    answer = client.place(order(line(nasty), "unicorn", amounts={"total": 1.0}), headers={"Accept": accept})
    assert (answer.status_code, answer.mimetype) == (400, "text/markdown")
    _, front, text = answer.data.decode().split("---\n", 2)
    members = yaml.safe_load(front)
    assert set(members) == PROBLEM_MEMBERS | {"errors"}
    assert members["errorCode"] == "ITEM_UNAVAILABLE"
    assert nasty in members["errors"][0]["message"]
    assert f"# {members['title']}" in text
    assert "**ITEM_UNAVAILABLE** at `$.cart.lineItems[1]`" in text


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "application/problem+json, text/markdown;q=0.9"])
def test_everybody_else_gets_json(accept: str, client: WebhookClient) -> None:
    expect_problem(client.validate(b"", {"Accept": accept}), 400, ErrorCode.INVALID_REQUEST)


def test_unknown_paths_and_methods_are_problem_documents(client: WebhookClient) -> None:
    expect_problem(client.get("/nothing"), 404, ErrorCode.NOT_FOUND)
    expect_problem(client.open("POST", "/validateOrder/"), 404, ErrorCode.NOT_FOUND)
    for method, path in (("get", "/validateOrder"), ("put", "/placeOrder"), ("post", "/healthz")):
        answer = client.open(method, path)
        expect_problem(answer, 405, ErrorCode.INVALID_REQUEST)
        assert answer.headers["Allow"]


def test_what_nobody_expected_is_a_problem_document_too(
    client: WebhookClient, events: list[MutableMapping[str, Any]]
) -> None:
    @client.flask.application.get("/broken")
    def broken() -> str:
        raise RuntimeError("the vendor's secret")

    answer = client.get("/broken")
    expect_problem(answer, 500, ErrorCode.INTERNAL_ERROR)
    assert "secret" not in answer.text
    assert [entry["event"] for entry in events if entry.get("exc_info")] == ["request_failed"]


# -- replays -----------------------------------------------------------------------------------------------------------


def test_a_placed_order_is_replayed_byte_for_byte(client: WebhookClient) -> None:
    key, wanted = str(uuid4()), client.validated(order())
    assert client.place(wanted, key).data == client.place(wanted, key).data


def test_every_replay_is_the_same_byte_for_byte(client: WebhookClient) -> None:
    key, wanted = str(uuid4()), client.validated(order())
    client.place(wanted, key)
    assert client.place(wanted, key).data == client.place(wanted, key).data == client.place(wanted).data


@pytest.mark.parametrize("item", ["payment-declined", "unicorn"])
def test_a_refusal_is_replayed_byte_for_byte(item: str, client: WebhookClient) -> None:
    key, wanted = str(uuid4()), order(item, gettOrderId=str(uuid4()), amounts={"total": 5.01})
    first = client.place(wanted, key)
    assert first.status_code == 400
    again = client.place(wanted, key)
    assert (again.data, again.status_code, again.mimetype) == (first.data, first.status_code, first.mimetype)


def test_a_failed_payment_may_be_tried_again_with_the_same_key(make_client: Callable[..., WebhookClient]) -> None:
    calls: list[str] = []

    def place(store: Any, wanted: Any, key: str) -> Any:
        calls.append(key)
        return Refused(Reason.PAYMENT_FAILED, f"the bank hung up, {len(calls)}")

    client = make_client(**scripted_pos(place_order=place))
    key = str(uuid4())
    details = [client.place(order(amounts={"total": 2.75}), key).json["detail"] for _ in range(2)]
    assert details == ["the bank hung up, 1", "the bank hung up, 2"]
    assert len(set(calls)) == 1


def test_a_second_key_after_a_refusal_is_assessed_anew(make_client: Callable[..., WebhookClient]) -> None:
    answers = iter([Refused(Reason.ITEM_UNAVAILABLE, "no cola today")])
    client = make_client(**scripted_pos(quote=lambda _, wanted: next(answers, wanted.amounts)))
    wanted = order(gettOrderId=str(uuid4()), amounts={"total": 2.75})
    key = str(uuid4())
    expect_problem(client.place(wanted, key), 400, ErrorCode.ITEM_UNAVAILABLE)
    expect_problem(client.place(wanted, key), 400, ErrorCode.ITEM_UNAVAILABLE)
    assert client.place(wanted).status_code == 200


def test_a_placed_order_keeps_its_content_whatever_the_key(client: WebhookClient) -> None:
    wanted = client.validated(order())
    placed = client.place(wanted)
    document = expect_problem(
        client.place(wanted | {"customer": {"firstName": "Bob"}}), 409, ErrorCode.ORDER_ALREADY_PLACED
    )
    assert placed.json["partnerOrderId"] in document["detail"]
    assert document["retryable"] is False
    assert same_ticket(client.place(wanted), placed)


def whole_redis(client: WebhookClient) -> bytes:
    """Everything this installation has written."""
    redis: Any = client.kit.redis
    read = {
        b"string": redis.get,
        b"hash": lambda name: repr(redis.hgetall(name)).encode(),
        b"list": lambda name: repr(redis.lrange(name, 0, -1)).encode(),
        b"zset": lambda name: repr(redis.zrange(name, 0, -1)).encode(),
    }
    names = redis.scan_iter(f"{client.kit.settings.key_prefix}*")
    return b"".join(name + read[redis.type(name)](name) for name in names)


# -- what is never told ------------------------------------------------------------------------------------------------


def test_payment_is_in_no_answer_no_record_and_no_log(
    client: WebhookClient, events: list[MutableMapping[str, Any]]
) -> None:
    for item, price in {"cola": 2.75, "payment-declined": 5.01, "crashes": 5.04, "unicorn": 1.0}.items():
        key = str(uuid4())
        wanted = order(item, payment=CARD, amounts={"total": price})
        answers = [client.validate(wanted), client.place(wanted, key), client.place(wanted, key)]
        assert not [answer for answer in answers if "tok_4242" in answer.text or '"payment":' in answer.text]
        assert "tok_4242" not in repr(client.kit.placement_store.find(key))
    kept = whole_redis(client)
    assert b"payment-declined" in kept
    assert b"tok_4242" not in kept
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
        whole = order(item, customer=CUSTOMER, payment=CARD, deliveryInfo={"address": ADDRESS})
        client.validate(whole)
        client.place(whole | {"amounts": {"total": price}})
    assert len(events) > 12
    assert not [word for word in PRIVATE if word in repr(events)]
