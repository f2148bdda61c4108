"""Redis is emptied while updates are being sent; one reconciliation sends Gett everything that was lost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from uuid import uuid4

import pytest

from tests.chaos.fake_gett_server import FakeGettServer
from tests.chaos.workers import (
    PosUpdate,
    WorkerProcess,
    final_counts,
    make_kit,
    order_traffic,
    report_until_stored,
    wait_until_sent,
)
from webhook_kit.adapter import OrderState, OrderStatus, PosOrder, Store
from webhook_kit.monitoring.reconciliation import ComparisonOutcome
from webhook_kit.storage.scripts import Script
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.processes import wait_until
from webhook_kit.testing.redis_server import RedisServer

ORDERS = 40
THREADS = 4


class PosWithOrders(BogusAdapter):
    """A POS that returns the last update of each order."""

    last: ClassVar[dict[str, PosUpdate]] = {}

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        return [_pos_order(update) for update in self.last.values()]


def _pos_order(update: PosUpdate) -> PosOrder:
    ended = update.step in ("completed", "cancelled")
    return PosOrder(
        id=f"ticket-{update.order}",
        order_ref=update.order,
        status=None if ended else OrderStatus(update.step),
        state=OrderState(update.step) if ended else OrderState.OPEN,
        reason="the customer has left",
        estimated_ready_at=update.estimate,
    )


@pytest.mark.parametrize("seed", [20_260_131])
def test_one_reconciliation_restores_all_updates_after_redis_was_emptied(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PosWithOrders, "last", {})
    updates = list(order_traffic(seed, ORDERS))
    half, most = len(updates) // 2, len(updates) * 9 // 10
    gett = FakeGettServer()
    env = {"PUSH_THREADS": str(THREADS), "GETT_READ_TIMEOUT": "60"}
    with RedisServer() as server, gett.serve() as url:
        kit = make_kit(server, pos_adapter=f"{__name__}:PosWithOrders", gett_store_id=str(uuid4()))

        def report(some: list[PosUpdate]) -> None:
            for update in some:
                report_until_stored(kit, update)
                PosWithOrders.last[update.order] = update

        with WorkerProcess(server, url, env) as first, WorkerProcess(server, url, env) as second:
            first.wait_started()
            second.wait_started()
            report(updates[:half])
            gett.responding.clear()
            report(updates[half:most])
            # A lease that no sender has received would end in time; after the flush it would last for ever.
            wait_until(
                lambda: THREADS <= gett.pending == kit.redis.zcard(kit.keys.delayed),
                message="every lease to be at its sender",
            )
            empty_redis = Script(kit.redis, kit.keys, "tests.chaos/empty_redis")
            heads = [json.loads(head) for head in empty_redis(kit.keys.delayed)]
            in_flight = [(head["order"], head["body"]) for head in heads]
            assert len(in_flight) >= THREADS
            assert kit.lanes.counts() == {}
            gett.responding.set()
            # A sender that is still at work has lost its lease; updates that come after its update must arrive after it.
            wait_until(lambda: all(map(gett.has_received_update, in_flight)), message="the updates in flight to arrive")
            report(updates[most:])
            (store,) = kit.stores
            result = kit.reconciler.reconcile(store)
            assert result.failures == []
            assert result.counts[ComparisonOutcome.APPENDED] > 0
            wait_until_sent(kit)
            final_counts(kit)
            assert set(kit.reconciler.reconcile(store).counts) == {ComparisonOutcome.UP_TO_DATE}
    assert gett.out_of_order() == []
    at_gett = {order: received.step for order, received in gett.last_accepted().items()}
    assert at_gett == {order: update.step for order, update in PosWithOrders.last.items()}
