"""Reading of the placement records, newest first, in pages."""

from __future__ import annotations

import json

import pytest

from webhook_kit.kit import Kit
from webhook_kit.placement import order_search
from webhook_kit.placement.claims import AttemptOutcome, Claim
from webhook_kit.placement.order_search import FoundOrder
from webhook_kit.storage.clock import redis_time

PROBLEM = {
    "errorCode": "ITEM_UNAVAILABLE",
    "detail": "Cola is sold out.",
    "errors": [{"code": "ITEM_UNAVAILABLE", "message": "Cola is sold out.", "itemId": "cola", "jsonPath": "$.cart"}],
}


def claim(kit: Kit, name: str, store: str = "main") -> Claim:
    result = kit.placement_store.claim(key=f"k-{name}", gett_id=name, store_id=store, fingerprint="f")
    assert isinstance(result, Claim)
    return result


def place(kit: Kit, name: str, ticket: str, store: str = "main") -> None:
    kit.placement_store.settle(
        claim(kit, name, store), AttemptOutcome.PLACED, status=200, answer=b"{}", partner_order_id=ticket
    )


def refuse(kit: Kit, name: str, store: str = "main") -> None:
    answer = json.dumps(PROBLEM).encode()
    kit.placement_store.settle(claim(kit, name, store), AttemptOutcome.REFUSED, status=422, answer=answer)


def orders(kit: Kit) -> list[FoundOrder]:
    search = kit.order_search
    return [search.found(ref, record) for page in search.refs() for ref, record in search.records(page)]


def found(kit: Kit) -> list[str]:
    return [order.ref for order in orders(kit)]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_search, "_PAGE", 2)


def test_every_order_is_read_once_newest_first(kit: Kit) -> None:
    place(kit, "a", "T1")
    refuse(kit, "b")
    place(kit, "c", "T1", store="harbour")
    place(kit, "d", "T2")
    kit.placement_store.settle(claim(kit, "e"), AttemptOutcome.IN_DOUBT)
    assert found(kit) == ["e", "d", "c", "b", "a"]
    assert [order.state for order in orders(kit)] == ["in_doubt", "placed", "placed", "refused", "placed"]
    assert [order.store_id for order in orders(kit)] == ["main", "main", "harbour", "main", "main"]
    assert [order.partner_order_id for order in orders(kit)] == ["", "T2", "T1", "", "T1"]
    times = [int((kit.placement_store.find(name) or {})["created"]) / 1000 for name in "edcba"]
    assert [order.created for order in orders(kit)] == times


def test_refusal_has_code_text_and_every_violation(kit: Kit) -> None:
    refuse(kit, "b")
    (order,) = orders(kit)
    assert order.refusal is not None
    assert (order.refusal.code, order.refusal.detail) == ("ITEM_UNAVAILABLE", "Cola is sold out.")
    assert order.refusal.violations[0] == PROBLEM["errors"][0]


def test_list_is_trimmed_with_the_records_and_those_in_doubt_stay(kit: Kit) -> None:
    kit.placement_store.settle(claim(kit, "doubt"), AttemptOutcome.IN_DOUBT)
    place(kit, "old", "T1")
    long_ago = int((redis_time(kit.redis) - kit.settings.order_ttl - 1) * 1000)
    kit.redis.delete(kit.keys.order_list, kit.keys.order("old"))
    for number, name in enumerate(("doubt", "old")):
        kit.redis.xadd(kit.keys.order_list, {"ref": name}, id=f"{long_ago}-{number}")
    place(kit, "new", "T2")
    entries = kit.redis.xrange(kit.keys.order_list) or []
    assert [fields for _, fields in entries] == [{b"ref": b"new", b"store": b"main"}]
    assert found(kit) == ["new", "doubt"]


def test_orders_in_the_list_of_an_earlier_version_come_after_the_others(kit: Kit) -> None:
    for name in ("a", "b", "c"):
        place(kit, name, f"T-{name}")
    created = {name: int((kit.placement_store.find(name) or {})["created"]) for name in "abc"}
    kit.redis.delete(kit.keys.order_list)
    kit.redis.zadd(kit.keys.orders, {name: created[name] + n for n, name in enumerate("abc")})
    place(kit, "d", "T-d")
    assert found(kit) == ["d", "c", "b", "a"]


def test_retry_of_an_order_is_listed_once_and_a_lost_record_is_listed_again(kit: Kit) -> None:
    kit.placement_store.settle(claim(kit, "a"), AttemptOutcome.RELEASED)
    place(kit, "a", "T1")
    lost = claim(kit, "b")
    kit.redis.delete(kit.keys.order("b"), kit.keys.order_list)
    kit.placement_store.settle(lost, AttemptOutcome.IN_DOUBT)
    assert found(kit) == ["b"]
    place(kit, "c", "T3")
    assert sorted(found(kit)) == ["b", "c"]
