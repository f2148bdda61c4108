"""The web process dies by SIGKILL at the worst moments. Gett tries again, and the POS holds one ticket.

All levels of guarantee go through each death together, because a dead claim takes its time to lapse.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from tests.scenario.restaurant_env import LEVELS, SAFE, UNSAFE, Order, Shop, together
from webhook_kit.sandbox.local_gett import WebhookResponse


def orders() -> dict[str, Order]:
    return {level: Order(level, ("cola",)) for level in LEVELS}


def kill_at(shop: Shop, point: str, deliveries: Sequence[Order]) -> None:
    """Deliver the orders, kill the web process while the POS stands still with all of them, and open the gates."""
    with ExitStack() as connections:
        open_ones = [connections.enter_context(shop.hanging_up(order)) for order in deliveries]
        for order in deliveries:
            shop.await_gate(order, point)
        states = {shop.state(order) for order in deliveries}
        shop.kill()
        assert states == {"claimed" if point == "quote" else "calling"}
        for connection in open_ones:
            with suppress(ConnectionResetError):
                assert connection.recv(100) == b"", "Gett was answered before the process died"
    shop.open_gates(point)


def assert_only_a_person_can_tell(answer: WebhookResponse) -> None:
    assert answer.status == 503
    assert answer.body["errorCode"] == "SERVICE_UNAVAILABLE"
    assert answer.body["retryable"] is True
    assert int(answer.headers["Retry-After"]) == answer.body["retryAfter"] > 0


def test_killed_between_claim_and_pos_call_the_retry_places_the_order_at_every_level(tmp_path: Path) -> None:
    with Shop(tmp_path, options={"pause_at": "quote"}, env={"POS_DEADLINE": "20"}) as shop:
        all_orders = [order for level, order in orders().items() if level != "bare"]  # which is never asked for a quote
        kill_at(shop, "quote", all_orders)
        assert not any(shop.tickets(order) for order in all_orders)
        shop.start()
        # The claim of the dead process lapses by itself, ten seconds after the POS's deadline.
        for order, answer in zip(all_orders, together(shop.insist, all_orders), strict=True):
            shop.assert_placed_once(order, answer)


def test_killed_before_the_pos_committed_the_retry_places_the_order_or_asks_a_person(tmp_path: Path) -> None:
    with Shop(tmp_path, options={"pause_at": "before_commit"}, web=2) as shop:
        by_level = orders()
        kill_at(shop, "before_commit", list(by_level.values()))
        assert not any(shop.tickets(order) for order in by_level.values())

        for order in by_level.values():
            shop.lapse(order)
        # Another process answers Gett's next attempt.
        answers = dict(zip(by_level, together(lambda o: shop.insist(o, web=1), list(by_level.values())), strict=True))
        for level in SAFE:
            shop.assert_placed_once(by_level[level], answers[level])

        for level in UNSAFE:
            in_doubt = by_level[level]
            assert_only_a_person_can_tell(answers[level])
            assert_only_a_person_can_tell(shop.place(in_doubt, web=1))  # and it stays so, however often Gett asks
            assert shop.tickets(in_doubt) == []
            shop.cli("order", "resolve", in_doubt.ref, "--not-placed")
            shop.assert_placed_once(in_doubt, shop.place(in_doubt, web=1))


def test_killed_after_the_pos_committed_the_retry_gets_the_ticket_or_asks_a_person(tmp_path: Path) -> None:
    with Shop(tmp_path, options={"pause_at": "after_commit"}) as shop:
        by_level = orders()
        kill_at(shop, "after_commit", list(by_level.values()))
        tickets = {level: shop.ticket(order) for level, order in by_level.items()}

        shop.start()
        for order in by_level.values():
            shop.lapse(order)
        answers = dict(zip(by_level, together(shop.insist, list(by_level.values())), strict=True))
        for level in SAFE:
            shop.assert_placed_once(by_level[level], answers[level])
            assert answers[level].body["partnerOrderId"] == tickets[level]

        for level in UNSAFE:
            in_doubt = by_level[level]
            assert_only_a_person_can_tell(answers[level])
            assert shop.shown(in_doubt)["mayHaveReachedPos"] is True
            shop.cli("order", "resolve", in_doubt.key, "--placed", tickets[level])  # a person knows any of its names
            shop.assert_placed_once(in_doubt, shop.place(in_doubt))
        shop.stack.worker.start()
        try:
            for level in UNSAFE:
                shop.await_confirmation(by_level[level])
        finally:
            shop.stack.worker.terminate()


def test_killed_after_recording_with_the_reply_unread_the_retry_is_the_recorded_answer(tmp_path: Path) -> None:
    with Shop(tmp_path, options={"pause_at": "after_commit"}) as shop:
        all_orders = list(orders().values())
        with ExitStack() as connections:
            for order in all_orders:
                connections.enter_context(shop.hanging_up(order))
                shop.await_gate(order, "after_commit")
        # Gett's connections are gone: whatever is answered now, nobody reads it.
        shop.open_gates("after_commit")
        for order in all_orders:
            shop.await_state(order, "placed")
        shop.kill()
        shop.start()
        for order in all_orders:
            shop.assert_placed_once(order, shop.place(order))
            assert shop.attempts(order) == 1
