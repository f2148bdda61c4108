"""Redis runs a script, but the connection breaks before the web process gets the reply."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenario.redis_proxy import RedisProxy
from tests.scenario.restaurant_env import LEVELS, Order, RestaurantEnv, run_concurrently
from webhook_kit.storage.scripts import load


@pytest.fixture(scope="module")
def restaurant_and_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RestaurantEnv, RedisProxy]]:
    """An environment whose web process reaches Redis through a proxy."""
    with (
        RestaurantEnv(tmp_path_factory.mktemp("restaurant_and_proxy")) as restaurant,
        RedisProxy(restaurant.stack.redis.port) as proxy,
    ):
        restaurant.kill()
        restaurant.start(REDIS_URL=proxy.url)
        yield restaurant, proxy


LOSSES = [(script, level) for script in ("claim", "record_call", "settle") for level in LEVELS]
LOSSES.remove(("record_call", "bare"))  # its call is recorded with the claim


@pytest.mark.parametrize(("script", "level"), LOSSES)
def test_lost_reply_of_redis_places_the_order_once(
    restaurant_and_proxy: tuple[RestaurantEnv, RedisProxy], level: str, script: str
) -> None:
    restaurant, proxy = restaurant_and_proxy
    restaurant.assert_placed_once(warm := Order(level, ("cola",)), restaurant.place(warm))
    order = Order(level, ("salad",))
    with proxy.lose_reply_to(load(f"webhook_kit.placement/{script}")):
        response = restaurant.place(order)
        assert proxy.triggered.is_set()
    restaurant.assert_placed_once(order, response)
    restaurant.assert_placed_once(order, restaurant.place(order))


def test_kill_before_the_reply_of_redis_lets_the_retry_get_the_recorded_response(tmp_path: Path) -> None:
    with RestaurantEnv(tmp_path) as restaurant, RedisProxy(restaurant.stack.redis.port) as proxy:
        restaurant.kill()
        restaurant.start(REDIS_URL=proxy.url, REDIS_TIMEOUT="60")
        orders = [Order(level, ("cola",)) for level in LEVELS]
        with proxy.hold_replies_to(load("webhook_kit.placement/settle")):
            for order in orders:
                with restaurant.delivery_cut_off(order):
                    restaurant.await_state(order, "placed")
            # The process still waits for the reply, so it cannot have answered.
            restaurant.kill()
        restaurant.start(REDIS_URL=restaurant.stack.redis.url)
        for order, response in zip(orders, run_concurrently(restaurant.place, orders), strict=True):
            restaurant.assert_placed_once(order, response)
