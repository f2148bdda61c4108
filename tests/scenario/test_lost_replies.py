"""The POS's reply is lost, late or missing, and the ordered items become unavailable meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.scenario.restaurant_env import (
    LEVELS,
    NEEDING_A_PERSON,
    SELF_RESOLVING,
    SHORT_POS_DEADLINE,
    WITH_LOOK_UP,
    Order,
    RestaurantEnv,
    run_concurrently,
)
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.processes import wait_until

every_level = pytest.mark.parametrize("level", LEVELS)


def make_unavailable(restaurant: RestaurantEnv, order: Order, item: str) -> None:
    """Remove an item from the catalog, wait until every process has noticed, and sell it out at the POS."""
    with (restaurant.directory / order.level / "removed").open("a") as removed:
        removed.write(f"{item}\n")
    for web in range(len(restaurant.stack.web)):
        wait_until(
            lambda web=web: not restaurant.validate(order, web=web).body["isValid"],  # type: ignore[misc]
            message=f"{item} to be removed from the catalog",
        )
    BogusAdapter.sell_out(restaurant.pos_file(order.level), item)


@pytest.mark.parametrize("level", SELF_RESOLVING)
def test_retry_gets_the_ticket_of_a_lost_reply(restaurant: RestaurantEnv, level: str) -> None:
    order = Order(level, ("reply-lost",))
    first = restaurant.place(order)
    assert (first.status, first.body["retryable"]) == (503, True)
    assert int(first.headers["Retry-After"]) > 0
    restaurant.assert_placed_once(order, restaurant.place(order, web=1))


@every_level
def test_unavailable_item_does_not_refuse_an_order_that_the_pos_has(restaurant: RestaurantEnv, level: str) -> None:
    order = Order(level, ("reply-lost", "espresso"))
    assert restaurant.place(order).status == 503
    make_unavailable(restaurant, order, "espresso")
    fresh = Order(level, ("reply-lost", "espresso"))
    assert (refused := restaurant.place(fresh)).status == 400, refused.body
    assert restaurant.tickets(fresh) == []

    response = restaurant.place(order, web=1)
    if level in SELF_RESOLVING:
        restaurant.assert_placed_once(order, response)
    else:  # in doubt, but never refused
        assert response.status == 503
        restaurant.ticket(order)


@pytest.mark.parametrize("level", WITH_LOOK_UP)
def test_unavailable_item_does_not_refuse_a_placed_order_after_redis_was_emptied(
    restaurant: RestaurantEnv, level: str
) -> None:
    order = Order(level, ("salad", "mint"))
    assert restaurant.place(order).status == 200
    make_unavailable(restaurant, order, "mint")
    restaurant.redis.flushall()
    restaurant.assert_placed_once(order, restaurant.place(order, web=1))


@pytest.fixture(scope="module")
def hanging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestaurantEnv]:
    """An environment whose POS makes a ticket, but replies only when a test resumes it, after Gett got 503."""
    with RestaurantEnv(
        tmp_path_factory.mktemp("hanging"), options={"pause_at": "after_commit"}, env=SHORT_POS_DEADLINE, web=2
    ) as restaurant:
        yield restaurant


def place_late(restaurant: RestaurantEnv) -> list[Order]:
    """Place an order at every level; each gets 503 while the POS pauses with it."""
    restaurant.pause_pos_again("after_commit")
    orders = [Order(level, ("salad",)) for level in LEVELS]
    for order, first in zip(orders, run_concurrently(restaurant.place, orders), strict=True):
        assert (first.status, first.body["errorCode"], first.body["retryable"]) == (503, "SERVICE_UNAVAILABLE", True)
        assert int(first.headers["Retry-After"]) > 0
        restaurant.ticket(order)
        assert restaurant.state(order) == "calling"
    return orders


def test_reply_after_the_deadline_is_recorded_for_the_retry(hanging: RestaurantEnv) -> None:
    orders = place_late(hanging)
    hanging.resume_pos("after_commit")
    for order in orders:
        hanging.await_state(order, "placed")
        hanging.assert_placed_once(order, hanging.place(order, web=1))
        assert hanging.attempts(order) == 1


def test_retry_during_a_late_call_waits_for_its_result(hanging: RestaurantEnv) -> None:
    orders = place_late(hanging)
    with ThreadPoolExecutor(2 * len(orders)) as threads:
        retries = [(order, threads.submit(hanging.place, order, web=web)) for order in orders for web in range(2)]
        # Each claims the order again and again.
        calls = hanging.script_calls() + 10 * len(retries)
        wait_until(lambda: hanging.script_calls() > calls, message="the retries to wait")
        assert not any(retry.done() for _, retry in retries)
        hanging.resume_pos("after_commit")
        for order, retry in retries:
            hanging.assert_placed_once(order, retry.result())
    assert {hanging.attempts(order) for order in orders} == {1}


@every_level
def test_refused_connection_releases_the_order_and_the_retry_starts_afresh(
    restaurant: RestaurantEnv, level: str
) -> None:
    order = Order(level, ("connection-refused",))
    for attempt in (1, 2):
        response = restaurant.place(order, web=attempt - 1)
        assert (response.status, response.body["retryable"]) == (503, True)
        assert int(response.headers["Retry-After"]) > 0
        assert (restaurant.state(order), restaurant.attempts(order)) == ("released", attempt)
    assert restaurant.tickets(order) == []


@pytest.mark.parametrize("level", NEEDING_A_PERSON)
def test_order_in_doubt_without_key_or_look_up_waits_for_a_person(restaurant: RestaurantEnv, level: str) -> None:
    lost, never = Order(level, ("reply-lost",)), Order(level, ("times-out",))
    for order in (lost, never):
        for web in (0, 1, 0):
            response = restaurant.place(order, web=web)
            assert (response.status, response.body["retryable"]) == (503, True)
            assert int(response.headers["Retry-After"]) > 0
    restaurant.cli("order", "resolve", lost.ref, "--placed", restaurant.ticket(lost))
    restaurant.assert_placed_once(lost, restaurant.place(lost, web=1))
    restaurant.await_confirmation(lost)

    restaurant.cli("order", "resolve", never.key, "--not-placed")
    assert restaurant.order_show(never)["mayHaveReachedPos"] is False
    assert restaurant.place(never).status == 503
    assert restaurant.order_show(never)["attempts"] > 3, "after a person has decided, the POS is called again"
    assert restaurant.tickets(never) == []
