"""Orders whose Gett id comes later, and servers whose clocks differ."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from tests.scenario.restaurant_env import LEVELS, Order, RestaurantEnv

every_level = pytest.mark.parametrize("level", LEVELS)

SHIFTED = """
import time

_true = time.time
time.time = lambda: _true() + {seconds}
"""
"""A module that Python imports at start. Only ``time.time`` is ever compared between two servers: for the age of a
Timestamp and of a token. (The idempotency store uses Redis's clock.)"""


def nothing_was_sent_for_unknown_orders(restaurant: RestaurantEnv, level: str, known: set[str]) -> bool:
    """Return True if no update that was due before now was sent for an unknown order."""
    later = Order(level, ("cola",))
    restaurant.assert_placed_once(later, restaurant.place(later))
    restaurant.await_confirmation(later)  # everything due before it is sent by now
    sent_to = {update.order_id for update in restaurant.stack.gett.update_log.updates()}
    return "" not in sent_to and not known & sent_to


@every_level
def test_key_names_the_order_until_a_later_webhook_contains_its_gett_id(restaurant: RestaurantEnv, level: str) -> None:
    order = Order(level, ("salad",), gett_id="")
    restaurant.assert_placed_once(order, restaurant.place(order))
    (ticket,) = restaurant.tickets(order)
    assert ticket.ref == order.key
    linked = order.changed(gett_id=str(uuid4()))
    assert nothing_was_sent_for_unknown_orders(restaurant, level, {order.key, linked.gett_id})
    assert restaurant.order_show(order)["gettOrderId"] is None

    response = restaurant.place(linked, web=1)
    assert (response.status, response.body["partnerOrderId"]) == (200, ticket.id)
    restaurant.await_confirmation(linked)
    assert restaurant.order_show(linked)["orderRef"] == order.key
    assert [ticket.id for ticket in restaurant.tickets(order)] == [ticket.id]
    assert restaurant.tickets(linked) == []

    # From now on the id finds the order with every key.
    assert restaurant.place(linked.changed(key=str(uuid4()))).body["partnerOrderId"] == ticket.id


def test_gett_id_in_the_retry_of_a_lost_reply_is_confirmed(restaurant: RestaurantEnv) -> None:
    order = Order("both", ("reply-lost",), gett_id="")
    assert restaurant.place(order).status == 503
    linked = order.changed(gett_id=str(uuid4()))
    response = restaurant.place(linked, web=1)
    assert (response.status, response.body["partnerOrderId"]) == (200, restaurant.ticket(order))
    restaurant.await_confirmation(linked)


def test_order_is_linked_to_its_gett_id_by_hand(restaurant: RestaurantEnv) -> None:
    order = Order("native", ("salad",), gett_id="")
    restaurant.assert_placed_once(order, restaurant.place(order))
    linked = order.changed(gett_id=str(uuid4()))
    assert nothing_was_sent_for_unknown_orders(restaurant, "native", {order.key, linked.gett_id})
    restaurant.cli("order", "link", order.key, linked.gett_id)
    restaurant.await_confirmation(linked)
    assert restaurant.order_show(linked)["gettOrderId"] == linked.gett_id


def test_orders_with_an_empty_gett_id_are_separate(restaurant: RestaurantEnv) -> None:
    first, second = Order("claim", ("salad",), gett_id=""), Order("claim", ("salad",), gett_id="")
    responses = [restaurant.place(first), restaurant.place(second, web=1)]
    for order, response in zip((first, second), responses, strict=True):
        restaurant.assert_placed_once(order, response)


def test_orders_are_placed_while_clocks_are_a_minute_apart(tmp_path: Path) -> None:
    clocks = {0: 0, 1: 60, 2: -60}
    with RestaurantEnv(tmp_path, web=3) as restaurant:
        for web, seconds in clocks.items():
            if seconds:
                (tmp_path / str(web)).mkdir()
                (tmp_path / str(web) / "sitecustomize.py").write_text(SHIFTED.format(seconds=seconds))
                restaurant.kill(web)
                restaurant.start(web, PYTHONPATH=str(tmp_path / str(web)))
        # The clocks do differ: a request of 270 s ago is accepted by one and too old for another.
        template = Order("both", ("salad",))
        assert [restaurant.validate(template, web=web, age=270).status for web in clocks] == [200, 401, 200]
        assert [restaurant.validate(template, web=web, age=-270).status for web in clocks] == [200, 200, 401]

        for issuer in clocks:
            for placer in clocks:
                order, gett = Order("both", ("salad",)), 60 if issuer < placer else -60
                token = restaurant.validate(order, web=issuer, age=gett).body["validatedOrderToken"]
                response = restaurant.place(order, web=placer, age=gett, validatedOrderToken=token, amounts=None)
                restaurant.assert_placed_once(order, response)
