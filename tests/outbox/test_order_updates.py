"""Orders as a POS names them: the orderRef decides, because ticket numbers start again each day."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from webhook_kit.kit import Kit
from webhook_kit.outbox.order_updates import KnownOrder

YESTERDAY, TODAY = "order-of-yesterday", "order-of-today"
NUMBER = "12"


@pytest.fixture
def kit(make_kit: Callable[..., Kit]) -> Kit:
    """A kit in which the POS has used one ticket number for two orders, one after the other."""
    kit = make_kit()
    for ref in (YESTERDAY, TODAY):
        kit.redis.hset(kit.keys.order(ref), mapping={"store": "main", "gett_id": ref, "state": "placed"})
        kit.redis.set(kit.keys.pos_order("main", NUMBER), ref)
    return kit


def alerts(kit: Kit) -> list[tuple[str, str]]:
    return [(incident["kind"], incident["order"]) for incident in kit.placement_store.incidents()]


def ref_of(order: KnownOrder | None) -> str | None:
    return None if order is None else order.ref


@pytest.mark.parametrize("ref", [YESTERDAY, TODAY])
def test_the_order_ref_decides_and_a_clash_is_an_incident(kit: Kit, ref: str) -> None:
    assert ref_of(kit.order_updates.find_by_pos_reference("main", NUMBER, ref)) == ref
    assert alerts(kit) == ([("pos_order_id_reused", YESTERDAY)] if ref == YESTERDAY else [])


def test_a_clash_is_reported_once(kit: Kit) -> None:
    for _ in range(3):
        kit.order_updates.find_by_pos_reference("main", NUMBER, YESTERDAY)
    assert len(alerts(kit)) == 1


def test_an_unknown_order_ref_is_not_replaced_by_the_number_of_another_order(kit: Kit) -> None:
    assert kit.order_updates.find_by_pos_reference("main", NUMBER, "unknown") is None
    assert alerts(kit) == [("pos_order_id_reused", "unknown")]


def test_without_an_order_ref_the_newest_order_of_the_number_is_meant(kit: Kit) -> None:
    assert ref_of(kit.order_updates.find_by_pos_reference("main", NUMBER, "")) == TODAY
    assert alerts(kit) == []


def test_an_order_of_another_store_is_not_found(kit: Kit) -> None:
    assert kit.order_updates.find_by_pos_reference("elsewhere", "", YESTERDAY) is None


@pytest.mark.parametrize("refs", [(YESTERDAY, TODAY), (TODAY, YESTERDAY)])
def test_after_redis_was_emptied_the_open_order_keeps_the_number(kit: Kit, refs: tuple[str, str]) -> None:
    kit.redis.delete(kit.keys.pos_order("main", NUMBER))
    for ref in refs:
        kit.order_updates.remember_pos_id(KnownOrder(ref, ref, "main"), NUMBER, 60, ended=ref == YESTERDAY)
    assert ref_of(kit.order_updates.find_by_pos_id("main", NUMBER)) == TODAY


def test_the_number_of_a_pos_is_valid_only_in_its_store(kit: Kit) -> None:
    assert ref_of(kit.order_updates.find_by_pos_id("main", NUMBER)) == TODAY
    assert kit.order_updates.find_by_pos_id("elsewhere", NUMBER) is None


@pytest.mark.parametrize("refs", [(YESTERDAY, TODAY), (TODAY, YESTERDAY)])
def test_an_open_order_does_not_take_the_number_of_a_newer_one(kit: Kit, refs: tuple[str, str]) -> None:
    for created, ref in enumerate((YESTERDAY, TODAY)):
        kit.redis.hset(kit.keys.order(ref), "created", created)
    for ref in refs:
        kit.order_updates.remember_pos_id(KnownOrder(ref, ref, "main"), NUMBER, 60, ended=False)
    assert ref_of(kit.order_updates.find_by_pos_id("main", NUMBER)) == TODAY
    assert alerts(kit) == [("pos_order_id_reused", YESTERDAY)]


def test_unconfirmed_orders_of_a_store_are_those_that_its_pos_has(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit()
    records = {
        "here": ("main", "placed"),
        "elsewhere": ("other", "placed"),
        "not-yet": ("main", "calling"),
        "gone": None,
    }
    for ref, record in records.items():
        if record is not None:
            store, state = record
            kit.redis.hset(kit.keys.order(ref), mapping={"store": store, "gett_id": f"g-{ref}", "state": state})
        kit.redis.zadd(kit.keys.unconfirmed, {ref: 2_000})
    kit.redis.hset(kit.keys.order("before"), mapping={"store": "main", "gett_id": "g", "state": "placed"})
    kit.redis.zadd(kit.keys.unconfirmed, {"before": 1_000})
    assert kit.order_updates.unconfirmed("main", 1.5) == [KnownOrder("here", "g-here", "main")]


@pytest.mark.parametrize(
    ("state", "lease", "placing"),
    [
        ("placed", None, False),
        ("released", 9e15, False),
        ("claimed", 1, False),  # all that a loss of Redis has left: no attempt goes on
        ("claimed", 9e15, True),
        ("calling", 1, True),
        ("in_doubt", 1, True),
        ("refused", None, True),
    ],
)
def test_an_attempt_that_may_still_settle_the_record(
    kit: Kit, state: str, lease: float | None, *, placing: bool
) -> None:
    fields: dict[Any, Any] = {"state": state} if lease is None else {"state": state, "lease": f"{lease:.0f}"}
    kit.redis.hset(kit.keys.order(TODAY), mapping=fields)
    order = kit.order_updates.find(TODAY)
    assert order is not None
    assert order.placing is placing
