"""The first update of an order: sent exactly for what the POS accepted, and lost by no death of a worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from tests.scenario.restaurant_env import FINDS, KEYS, LEVELS, Order, Shop, together
from webhook_kit.testing.processes import wait_until


@pytest.fixture
def courier(tmp_path: Path) -> Iterator[Shop]:
    """A shop whose worker and whose Gett a test may treat as it likes; what a killed worker was sending is due again soon."""
    with Shop(tmp_path, env={"GETT_CONNECT_TIMEOUT": "1", "GETT_READ_TIMEOUT": "3"}, worker=True) as shop:
        yield shop


def test_what_the_pos_accepted_is_confirmed_once_and_what_it_holds_pending_is_not(shop: Shop) -> None:
    pending = [Order(level, ("pending",)) for level in LEVELS]
    accepted = [Order(level, ("salad",)) for level in LEVELS]
    for order in pending + accepted:
        shop.assert_placed_once(order, shop.place(order))
        shop.assert_placed_once(order, shop.place(order, web=1))  # replayed: nothing more is said
    for order in accepted:
        shop.await_confirmation(order)
        (update,) = shop.stack.gett.update_log.updates(order.gett_id)
        assert update.body == {"status": "confirmed"}
    assert [shop.confirmations(order) for order in pending] == [[]] * len(pending)


def test_an_order_in_doubt_that_the_worker_finds_is_confirmed_without_gett_asking_again(shop: Shop) -> None:
    found = [Order(level, ("reply-lost",)) for level in FINDS]
    nobody_can_tell = Order("claim", ("reply-lost",))
    for order in [*found, nobody_can_tell]:
        assert shop.place(order).status == 503
    for order in found:
        shop.await_confirmation(order)
        assert shop.state(order) == "placed"
        shop.assert_placed_once(order, shop.place(order))  # and when Gett asks after all, it is told
    assert shop.state(nobody_can_tell) == "in_doubt"
    assert shop.confirmations(nobody_can_tell) == []


def test_confirmations_survive_a_worker_that_is_killed_again_and_again_while_gett_fails(courier: Shop) -> None:
    shop, gett = courier, courier.stack.gett.update_log
    orders = [Order(level, ("salad",)) for level in LEVELS] + [Order("native", ("cola",)) for _ in range(3)]
    gett.fail_with(503, 429, 404, 503, 503, 404, 429, 503, 404, 503)
    heard = 0
    for n in range(4):
        for order in orders[2 * n : 2 * n + 2]:
            shop.assert_placed_once(order, shop.place(order))
        # Killed the moment it has sent something, whatever it was about to do next.
        wait_until(lambda heard=heard: len(gett.updates()) > heard, message="the worker to send something")  # type: ignore[misc]
        shop.stack.worker.kill()
        heard = len(gett.updates())
        shop.stack.worker.start()
    for order in orders:
        shop.await_confirmation(order)
    assert shop.redis.hlen(KEYS.dead_letters) == 0
    wait_until(lambda: not waiting(shop), message="nothing to be left waiting")


def test_an_order_too_young_for_gett_to_know_is_confirmed_in_the_end(courier: Shop) -> None:
    courier.stack.gett.update_log.fail_with(404, 409, 404)
    order = Order("both", ("salad",))
    courier.assert_placed_once(order, courier.place(order))
    courier.await_confirmation(order)
    assert courier.confirmations(order) == [404, 409, 404, 202]


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_gett_refuses_costs_no_update(courier: Shop, status: int) -> None:
    shop = courier
    shop.stack.gett.update_log.fail_with(*[status] * 100)
    orders = [Order(level, ("salad",)) for level in LEVELS]
    together(shop.place, orders)
    # The first that is refused stops them all: nothing else is sent.
    wait_until(lambda: shop.redis.exists(KEYS.halt), message="sending to be halted")
    assert {answer for order in orders for answer in shop.confirmations(order)} == {status}
    assert shop.redis.hlen(KEYS.dead_letters) == 0
    wait_until(lambda: len(waiting(shop)) == len(orders), message="every update to be kept")
    shop.stack.gett.update_log.clear_faults()
    # One send a minute finds out whether the key is right again. Its moment is brought forward here; nothing else of it is.
    wait_until(lambda: probe(shop) or not waiting(shop), message="every confirmation to be sent")
    for order in orders:
        shop.await_confirmation(order)


def probe(shop: Shop) -> bool:
    shop.redis.hset(KEYS.sending, "probe_at", 0)
    return False


def waiting(shop: Shop) -> list[bytes]:
    """The lanes with something to send."""
    sets = [cast(list[bytes], shop.redis.zrange(key, 0, -1)) for key in (KEYS.ready, KEYS.delayed)]
    return [lane for found in sets for lane in found]
