"""The web process is killed (SIGKILL) during a placement. Gett tries again, and the POS has one ticket.

All levels of guarantee go through each kill together, because the lease of a dead claim takes time to lapse.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from tests.scenario.restaurant_env import (
    LEVELS,
    NEEDING_A_PERSON,
    SELF_RESOLVING,
    Order,
    RestaurantEnv,
    run_concurrently,
)
from webhook_kit.sandbox.local_gett import WebhookResponse


def orders() -> dict[str, Order]:
    return {level: Order(level, ("cola",)) for level in LEVELS}


def kill_at(restaurant: RestaurantEnv, point: str, deliveries: Sequence[Order]) -> None:
    """Deliver the orders, kill the web process while the POS pauses at this point, and resume the POS."""
    with ExitStack() as connections:
        open_ones = [connections.enter_context(restaurant.delivery_cut_off(order)) for order in deliveries]
        for order in deliveries:
            restaurant.await_pause(order, point)
        states = {restaurant.state(order) for order in deliveries}
        restaurant.kill()
        assert states == {"claimed" if point == "quote" else "calling"}
        for connection in open_ones:
            with suppress(ConnectionResetError):
                assert connection.recv(100) == b"", "Gett got a response before the process was killed"
    restaurant.resume_pos(point)


def assert_needs_a_person(response: WebhookResponse) -> None:
    assert response.status == 503
    assert response.body["errorCode"] == "SERVICE_UNAVAILABLE"
    assert response.body["retryable"] is True
    assert int(response.headers["Retry-After"]) == response.body["retryAfter"] > 0


def test_kill_between_claim_and_call_lets_the_retry_place_the_order(tmp_path: Path) -> None:
    with RestaurantEnv(tmp_path, options={"pause_at": "quote"}, env={"POS_DEADLINE": "20"}) as restaurant:
        all_orders = [order for level, order in orders().items() if level != "bare"]  # it has no quote
        kill_at(restaurant, "quote", all_orders)
        assert not any(restaurant.tickets(order) for order in all_orders)
        restaurant.start()
        # The lease of the killed process lapses ten seconds after the POS's deadline.
        for order, response in zip(
            all_orders, run_concurrently(restaurant.place_until_answered, all_orders), strict=True
        ):
            restaurant.assert_placed_once(order, response)


def test_kill_before_the_pos_commits_lets_the_retry_place_the_order_or_needs_a_person(tmp_path: Path) -> None:
    with RestaurantEnv(tmp_path, options={"pause_at": "before_commit"}, web=2) as restaurant:
        by_level = orders()
        kill_at(restaurant, "before_commit", list(by_level.values()))
        assert not any(restaurant.tickets(order) for order in by_level.values())

        for order in by_level.values():
            restaurant.expire_lease(order)
        # Another process gets Gett's next attempt.
        responses = dict(
            zip(
                by_level,
                run_concurrently(lambda o: restaurant.place_until_answered(o, web=1), list(by_level.values())),
                strict=True,
            )
        )
        for level in SELF_RESOLVING:
            restaurant.assert_placed_once(by_level[level], responses[level])

        for level in NEEDING_A_PERSON:
            in_doubt = by_level[level]
            assert_needs_a_person(responses[level])
            assert_needs_a_person(restaurant.place(in_doubt, web=1))  # and it stays so, however often Gett asks
            assert restaurant.tickets(in_doubt) == []
            restaurant.cli("order", "resolve", in_doubt.ref, "--not-placed")
            restaurant.assert_placed_once(in_doubt, restaurant.place(in_doubt, web=1))


def test_kill_after_the_pos_commits_lets_the_retry_get_the_ticket_or_needs_a_person(tmp_path: Path) -> None:
    with RestaurantEnv(tmp_path, options={"pause_at": "after_commit"}) as restaurant:
        by_level = orders()
        kill_at(restaurant, "after_commit", list(by_level.values()))
        tickets = {level: restaurant.ticket(order) for level, order in by_level.items()}

        restaurant.start()
        for order in by_level.values():
            restaurant.expire_lease(order)
        responses = dict(
            zip(by_level, run_concurrently(restaurant.place_until_answered, list(by_level.values())), strict=True)
        )
        for level in SELF_RESOLVING:
            restaurant.assert_placed_once(by_level[level], responses[level])
            assert responses[level].body["partnerOrderId"] == tickets[level]

        for level in NEEDING_A_PERSON:
            in_doubt = by_level[level]
            assert_needs_a_person(responses[level])
            assert restaurant.order_show(in_doubt)["mayHaveReachedPos"] is True
            restaurant.cli(
                "order", "resolve", in_doubt.key, "--placed", tickets[level]
            )  # any name of the order will do
            restaurant.assert_placed_once(in_doubt, restaurant.place(in_doubt))
        restaurant.stack.worker.start()
        try:
            for level in NEEDING_A_PERSON:
                restaurant.await_confirmation(by_level[level])
        finally:
            restaurant.stack.worker.terminate()


def test_kill_after_settling_lets_the_retry_get_the_recorded_response(tmp_path: Path) -> None:
    with RestaurantEnv(tmp_path, options={"pause_at": "after_commit"}) as restaurant:
        all_orders = list(orders().values())
        with ExitStack() as connections:
            for order in all_orders:
                connections.enter_context(restaurant.delivery_cut_off(order))
                restaurant.await_pause(order, "after_commit")
        # Gett's connections are closed: nobody reads the responses.
        restaurant.resume_pos("after_commit")
        for order in all_orders:
            restaurant.await_state(order, "placed")
        restaurant.kill()
        restaurant.start()
        for order in all_orders:
            restaurant.assert_placed_once(order, restaurant.place(order))
            assert restaurant.attempts(order) == 1
