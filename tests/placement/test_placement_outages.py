"""Placement while the POS or Redis fails: every order in doubt, released or recorded later, as the failure demands."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.webhooks.scripted_pos import RAISED, SECRET_TEXT, TOTAL, raising, scripted_pos
from tests.webhooks.webhook_client import WebhookClient, expect_problem, order
from webhook_kit.adapter import NotPlaced, Placed
from webhook_kit.gett.models.order import Amounts
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.testing.processes import PATIENCE, wait_until
from webhook_kit.testing.redis_server import RedisServer

PATIENT = {"pos_deadline": 120, "webhook_deadline": 120}
"""Deadlines under which the POS stops Redis even on a busy machine."""


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.mark.parametrize("raised", RAISED, ids=lambda error: type(error).__name__)
def test_error_of_place_order_leaves_the_order_in_doubt_and_is_logged(
    raised: BaseException, make_client: Callable[..., WebhookClient], events: list[MutableMapping[str, Any]]
) -> None:
    client = make_client(**scripted_pos(place_order=raising(raised)))
    key = str(uuid4())
    response = client.place(order(**TOTAL), key)
    document = expect_problem(response, 503, ErrorCode.SERVICE_UNAVAILABLE)
    assert document["retryable"] is True
    assert document["retryAfter"] > 0
    assert SECRET_TEXT not in response.text
    assert "Traceback" not in response.text
    assert client.state(key) == "in_doubt"
    assert [entry for entry in events if entry.get("exc_info") and entry.get("order") == key]


INVALID_RESULTS: list[Any] = [None, "OK", 1, {}, Placed, Amounts.of]


@pytest.mark.parametrize("result", INVALID_RESULTS, ids=repr)
def test_invalid_result_of_place_order_leaves_the_order_in_doubt(
    result: Any, make_client: Callable[..., WebhookClient]
) -> None:
    client = make_client(**scripted_pos(place_order=lambda *_: result))
    key = str(uuid4())
    expect_problem(client.place(order(**TOTAL), key), 503, ErrorCode.SERVICE_UNAVAILABLE)
    assert client.state(key) == "in_doubt"


INVALID_TICKETS: dict[str, Callable[[], object]] = {
    "no id": lambda: Placed(""),
    "an id that is a number": lambda: Placed(7),  # type: ignore[arg-type]
    "an id that is null": lambda: Placed(None),  # type: ignore[arg-type]
    "amounts that are a dict": lambda: Placed("T1", amounts={"total": 1}),  # type: ignore[arg-type]
    "an unknown status": lambda: Placed("T1", "cooking"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("ticket", INVALID_TICKETS)
def test_invalid_ticket_leaves_the_order_in_doubt(ticket: str, make_client: Callable[..., WebhookClient]) -> None:
    client = make_client(**scripted_pos(place_order=lambda *_: INVALID_TICKETS[ticket]()))
    key = str(uuid4())
    expect_problem(client.place(order(**TOTAL), key), 503, ErrorCode.SERVICE_UNAVAILABLE)
    assert client.state(key) == "in_doubt"


def test_failed_look_up_keeps_the_order_in_doubt(make_client: Callable[..., WebhookClient]) -> None:
    broken: dict[str, Any] = {"place_order": raising(requests.exceptions.ConnectionError())}
    settings = scripted_pos(**broken)
    client = make_client(**settings, lookup_retry_delay=0)
    key = str(uuid4())
    expect_problem(client.place(order(**TOTAL), key), 503, ErrorCode.SERVICE_UNAVAILABLE)
    for find_order in (raising(RuntimeError()), lambda *_: "here", raising(NotPlaced("no connection"))):
        retry = make_client(
            **scripted_pos(find_order=find_order, **broken),
            key_prefix=client.kit.settings.key_prefix,
            lookup_retry_delay=0,
        )
        expect_problem(retry.place(order(**TOTAL), key), 503, ErrorCode.SERVICE_UNAVAILABLE)
        assert client.state(key) == "in_doubt"


def test_hanging_pos_is_answered_in_time_and_its_late_ticket_is_recorded(
    make_client: Callable[..., WebhookClient],
) -> None:
    release = threading.Event()

    def hang(*_: Any) -> Placed:
        release.wait(PATIENCE)
        return Placed("late")

    client = make_client(**scripted_pos(place_order=hang), pos_deadline=3, webhook_deadline=60)
    body, key = client.validated(order()), str(uuid4())
    expect_problem(client.place(body, key), 503, ErrorCode.SERVICE_UNAVAILABLE)
    assert client.state(key) == "calling"
    release.set()
    wait_until(lambda: client.state(key) == "placed")
    assert client.place(body, key).json["partnerOrderId"] == "late"


def test_refused_connection_releases_the_order(make_client: Callable[..., WebhookClient]) -> None:
    client = make_client()
    body, key = client.validated(order("connection-refused")), str(uuid4())
    expect_problem(client.place(body, key), 503, ErrorCode.SERVICE_UNAVAILABLE)
    assert client.state(key) == "released"


def test_ticket_is_answered_while_redis_is_down_and_recorded_afterwards(
    own_redis: RedisServer, make_client: Callable[..., WebhookClient]
) -> None:
    def place(*_: Any) -> Placed:
        own_redis.stop()
        return Placed("T1")

    client = make_client(**scripted_pos(place_order=place), redis_url=own_redis.url, **PATIENT)
    body, key = client.validated(order()), str(uuid4())
    placed = client.place(body, key)
    assert (placed.status_code, placed.json["partnerOrderId"]) == (200, "T1")
    own_redis.start()
    wait_until(lambda: client.state(key) == "placed")
    assert client.place(body, key).json["partnerOrderId"] == "T1"
