"""When the POS or Redis fails: retryable answers, nothing forgotten, nothing told that belongs in the log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.webhooks.scripted_pos import scripted_pos
from tests.webhooks.webhook_client import WebhookClient, expect_problem, order
from webhook_kit.adapter import NotPlaced, Placed, Unsupported
from webhook_kit.gett.models.order import Amounts
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.publishing import last_good as menus
from webhook_kit.testing.processes import PATIENCE, wait_until
from webhook_kit.testing.redis_server import RedisServer

MARK = "secret-of-the-vendor"


def raising(error: BaseException) -> Callable[..., Any]:
    def method(*_: Any) -> Any:
        raise error

    return method


RAISED: list[BaseException] = [
    RuntimeError(MARK),
    KeyError(MARK),
    requests.exceptions.ReadTimeout(MARK),
    RecursionError(MARK),
    SystemExit(MARK),
    KeyboardInterrupt(MARK),
    StopIteration(MARK),
]
NONSENSE: list[Any] = [None, "OK", 1, {}, Placed, Amounts.of]

TOTAL = {"amounts": {"total": 2.75}}


@pytest.mark.parametrize("raised", RAISED, ids=lambda error: type(error).__name__)
def test_whatever_placing_raises_leaves_the_order_in_doubt_and_its_traceback_in_the_log(
    raised: BaseException, make_client: Callable[..., WebhookClient], events: list[MutableMapping[str, Any]]
) -> None:
    client = make_client(**scripted_pos(place_order=raising(raised)))
    key = str(uuid4())
    answer = client.place(order(**TOTAL), key)
    document = expect_problem(answer, 503, ErrorCode.SERVICE_UNAVAILABLE)
    assert document["retryable"] is True
    assert document["retryAfter"] > 0
    assert MARK not in answer.text
    assert "Traceback" not in answer.text
    assert client.state(key) == "in_doubt"
    assert [entry for entry in events if entry.get("exc_info") and entry.get("order") == key]


@pytest.mark.parametrize("nonsense", NONSENSE, ids=repr)
def test_a_placing_that_returns_nonsense_leaves_the_order_in_doubt(
    nonsense: Any, make_client: Callable[..., WebhookClient]
) -> None:
    client = make_client(**scripted_pos(place_order=lambda *_: nonsense))
    key = str(uuid4())
    expect_problem(client.place(order(**TOTAL), key), 503, ErrorCode.SERVICE_UNAVAILABLE)
    assert client.state(key) == "in_doubt"


HOLLOW: dict[str, Callable[[], object]] = {
    "no id": lambda: Placed(""),
    "an id that is a number": lambda: Placed(7),  # type: ignore[arg-type]
    "an id that is null": lambda: Placed(None),  # type: ignore[arg-type]
    "amounts that are none": lambda: Placed("T1", amounts={"total": 1}),  # type: ignore[arg-type]
    "a status that there is not": lambda: Placed("T1", "cooking"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("hollow", HOLLOW)
def test_a_ticket_with_nonsense_in_it_leaves_the_order_in_doubt_too(
    hollow: str, make_client: Callable[..., WebhookClient]
) -> None:
    client = make_client(**scripted_pos(place_order=lambda *_: HOLLOW[hollow]()))
    key = str(uuid4())
    expect_problem(client.place(order(**TOTAL), key), 503, ErrorCode.SERVICE_UNAVAILABLE)
    assert client.state(key) == "in_doubt"


@pytest.mark.parametrize("method", ["quote", "fetch_catalog"])
@pytest.mark.parametrize("raised", RAISED[:3] + RAISED[4:5], ids=lambda error: type(error).__name__)
def test_whatever_else_fails_before_placing_frees_the_order(
    raised: BaseException, method: str, make_client: Callable[..., WebhookClient]
) -> None:
    client = make_client(**scripted_pos(**{method: raising(raised)}))
    key = str(uuid4())
    for answer in (client.validate(order()), client.place(order(**TOTAL), key)):
        assert expect_problem(answer, 503, ErrorCode.SERVICE_UNAVAILABLE)["retryable"] is True
        assert MARK not in answer.text
    assert client.state(key) == "released"


@pytest.mark.parametrize(
    "quoted",
    [
        None,
        "2.75",
        Amounts(),
        Amounts(total=Decimal("2.75")),  # its parts do not sum to it
        Amounts.of(Decimal("2.75"), tip=Decimal(5)),  # the tip is the customer's
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_quote_that_cannot_be_believed_is_an_outage(quoted: Any, make_client: Callable[..., WebhookClient]) -> None:
    client = make_client(**scripted_pos(quote=lambda *_: quoted))
    expect_problem(client.validate(order()), 503, ErrorCode.SERVICE_UNAVAILABLE)


def test_a_quote_not_offered_for_this_store_is_none_however_often(make_client: Callable[..., WebhookClient]) -> None:
    client = make_client(**scripted_pos(quote=raising(Unsupported("quote"))), pos_breaker_failures=2)
    assert [client.validate(order()).status_code for _ in range(5)] == [200] * 5


def test_a_look_up_that_fails_keeps_an_order_in_doubt(make_client: Callable[..., WebhookClient]) -> None:
    broken: dict[str, Any] = {"place_order": raising(requests.exceptions.ConnectionError())}
    settings = scripted_pos(**broken)
    client = make_client(**settings, lookup_retry_delay=0)
    key = str(uuid4())
    expect_problem(client.place(order(**TOTAL), key), 503, ErrorCode.SERVICE_UNAVAILABLE)
    for found in (raising(RuntimeError()), lambda *_: "here", raising(NotPlaced("no connection"))):
        again = make_client(
            **scripted_pos(find_order=found, **broken), key_prefix=client.kit.settings.key_prefix, lookup_retry_delay=0
        )
        expect_problem(again.place(order(**TOTAL), key), 503, ErrorCode.SERVICE_UNAVAILABLE)
        assert client.state(key) == "in_doubt"


def test_a_pos_that_hangs_is_answered_for_in_time_and_its_late_ticket_found(
    make_client: Callable[..., WebhookClient],
) -> None:
    gate = threading.Event()

    def hang(*_: Any) -> Placed:
        gate.wait(PATIENCE)
        return Placed("late")

    client = make_client(**scripted_pos(place_order=hang), pos_deadline=3, webhook_deadline=60)
    wanted, key = client.validated(order()), str(uuid4())
    expect_problem(client.place(wanted, key), 503, ErrorCode.SERVICE_UNAVAILABLE)
    assert client.state(key) == "calling"
    gate.set()
    wait_until(lambda: client.state(key) == "placed")
    assert client.place(wanted, key).json["partnerOrderId"] == "late"


def test_a_pos_out_of_reach_costs_nothing(make_client: Callable[..., WebhookClient]) -> None:
    client = make_client()
    wanted, key = client.validated(order("connection-refused")), str(uuid4())
    expect_problem(client.place(wanted, key), 503, ErrorCode.SERVICE_UNAVAILABLE)
    assert client.state(key) == "released"


def test_an_open_breaker_frees_the_order_and_says_when_to_come_back(make_client: Callable[..., WebhookClient]) -> None:
    client = make_client(**scripted_pos(quote=raising(RuntimeError())), pos_breaker_failures=1, pos_breaker_seconds=60)
    client.validate(order())
    key = str(uuid4())
    document = expect_problem(client.place(order(**TOTAL), key), 503, ErrorCode.SERVICE_UNAVAILABLE)
    assert 50 < document["retryAfter"] <= 60
    assert client.state(key) == "released"


# -- Redis -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


def test_redis_down_harms_no_validation_stops_placing_and_is_recovered_from(
    own_redis: RedisServer, make_client: Callable[..., WebhookClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(menus, "_CACHE_SECONDS", 0.0)
    client = make_client(redis_url=own_redis.url)
    wanted = client.validated(order())
    assert client.get("/readyz").status_code == 200
    own_redis.stop()

    assert client.validate(order()).json["isValid"] is True
    document = expect_problem(client.place(wanted), 503, ErrorCode.SERVICE_UNAVAILABLE)
    assert document["retryable"] is True
    assert document["retryAfter"] > 0
    assert client.tickets() == []
    assert client.get("/healthz").json == {"status": "ok"}
    not_ready = client.get("/readyz")
    assert (not_ready.status_code, not_ready.json["status"]) == (503, "not ready")

    own_redis.start()
    assert client.place(wanted).status_code == 200
    assert client.get("/readyz").json["status"] == "ready"


def test_redis_that_hangs_slows_validation_once_and_not_for_everybody(
    own_redis: RedisServer, make_client: Callable[..., WebhookClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(menus, "_CACHE_SECONDS", 0.0)
    client = make_client(redis_url=own_redis.url, redis_timeout=0.3)
    assert client.validate(order()).status_code == 200
    client.kit.redis.client_pause(60_000)
    started = time.monotonic()
    assert client.validate(order()).status_code == 200
    assert time.monotonic() - started < 50, "Redis hangs for a minute"
    expect_problem(client.place(order(**TOTAL)), 503, ErrorCode.SERVICE_UNAVAILABLE)


def test_a_cold_process_without_redis_and_pos_says_so(
    own_redis: RedisServer, make_client: Callable[..., WebhookClient]
) -> None:
    client = make_client(**scripted_pos(fetch_catalog=raising(RuntimeError())), redis_url=own_redis.url)
    own_redis.stop()
    expect_problem(client.validate(order()), 503, ErrorCode.SERVICE_UNAVAILABLE)


def test_a_ticket_made_while_redis_went_down_is_answered_and_recorded_afterwards(
    own_redis: RedisServer, make_client: Callable[..., WebhookClient]
) -> None:
    def place(*_: Any) -> Placed:
        own_redis.stop()
        return Placed("T1")

    client = make_client(**scripted_pos(place_order=place), redis_url=own_redis.url)
    wanted, key = client.validated(order()), str(uuid4())
    placed = client.place(wanted, key)
    assert (placed.status_code, placed.json["partnerOrderId"]) == (200, "T1")
    own_redis.start()
    wait_until(lambda: client.state(key) == "placed")
    assert client.place(wanted, key).json["partnerOrderId"] == "T1"
