"""One POS hangs or fails; the other stores of the same process do not feel it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.scenario.restaurant_env import Order, Shop
from webhook_kit.sandbox.local_gett import WebhookResponse
from webhook_kit.testing.processes import wait_until


def assert_not_now(answer: WebhookResponse) -> None:
    assert (answer.status, answer.body["retryable"]) == (503, True)
    assert int(answer.headers["Retry-After"]) > 0


def served(shop: Shop, order: Order, when: str) -> WebhookResponse:
    """What the order is answered once it is not answered "later" any more."""

    def answered() -> WebhookResponse | None:
        answer = shop.place(order)
        return answer if answer.status != 503 else None

    answer = wait_until(answered, message=when)
    assert answer is not None
    return answer


def test_a_hung_pos_fills_its_own_share_and_leaves_the_others_theirs(tmp_path: Path) -> None:
    env = {"POS_MAX_CALLS": "8", "POS_MAX_CALLS_PER_STORE": "3"}
    hanging = {"native": {"pause_at": "after_commit"}}
    with Shop(tmp_path, store_options=hanging, env=env) as shop, ThreadPoolExecutor(12) as threads:
        for level in ("native", "look-up"):
            shop.validate(Order(level, ("salad",)))
        hung = [Order("native", ("salad",)) for _ in range(3)]
        waiting = [threads.submit(shop.place, order) for order in hung]
        wait_until(lambda: all(shop.tickets(order) for order in hung), message="the POS to hang with three orders")

        too_many = [threads.submit(shop.place, Order("native", ("salad",))) for _ in range(8)]
        for refused in [future.result() for future in too_many]:
            assert_not_now(refused)
            assert "in flight" in refused.body["detail"]
        other = [Order("look-up", ("salad",)) for _ in range(3)]
        for order in other:
            shop.assert_placed_once(order, shop.place(order))
        assert not any(future.done() for future in waiting), "all of this happened while the POS was hanging"

        shop.open_gates("after_commit")
        for order, future in zip(hung, waiting, strict=True):
            shop.assert_placed_once(order, future.result())
        after = Order("native", ("salad",))
        shop.assert_placed_once(after, served(shop, after, "the store to have room again"))


def test_a_failing_pos_is_left_alone_for_a_while_and_taken_back_when_it_answers(tmp_path: Path) -> None:
    env = {"POS_BREAKER_FAILURES": "3", "POS_BREAKER_SECONDS": "10"}
    with Shop(tmp_path, env=env) as shop:
        for level in ("both", "claim"):
            shop.validate(Order(level, ("salad",)))
        offline = tmp_path / "both" / "offline"
        offline.touch()
        failing = [Order("both", ("salad",)) for _ in range(5)]
        details = []
        for order in failing:
            answer = shop.place(order)
            assert_not_now(answer)
            details.append(answer.body["detail"])
            assert shop.state(order) == "released"
        assert ["left alone" in detail for detail in details] == [False] * 3 + [True] * 2
        assert int(answer.headers["Retry-After"]) <= 10

        other = Order("claim", ("salad",))
        shop.assert_placed_once(other, shop.place(other))

        offline.unlink()
        for order in failing:
            shop.assert_placed_once(order, served(shop, order, "the breaker to close"))
