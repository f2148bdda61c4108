"""An order whose Gett id comes later, and servers whose clocks differ."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from tests.scenario.restaurant_env import LEVELS, Order, Shop

every_level = pytest.mark.parametrize("level", LEVELS)

SHIFTED = """
import time

_true = time.time
time.time = lambda: _true() + {seconds}
"""
"""A module that Python imports by itself at start. All that the kit ever compares between two servers is read off
``time.time``: the age of a Timestamp and of a token. (The ledger goes by Redis's own clock.)"""


def nothing_was_sent_for_unknown_orders(shop: Shop, level: str, known: set[str]) -> bool:
    """Whether updates that were due before now all went to orders that Gett knows."""
    later = Order(level, ("cola",))
    shop.assert_placed_once(later, shop.place(later))
    shop.await_confirmation(later)  # what was due before it is sent by now
    sent_to = {update.order_id for update in shop.stack.gett.update_log.updates()}
    return "" not in sent_to and not known & sent_to


@every_level
def test_without_a_gett_id_the_key_names_the_order_until_a_later_webhook_brings_the_id(shop: Shop, level: str) -> None:
    order = Order(level, ("salad",), gett_id="")
    shop.assert_placed_once(order, shop.place(order))
    (ticket,) = shop.tickets(order)
    assert ticket.ref == order.key
    linked = order.again(gett_id=str(uuid4()))
    assert nothing_was_sent_for_unknown_orders(shop, level, {order.key, linked.gett_id})
    assert shop.shown(order)["gettOrderId"] is None

    answer = shop.place(linked, web=1)
    assert (answer.status, answer.body["partnerOrderId"]) == (200, ticket.id)
    shop.await_confirmation(linked)
    assert shop.shown(linked)["orderRef"] == order.key
    assert [found.id for found in shop.tickets(order)] == [ticket.id]
    assert shop.tickets(linked) == []

    # From now on the id finds the order too, whatever the key.
    assert shop.place(linked.again(key=str(uuid4()))).body["partnerOrderId"] == ticket.id


def test_an_id_that_comes_with_the_retry_of_a_lost_reply_is_confirmed_as_well(shop: Shop) -> None:
    order = Order("both", ("reply-lost",), gett_id="")
    assert shop.place(order).status == 503
    linked = order.again(gett_id=str(uuid4()))
    answer = shop.place(linked, web=1)
    assert (answer.status, answer.body["partnerOrderId"]) == (200, shop.ticket(order))
    shop.await_confirmation(linked)


def test_a_person_links_an_order_to_its_gett_id(shop: Shop) -> None:
    order = Order("native", ("salad",), gett_id="")
    shop.assert_placed_once(order, shop.place(order))
    linked = order.again(gett_id=str(uuid4()))
    assert nothing_was_sent_for_unknown_orders(shop, "native", {order.key, linked.gett_id})
    shop.cli("order", "link", order.key, linked.gett_id)
    shop.await_confirmation(linked)
    assert shop.shown(linked)["gettOrderId"] == linked.gett_id


def test_an_empty_gett_id_is_never_a_name_that_two_orders_share(shop: Shop) -> None:
    first, second = Order("claim", ("salad",), gett_id=""), Order("claim", ("salad",), gett_id="")
    answers = [shop.place(first), shop.place(second, web=1)]
    for order, answer in zip((first, second), answers, strict=True):
        shop.assert_placed_once(order, answer)


def test_clocks_a_minute_apart_keep_no_order_from_being_placed(tmp_path: Path) -> None:
    clocks = {0: 0, 1: 60, 2: -60}
    with Shop(tmp_path, web=3) as shop:
        for web, seconds in clocks.items():
            if seconds:
                (tmp_path / str(web)).mkdir()
                (tmp_path / str(web) / "sitecustomize.py").write_text(SHIFTED.format(seconds=seconds))
                shop.kill(web)
                shop.start(web, PYTHONPATH=str(tmp_path / str(web)))
        # Their clocks do differ: 270 s are fresh to one and stale to another.
        template = Order("both", ("salad",))
        assert [shop.validate(template, web=web, age=270).status for web in clocks] == [200, 401, 200]
        assert [shop.validate(template, web=web, age=-270).status for web in clocks] == [200, 200, 401]

        for issuer in clocks:
            for placer in clocks:
                order, gett = Order("both", ("salad",)), 60 if issuer < placer else -60
                token = shop.validate(order, web=issuer, age=gett).body["validatedOrderToken"]
                answer = shop.place(order, web=placer, age=gett, validatedOrderToken=token, amounts=None)
                shop.assert_placed_once(order, answer)
