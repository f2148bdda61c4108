"""Gett's order events: each passed to the handler once, never an older one after a newer one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.webhooks.webhook_client import SECRET, JsonResponse, WebhookClient
from webhook_kit.errors import ConfigurationError
from webhook_kit.gett.models.marketfront import OrderEvent
from webhook_kit.kit import Kit
from webhook_kit.testing.processes import PATIENCE
from webhook_kit.webhooks.order_events import load_handler

RANKED = ["created", "manual_review", "confirmed", "shipped", "fulfilled", "canceled"]

_handled: list[OrderEvent] = []
_actions: list[Callable[[], object]] = []


def handler(event: OrderEvent) -> None:
    """Record the event; stands for a vendor's handler."""
    for action in _actions:
        action()
    _handled.append(event)


def event(status: str, session: str = "cs-1", *refunds: int, kind: str = "order_update") -> dict[str, Any]:
    data = {"type": "order", "checkout_session_id": session, "permalink_url": "https://x.example", "status": status}
    refunded = [{"type": "store_credit", "amount": amount} for amount in refunds]
    return {"type": kind, "data": {**data, "refunds": refunded}}


@pytest.fixture
def gett(make_client: Callable[..., WebhookClient]) -> Iterator[WebhookClient]:
    yield make_client(order_event_handler=f"{__name__}:handler")
    _handled.clear()
    _actions.clear()


def deliver(gett: WebhookClient, body: Any, **signing: Any) -> JsonResponse:
    return gett.deliver("orderEvents", body, **signing)


def outcomes(gett: WebhookClient, *events: dict[str, Any]) -> list[str]:
    return [deliver(gett, event).json["outcome"] for event in events]


def test_event_is_passed_to_the_handler_unchanged(gett: WebhookClient) -> None:
    body = event("created", kind="order_create") | {"unknown": 1}
    assert outcomes(gett, body) == ["handled"]
    assert [handled.to_wire() for handled in _handled] == [body]


def test_duplicate_is_not_handled_again(gett: WebhookClient) -> None:
    reordered = dict(reversed(event("created").items()))
    assert outcomes(gett, event("created"), event("created"), reordered) == ["handled", "duplicate", "duplicate"]


def test_older_status_after_a_newer_one_is_stale(gett: WebhookClient) -> None:
    assert outcomes(gett, event("confirmed"), event("created"), event("confirmed"), event("shipped")) == [
        "handled",
        "stale",
        "duplicate",
        "handled",
    ]


def test_more_refunds_are_newer_and_fewer_are_stale(gett: WebhookClient) -> None:
    events = [event("canceled"), event("canceled", "cs-1", 500), event("canceled", "cs-1", 500, 500), event("canceled")]
    assert outcomes(gett, *events, events[1]) == ["handled", "handled", "handled", "stale", "stale"]


def test_orders_are_independent(gett: WebhookClient) -> None:
    assert outcomes(gett, event("shipped", "a"), event("created", "b")) == ["handled", "handled"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(RANKED), max_size=12))
def test_handler_gets_ascending_statuses_in_any_order_of_delivery(gett: WebhookClient, statuses: list[str]) -> None:
    _handled.clear()
    session = str(uuid4())
    outcomes(gett, *(event(status, session) for status in statuses))
    ranks = [RANKED.index(handled.data.status) for handled in _handled]
    assert ranks == sorted(set(ranks))
    assert not statuses or ranks[-1] == max(RANKED.index(status) for status in statuses)


def test_event_is_delivered_again_after_the_handler_failed(gett: WebhookClient) -> None:
    failing = [True]

    def fail() -> None:
        if failing.pop():
            raise RuntimeError("the database is away: secret-password")

    failing.insert(0, False)
    _actions.append(fail)
    answer = deliver(gett, event("created"))
    assert (answer.status_code, answer.json["errorCode"], answer.headers["Retry-After"]) == (
        503,
        "SERVICE_UNAVAILABLE",
        "30",
    )
    assert "secret" not in answer.text
    assert outcomes(gett, event("created")) == ["handled"]


def test_concurrent_deliveries_are_handled_one_after_the_other(gett: WebhookClient) -> None:
    inside, may_finish = threading.Event(), threading.Event()
    _actions.extend([inside.set, lambda: may_finish.wait(PATIENCE)])
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.extend(outcomes(gett, event("created")))) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert inside.wait(PATIENCE)
    may_finish.set()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["duplicate", "handled"]
    assert len(_handled) == 1


def test_event_that_waits_too_long_is_a_503(make_client: Callable[..., WebhookClient]) -> None:
    gett = make_client(order_event_handler=f"{__name__}:handler", webhook_deadline=0.2, pos_deadline=0.1)
    gett.kit.redis.set(gett.kit.keys.order_event_lock("cs-1"), "another process")
    answer = deliver(gett, event("created"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert not _handled


@pytest.mark.parametrize("body", [b"{", event("eaten"), {"type": "order_create"}, [], event("created", "")])
def test_invalid_event_is_a_problem(gett: WebhookClient, body: Any) -> None:
    answer = deliver(gett, body)
    assert answer.status_code in (400, 422)
    assert answer.mimetype == "application/problem+json"


def test_forged_event_is_rejected(gett: WebhookClient) -> None:
    assert deliver(gett, event("created"), secret="wrong").status_code == 401
    assert gett.post("orderEvents", json.dumps(event("created")).encode(), {}).status_code == 401
    assert not _handled


def test_webhook_does_not_exist_without_a_handler(client: WebhookClient) -> None:
    assert deliver(client, event("created")).status_code == 404
    assert "/orderEvents" not in client.get("/openapi.json").json["paths"]


def test_webhook_is_in_the_openapi_document(gett: WebhookClient) -> None:
    assert "OrderEvent" in str(gett.get("/openapi.json").json["paths"]["/orderEvents"])


def test_missing_handler_is_a_configuration_error_at_the_start(make_kit: Callable[..., Kit]) -> None:
    with pytest.raises(ConfigurationError, match="ORDER_EVENT_HANDLER 'nowhere:at_all'"):
        WebhookClient(make_kit(order_event_handler="nowhere:at_all"))
    with pytest.raises(ConfigurationError, match="is not a function"):
        load_handler(f"{__name__}:RANKED")


def test_every_status_of_the_protocol_has_a_rank(gett: WebhookClient) -> None:
    assert set(outcomes(gett, *(event(status, status) for status in RANKED))) == {"handled"}
    assert len(_handled) == len(RANKED)


def test_unreachable_redis_is_a_503(gett: WebhookClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gett.kit.redis.connection_pool, "connection_kwargs", {"host": "127.0.0.1", "port": 1})
    gett.kit.redis.connection_pool.disconnect()
    gett.kit.redis.connection_pool.reset()
    assert deliver(gett, event("created")).status_code == 503
    assert SECRET not in deliver(gett, event("created")).text
