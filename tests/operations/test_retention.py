"""Dead letters, incidents and contact data end after the time that is set."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, MutableMapping
from typing import Any
from uuid import uuid4

import pytest

from tests.operations.test_forget import EMAIL, everything, with_contact
from tests.webhooks.webhook_client import WebhookClient
from webhook_kit.kit import Kit
from webhook_kit.operations import forget, retention
from webhook_kit.placement.claims import AttemptOutcome, Claim

MakeClient = Callable[..., WebhookClient]


@pytest.fixture(autouse=True)
def _quiet(events: list[MutableMapping[str, Any]]) -> list[MutableMapping[str, Any]]:
    return events


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let the retention see the clock of Redis so many seconds later."""
    monkeypatch.setattr(retention, "redis_time", lambda _: time.time() + seconds)


@pytest.fixture
def brief(make_client: MakeClient) -> WebhookClient:
    return make_client(contact_ttl=600, idempotency_ttl=300, dead_letter_ttl=3600, incident_ttl=7200)


def test_contact_data_of_a_settled_order_end_and_a_replay_gets_the_same_ticket(
    brief: WebhookClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit, key = brief.kit, str(uuid4())
    body = brief.validated(with_contact())
    answer = brief.place(body, key).json
    later(monkeypatch, 500)
    assert retention.expire_contact(kit) == 0
    assert answer["customer"]["email"] == EMAIL == brief.place(body, key).json["customer"]["email"]
    later(monkeypatch, 700)
    assert retention.expire_contact(kit) == 1
    assert EMAIL not in everything(kit)
    again = brief.place(body, key).json
    assert (again["partnerOrderId"], again["amounts"]["total"]) == (
        answer["partnerOrderId"],
        answer["amounts"]["total"],
    )
    assert retention.expire_contact(kit) == 0


def test_contact_data_stay_until_the_idempotency_key_ends(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_client(contact_ttl=0)
    client.place(client.validated(with_contact()))
    later(monkeypatch, 80_000)
    assert retention.expire_contact(client.kit) == 0
    later(monkeypatch, 90_000)
    assert retention.expire_contact(client.kit) == 1


def test_archived_order_stays_archived(brief: WebhookClient, monkeypatch: pytest.MonkeyPatch) -> None:
    kit, body = brief.kit, brief.validated(with_contact())
    brief.place(body)
    ref = body["gettOrderId"]
    kit.redis.delete(kit.keys.queue(f"order:{ref}"))
    kit.redis.zadd(kit.keys.resting, {ref: 1})
    assert kit.order_archive.archive_resting() == 1
    before = kit.redis.strlen(kit.keys.archive(ref))
    later(monkeypatch, 700)
    assert retention.expire_contact(kit) == 1
    assert 0 < kit.redis.strlen(kit.keys.archive(ref)) < before
    assert EMAIL not in everything(kit)


def test_order_in_doubt_keeps_its_data_until_it_is_settled(
    brief: WebhookClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = brief.kit
    claim = kit.placement_store.claim(key="k1", gett_id="g1", store_id="main", fingerprint="f")
    assert isinstance(claim, Claim)
    order = json.dumps(with_contact()).encode()
    kit.placement_store.record_call(claim, order)
    kit.placement_store.settle(claim, AttemptOutcome.IN_DOUBT)
    later(monkeypatch, 700)
    for _ in range(2):
        assert retention.expire_contact(kit) == 0
    assert EMAIL in everything(kit)
    kit.placement_store.settle(
        claim, AttemptOutcome.PLACED, status=200, answer=order, partner_order_id="t1", force=True
    )
    assert retention.expire_contact(kit) == 1
    assert EMAIL not in everything(kit)
    assert not kit.redis.exists(kit.keys.contact_waiting)


def test_many_orders_in_doubt_keep_no_other_from_its_turn(
    brief: WebhookClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit, body = brief.kit, brief.validated(with_contact())
    claim = kit.placement_store.claim(key="k1", gett_id="g1", store_id="main", fingerprint="f")
    assert isinstance(claim, Claim)
    kit.placement_store.settle(claim, AttemptOutcome.IN_DOUBT)
    brief.place(body)
    monkeypatch.setattr(retention, "_BATCH", 2)
    later(monkeypatch, 700)
    assert [retention.expire_contact(kit) for _ in range(3)].count(1) == 1
    assert EMAIL not in everything(kit)


def test_damaged_archive_does_not_stop_the_others(
    brief: WebhookClient, monkeypatch: pytest.MonkeyPatch, events: list[MutableMapping[str, Any]]
) -> None:
    kit, bodies = brief.kit, [brief.validated(with_contact()) for _ in range(2)]
    for body in bodies:
        brief.place(body)
    ref = bodies[0]["gettOrderId"]
    kit.redis.delete(kit.keys.order(ref))
    kit.redis.set(kit.keys.archive(ref), b"1 0 damaged")
    later(monkeypatch, 700)
    assert retention.expire_contact(kit) == 1
    assert [event["order"] for event in events if event["event"] == "contact_not_removed"] == [ref]
    assert EMAIL not in everything(kit)


def test_expired_order_is_passed(brief: WebhookClient, monkeypatch: pytest.MonkeyPatch) -> None:
    kit, body = brief.kit, brief.validated(with_contact())
    brief.place(body)
    kit.redis.delete(kit.keys.order(body["gettOrderId"]))
    later(monkeypatch, 700)
    assert retention.expire_contact(kit) == 0
    assert forget.remove_from_answer(kit, body["gettOrderId"]) is False


def test_dead_letters_and_incidents_end(brief: WebhookClient, monkeypatch: pytest.MonkeyPatch) -> None:
    kit, now = brief.kit, time.time() * 1000
    for number, age in ((1, 5000), (2, 10)):
        kit.redis.hset(kit.keys.dead_letters, str(number), "{}")
        kit.redis.zadd(kit.keys.dead_letter_times, {str(number): now - age * 1000})
    for age in (9000, 8000, 10):
        kit.redis.lpush(kit.keys.incidents, json.dumps({"at": now - age * 1000, "kind": "k", "order": "o"}))
    kit.redis.rpush(kit.keys.incidents, "no JSON")
    assert retention.expire_dead_letters(kit) == 1
    assert kit.redis.hkeys(kit.keys.dead_letters) == [b"2"]
    assert retention.expire_incidents(kit) == 3
    assert kit.redis.llen(kit.keys.incidents) == 1
    later(monkeypatch, 100_000)
    assert (retention.expire_dead_letters(kit), retention.expire_incidents(kit)) == (1, 1)
    assert (retention.expire_dead_letters(kit), retention.expire_incidents(kit)) == (0, 0)


def test_workers_expire(kit: Kit) -> None:
    from webhook_kit.schedule import sync_schedule

    names = {task.name for task in sync_schedule(kit, lambda: False)}
    assert {"contact-data", "dead-letters-and-incidents"} <= names
