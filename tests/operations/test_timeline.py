"""Timeline of an order: recorded without customer data, bounded, the same after the order was archived."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from uuid import uuid4

import pytest

from tests.webhooks.webhook_client import WebhookClient, order
from webhook_kit.errors import GettUnavailable
from webhook_kit.kit import Kit
from webhook_kit.operations import orders
from webhook_kit.operations.timeline import TimelineEntry, timeline
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind

CONTACT = {"firstName": "Ada", "lastName": "Quist", "email": "ada@example.com", "phone": "+15550100"}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def place(client: WebhookClient, *items: str, status: int = 200, trace: str = "", **members: object) -> str:
    body = client.validated(order(*items, customer=CONTACT), **members)
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"} if trace else {}
    response = client.place(body, key=f"k-{body['gettOrderId']}", headers=headers)
    assert response.status_code == status, response.text
    return str(body["gettOrderId"])


def retry(client: WebhookClient, ref: str, *items: str, **headers: str) -> int:
    body = client.validated(order(*items, customer=CONTACT), gettOrderId=ref)
    return client.place(body, key=f"k-{ref}", headers=headers).status_code


def events(kit: Kit, ref: str) -> list[str]:
    return [entry.event for entry in timeline(kit, ref)]


def entry_of(kit: Kit, ref: str, event: str) -> TimelineEntry:
    (found,) = [entry for entry in timeline(kit, ref) if entry.event == event]
    return found


def deliver(kit: Kit) -> None:
    while leases := kit.lanes.lease(100, 60_000).leases:
        for lease in leases:
            kit.lanes.acknowledge(lease, 200)


def test_an_order_that_went_well(client: WebhookClient) -> None:
    kit, ref = client.kit, place(client)
    deliver(kit)
    kit.order_updates.complete(ref)
    expected = ["received", "placed", "appended", "sent", "appended"]
    assert events(kit, ref) == expected
    placed = entry_of(kit, ref, "placed")
    facts = orders.find(kit, ref)
    assert facts is not None
    assert placed.details == {"pos_number": facts.pos_number, "accepted": "2.75", "ms": placed.details["ms"]}
    assert isinstance(placed.details["ms"], int)
    assert [entry.details.get("step") for entry in timeline(kit, ref)] == [None, None, "confirmed", None, "completed"]
    assert all(one.at <= other.at for one, other in pairwise(timeline(kit, ref)))
    assert not any(value in repr(timeline(kit, ref)) for value in CONTACT.values())


def test_an_archived_order_shows_the_same(client: WebhookClient) -> None:
    kit, ref = client.kit, place(client)
    assert retry(client, ref) == 200
    kit.order_updates.complete(ref)
    before = timeline(kit, ref)
    deliver(kit)
    assert kit.redis.exists(kit.keys.archive(ref))
    after = timeline(kit, ref)
    assert [entry for entry in after if entry.event != "sent"] == before
    assert kit.redis.exists(kit.keys.archive(ref))


def test_replays_are_counted_in_one_entry(client: WebhookClient) -> None:
    kit, ref = client.kit, place(client)
    for _ in range(3):
        assert retry(client, ref) == 200
    deliver(kit)
    kit.order_updates.complete(ref)
    deliver(kit)
    assert kit.redis.exists(kit.keys.archive(ref))
    assert retry(client, ref) == 200
    assert entry_of(kit, ref, "answer_replayed").count == 4
    facts = orders.find(kit, ref)
    assert facts is not None
    assert facts.replays == 4


def test_a_refusal_has_its_code(client: WebhookClient) -> None:
    ref = place(client, "payment-declined", status=400)
    refused = entry_of(client.kit, ref, "refused")
    assert refused.details["code"] == "PAYMENT_DECLINED"
    assert events(client.kit, ref) == ["received", "refused"]


def test_a_storm_of_retries_pushes_nothing_out(make_client: Callable[..., WebhookClient]) -> None:
    client = make_client(lookup_retry_delay=0.0, options={"time_out": 0})
    ref = place(client, "times-out", status=503)
    for _ in range(3):
        assert retry(client, ref, "times-out") == 503
        client.kit.redis.zadd(client.kit.keys.unsettled, {ref: 0})
        client.kit.placement_recovery.run()
    kinds = events(client.kit, ref)
    assert kinds.count("in_doubt") <= 2  # the first attempt made no look-up
    assert entry_of(client.kit, ref, "looked_up").count == 3
    doubts = [entry for entry in timeline(client.kit, ref) if entry.event == "in_doubt"]
    assert sum(entry.count for entry in doubts) == 4
    assert doubts[0].details["why"] == "ReadTimeout"
    assert doubts[-1].details["looked_up"] == "not found"
    assert doubts[-1].until is not None
    assert doubts[-1].until > doubts[-1].at
    assert client.kit.redis.ttl(client.kit.keys.history(f"order:{ref}")) == -1  # as its record


def test_other_content_of_a_placed_order_is_noted(client: WebhookClient) -> None:
    kit, ref = client.kit, place(client)
    deliver(kit)
    body = client.validated(order("cola", "cola"), gettOrderId=ref)
    assert client.place(body).status_code == 409
    assert entry_of(kit, ref, "other_content").count == 1
    assert kit.redis.ttl(kit.keys.history(f"order:{ref}")) > 0


def test_an_attempt_that_reached_nothing(client: WebhookClient) -> None:
    ref = place(client, "connection-refused", status=503)
    released = entry_of(client.kit, ref, "released")
    assert released.details["why"] == "NotPlaced"
    assert 0 < client.kit.redis.ttl(client.kit.keys.history(f"order:{ref}")) <= client.kit.settings.idempotency_ttl


def test_an_attempt_that_died(client: WebhookClient) -> None:
    kit, ref = client.kit, str(uuid4())
    kit.placement_store.claim(key="another", gett_id=ref, store_id="main", fingerprint="other")
    kit.redis.hset(kit.keys.order(ref), "lease", 1)
    assert retry(client, ref) == 200
    assert events(kit, ref)[:3] == ["received", "abandoned", "placed"]
    assert entry_of(kit, ref, "placed").details["attempt"] == 2


def test_failures_at_gett_have_their_code_and_are_counted(client: WebhookClient) -> None:
    kit, ref = client.kit, place(client)
    for seconds in (0.0, 0.0, 0.0):
        (lease,) = kit.lanes.lease(1, 60_000).leases
        error = GettUnavailable("503: Ada Quist", status=503, code="SERVICE_UNAVAILABLE")
        kit.lanes.postpone(lease, seconds, str(error), charge=True, status=error.status, code=error.code)
    (lease,) = kit.lanes.lease(1, 60_000).leases
    kit.lanes.dead_letter(lease, "422: Ada Quist", 422, "VALIDATION_FAILED")
    postponed, given_up = entry_of(kit, ref, "postponed"), entry_of(kit, ref, "dead_lettered")
    assert (postponed.count, dict(postponed.details)) == (3, {"status": 503, "code": "SERVICE_UNAVAILABLE"})
    assert dict(given_up.details) == {"status": 422, "code": "VALIDATION_FAILED"}
    assert "Ada" not in repr(timeline(kit, ref))


def test_of_too_many_entries_the_first_and_the_newest_stay(make_client: Callable[..., WebhookClient]) -> None:
    client = make_client(gett_writes_per_minute=0)
    kit, ref = client.kit, place(client)
    for number in range(150):
        (lease,) = kit.lanes.lease(1, 60_000).leases
        kit.lanes.postpone(lease, 0.0, f"reason {number}", charge=False)
    kept = kit.lanes.history(lane_name(Kind.ORDER, ref))
    assert len(kept) == 100
    assert kept[0]["event"] == "appended"
    assert kept[-1]["why"] == "reason 149"
    (left_out,) = [entry for entry in kept if entry["event"] == "left_out"]
    assert left_out["count"] == 151 - 99
    assert entry_of(kit, ref, "left_out").count == 52


@pytest.mark.parametrize("ordinary", [True, False])
def test_an_order_is_found_by_its_trace(client: WebhookClient, ordinary: bool) -> None:
    items = () if ordinary else ("connection-refused",)
    ref = place(client, *items, status=200 if ordinary else 503, trace=TRACE)
    found = orders.find_by_trace(client.kit, TRACE)
    assert found is not None
    assert found.ref == ref
    assert orders.find_any(client.kit, TRACE.upper()) == [found]
    other = TRACE[::-1]
    assert orders.find_by_trace(client.kit, other) is None
    retry(client, ref, *items, traceparent=f"00-{other}-00f067aa0ba902b7-01")
    again = orders.find_by_trace(client.kit, other)
    assert again is not None
    assert again.ref == ref
    for key in client.kit.redis.scan_iter(client.kit.keys.traces("*")):
        assert (
            client.kit.settings.idempotency_ttl
            < client.kit.redis.ttl(key)
            <= client.kit.settings.idempotency_ttl + 86_400
        )


def test_nothing_is_found_by_a_trace_id_of_the_kit_itself(client: WebhookClient) -> None:
    place(client)
    assert not list(client.kit.redis.scan_iter(client.kit.keys.traces("*")))


def test_after_redis_was_emptied_nothing_breaks(client: WebhookClient) -> None:
    kit, ref = client.kit, place(client)
    for key in kit.redis.scan_iter(f"{kit.keys.prefix}*"):
        kit.redis.delete(key)
    assert timeline(kit, ref) == []
    assert retry(client, ref) == 200
    assert events(kit, ref) == ["received", "placed", "appended"]
