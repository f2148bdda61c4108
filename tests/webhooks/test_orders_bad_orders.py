"""The table of bad input, second half: keys, tokens, and orders that menu or POS do not take."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from tests.webhooks.scripted_pos import scripted_pos
from tests.webhooks.webhook_client import STORE_ID, WebhookClient, expect_problem, line, order, same_ticket
from webhook_kit.adapter import Placed, Reason, Refusal, Refused
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.placement import token
from webhook_kit.testing.processes import PATIENCE, wait_until

UNKNOWN_STORE = {"storeId": "00000000-0000-4000-8000-000000000000", "lineItems": [line()]}

# -- the Idempotency-Key -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": ""}, {"Idempotency-Key": "  "}])
def test_without_a_key_nothing_is_placed(headers: dict[str, str], client: WebhookClient) -> None:
    wanted = client.validated(order())
    expect_problem(client.deliver("placeOrder", wanted, headers), 400, ErrorCode.MISSING_IDEMPOTENCY_KEY)
    assert client.tickets() == []


@pytest.mark.parametrize(
    "key", ["order 12", "x", "y" * 255, "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "g" * 8 + "-0000-4000-8000-" + "0" * 12]
)
def test_a_key_that_is_no_uuid4_is_taken_with_a_warning(
    key: str, client: WebhookClient, events: list[MutableMapping[str, Any]]
) -> None:
    wanted = client.validated(order())
    placed = client.place(wanted, key)
    assert placed.status_code == 200
    assert same_ticket(client.place(wanted, key), placed)
    warnings = [entry for entry in events if entry["event"] == "idempotency_key_not_uuid4"]
    assert [entry["log_level"] for entry in warnings] == ["warning", "warning"]


def test_a_uuid4_is_taken_without_a_word(client: WebhookClient, events: list[MutableMapping[str, Any]]) -> None:
    client.place(client.validated(order()), str(uuid4()))
    assert not [entry for entry in events if entry["log_level"] not in ("debug", "info")]


@pytest.mark.parametrize("key", ["k" * 256, "a\tb", "\x7f", "schlüssel"])
def test_a_key_too_long_or_unprintable_is_refused(key: str, client: WebhookClient) -> None:
    wanted = client.validated(order())
    answer = client.deliver("placeOrder", wanted, {"Idempotency-Key": key})
    expect_problem(answer, 400, ErrorCode.INVALID_REQUEST)
    assert client.tickets() == []


def test_a_key_used_for_another_order_is_refused(client: WebhookClient) -> None:
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
def test_another_order_is_one_of_other_customer_fulfillment_or_amounts(
    other: dict[str, Any], client: WebhookClient
) -> None:
    key, wanted = str(uuid4()), client.validated(order())
    assert client.place(wanted, key).status_code == 200
    expect_problem(client.place(wanted | other, key), 422, ErrorCode.VALIDATION_FAILED)


@pytest.mark.parametrize(
    "other",
    [
        {"traceId": "0" * 32},
        {"validatedOrderToken": None, "amounts": {"total": None}},
        {"payment": {"type": "savedCard", "paymentId": "p"}},
        {"placedAt": None},
    ],
)
def test_trace_token_and_payment_make_no_other_order(other: dict[str, Any], client: WebhookClient) -> None:
    key, wanted = str(uuid4()), client.validated(order(amounts={}))
    placed = client.place(wanted, key)
    assert same_ticket(client.place(wanted | other, key), placed)


def test_bytes_make_no_other_order(client: WebhookClient) -> None:
    key, wanted = str(uuid4()), client.validated(order())
    placed = client.place(wanted, key)
    assert placed.status_code == 200
    shuffled = json.dumps(dict(reversed(wanted.items())), indent=2).encode()
    assert same_ticket(client.deliver("placeOrder", shuffled, key=key), placed)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What a scripted POS waits for; opened at the end at the latest."""
    gate = threading.Event()
    yield gate
    gate.set()


def waiting_for(gate: threading.Event, calls: list[str]) -> Callable[..., Placed]:
    def place(store: Any, wanted: Any, key: str) -> Placed:
        calls.append(key)
        gate.wait(PATIENCE)
        return Placed(f"T{len(calls)}")

    return place


def test_a_repetition_while_the_first_runs_past_the_deadline_is_a_conflict(
    make_client: Callable[..., WebhookClient], gate: threading.Event
) -> None:
    calls: list[str] = []
    slow = make_client(**scripted_pos(place_order=waiting_for(gate, calls)), webhook_deadline=3.0, pos_deadline=3.0)
    key, wanted = str(uuid4()), slow.validated(order())
    with ThreadPoolExecutor() as pool:
        first = pool.submit(slow.place, wanted, key)
        wait_until(lambda: calls)
        document = expect_problem(slow.place(wanted, key), 409, ErrorCode.CONFLICT)
        assert document["retryable"] is True
        assert document["retryAfter"] > 0
        expect_problem(first.result(), 503, ErrorCode.SERVICE_UNAVAILABLE)
    assert slow.state(key) == "calling"
    gate.set()
    wait_until(lambda: slow.state(key) == "placed")
    assert slow.place(wanted, key).json["partnerOrderId"] == "T1"
    assert len(calls) == 1


def test_a_repetition_while_the_first_runs_waits_for_its_answer(
    make_client: Callable[..., WebhookClient], gate: threading.Event
) -> None:
    calls: list[str] = []
    slow = make_client(**scripted_pos(place_order=waiting_for(gate, calls)))
    key, wanted = str(uuid4()), slow.validated(order())
    with ThreadPoolExecutor() as pool:
        answers = [pool.submit(slow.place, wanted, key) for _ in range(4)]
        wait_until(lambda: calls)
        gate.set()
        assert all(same_ticket(answer.result(), answers[0].result()) for answer in answers)
    assert len(calls) == 1


# -- the token ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forged", ["x", "é", "e30.AAAA", "." * 3000])
def test_a_forged_token_is_refused_as_such(forged: str, client: WebhookClient) -> None:
    wanted = client.validated(order()) | {"validatedOrderToken": forged}
    document = expect_problem(client.place(wanted), 400, ErrorCode.INVALID_REQUEST)
    assert "not issued here, or was altered" in document["detail"]
    assert client.tickets() == []


def test_a_token_of_another_cart_or_store_is_refused_as_such(make_client: Callable[..., WebhookClient]) -> None:
    here, there = make_client(), make_client(gett_store_id="other")
    other_cart = here.validated(order("salad"))["validatedOrderToken"]
    elsewhere = there.validated({**order(), "cart": {"storeId": "other", "lineItems": [line()]}})["validatedOrderToken"]
    for foreign, name in ((other_cart, "another cart"), (elsewhere, "another store")):
        document = expect_problem(here.place(order(validatedOrderToken=foreign)), 400, ErrorCode.INVALID_REQUEST)
        assert document["detail"] == f"the validatedOrderToken belongs to {name}"
    assert here.tickets() == []


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let tokens believe that time has passed."""
    real = time.time

    class Clock:
        def __init__(self, seconds: float) -> None:
            self.time = lambda: real() + seconds

    return lambda seconds: monkeypatch.setattr(token, "time", Clock(seconds))


def test_an_expired_token_places_the_order_when_nothing_has_changed(
    client: WebhookClient, later: Callable[[float], None]
) -> None:
    wanted = client.validated(order(amounts={"tip": 1.0}))
    later(86_400)
    assert client.place(wanted).json["amounts"]["total"] == 3.75


def test_an_expired_token_is_worth_no_tolerance(
    make_client: Callable[..., WebhookClient], later: Callable[[float], None]
) -> None:
    dearer = {"taxed": False}

    def quote(store: Any, wanted: Any) -> Any:
        amounts = wanted.amounts
        return type(amounts).of(amounts.sub_total, taxes=amounts.sub_total * 0 + (1 if dearer["taxed"] else 0))

    lenient = make_client(**scripted_pos(quote=quote), price_policy="pos", price_tolerance="1.00")
    wanted, again = lenient.validated(order()), lenient.validated(order())
    dearer["taxed"] = True
    assert lenient.place(wanted).json["amounts"]["total"] == 3.75  # still fresh: within the tolerance
    later(86_400)
    document = expect_problem(lenient.place(again), 400, ErrorCode.ORDER_TOTAL_DIFFERENT)
    assert document["errors"][0]["message"].startswith("The total is 3.75 now, 2.75 was accepted")


def test_a_token_can_be_required(make_client: Callable[..., WebhookClient]) -> None:
    strict = make_client(require_validated_token=True)
    document = expect_problem(strict.place(order(amounts={"total": 2.75})), 400, ErrorCode.INVALID_REQUEST)
    assert "validatedOrderToken is missing" in document["detail"]
    assert strict.place(strict.validated(order())).status_code == 200


# -- what menu and POS do not take -------------------------------------------------------------------------------------

SIZE = {"modifierGroupId": "size", "selectedModifiers": [{"itemId": "large"}]}

REFUSED: dict[str, tuple[dict[str, Any], ErrorCode, list[str | None]]] = {
    "an unknown item": (order("unicorn"), ErrorCode.ITEM_UNAVAILABLE, ["$.cart.lineItems[0]"]),
    "an item sold out": (order("out-of-stock"), ErrorCode.ITEM_UNAVAILABLE, [None]),
    "a required modifier missing": (order("margherita"), ErrorCode.MODIFIER_REQUIRED, ["$.cart.lineItems[0]"]),
    "a foreign modifier": (
        order(line("margherita", modifierGroups=[SIZE | {"selectedModifiers": [{"itemId": "bacon"}]}])),
        ErrorCode.MODIFIER_REQUIRED,
        ["$.cart.lineItems[0].modifierGroups[0].selectedModifiers[0]"],
    ),
    "an empty cart": (
        {**order(), "cart": {"storeId": STORE_ID, "lineItems": []}},
        ErrorCode.CART_EMPTY,
        ["$.cart.lineItems"],
    ),
    "a delivery to nowhere": (
        order(fulfillmentType="DeliveryByMerchant"),
        ErrorCode.ADDRESS_INVALID,
        ["$.deliveryInfo"],
    ),
    "several things": (
        order("unicorn", "cola", "margherita"),
        ErrorCode.ITEM_UNAVAILABLE,
        ["$.cart.lineItems[0]", "$.cart.lineItems[2]"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_order_that_cannot_be_is_told_inline_when_validated_and_as_a_problem_when_placed(
    case: str, client: WebhookClient
) -> None:
    wanted, code, where = REFUSED[case]
    validated = client.validate(wanted)
    assert validated.status_code == 200
    assert validated.json["isValid"] is False
    assert validated.json["errors"][0]["code"] == code
    assert [error.get("jsonPath") for error in validated.json["errors"]] == where
    assert "validatedOrderToken" not in validated.json
    document = expect_problem(client.place(wanted | {"amounts": {"total": 5.0}}), code.kind.status, code)
    assert [error.get("jsonPath") for error in document["errors"]] == where
    assert client.tickets() == []


@pytest.mark.parametrize("path", ["validateOrder", "placeOrder"])
def test_an_unknown_store_is_not_found(path: str, client: WebhookClient) -> None:
    answer = client.deliver(path, {**order(), "cart": UNKNOWN_STORE}, key=str(uuid4()))
    assert "$.cart.storeId" in expect_problem(answer, 404, ErrorCode.STORE_NOT_FOUND)["detail"]


def test_a_closed_store_is_named_before_anything_else(make_client: Callable[..., WebhookClient]) -> None:
    closed = make_client(options={"closed": True})
    assert [error["code"] for error in closed.validate(order()).json["errors"]] == [ErrorCode.STORE_CLOSED]
    expect_problem(closed.place(order(amounts={"total": 2.75})), 400, ErrorCode.STORE_CLOSED)
    both = Refused.all([Refusal(Reason.ITEM_UNAVAILABLE, "gone"), Refusal(Reason.STORE_PAUSED, "too busy")])
    paused = make_client(**scripted_pos(quote=lambda *_: both))
    document = expect_problem(paused.place(order(amounts={"total": 2.75})), 400, ErrorCode.STORE_CLOSED)
    assert len(document["errors"]) == 2


def test_a_changed_total_is_refused_and_explained(client: WebhookClient) -> None:
    document = expect_problem(
        client.place(order("salad", amounts={"total": 7.0})), 400, ErrorCode.ORDER_TOTAL_DIFFERENT
    )
    for told in ("7.33", "7.00", "line 1", "Salad", "rounded"):
        assert told in document["detail"]
    assert client.tickets() == []


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_of_a_pos_has_its_code(reason: Reason, make_client: Callable[..., WebhookClient]) -> None:
    saying_no = make_client(**scripted_pos(place_order=lambda *_: Refused(reason, "the POS's own words")))
    document = expect_problem(saying_no.place(order(amounts={"total": 2.75})), reason.code.kind.status, reason.code)
    assert document["detail"] == "the POS's own words"
    assert document["retryable"] is (reason is Reason.PAYMENT_FAILED)
