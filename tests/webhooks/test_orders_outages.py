"""Outages of POS and Redis before an order is placed: retryable responses without details."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from tests.storage.fail_over import FailOver
from tests.webhooks.scripted_pos import RAISED, SECRET_TEXT, TOTAL, raising, scripted_pos
from tests.webhooks.webhook_client import WebhookClient, expect_problem, order
from webhook_kit.adapter import Unsupported
from webhook_kit.gett.models.order import Amounts
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.publishing import last_good
from webhook_kit.testing.redis_server import RedisServer


@pytest.mark.parametrize("method", ["quote", "fetch_catalog"])
@pytest.mark.parametrize("raised", RAISED[:3] + RAISED[4:5], ids=lambda error: type(error).__name__)
def test_failure_before_the_call_releases_the_order(
    raised: BaseException, method: str, make_client: Callable[..., WebhookClient]
) -> None:
    client = make_client(**scripted_pos(**{method: raising(raised)}))
    key = str(uuid4())
    for response in (client.validate(order()), client.place(order(**TOTAL), key)):
        assert expect_problem(response, 503, ErrorCode.SERVICE_UNAVAILABLE)["retryable"] is True
        assert SECRET_TEXT not in response.text
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
def test_unusable_quote_is_answered_503(quoted: Any, make_client: Callable[..., WebhookClient]) -> None:
    client = make_client(**scripted_pos(quote=lambda *_: quoted))
    expect_problem(client.validate(order()), 503, ErrorCode.SERVICE_UNAVAILABLE)


def test_unsupported_quote_opens_no_circuit_breaker(make_client: Callable[..., WebhookClient]) -> None:
    client = make_client(**scripted_pos(quote=raising(Unsupported("quote"))), pos_breaker_failures=2)
    assert [client.validate(order()).status_code for _ in range(5)] == [200] * 5


def test_open_circuit_breaker_releases_the_order_and_sets_retry_after(
    make_client: Callable[..., WebhookClient],
) -> None:
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


def test_validation_works_while_redis_is_down_and_placing_recovers_afterwards(
    own_redis: RedisServer, make_client: Callable[..., WebhookClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_good, "_CACHE_SECONDS", 0.0)
    client = make_client(redis_url=own_redis.url)
    body = client.validated(order())
    assert client.get("/readyz").status_code == 200
    own_redis.stop()

    assert client.validate(order()).json["isValid"] is True
    document = expect_problem(client.place(body), 503, ErrorCode.SERVICE_UNAVAILABLE)
    assert document["retryable"] is True
    assert document["retryAfter"] > 0
    assert client.tickets() == []
    assert client.get("/healthz").json == {"status": "ok"}
    not_ready = client.get("/readyz")
    assert (not_ready.status_code, not_ready.json["status"]) == (503, "not ready")

    own_redis.start()
    assert client.place(body).status_code == 200
    assert client.get("/readyz").json["status"] == "ready"


def test_after_a_fail_over_orders_are_placed_and_the_process_is_ready(
    make_client: Callable[..., WebhookClient],
) -> None:
    with FailOver() as fail_over:
        client = make_client(redis_url=fail_over.url)
        with ThreadPoolExecutor(8) as threads:
            placed = list(threads.map(lambda _: client.place(order(**TOTAL, nonce=str(uuid4()))).status_code, range(8)))
            assert placed == [200] * 8
            fail_over()
            placed = list(threads.map(lambda _: client.place(order(**TOTAL, nonce=str(uuid4()))).status_code, range(8)))
        assert placed == [200] * 8
        assert client.get("/readyz").status_code == 200


def test_hanging_redis_delays_validation_only_a_little(
    own_redis: RedisServer, make_client: Callable[..., WebhookClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_good, "_CACHE_SECONDS", 0.0)
    client = make_client(redis_url=own_redis.url, redis_timeout=0.3)
    assert client.validate(order()).status_code == 200
    client.kit.redis.client_pause(60_000)
    started = time.monotonic()
    assert client.validate(order()).status_code == 200
    assert time.monotonic() - started < 50, "Redis hangs for a minute"
    expect_problem(client.place(order(**TOTAL)), 503, ErrorCode.SERVICE_UNAVAILABLE)


def test_new_process_without_redis_and_pos_answers_503(
    own_redis: RedisServer, make_client: Callable[..., WebhookClient]
) -> None:
    client = make_client(**scripted_pos(fetch_catalog=raising(RuntimeError())), redis_url=own_redis.url)
    own_redis.stop()
    expect_problem(client.validate(order()), 503, ErrorCode.SERVICE_UNAVAILABLE)
