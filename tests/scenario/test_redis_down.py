"""Redis goes away and comes back. Validation works all the while; orders wait, and none is lost or placed twice."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.scenario.restaurant_env import LEVELS, NEEDING_A_PERSON, Order, RestaurantEnv, run_concurrently
from webhook_kit.sandbox.local_gett import WebhookResponse
from webhook_kit.testing.processes import wait_until


def assert_try_again(response: WebhookResponse) -> None:
    assert (response.status, response.body["errorCode"], response.body["retryable"]) == (
        503,
        "SERVICE_UNAVAILABLE",
        True,
    )
    assert int(response.headers["Retry-After"]) > 0


def assert_right_price(order: Order, response: WebhookResponse) -> None:
    assert response.status == 200, response.body
    assert response.body["isValid"] is True
    assert response.body["amounts"]["total"] == order.total
    assert response.body["validatedOrderToken"]


def test_validation_works_and_orders_wait_while_redis_is_down(tmp_path: Path) -> None:
    orders = [Order(level, ("salad", "cola")) for level in LEVELS]
    with RestaurantEnv(tmp_path) as restaurant:
        for order in orders:
            assert_right_price(order, restaurant.validate(order))
        restaurant.stack.redis.stop()
        end = time.monotonic() + 1.5  # a process reads the catalog's version once a second, and cannot now
        while time.monotonic() < end:
            for order in orders:
                validated = restaurant.validate(order)
                assert_right_price(order, validated)
                assert_try_again(restaurant.place(order, validatedOrderToken=validated.body["validatedOrderToken"]))
        assert not any(restaurant.tickets(order) for order in orders)
        restaurant.stack.redis.start()
        for order, response in zip(orders, run_concurrently(restaurant.place, orders), strict=True):
            restaurant.assert_placed_once(order, response)
            assert_right_price(order, restaurant.validate(order))


def test_process_started_without_redis_uses_the_catalog_of_the_pos_or_answers_503(tmp_path: Path) -> None:
    order = Order("native", ("salad",))
    with RestaurantEnv(tmp_path) as restaurant:
        restaurant.kill()
        restaurant.stack.redis.stop()
        offline = tmp_path / order.level / "offline"
        offline.touch()
        restaurant.start()
        assert_try_again(restaurant.validate(order))
        assert_try_again(restaurant.place(order))
        offline.unlink()
        assert_right_price(order, restaurant.validate(order))
        assert_try_again(restaurant.place(order))
        restaurant.stack.redis.start()
        restaurant.assert_placed_once(order, restaurant.place(order))


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_ticket_is_answered_when_redis_ends_before_its_record_and_recorded_later(tmp_path: Path, how: str) -> None:
    orders = [Order(level, ("salad",)) for level in LEVELS]
    with (
        RestaurantEnv(tmp_path, options={"pause_at": "after_commit"}) as restaurant,
        ThreadPoolExecutor(len(LEVELS)) as threads,
    ):
        for order in orders:
            assert_right_price(order, restaurant.validate(order))
        placing = [threads.submit(restaurant.place, order) for order in orders]
        for order in orders:
            restaurant.await_pause(order, "after_commit")
        # Redis writes its file once a second: a kill loses at most the records of the last second.
        getattr(restaurant.stack.redis, how)()
        restaurant.resume_pos("after_commit")
        for order, future in zip(orders, placing, strict=True):
            restaurant.assert_placed_once(order, future.result())
        restaurant.stack.redis.start()
        for order in orders:
            restaurant.await_state(order, "placed")
            restaurant.assert_placed_once(order, restaurant.place(order))
        restaurant.stack.worker.start()
        try:
            for order in orders:
                restaurant.await_confirmation(order)
        finally:
            restaurant.stack.worker.terminate()


@pytest.mark.parametrize("item", ["salad", "reply-lost"])
def test_redis_emptied_during_the_call_makes_no_second_ticket(tmp_path: Path, item: str) -> None:
    orders = [Order(level, (item,)) for level in LEVELS]
    with (
        RestaurantEnv(tmp_path, options={"pause_at": "after_commit"}) as restaurant,
        ThreadPoolExecutor(len(LEVELS)) as threads,
    ):
        for order in orders:
            assert_right_price(order, restaurant.validate(order))
        placing = [threads.submit(restaurant.place, order) for order in orders]
        for order in orders:
            restaurant.await_pause(order, "after_commit")
        restaurant.redis.flushall()
        restaurant.resume_pos("after_commit")
        responses = [future.result() for future in placing]
        for order, response in zip(orders, responses, strict=True):
            if item == "salad":
                restaurant.assert_placed_once(order, response)
                restaurant.assert_placed_once(order, restaurant.place(order))
            elif order.level in NEEDING_A_PERSON:  # the process that made the call records the doubt
                assert_try_again(response)
                assert_try_again(restaurant.place(order))
                restaurant.ticket(order)
            else:
                restaurant.assert_placed_once(order, restaurant.place(order))


def test_restart_of_redis_under_load_places_no_order_twice(tmp_path: Path) -> None:
    orders = [Order(level, ("salad",)) for level in LEVELS for _ in range(8)]
    with RestaurantEnv(tmp_path, web=2) as restaurant:
        for order in orders[::8]:
            restaurant.validate(order)

        def until_placed(order: Order) -> WebhookResponse:
            web = orders.index(order) % 2
            responses = iter(lambda: restaurant.place(order, web=web), None)
            response = wait_until(
                lambda: next(a if a.status == 200 else None for a in responses), message="the order to be placed"
            )
            assert response is not None
            return response

        with ThreadPoolExecutor(len(orders)) as threads:
            placing = [threads.submit(until_placed, order) for order in orders]
            restaurant.stack.redis.restart()
            for order, future in zip(orders, placing, strict=True):
                restaurant.assert_placed_once(order, future.result())
