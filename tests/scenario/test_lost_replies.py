"""The POS's answer is lost, late, or there never was one; meanwhile the kitchen runs out of what was ordered."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.scenario.restaurant_env import FINDS, HASTY, LEVELS, SAFE, UNSAFE, Order, Shop, together
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.processes import wait_until

every_level = pytest.mark.parametrize("level", LEVELS)


def run_out(shop: Shop, order: Order, item: str) -> None:
    """Take an item off the menu, wait until every process knows it, and let it run out at the POS too."""
    with (shop.directory / order.level / "off-menu").open("a") as off_menu:
        off_menu.write(f"{item}\n")
    for web in range(len(shop.stack.web)):
        wait_until(
            lambda web=web: not shop.validate(order, web=web).body["isValid"],  # type: ignore[misc]
            message=f"{item} to be off the menu",
        )
    BogusAdapter.sold_out(shop.pos_file(order.level), item)


@pytest.mark.parametrize("level", SAFE)
def test_a_lost_reply_is_made_good_by_the_retry(shop: Shop, level: str) -> None:
    order = Order(level, ("reply-lost",))
    first = shop.place(order)
    assert (first.status, first.body["retryable"]) == (503, True)
    assert int(first.headers["Retry-After"]) > 0
    shop.assert_placed_once(order, shop.place(order, web=1))


@every_level
def test_what_ran_out_after_a_lost_reply_does_not_refuse_the_order_that_is_cooking(shop: Shop, level: str) -> None:
    order = Order(level, ("reply-lost", "espresso"))
    assert shop.place(order).status == 503
    run_out(shop, order, "espresso")
    fresh = Order(level, ("reply-lost", "espresso"))
    assert (refused := shop.place(fresh)).status == 400, refused.body
    assert shop.tickets(fresh) == []

    answer = shop.place(order, web=1)
    if level in SAFE:
        shop.assert_placed_once(order, answer)
    else:  # nobody can tell, but "refused" would be a lie
        assert answer.status == 503
        shop.ticket(order)


@pytest.mark.parametrize("level", FINDS)
def test_what_ran_out_does_not_refuse_it_either_when_redis_was_emptied_too(shop: Shop, level: str) -> None:
    order = Order(level, ("salad", "mint"))
    assert shop.place(order).status == 200
    run_out(shop, order, "mint")
    shop.redis.flushall()
    shop.assert_placed_once(order, shop.place(order, web=1))


@pytest.fixture(scope="module")
def hanging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop whose POS makes a ticket, and does not answer before a test opens its gate: Gett has given up by then."""
    with Shop(tmp_path_factory.mktemp("hanging"), options={"pause_at": "after_commit"}, env=HASTY, web=2) as shop:
        yield shop


def placed_late(shop: Shop) -> list[Order]:
    """An order at every level, each answered with "try again" while the POS stands still with it."""
    shop.close_gates("after_commit")
    orders = [Order(level, ("salad",)) for level in LEVELS]
    for order, first in zip(orders, together(shop.place, orders), strict=True):
        assert (first.status, first.body["errorCode"], first.body["retryable"]) == (503, "SERVICE_UNAVAILABLE", True)
        assert int(first.headers["Retry-After"]) > 0
        shop.ticket(order)
        assert shop.state(order) == "calling"
    return orders


def test_an_answer_after_the_deadline_is_recorded_for_the_retry(hanging: Shop) -> None:
    orders = placed_late(hanging)
    hanging.open_gates("after_commit")
    for order in orders:
        hanging.await_state(order, "placed")
        hanging.assert_placed_once(order, hanging.place(order, web=1))
        assert hanging.attempts(order) == 1


def test_a_retry_that_comes_while_the_late_call_still_runs_waits_for_its_answer(hanging: Shop) -> None:
    orders = placed_late(hanging)
    with ThreadPoolExecutor(2 * len(orders)) as threads:
        retries = [(order, threads.submit(hanging.place, order, web=web)) for order in orders for web in range(2)]
        # Each asks again and again whether the order is still being placed.
        until = hanging.scripts_run() + 10 * len(retries)
        wait_until(lambda: hanging.scripts_run() > until, message="the retries to wait")
        assert not any(retry.done() for _, retry in retries)
        hanging.open_gates("after_commit")
        for order, retry in retries:
            hanging.assert_placed_once(order, retry.result())
    assert {hanging.attempts(order) for order in orders} == {1}


@every_level
def test_a_refused_connection_releases_the_order_and_the_retry_starts_afresh(shop: Shop, level: str) -> None:
    order = Order(level, ("connection-refused",))
    for attempt in (1, 2):
        answer = shop.place(order, web=attempt - 1)
        assert (answer.status, answer.body["retryable"]) == (503, True)
        assert int(answer.headers["Retry-After"]) > 0
        assert (shop.state(order), shop.attempts(order)) == ("released", attempt)
    assert shop.tickets(order) == []


@pytest.mark.parametrize("level", UNSAFE)
def test_an_order_that_may_have_reached_a_pos_without_key_or_look_up_waits_for_a_person(shop: Shop, level: str) -> None:
    lost, never = Order(level, ("reply-lost",)), Order(level, ("times-out",))
    for order in (lost, never):
        for web in (0, 1, 0):
            answer = shop.place(order, web=web)
            assert (answer.status, answer.body["retryable"]) == (503, True)
            assert int(answer.headers["Retry-After"]) > 0
    shop.cli("order", "resolve", lost.ref, "--placed", shop.ticket(lost))
    shop.assert_placed_once(lost, shop.place(lost, web=1))
    shop.await_confirmation(lost)

    shop.cli("order", "resolve", never.key, "--not-placed")
    assert shop.shown(never)["mayHaveReachedPos"] is False
    assert shop.place(never).status == 503
    assert shop.shown(never)["attempts"] > 3, "after a person's word the POS is asked again"
    assert shop.tickets(never) == []
