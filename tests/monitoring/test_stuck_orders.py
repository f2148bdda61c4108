"""Stuck orders: each alert is raised once per order, and an order is cancelled at the POS at most once."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.monitoring.stuck_orders import (
    ScriptedAdapter,
    alerts,
    check_later,
    place,
    pos_states,
    updates,
)
from tests.storage.lost_replies import count_replies
from webhook_kit.adapter import NotPlaced, Placed, PosAdapter
from webhook_kit.errors import GettNotFound
from webhook_kit.gett.models.order import Cart, LineItem, PlaceOrderRequest
from webhook_kit.kit import Kit
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.placement.claims import Claim, SettleResult
from webhook_kit.testing.bogus import BogusAdapter


class AdapterWithoutCancel(BogusAdapter):
    cancel_order = PosAdapter.cancel_order


# -- alerts ------------------------------------------------------------------------------------------------------------


def test_unconfirmed_order_raises_one_alert(
    make_monitored_kit: Callable[..., Kit], events: list[MutableMapping[str, Any]]
) -> None:
    kit = make_monitored_kit()
    ref = place(kit)
    assert check_later(kit) == 1
    assert check_later(kit) == 0
    assert kit.stuck_orders.check() == Kit(kit.settings).stuck_orders.check() == 0, "no process raises it again"
    assert [event["order"] for event in events if event.get("kind") == "order_not_confirmed"] == [ref]
    assert alerts(kit) == {"order_not_confirmed": 1}
    (incident,) = kit.placement_store.incidents()
    assert (incident["kind"], incident["order"]) == ("order_not_confirmed", ref)
    assert updates(kit, ref) == [], "by default a person decides"


def test_confirmed_or_recent_order_raises_no_alert(make_monitored_kit: Callable[..., Kit]) -> None:
    kit = make_monitored_kit(unconfirmed_after=60)
    place(kit)
    kit.order_updates.progress(place(kit), "confirmed")
    place(kit, "cola")
    assert check_later(kit) == 0
    kit = make_monitored_kit()
    kit.order_updates.progress(place(kit), "preparing")
    assert check_later(kit) == 0


def test_unconfirmed_order_is_deleted_with_its_record(make_monitored_kit: Callable[..., Kit]) -> None:
    kit = make_monitored_kit()
    ref = place(kit)
    check_later(kit)
    kit.redis.zadd(kit.keys.unconfirmed, {ref: 1})
    assert kit.stuck_orders.check() == 0
    assert kit.redis.exists(kit.keys.unconfirmed) == 0


def age(kit: Kit, *refs: str) -> None:
    """Let unconfirmed orders be older than all that a second check of a process reads again."""
    for ref in refs:
        kit.redis.zincrby(kit.keys.unconfirmed, -120_000, ref)


def test_orders_that_were_reported_are_not_read_again(make_monitored_kit: Callable[..., Kit]) -> None:
    kit = make_monitored_kit(cancel_unconfirmed=True)
    kit.stuck_orders.check()
    replies = count_replies(kit, kit.stuck_orders.check)
    ScriptedAdapter.failures += [RuntimeError("a bug") for _ in range(3)]
    age(kit, *[place(kit) for _ in range(3)])
    for number in range(100):
        kit.redis.lpush(
            kit.keys.incidents, f'{{"kind": "duplicate_ticket", "order": "{number}", "known": "", "reported": ""}}'
        )
    other = Kit(kit.settings)
    assert other.stuck_orders.check() == 3 * 2 + 100
    assert count_replies(other, other.stuck_orders.check) == replies
    age(kit, place(kit))
    assert Kit(kit.settings).stuck_orders.check() == 1


def test_order_unknown_to_gett_raises_one_alert(make_monitored_kit: Callable[..., Kit]) -> None:
    kit = make_monitored_kit()
    ref, other = place(kit, "cola"), place(kit, "salad")
    for lease in kit.lanes.lease(2, 60_000).leases:
        unknown = lease.lane == lane_name(Kind.ORDER, ref)
        kit.lanes.dead_letter(lease, str(GettNotFound("no such order")) if unknown else "no", 404 if unknown else 422)
    kit.store_status.pause("main", "too_busy")
    (lease,) = kit.lanes.lease(1, 60_000).leases
    kit.lanes.dead_letter(lease, "no such store", 404)
    assert kit.stuck_orders.check() == 1
    assert kit.stuck_orders.check() == Kit(kit.settings).stuck_orders.check() == 0
    (incident,) = kit.placement_store.incidents()
    assert (incident["kind"], incident["order"]) == ("order_unknown_at_gett", ref)
    assert "no such order" in incident["why"]
    assert other != ref


def test_second_ticket_raises_one_alert_and_no_second_incident(
    make_monitored_kit: Callable[..., Kit], events: list[MutableMapping[str, Any]]
) -> None:
    kit = make_monitored_kit()
    ref = place(kit, "cola")
    claim = Claim(ref, ref, ref, "main", "fp", "somebody else")
    order = PlaceOrderRequest(cart=Cart(store_id="s", line_items=[LineItem(item_id="cola")]), fulfillment_type="Pickup")
    assert kit.placement.record(claim, order, Placed("second")) is SettleResult.DUPLICATE
    assert [kit.stuck_orders.check(), kit.stuck_orders.check()] == [1, 0]
    (alert,) = (event for event in events if event.get("kind") == "duplicate_ticket")
    assert alert["order"] == ref
    assert alert["why"].endswith("reported as second")
    assert len(kit.placement_store.incidents()) == 1


def test_several_processes_raise_one_alert_per_order(make_monitored_kit: Callable[..., Kit]) -> None:
    kit = make_monitored_kit(cancel_unconfirmed=True)
    refs = {place(kit) for _ in range(5)}
    for ref in refs:
        kit.redis.zincrby(kit.keys.unconfirmed, -1000, ref)
    with ThreadPoolExecutor(4) as threads:
        raised = [check.result() for check in [threads.submit(Kit(kit.settings).stuck_orders.check) for _ in range(4)]]
    assert sum(raised) == 5
    assert len(ScriptedAdapter.cancelled) == len(set(ScriptedAdapter.cancelled)) == 5
    assert len(kit.placement_store.incidents()) == 5


# -- cancellation ------------------------------------------------------------------------------------------------------


def test_unconfirmed_order_is_cancelled_at_the_pos_and_then_at_gett(make_monitored_kit: Callable[..., Kit]) -> None:
    kit = make_monitored_kit(cancel_unconfirmed=True)
    ref = place(kit)
    assert check_later(kit) == 1
    assert pos_states(kit) == ["cancelled"]
    (body,) = updates(kit, ref)
    assert body["state"] == "cancelled"
    assert body["cancelReason"]
    assert check_later(kit) == 0
    assert len(ScriptedAdapter.cancelled) == 1


@pytest.mark.parametrize("failure", [requests.exceptions.ReadTimeout("slow"), RuntimeError("a bug")])
def test_cancellation_in_doubt_raises_an_alert_and_is_not_repeated(
    failure: Exception, make_monitored_kit: Callable[..., Kit]
) -> None:
    kit = make_monitored_kit(cancel_unconfirmed=True)
    ref = place(kit)
    ScriptedAdapter.failures.append(failure)
    assert check_later(kit) == 2
    assert check_later(kit) == 0
    assert len(ScriptedAdapter.cancelled) == 1
    assert updates(kit, ref) == [], "the kitchen may be cooking"
    assert alerts(kit) == {"order_not_confirmed": 1, "order_not_cancelled": 1}


def test_pos_that_was_not_reached_is_called_again(make_monitored_kit: Callable[..., Kit]) -> None:
    kit = make_monitored_kit(cancel_unconfirmed=True)
    ref = place(kit)
    ScriptedAdapter.failures.append(NotPlaced("connection refused"))
    assert check_later(kit) == 1
    assert updates(kit, ref) == []
    assert check_later(kit) == 0
    assert pos_states(kit) == ["cancelled"]
    assert [body["state"] for body in updates(kit, ref)] == ["cancelled"]


def test_pos_that_was_not_reached_for_long_is_called_again(make_monitored_kit: Callable[..., Kit]) -> None:
    kit = make_monitored_kit(cancel_unconfirmed=True)
    late, confirmed = place(kit), place(kit)
    age(kit, late, confirmed)
    ScriptedAdapter.failures += [NotPlaced("connection refused") for _ in range(3)]
    assert kit.stuck_orders.check() == 2
    kit.order_updates.progress(confirmed, "confirmed")
    for _ in range(2):
        assert kit.stuck_orders.check() == 0
    assert [body.get("state") for body in updates(kit, late)] == ["cancelled"]
    assert [body.get("state") for body in updates(kit, confirmed)] == [None]
    assert len(ScriptedAdapter.cancelled) == 4


def test_cancellation_continues_at_gett_after_a_crash(
    make_monitored_kit: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = make_monitored_kit(cancel_unconfirmed=True)
    ref = place(kit)
    with monkeypatch.context() as crash:
        crash.setattr(kit.order_updates, "cancel", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            check_later(kit)
    assert updates(kit, ref) == []
    check_later(kit)
    assert [body["state"] for body in updates(kit, ref)] == ["cancelled"]
    assert len(ScriptedAdapter.cancelled) == 1


def test_adapter_without_cancel_raises_an_alert(make_monitored_kit: Callable[..., Kit]) -> None:
    kit = make_monitored_kit(cancel_unconfirmed=True, pos_adapter=f"{__name__}:AdapterWithoutCancel")
    ref = place(kit)
    assert check_later(kit) == 2
    assert updates(kit, ref) == []
    assert "cannot cancel" in kit.placement_store.incidents()[0]["why"]


# -- failures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["raise_once", "_cancel_once"])
def test_order_that_fails_does_not_stop_the_others(
    method: str, make_monitored_kit: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch, events: list[Any]
) -> None:
    kit = make_monitored_kit(cancel_unconfirmed=True)
    place(kit), place(kit)
    owner: Any = kit.alerts if method == "raise_once" else kit.stuck_orders
    original = getattr(owner, method)

    def fail_once(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(owner, method, original)
        raise TypeError("a bug")

    monkeypatch.setattr(owner, method, fail_once)
    check_later(kit)
    assert [event["event"] for event in events if event["log_level"] == "error"].count("unconfirmed_order_failed") == 1
    assert len(ScriptedAdapter.cancelled) == 1


def test_check_that_fails_does_not_stop_the_others(
    make_monitored_kit: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch, events: list[Any]
) -> None:
    kit = make_monitored_kit()
    kit.redis.lpush(kit.keys.incidents, '{"kind": "duplicate_ticket", "order": "o1", "known": "T1", "reported": "T2"}')
    kit.redis.zadd(kit.keys.dead_letter_times, {"1": 1e15})
    kit.redis.hset(kit.keys.dead_letters, "1", "not JSON")
    assert kit.stuck_orders.check() == 1
    assert "stuck_order_check_failed" in [event["event"] for event in events]


def test_an_order_whose_id_a_newer_order_has_is_not_cancelled(make_monitored_kit: Callable[..., Kit]) -> None:
    kit = make_monitored_kit(cancel_unconfirmed=True)
    yesterday = place(kit, pos_id="12")
    place(kit, "cola", pos_id="12")
    check_later(kit)
    assert ScriptedAdapter.cancelled == []
    assert alerts(kit)["order_not_cancelled"] == 1
    assert "cancelled" not in str(updates(kit, yesterday))


def test_an_id_that_is_used_again_is_an_incident_at_the_placement(
    make_monitored_kit: Callable[..., Kit], events: list[MutableMapping[str, Any]]
) -> None:
    kit = make_monitored_kit()
    yesterday, today = place(kit, "cola", pos_id="12"), place(kit, "cola", pos_id="12")
    for _ in range(2):
        kit.stuck_orders.check()
    assert alerts(kit) == {"pos_order_id_reused": 1}
    (alert,) = (event for event in events if event.get("kind") == "pos_order_id_reused")
    assert (alert["order"], alert["why"]) == (
        today,
        f"the POS's order id 12 belongs to order {yesterday} too; the orderRef decides",
    )
