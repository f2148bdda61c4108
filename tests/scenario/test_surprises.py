"""Surprising behaviour of Gett, simulated by the sandbox: every order is placed once and confirmed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from webhook_kit.sandbox.faults import Fault
from webhook_kit.sandbox.sandbox import GettSandbox
from webhook_kit.testing.bogus import BogusAdapter, Ticket
from webhook_kit.testing.local_kit import LocalKit
from webhook_kit.testing.processes import wait_until
from webhook_kit.testing.redis_server import RedisServer


@pytest.fixture
def pos(tmp_path: Path) -> Path:
    return tmp_path / "pos.sqlite"


@pytest.fixture
def local(gett_sandbox: GettSandbox, redis_server: RedisServer, pos: Path) -> Iterator[LocalKit]:
    with LocalKit.start(gett_sandbox, redis_server.url, "bogus", options={"file": str(pos)}) as kit:
        yield kit


def set_options(gett: GettSandbox, **options: Any) -> None:
    gett.context.options = gett.context.options.model_copy(update=options)


def cola_order(gett: GettSandbox, local: LocalKit) -> dict[str, Any]:
    """Return an order of two colas (5.50) and a tip of 1.50."""
    return gett.order(local.store.gett_id, [{"itemId": "cola", "quantity": 2}], amounts={"tip": 1.5})


def only_ticket(pos: Path) -> Ticket:
    (ticket,) = BogusAdapter.tickets(pos)
    return ticket


@contextmanager
def push_worker(local: LocalKit) -> Iterator[None]:
    """Run a push worker during the block."""
    stop = threading.Event()

    def push() -> None:
        while not stop.wait(0.02):
            local.dispatcher.drain(1.0, stop.is_set)

    thread = threading.Thread(target=push)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    "options",
    [
        {"placed_amounts": "tip"},
        {"placed_amounts": "null"},
        {"null_customer": True},
        {"short_paths": True},
        {"placed_amounts": "null", "null_customer": True, "short_paths": True},
    ],
    ids=" ".join,
)
def test_order_with_fewer_members_than_expected_is_placed(
    options: dict[str, Any], local: LocalKit, gett_sandbox: GettSandbox, pos: Path
) -> None:
    set_options(gett_sandbox, **options)
    placed = gett_sandbox.place(cola_order(gett_sandbox, local))
    assert (placed.get("partnerOrderId"), placed["amounts"]["total"]) == (only_ticket(pos).id, 7.0)
    local.push()
    assert gett_sandbox.context.state.orders[placed["gettOrderId"]].status == "confirmed"


def test_order_without_an_id_is_placed_and_listed_until_it_is_linked(
    local: LocalKit, gett_sandbox: GettSandbox, pos: Path
) -> None:
    set_options(gett_sandbox, empty_gett_order_id=True)
    placed = gett_sandbox.place(cola_order(gett_sandbox, local))
    ticket = only_ticket(pos)
    assert placed["partnerOrderId"] == ticket.id
    (gett_id,) = gett_sandbox.context.state.orders
    assert local.lanes.all_waiting() == {f"order:{ticket.ref}": "unlinked"}
    local.placement_store.link(ticket.ref, gett_id)
    local.push()
    assert gett_sandbox.context.state.orders[gett_id].status == "confirmed"


def test_retry_an_hour_later_gets_the_ticket(local: LocalKit, gett_sandbox: GettSandbox, pos: Path) -> None:
    set_options(gett_sandbox, late_retries=True)
    gett_sandbox.context.faults.add(Fault(kind="drop", call="placeOrder", times=1))
    gett_sandbox.place(cola_order(gett_sandbox, local))
    ticket = only_ticket(pos)
    (order,) = gett_sandbox.context.state.orders.values()
    gett_sandbox.context.clock.advance(3_700)
    wait_until(lambda: order.answered, message="the retry")
    assert only_ticket(pos) == ticket
    local.push()
    assert order.status == "confirmed"


def test_status_sent_before_gett_has_read_the_response_is_sent_again(
    local: LocalKit, gett_sandbox: GettSandbox, pos: Path
) -> None:
    set_options(gett_sandbox, early_updates_unknown=True, read_answer_after=1.0)
    with push_worker(local):
        placed = gett_sandbox.place(cola_order(gett_sandbox, local))
        order = gett_sandbox.context.state.orders[placed["gettOrderId"]]
        wait_until(lambda: order.status == "confirmed", message="the confirmation")
    responses = [update.status for update in gett_sandbox.context.update_log.updates(placed["gettOrderId"])]
    assert responses[0] == 404
    assert responses[-1] == 202
    assert local.dead_letters.find() == []
