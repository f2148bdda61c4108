"""Redis did what it was told, but the web process does not hear of it: the connection breaks at that very moment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenario.redis_proxy import RedisProxy
from tests.scenario.restaurant_env import LEVELS, Order, Shop, together
from webhook_kit.storage.scripts import load


@pytest.fixture(scope="module")
def relayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shop, RedisProxy]]:
    """A shop whose web process reaches Redis through a proxy."""
    with Shop(tmp_path_factory.mktemp("relayed")) as shop, RedisProxy(shop.stack.redis.port) as proxy:
        shop.kill()
        shop.start(REDIS_URL=proxy.url)
        yield shop, proxy


LOSSES = [(script, level) for script in ("claim", "record_call", "settle") for level in LEVELS]
LOSSES.remove(("record_call", "bare"))  # claimed and called in one


@pytest.mark.parametrize(("script", "level"), LOSSES)
def test_a_reply_of_redis_that_is_lost_costs_nobody_an_order(
    relayed: tuple[Shop, RedisProxy], level: str, script: str
) -> None:
    shop, proxy = relayed
    shop.assert_placed_once(warm := Order(level, ("cola",)), shop.place(warm))
    order = Order(level, ("salad",))
    with proxy.lose_reply_to(load(f"webhook_kit.placement/{script}")):
        answer = shop.place(order)
        assert proxy.triggered.is_set()
    shop.assert_placed_once(order, answer)
    shop.assert_placed_once(order, shop.place(order))


def test_killed_when_redis_has_recorded_but_nothing_was_answered_the_retry_is_the_record(tmp_path: Path) -> None:
    with Shop(tmp_path) as shop, RedisProxy(shop.stack.redis.port) as proxy:
        shop.kill()
        shop.start(REDIS_URL=proxy.url, REDIS_TIMEOUT="60")
        orders = [Order(level, ("cola",)) for level in LEVELS]
        with proxy.hold_replies_to(load("webhook_kit.placement/settle")):
            for order in orders:
                with shop.hanging_up(order):
                    shop.await_state(order, "placed")
            # The process still waits to be told that it is recorded, so no answer can have left.
            shop.kill()
        shop.start(REDIS_URL=shop.stack.redis.url)
        for order, answer in zip(orders, together(shop.place, orders), strict=True):
            shop.assert_placed_once(order, answer)
