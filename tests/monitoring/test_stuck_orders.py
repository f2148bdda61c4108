"""The watch: each alert once per order, and an order is taken back at most once."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import uuid4

import pytest
import requests

from webhook_kit.adapter import NotPlaced, Placed, PosAdapter, Store, placement_key
from webhook_kit.errors import GettNotFound
from webhook_kit.gett.models.order import Amounts, Cart, LineItem, PlaceOrderRequest
from webhook_kit.kit import Kit
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.placement.idempotency_store import Claim, SettleResult
from webhook_kit.storage.connection import text
from webhook_kit.testing.bogus import BogusAdapter


class Scripted(BogusAdapter):
    """Fails to cancel as often as the test says."""

    failures: ClassVar[list[Exception]] = []
    asked: ClassVar[list[str]] = []

    def cancel_order(self, store: Store, order: Placed, reason: str) -> None:
        self.asked.append(order.id)
        if self.failures:
            raise self.failures.pop(0)
        super().cancel_order(store, order, reason)


class Unable(BogusAdapter):
    cancel_order = PosAdapter.cancel_order


@pytest.fixture
def make_watched(make_kit: Callable[..., Kit]) -> Callable[..., Kit]:
    Scripted.failures, Scripted.asked = [], []
    return lambda **settings: make_kit(**{"unconfirmed_after": 0.001, "pos_adapter": f"{__name__}:Scripted"} | settings)


def place(kit: Kit, item: str = "pending") -> str:
    """An order that the POS has, by its ref."""
    ref, store = str(uuid4()), next(iter(kit.stores))
    order = PlaceOrderRequest(
        gett_order_id=ref,
        cart=Cart(store_id=store.gett_id, line_items=[LineItem(item_id=item)]),
        fulfillment_type="Pickup",
        amounts=Amounts(),
    )
    claim = kit.placement_store.claim(key=ref, gett_id=ref, store_id=store.id, fingerprint="fp")
    assert isinstance(claim, Claim)
    assert kit.placement_store.record_call(claim, order.to_json())
    ticket = kit.stores.adapter(store).place_order(store, order, placement_key(store, ref))
    assert isinstance(ticket, Placed)
    assert kit.placement.record(claim, order, ticket) is SettleResult.OK
    return ref


def look_later(kit: Kit) -> int:
    """Look when what is there now is a second old."""
    for ref in kit.redis.zrange(kit.keys.unconfirmed, 0, -1):
        kit.redis.zincrby(kit.keys.unconfirmed, -1000, text(ref))
    return kit.stuck_orders.check()


def alerts(kit: Kit) -> dict[str, int]:
    return {text(kind): int(number) for kind, number in kit.redis.hgetall(kit.keys.alert_counts).items()}


def told(kit: Kit, ref: str) -> list[dict[str, Any]]:
    return [update["body"] for update in kit.lanes.waiting(lane_name(Kind.ORDER, ref))]


def pos_says(kit: Kit) -> list[str | None]:
    store = next(iter(kit.stores))
    return [order.state for order in BogusAdapter().orders_since(store, datetime.fromtimestamp(0, UTC))]


# -- alerts ------------------------------------------------------------------------------------------------------------


def test_an_order_that_nobody_confirms_is_one_alert(
    make_watched: Callable[..., Kit], events: list[MutableMapping[str, Any]]
) -> None:
    kit = make_watched()
    ref = place(kit)
    assert look_later(kit) == 1
    assert look_later(kit) == 0
    assert kit.stuck_orders.check() == Kit(kit.settings).stuck_orders.check() == 0, "no process tells it again"
    assert [event["order"] for event in events if event["event"] == "order not confirmed"] == [ref]
    assert alerts(kit) == {"order not confirmed": 1}
    (incident,) = kit.placement_store.incidents()
    assert (incident["kind"], incident["order"]) == ("order not confirmed", ref)
    assert told(kit, ref) == [], "by default a person decides"


def test_an_order_that_is_confirmed_or_still_young_is_none(make_watched: Callable[..., Kit]) -> None:
    kit = make_watched(unconfirmed_after=60)
    place(kit)
    kit.order_updates.progress(place(kit), "confirmed")
    place(kit, "cola")
    assert look_later(kit) == 0
    kit = make_watched()
    kit.order_updates.progress(place(kit), "preparing")
    assert look_later(kit) == 0


def test_an_order_that_nobody_ever_confirms_is_forgotten_with_its_record(make_watched: Callable[..., Kit]) -> None:
    kit = make_watched()
    ref = place(kit)
    look_later(kit)
    kit.redis.zadd(kit.keys.unconfirmed, {ref: 1})
    assert kit.stuck_orders.check() == 0
    assert kit.redis.exists(kit.keys.unconfirmed) == 0


def test_an_order_that_gett_does_not_know_is_one_alert(make_watched: Callable[..., Kit]) -> None:
    kit = make_watched()
    ref, other = place(kit, "cola"), place(kit, "salad")
    for lease in kit.lanes.lease(2, 60_000).leases:
        gone = lease.lane == lane_name(Kind.ORDER, ref)
        kit.lanes.dead_letter(lease, str(GettNotFound("no such order")) if gone else "no", 404 if gone else 422)
    kit.store_status.pause("main", "too_busy")
    (lease,) = kit.lanes.lease(1, 60_000).leases
    kit.lanes.dead_letter(lease, "no such store", 404)
    assert kit.stuck_orders.check() == 1
    assert kit.stuck_orders.check() == Kit(kit.settings).stuck_orders.check() == 0
    (incident,) = kit.placement_store.incidents()
    assert (incident["kind"], incident["order"]) == ("ticket unknown to Gett", ref)
    assert "no such order" in incident["why"]
    assert other != ref


def test_a_second_ticket_is_one_alert_and_no_second_incident(
    make_watched: Callable[..., Kit], events: list[MutableMapping[str, Any]]
) -> None:
    kit = make_watched()
    ref = place(kit, "cola")
    claim = Claim(ref, ref, ref, "main", "fp", "somebody else")
    order = PlaceOrderRequest(cart=Cart(store_id="s", line_items=[LineItem(item_id="cola")]), fulfillment_type="Pickup")
    assert kit.placement.record(claim, order, Placed("second")) is SettleResult.DUPLICATE
    assert [kit.stuck_orders.check(), kit.stuck_orders.check()] == [1, 0]
    (alert,) = (event for event in events if event["event"] == "duplicate ticket")
    assert alert["order"] == ref
    assert alert["why"].endswith("reported as second")
    assert len(kit.placement_store.incidents()) == 1


def test_many_processes_give_one_alert(make_watched: Callable[..., Kit]) -> None:
    kit = make_watched(cancel_unconfirmed=True)
    refs = {place(kit) for _ in range(5)}
    for ref in refs:
        kit.redis.zincrby(kit.keys.unconfirmed, -1000, ref)
    with ThreadPoolExecutor(4) as threads:
        given = [look.result() for look in [threads.submit(Kit(kit.settings).stuck_orders.check) for _ in range(4)]]
    assert sum(given) == 5
    assert len(Scripted.asked) == len(set(Scripted.asked)) == 5
    assert len(kit.placement_store.incidents()) == 5


# -- taking an order back ----------------------------------------------------------------------------------------------


def test_by_policy_it_is_cancelled_at_the_pos_and_then_at_gett(make_watched: Callable[..., Kit]) -> None:
    kit = make_watched(cancel_unconfirmed=True)
    ref = place(kit)
    assert look_later(kit) == 1
    assert pos_says(kit) == ["cancelled"]
    (body,) = told(kit, ref)
    assert body["state"] == "cancelled"
    assert body["cancelReason"]
    assert look_later(kit) == 0
    assert len(Scripted.asked) == 1


@pytest.mark.parametrize("failure", [requests.exceptions.ReadTimeout("slow"), RuntimeError("a bug")])
def test_a_cancellation_in_doubt_is_a_persons_and_never_repeated(
    failure: Exception, make_watched: Callable[..., Kit]
) -> None:
    kit = make_watched(cancel_unconfirmed=True)
    ref = place(kit)
    Scripted.failures.append(failure)
    assert look_later(kit) == 2
    assert look_later(kit) == 0
    assert len(Scripted.asked) == 1
    assert told(kit, ref) == [], "the kitchen may be cooking"
    assert alerts(kit) == {"order not confirmed": 1, "unconfirmed order not cancelled": 1}


def test_a_pos_that_was_not_reached_is_asked_again(make_watched: Callable[..., Kit]) -> None:
    kit = make_watched(cancel_unconfirmed=True)
    ref = place(kit)
    Scripted.failures.append(NotPlaced("connection refused"))
    assert look_later(kit) == 1
    assert told(kit, ref) == []
    assert look_later(kit) == 0
    assert pos_says(kit) == ["cancelled"]
    assert [body["state"] for body in told(kit, ref)] == ["cancelled"]


def test_whoever_cancelled_at_the_pos_and_died_is_finished_for(
    make_watched: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = make_watched(cancel_unconfirmed=True)
    ref = place(kit)
    with monkeypatch.context() as dying:
        dying.setattr(kit.order_updates, "cancel", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            look_later(kit)
    assert told(kit, ref) == []
    look_later(kit)
    assert [body["state"] for body in told(kit, ref)] == ["cancelled"]
    assert len(Scripted.asked) == 1


def test_a_pos_that_cannot_cancel_leaves_it_to_a_person(make_watched: Callable[..., Kit]) -> None:
    kit = make_watched(cancel_unconfirmed=True, pos_adapter=f"{__name__}:Unable")
    ref = place(kit)
    assert look_later(kit) == 2
    assert told(kit, ref) == []
    assert "cannot cancel" in kit.placement_store.incidents()[0]["why"]
