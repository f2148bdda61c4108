"""Redis goes away and comes back. Prices are told all the while; orders wait, and none is lost or doubled."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.scenario.restaurant_env import LEVELS, UNSAFE, Order, Shop, together
from webhook_kit.sandbox.local_gett import WebhookResponse
from webhook_kit.testing.processes import wait_until


def assert_try_again(answer: WebhookResponse) -> None:
    assert (answer.status, answer.body["errorCode"], answer.body["retryable"]) == (503, "SERVICE_UNAVAILABLE", True)
    assert int(answer.headers["Retry-After"]) > 0


def assert_right_price(order: Order, answer: WebhookResponse) -> None:
    assert answer.status == 200, answer.body
    assert answer.body["isValid"] is True
    assert answer.body["amounts"]["total"] == order.total
    assert answer.body["validatedOrderToken"]


def test_with_redis_down_prices_are_told_orders_wait_and_all_recovers_by_itself(tmp_path: Path) -> None:
    orders = [Order(level, ("salad", "cola")) for level in LEVELS]
    with Shop(tmp_path) as shop:
        for order in orders:
            assert_right_price(order, shop.validate(order))
        shop.stack.redis.stop()
        until = time.monotonic() + 1.5  # a process looks for a newer menu once a second: each does so in vain now
        while time.monotonic() < until:
            for order in orders:
                validated = shop.validate(order)
                assert_right_price(order, validated)
                assert_try_again(shop.place(order, validatedOrderToken=validated.body["validatedOrderToken"]))
        assert not any(shop.tickets(order) for order in orders)
        shop.stack.redis.start()
        for order, answer in zip(orders, together(shop.place, orders), strict=True):
            shop.assert_placed_once(order, answer)
            assert_right_price(order, shop.validate(order))


def test_a_process_that_starts_without_redis_serves_the_poss_own_menu_or_says_503(tmp_path: Path) -> None:
    order = Order("native", ("salad",))
    with Shop(tmp_path) as shop:
        shop.kill()
        shop.stack.redis.stop()
        offline = tmp_path / order.level / "offline"
        offline.touch()
        shop.start()
        assert_try_again(shop.validate(order))
        assert_try_again(shop.place(order))
        offline.unlink()
        assert_right_price(order, shop.validate(order))
        assert_try_again(shop.place(order))
        shop.stack.redis.start()
        shop.assert_placed_once(order, shop.place(order))


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_redis_that_ends_between_ticket_and_record_costs_no_answer_and_the_record_is_made_up_for(
    tmp_path: Path, how: str
) -> None:
    orders = [Order(level, ("salad",)) for level in LEVELS]
    with (
        Shop(tmp_path, options={"pause_at": "after_commit"}) as shop,
        ThreadPoolExecutor(len(LEVELS)) as threads,
    ):
        for order in orders:
            assert_right_price(order, shop.validate(order))
        placing = [threads.submit(shop.place, order) for order in orders]
        for order in orders:
            shop.await_gate(order, "after_commit")
        # Redis writes its file once a second: what a kill takes with it are the records of "about to be called" at most.
        getattr(shop.stack.redis, how)()
        shop.open_gates("after_commit")
        for order, future in zip(orders, placing, strict=True):
            shop.assert_placed_once(order, future.result())
        shop.stack.redis.start()
        for order in orders:
            shop.await_state(order, "placed")
            shop.assert_placed_once(order, shop.place(order))
        shop.stack.worker.start()
        try:
            for order in orders:
                shop.await_confirmation(order)
        finally:
            shop.stack.worker.terminate()


@pytest.mark.parametrize("item", ["salad", "reply-lost"])
def test_redis_emptied_while_the_pos_works_makes_no_second_ticket(tmp_path: Path, item: str) -> None:
    orders = [Order(level, (item,)) for level in LEVELS]
    with (
        Shop(tmp_path, options={"pause_at": "after_commit"}) as shop,
        ThreadPoolExecutor(len(LEVELS)) as threads,
    ):
        for order in orders:
            assert_right_price(order, shop.validate(order))
        placing = [threads.submit(shop.place, order) for order in orders]
        for order in orders:
            shop.await_gate(order, "after_commit")
        shop.redis.flushall()
        shop.open_gates("after_commit")
        answers = [future.result() for future in placing]
        for order, answer in zip(orders, answers, strict=True):
            if item == "salad":
                shop.assert_placed_once(order, answer)
                shop.assert_placed_once(order, shop.place(order))
            elif order.level in UNSAFE:  # the process that made the call knows that the order is in doubt
                assert_try_again(answer)
                assert_try_again(shop.place(order))
                shop.ticket(order)
            else:
                shop.assert_placed_once(order, shop.place(order))


def test_redis_that_restarts_under_load_doubles_no_order(tmp_path: Path) -> None:
    orders = [Order(level, ("salad",)) for level in LEVELS for _ in range(8)]
    with Shop(tmp_path, web=2) as shop:
        for order in orders[::8]:
            shop.validate(order)

        def until_placed(order: Order) -> WebhookResponse:
            web = orders.index(order) % 2
            answers = iter(lambda: shop.place(order, web=web), None)
            answer = wait_until(
                lambda: next(a if a.status == 200 else None for a in answers), message="the order to be placed"
            )
            assert answer is not None
            return answer

        with ThreadPoolExecutor(len(orders)) as threads:
            placing = [threads.submit(until_placed, order) for order in orders]
            shop.stack.redis.restart()
            for order, future in zip(orders, placing, strict=True):
                shop.assert_placed_once(order, future.result())
