"""Placement of orders through the webhook: repetitions, duplicates, and the outcomes of the POS call."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, cast
from uuid import uuid4

import pytest

from tests.webhooks.scripted_pos import scripted_pos
from tests.webhooks.webhook_client import SECRET, JsonResponse, WebhookClient, expect_problem, order, same_ticket
from webhook_kit.adapter import Capability, Level, Placed, Reason, Refused
from webhook_kit.catalog.cart import check_cart
from webhook_kit.gett.models.order import PlaceOrderRequest
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.kit import Kit
from webhook_kit.placement import validation
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.processes import PATIENCE, wait_until
from webhook_kit.testing.signer import signed
from webhook_kit.webhooks.current_call import RECEIVED

# -- one decision, one claim, one call ---------------------------------------------------------------------------------


class BogusTicketsOnly(BogusAdapter):
    """The fake POS with tickets and nothing else, so that no question comes before its call."""

    capabilities: ClassVar[Mapping[Capability, Level]] = dict.fromkeys(
        (Capability.NATIVE_IDEMPOTENCY, Capability.FIND_ORDER, Capability.QUOTE), Level.UNSUPPORTED
    )


TICKETS_ONLY = {"pos_adapter": f"{__name__}:BogusTicketsOnly"}


@pytest.fixture
def validations(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Results of all validations against the catalog."""
    results: list[object] = []

    def check(*args: Any, **kwargs: Any) -> Any:
        results.append(check_cart(*args, **kwargs))
        return results[-1]

    monkeypatch.setattr(validation, "check_cart", check)
    return results


@pytest.mark.parametrize("settings", [{}, scripted_pos(), TICKETS_ONLY], ids=["native", "look-up", "claim"])
@pytest.mark.parametrize(("item", "total", "status"), [("cola", 2.75, 200), ("cola", 2.74, 400), ("unicorn", 1.0, 400)])
def test_order_is_validated_once(
    item: str,
    total: float,
    status: int,
    settings: dict[str, Any],
    make_client: Callable[..., WebhookClient],
    validations: list[object],
) -> None:
    client = make_client(**settings)
    assert client.place(order(item, amounts={"total": total})).status_code == status
    assert len(validations) == 1


@pytest.mark.parametrize(
    ("settings", "scripts"), [(TICKETS_ONLY, 2), ({}, 3), (scripted_pos(), 3)], ids=["claim", "native", "look-up"]
)
def test_placement_takes_this_many_scripts(
    settings: dict[str, Any], scripts: int, make_client: Callable[..., WebhookClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_client(**settings)
    client.place(order(amounts={"total": 2.75}, nonce="1"))  # loads scripts and catalog
    commands: list[str] = []
    execute: Any = client.kit.redis.execute_command

    def execute_command(*args: Any, **options: Any) -> Any:
        commands.append(args[0])
        return execute(*args, **options)

    monkeypatch.setattr(client.kit.redis, "execute_command", execute_command)
    assert client.place(order(amounts={"total": 2.75})).status_code == 200
    assert commands.count("EVALSHA") == scripts


def test_placing_does_not_change_the_order(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit()
    (store,) = kit.stores
    requested = PlaceOrderRequest.from_json(json.dumps(order(amounts={"total": 2.75})))
    before = requested.to_json()
    response = kit.placement.place(requested, store, "k1", instance="/placeOrder", trace_id="0" * 32)
    assert (response.status, response.ref) == (200, "k1")
    assert (requested.to_json(), requested.order_ref) == (before, "")


# -- replay ------------------------------------------------------------------------------------------------------------


def test_placed_order_is_replayed_byte_for_byte(client: WebhookClient) -> None:
    key, body = str(uuid4()), client.validated(order())
    assert client.place(body, key).data == client.place(body, key).data


def test_replay_to_another_key_is_the_same_byte_for_byte(client: WebhookClient) -> None:
    key, body = str(uuid4()), client.validated(order())
    client.place(body, key)
    assert client.place(body, key).data == client.place(body, key).data == client.place(body).data


@pytest.mark.parametrize("item", ["payment-declined", "unicorn"])
def test_refusal_is_replayed_byte_for_byte(item: str, client: WebhookClient) -> None:
    key, body = str(uuid4()), order(item, gettOrderId=str(uuid4()), amounts={"total": 5.01})
    first = client.place(body, key)
    assert first.status_code == 400
    second = client.place(body, key)
    assert (second.data, second.status_code, second.mimetype) == (first.data, first.status_code, first.mimetype)


def test_failed_payment_can_be_retried_with_the_same_key(make_client: Callable[..., WebhookClient]) -> None:
    calls: list[str] = []

    def place(store: Any, body: Any, key: str) -> Any:
        calls.append(key)
        return Refused(Reason.PAYMENT_FAILED, f"the bank did not answer, {len(calls)}")

    client = make_client(**scripted_pos(place_order=place))
    key = str(uuid4())
    details = [client.place(order(amounts={"total": 2.75}), key).json["detail"] for _ in range(2)]
    assert details == ["the bank did not answer, 1", "the bank did not answer, 2"]
    assert len(set(calls)) == 1


def test_second_key_after_a_refusal_is_validated_again(make_client: Callable[..., WebhookClient]) -> None:
    refusals = iter([Refused(Reason.ITEM_UNAVAILABLE, "no cola today")])
    client = make_client(**scripted_pos(quote=lambda _, body: next(refusals, body.amounts)))
    body = order(gettOrderId=str(uuid4()), amounts={"total": 2.75})
    key = str(uuid4())
    expect_problem(client.place(body, key), 400, ErrorCode.ITEM_UNAVAILABLE)
    expect_problem(client.place(body, key), 400, ErrorCode.ITEM_UNAVAILABLE)
    assert client.place(body).status_code == 200


def test_placed_order_with_other_content_is_rejected_for_every_key(client: WebhookClient) -> None:
    body = client.validated(order())
    placed = client.place(body)
    document = expect_problem(
        client.place(body | {"customer": {"firstName": "Bob"}}), 409, ErrorCode.ORDER_ALREADY_PLACED
    )
    assert placed.json["partnerOrderId"] in document["detail"]
    assert document["retryable"] is False
    assert same_ticket(client.place(body), placed)


# -- same order, other order -------------------------------------------------------------------------------------------


def test_key_of_another_order_is_rejected(client: WebhookClient) -> None:
    key = str(uuid4())
    assert client.place(client.validated(order("cola")), key).status_code == 200
    expect_problem(client.place(client.validated(order("salad")), key), 422, ErrorCode.VALIDATION_FAILED)
    assert len(client.tickets()) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"customer": {"firstName": "Ann"}},
        {"fulfillmentType": "DineIn"},
        {"deliveryInfo": {"instructions": "ring twice"}},
        {"amounts": {"tip": 1.0}},
    ],
)
def test_other_customer_fulfillment_or_amounts_are_another_order(other: dict[str, Any], client: WebhookClient) -> None:
    key, body = str(uuid4()), client.validated(order())
    assert client.place(body, key).status_code == 200
    expect_problem(client.place(body | other, key), 422, ErrorCode.VALIDATION_FAILED)


@pytest.mark.parametrize(
    "other",
    [
        {"traceId": "0" * 32},
        {"validatedOrderToken": None, "amounts": {"total": None}},
        {"payment": {"type": "savedCard", "paymentId": "p"}},
        {"placedAt": None},
    ],
)
def test_other_trace_token_or_payment_is_the_same_order(other: dict[str, Any], client: WebhookClient) -> None:
    key, body = str(uuid4()), client.validated(order(amounts={}))
    placed = client.place(body, key)
    assert same_ticket(client.place(body | other, key), placed)


def test_other_bytes_are_the_same_order(client: WebhookClient) -> None:
    key, body = str(uuid4()), client.validated(order())
    placed = client.place(body, key)
    assert placed.status_code == 200
    shuffled = json.dumps(dict(reversed(body.items())), indent=2).encode()
    assert same_ticket(client.deliver("placeOrder", shuffled, key=key), placed)


# -- simultaneous requests ---------------------------------------------------------------------------------------------


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """An event that a scripted POS waits for; it is set at the end of the test."""
    event = threading.Event()
    yield event
    event.set()


def place_after(release: threading.Event, calls: list[str]) -> Callable[..., Placed]:
    def place(store: Any, body: Any, key: str) -> Placed:
        calls.append(key)
        release.wait(PATIENCE)
        return Placed(f"T{len(calls)}")

    return place


def test_repetition_conflicts_if_the_first_attempt_outlives_the_deadline(
    make_client: Callable[..., WebhookClient], release: threading.Event
) -> None:
    calls: list[str] = []
    slow = make_client(**scripted_pos(place_order=place_after(release, calls)), webhook_deadline=3.0, pos_deadline=3.0)
    key, body = str(uuid4()), slow.validated(order())
    with ThreadPoolExecutor() as pool:
        first = pool.submit(slow.place, body, key)
        wait_until(lambda: calls)
        document = expect_problem(slow.place(body, key), 409, ErrorCode.CONFLICT)
        assert document["retryable"] is True
        assert document["retryAfter"] > 0
        expect_problem(first.result(), 503, ErrorCode.SERVICE_UNAVAILABLE)
    assert slow.state(key) == "calling"
    release.set()
    wait_until(lambda: slow.state(key) == "placed")
    assert slow.place(body, key).json["partnerOrderId"] == "T1"
    assert len(calls) == 1


def test_order_that_has_waited_too_long_for_a_thread_is_not_placed(
    make_client: Callable[..., WebhookClient],
) -> None:
    calls: list[str] = []
    client = make_client(
        **scripted_pos(place_order=lambda _store, _body, key: calls.append(key)), webhook_deadline=60, pos_deadline=60
    )
    key, body = str(uuid4()), client.validated(order())
    waited = {RECEIVED: time.monotonic() - 61}
    raw = json.dumps(body).encode()
    response = client.flask.post(
        "/placeOrder", data=raw, headers=signed(raw, SECRET, key=key), environ_overrides=waited
    )
    expect_problem(cast(JsonResponse, response), 503, ErrorCode.SERVICE_UNAVAILABLE)
    assert (calls, client.state(key)) == ([], "released")


def test_repetition_waits_for_the_answer_of_the_first_attempt(
    make_client: Callable[..., WebhookClient], release: threading.Event
) -> None:
    calls: list[str] = []
    slow = make_client(**scripted_pos(place_order=place_after(release, calls)))
    key, body = str(uuid4()), slow.validated(order())
    with ThreadPoolExecutor() as pool:
        responses = [pool.submit(slow.place, body, key) for _ in range(4)]
        wait_until(lambda: calls)
        release.set()
        assert all(same_ticket(response.result(), responses[0].result()) for response in responses)
    assert len(calls) == 1


# -- refusals of the POS -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_of_a_refusal_has_its_code(reason: Reason, make_client: Callable[..., WebhookClient]) -> None:
    refusing = make_client(**scripted_pos(place_order=lambda *_: Refused(reason, "the POS's own words")))
    document = expect_problem(refusing.place(order(amounts={"total": 2.75})), reason.code.kind.status, reason.code)
    assert document["detail"] == "the POS's own words"
    assert document["retryable"] is (reason is Reason.PAYMENT_FAILED)
