"""List of orders: every condition, pages without gaps, and a bounded number of records that a page reads."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from webhook_kit.errors import InvalidArgument
from webhook_kit.kit import Kit
from webhook_kit.operations import order_list
from webhook_kit.operations.order_list import OrderFilter, list_orders
from webhook_kit.placement.claims import AttemptOutcome, Claim
from webhook_kit.placement.order_search import PlacementState


def claim(kit: Kit, name: str, store: str = "main", *, calling: bool = False) -> Claim:
    order = b"{}" if calling else None
    result = kit.placement_store.claim(
        key=f"k-{name}", gett_id=name, store_id=store, fingerprint="f", priced_order=order
    )
    assert isinstance(result, Claim)
    return result


def place(kit: Kit, name: str, store: str = "main", update: str = '{"status":"confirmed"}') -> None:
    kit.placement_store.settle(
        claim(kit, name, store),
        AttemptOutcome.PLACED,
        status=200,
        answer=b"{}",
        partner_order_id=f"T-{name}",
        update=update,
    )


def refuse(kit: Kit, name: str, code: str, store: str = "main") -> None:
    answer = json.dumps({"errorCode": code, "detail": "no"}, separators=(",", ":")).encode()
    kit.placement_store.settle(claim(kit, name, store), AttemptOutcome.REFUSED, status=422, answer=answer)


def pages(kit: Kit, size: int = 50, **condition: object) -> list[str]:
    """Return the orderRefs of all pages."""
    refs: list[str] = []
    cursor, more = None, True
    while more:
        page = list_orders(kit, OrderFilter(**condition), cursor=cursor, size=size)  # type: ignore[arg-type]
        assert len(page.orders) <= size
        refs += [order.ref for order in page.orders]
        cursor, more = page.cursor, page.cursor is not None
    return refs


@pytest.mark.parametrize("size", [1, 2, 50])
def test_orders_are_listed_by_every_condition_newest_first(kit: Kit, size: int) -> None:
    place(kit, "a")
    refuse(kit, "b", "ITEM_UNAVAILABLE")
    place(kit, "c", "harbour")
    place(kit, "d", update="")
    refuse(kit, "e", "STORE_CLOSED", "harbour")
    kit.placement_store.settle(claim(kit, "f"), AttemptOutcome.IN_DOUBT)
    claim(kit, "g", calling=True)
    assert pages(kit, size) == list("gfedcba")
    assert pages(kit, size, store_id="harbour") == ["e", "c"]
    assert pages(kit, size, state=PlacementState.PLACED) == ["d", "c", "a"]
    assert pages(kit, size, pos_number="T-c") == ["c"]
    assert pages(kit, size, state=PlacementState.REFUSED) == ["e", "b"]
    assert pages(kit, size, refusal_code="ITEM_UNAVAILABLE") == ["b"]
    assert pages(kit, size, refusal_code="STORE_CLOSED", store_id="main") == []
    assert pages(kit, size, unconfirmed=True) == ["d"]
    assert pages(kit, size, state=PlacementState.IN_DOUBT) == ["f"]
    assert pages(kit, size, state=PlacementState.CALLING) == ["g"]
    now = datetime.now(UTC)
    assert pages(kit, size, since=now + timedelta(hours=1)) == pages(kit, size, until=now - timedelta(hours=1)) == []
    assert pages(kit, size, since=now - timedelta(hours=1), until=now + timedelta(hours=1)) == list("gfedcba")


def test_an_order_whose_call_has_outlived_its_lease_is_listed_as_in_doubt(kit: Kit) -> None:
    claim(kit, "a", calling=True)
    claim(kit, "b", calling=True)
    kit.redis.hset(kit.keys.order("a"), "lease", 1)
    assert pages(kit, state=PlacementState.IN_DOUBT) == ["a"]
    assert pages(kit, state=PlacementState.CALLING) == ["b"]
    assert [(order.ref, order.state) for order in list_orders(kit, OrderFilter()).orders] == [
        ("b", "calling"),
        ("a", "in_doubt"),
    ]


def test_archived_and_refused_orders_are_found_alike(kit: Kit) -> None:
    refuse(kit, "b", "ITEM_UNAVAILABLE")
    kit.order_archive.archive_resting(-1)
    (order,) = list_orders(kit, OrderFilter(refusal_code="ITEM_UNAVAILABLE")).orders
    assert order.refusal is not None
    assert order.refusal.code == "ITEM_UNAVAILABLE"


def test_a_page_reads_a_bounded_number_of_records(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_list, "_RECORDS", 4)
    monkeypatch.setattr(order_list, "_BATCH", 2)
    for number in range(9):
        place(kit, f"o{number}")
    page = list_orders(kit, OrderFilter(pos_number="T-o0"))
    assert page.orders == ()
    assert page.cursor is not None
    assert pages(kit, pos_number="T-o0") == ["o0"]


def test_orders_of_other_stores_cost_no_record(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_list, "_RECORDS", 2)
    place(kit, "a", "harbour")
    for number in range(9):
        place(kit, f"o{number}")
    page = list_orders(kit, OrderFilter(store_id="harbour"))
    assert [order.ref for order in page.orders] == ["a"]


def test_members_of_one_moment_are_listed_once(kit: Kit) -> None:
    for name in "abc":
        place(kit, name, update="")
    kit.redis.zadd(kit.keys.unconfirmed, dict.fromkeys("abc", 5.0))
    assert pages(kit, 1, unconfirmed=True) == ["c", "b", "a"]


@pytest.mark.parametrize("cursor", ["x", "1", "9" * 40 + "-1", "\ud800", "1-1 \n"])
@pytest.mark.parametrize("condition", [OrderFilter(), OrderFilter(unconfirmed=True)])
def test_a_strange_cursor_is_refused(kit: Kit, cursor: str, condition: OrderFilter) -> None:
    with pytest.raises(InvalidArgument):
        list_orders(kit, condition, cursor=cursor)
