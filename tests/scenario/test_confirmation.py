"""The first update of an order: sent only for accepted orders, and not lost when a worker is killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from tests.scenario.restaurant_env import KEYS, LEVELS, WITH_LOOK_UP, Order, RestaurantEnv, run_concurrently
from webhook_kit.testing.processes import wait_until


@pytest.fixture
def restaurant_with_worker(tmp_path: Path) -> Iterator[RestaurantEnv]:
    """An environment whose worker and Gett a test may break; updates of a killed worker are due again soon."""
    with RestaurantEnv(
        tmp_path, env={"GETT_CONNECT_TIMEOUT": "1", "GETT_READ_TIMEOUT": "3"}, worker=True
    ) as restaurant:
        yield restaurant


def test_accepted_order_is_confirmed_once_and_pending_order_is_not(restaurant: RestaurantEnv) -> None:
    pending = [Order(level, ("pending",)) for level in LEVELS]
    accepted = [Order(level, ("salad",)) for level in LEVELS]
    for order in pending + accepted:
        restaurant.assert_placed_once(order, restaurant.place(order))
        restaurant.assert_placed_once(order, restaurant.place(order, web=1))  # a replay sends no further update
    for order in accepted:
        restaurant.await_confirmation(order)
        (update,) = restaurant.stack.gett.update_log.updates(order.gett_id)
        assert update.body == {"status": "confirmed"}
    assert [restaurant.confirmations(order) for order in pending] == [[]] * len(pending)


def test_order_in_doubt_is_confirmed_when_the_worker_finds_its_ticket(restaurant: RestaurantEnv) -> None:
    findable = [Order(level, ("reply-lost",)) for level in WITH_LOOK_UP]
    undecidable = Order("claim", ("reply-lost",))
    for order in [*findable, undecidable]:
        assert restaurant.place(order).status == 503
    for order in findable:
        restaurant.await_confirmation(order)
        assert restaurant.state(order) == "placed"
        restaurant.assert_placed_once(order, restaurant.place(order))  # Gett's next attempt gets the receipt
    assert restaurant.state(undecidable) == "in_doubt"
    assert restaurant.confirmations(undecidable) == []


def test_confirmations_survive_killed_workers_while_gett_fails(restaurant_with_worker: RestaurantEnv) -> None:
    restaurant, gett = restaurant_with_worker, restaurant_with_worker.stack.gett.update_log
    orders = [Order(level, ("salad",)) for level in LEVELS] + [Order("native", ("cola",)) for _ in range(3)]
    gett.fail_with(503, 429, 404, 503, 503, 404, 429, 503, 404, 503)
    sent = 0
    for n in range(4):
        for order in orders[2 * n : 2 * n + 2]:
            restaurant.assert_placed_once(order, restaurant.place(order))
        # Killed as soon as it has sent something.
        wait_until(lambda sent=sent: len(gett.updates()) > sent, message="the worker to send something")  # type: ignore[misc]
        restaurant.stack.worker.kill()
        sent = len(gett.updates())
        restaurant.stack.worker.start()
    for order in orders:
        restaurant.await_confirmation(order)
    assert restaurant.redis.hlen(KEYS.dead_letters) == 0
    wait_until(lambda: not waiting(restaurant), message="nothing to be left waiting")


def test_order_that_gett_does_not_know_yet_is_confirmed_later(restaurant_with_worker: RestaurantEnv) -> None:
    restaurant_with_worker.stack.gett.update_log.fail_with(404, 409, 404)
    order = Order("both", ("salad",))
    restaurant_with_worker.assert_placed_once(order, restaurant_with_worker.place(order))
    restaurant_with_worker.await_confirmation(order)
    assert restaurant_with_worker.confirmations(order) == [404, 409, 404, 202]


@pytest.mark.parametrize("status", [401, 403])
def test_no_update_is_lost_while_gett_rejects_the_api_key(restaurant_with_worker: RestaurantEnv, status: int) -> None:
    restaurant = restaurant_with_worker
    restaurant.stack.gett.update_log.fail_with(*[status] * 100)
    orders = [Order(level, ("salad",)) for level in LEVELS]
    run_concurrently(restaurant.place, orders)
    # The first refusal halts sending: nothing else is sent.
    wait_until(lambda: restaurant.redis.exists(KEYS.halt), message="sending to be halted")
    assert {response for order in orders for response in restaurant.confirmations(order)} == {status}
    assert restaurant.redis.hlen(KEYS.dead_letters) == 0
    wait_until(lambda: len(waiting(restaurant)) == len(orders), message="every update to be kept")
    restaurant.stack.gett.update_log.clear_faults()
    # One probe a minute checks the API key. The test only moves it to now.
    wait_until(lambda: probe(restaurant) or not waiting(restaurant), message="every confirmation to be sent")
    for order in orders:
        restaurant.await_confirmation(order)


def probe(restaurant: RestaurantEnv) -> bool:
    restaurant.redis.hset(KEYS.sending, "probe_at", 0)
    return False


def waiting(restaurant: RestaurantEnv) -> list[bytes]:
    """Return the lanes with something to send."""
    sets = [cast(list[bytes], restaurant.redis.zrange(key, 0, -1)) for key in (KEYS.ready, KEYS.delayed)]
    return [lane for lanes in sets for lane in lanes]
