"""Orders that Redis has lost: found by their orderRef at a POS that cannot list its orders."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any, ClassVar

import pytest

from webhook_kit.adapter import OrderChanged, OrderStatus, Placed, PosAdapter, Store
from webhook_kit.kit import Kit
from webhook_kit.storage.connection import text
from webhook_kit.testing.bogus import BogusAdapter


class AdapterWithoutList(BogusAdapter):
    """A POS with tickets by orderRef, or an error for each look-up."""

    by_ref: ClassVar[dict[str, Any]] = {}
    looked_up: ClassVar[list[str]] = []
    orders_since = PosAdapter.orders_since

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        self.looked_up.append(order_ref)
        ticket = self.by_ref.get(order_ref)
        if isinstance(ticket, Exception):
            raise ticket
        return ticket and Placed(ticket)


class AdapterWithList(AdapterWithoutList):
    orders_since = BogusAdapter.orders_since


@pytest.fixture
def kit(make_kit: Callable[..., Kit], events: list[MutableMapping[str, Any]]) -> Kit:
    AdapterWithoutList.by_ref, AdapterWithoutList.looked_up = {"order-1": "T1"}, []
    AdapterWithList.by_ref, AdapterWithList.looked_up = AdapterWithoutList.by_ref, AdapterWithoutList.looked_up
    return make_kit(pos_adapter=f"{__name__}:AdapterWithoutList")


def report(kit: Kit, *statuses: str, ref: str = "order-1", ticket: str = "T1") -> list[str]:
    """Receive events of the POS for an order that Redis has lost; return their outcomes."""
    store = kit.stores.get("main")
    changes = [OrderChanged("main", ticket, order_ref=ref, status=OrderStatus(status)) for status in statuses]
    return [kit.pos_events._execute(change, store) for change in changes]


def sent(kit: Kit, ref: str = "order-1") -> list[str]:
    return [update["body"]["status"] for update in kit.lanes.waiting(f"order:{ref}")]


def look_up_again(kit: Kit, ref: str = "order-1") -> None:
    kit.redis.delete(kit.keys.interval(f"lost-order:main:{ref}"))


def test_a_lost_order_is_found_by_a_worker_and_its_events_go_on_in_order(kit: Kit) -> None:
    assert report(kit, "preparing", "ready") == ["held", "held"]
    assert AdapterWithoutList.looked_up == [], "a webhook does not wait for the POS"
    assert kit.pos_events.retry_held() == 2
    assert AdapterWithoutList.looked_up == ["order-1"]
    assert sent(kit) == ["ready"], "the earlier status is merged into the later one"
    assert report(kit, "preparing") == ["stale"], "an older status does not follow a newer one"
    assert kit.order_updates.find_by_pos_id("main", "T1") is not None
    assert kit.lanes.state("order:order-1")["gett_id"] == "order-1"


@pytest.mark.parametrize(
    ("ref", "ticket"),
    [("unknown", "T1"), ("order-1", "another ticket"), ("", "T1")],
    ids=["unknown", "other id", "no ref"],
)
def test_an_order_that_the_pos_does_not_confirm_is_left_alone(ref: str, ticket: str, kit: Kit) -> None:
    assert report(kit, "ready", ref=ref, ticket=ticket) == ["held"]
    assert kit.pos_events.retry_held() == 0
    assert sent(kit, ref) == []


def test_a_look_up_that_fails_is_repeated_later(kit: Kit) -> None:
    AdapterWithoutList.by_ref["order-1"] = RuntimeError("the POS is away")
    report(kit, "ready")
    assert kit.pos_events.retry_held() == kit.pos_events.retry_held() == 0
    assert len(AdapterWithoutList.looked_up) == 1, "the POS is not asked every two seconds"
    AdapterWithoutList.by_ref["order-1"] = "T1"
    look_up_again(kit)
    assert kit.pos_events.retry_held() == 1
    assert sent(kit) == ["ready"]


def test_reconciliation_finds_the_orders_of_a_pos_that_lists_them(make_kit: Callable[..., Kit], kit: Kit) -> None:
    kit = make_kit(pos_adapter=f"{__name__}:AdapterWithList")
    report(kit, "ready")
    assert kit.pos_events.retry_held() == 0
    assert AdapterWithList.looked_up == []


def test_an_order_of_another_store_is_not_looked_up(kit: Kit) -> None:
    kit.redis.hset(kit.keys.order("order-1"), mapping={"store": "elsewhere", "state": "placed", "gett_id": "order-1"})
    report(kit, "ready")
    assert kit.pos_events.retry_held() == 0
    assert AdapterWithoutList.looked_up == []
    assert text(kit.redis.hget(kit.keys.order("order-1"), "store")) == "elsewhere"
