"""One POS hangs or fails, and the other stores of the same process are not affected."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.scenario.restaurant_env import Order, RestaurantEnv
from webhook_kit.sandbox.local_gett import WebhookResponse
from webhook_kit.testing.processes import wait_until


def assert_unavailable(response: WebhookResponse) -> None:
    assert (response.status, response.body["retryable"]) == (503, True)
    assert int(response.headers["Retry-After"]) > 0


def place_until_available(restaurant: RestaurantEnv, order: Order, when: str) -> WebhookResponse:
    """Place an order again until the response is not 503 any more, and return that response."""

    def answered() -> WebhookResponse | None:
        response = restaurant.place(order)
        return response if response.status != 503 else None

    response = wait_until(answered, message=when)
    assert response is not None
    return response


def test_hanging_pos_uses_only_the_calls_of_its_own_store(tmp_path: Path) -> None:
    env = {"POS_MAX_CALLS": "8", "POS_MAX_CALLS_PER_STORE": "3"}
    hanging = {"native": {"pause_at": "after_commit"}}
    with RestaurantEnv(tmp_path, store_options=hanging, env=env) as restaurant, ThreadPoolExecutor(12) as threads:
        for level in ("native", "look-up"):
            restaurant.validate(Order(level, ("salad",)))
        hung = [Order("native", ("salad",)) for _ in range(3)]
        waiting = [threads.submit(restaurant.place, order) for order in hung]
        wait_until(
            lambda: all(restaurant.tickets(order) for order in hung), message="the POS to hang with three orders"
        )

        too_many = [threads.submit(restaurant.place, Order("native", ("salad",))) for _ in range(8)]
        for refused in [future.result() for future in too_many]:
            assert_unavailable(refused)
            assert "in flight" in refused.body["detail"]
        other = [Order("look-up", ("salad",)) for _ in range(3)]
        for order in other:
            restaurant.assert_placed_once(order, restaurant.place(order))
        assert not any(future.done() for future in waiting), "all of this happened while the POS was hanging"

        restaurant.resume_pos("after_commit")
        for order, future in zip(hung, waiting, strict=True):
            restaurant.assert_placed_once(order, future.result())
        after = Order("native", ("salad",))
        restaurant.assert_placed_once(
            after, place_until_available(restaurant, after, "the store to have a free call again")
        )


def test_circuit_breaker_of_a_failing_pos_opens_and_closes(tmp_path: Path) -> None:
    env = {"POS_BREAKER_FAILURES": "3", "POS_BREAKER_SECONDS": "10"}
    with RestaurantEnv(tmp_path, env=env) as restaurant:
        for level in ("both", "claim"):
            restaurant.validate(Order(level, ("salad",)))
        offline = tmp_path / "both" / "offline"
        offline.touch()
        failing = [Order("both", ("salad",)) for _ in range(5)]
        details = []
        for order in failing:
            response = restaurant.place(order)
            assert_unavailable(response)
            details.append(response.body["detail"])
            assert restaurant.state(order) == "released"
        assert ["circuit breaker open" in detail for detail in details] == [False] * 3 + [True] * 2
        assert int(response.headers["Retry-After"]) <= 10

        other = Order("claim", ("salad",))
        restaurant.assert_placed_once(other, restaurant.place(other))

        offline.unlink()
        for order in failing:
            restaurant.assert_placed_once(order, place_until_available(restaurant, order, "the breaker to close"))
