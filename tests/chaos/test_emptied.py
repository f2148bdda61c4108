"""Redis is emptied while updates are on their way; one comparison with the POS, and Gett knows all there is to know."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from uuid import uuid4

import pytest

from tests.chaos.fake_gett_server import Sink
from tests.chaos.workers import Said, Worker, account, evening, make_kit, say_durably, soon
from webhook_kit.adapter import OrderState, OrderStatus, PosOrder, Store
from webhook_kit.monitoring.reconciliation import ComparisonOutcome
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.redis_server import RedisServer

ORDERS = 40
THREADS = 4

EMPTY = """
local heads = {}
for _, lane in ipairs(redis.call('ZRANGE', ARGV[1] .. 'delayed', 0, -1)) do
  heads[#heads + 1] = cjson.encode({order = string.sub(lane, 7), body = cjson.decode(redis.call('LINDEX', ARGV[1] .. 'queue:' .. lane, 0)).body})
end
redis.call('FLUSHALL')
return heads
"""
"""Empties Redis, and says what was being sent at that moment."""


class Pos(BogusAdapter):
    """A POS that remembers how far its orders are."""

    said: ClassVar[dict[str, Said]] = {}

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        return [_as_it_is(said) for said in self.said.values()]


def _as_it_is(said: Said) -> PosOrder:
    ended = said.step in ("completed", "cancelled")
    return PosOrder(
        id=f"ticket-{said.order}",
        order_ref=said.order,
        status=None if ended else OrderStatus(said.step),
        state=OrderState(said.step) if ended else OrderState.OPEN,
        reason="the guest has gone",
        estimated_ready_at=said.estimate,
    )


@pytest.mark.parametrize("seed", [20_260_131])
def test_one_comparison_with_the_pos_heals_an_emptied_redis(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pos, "said", {})
    words = list(evening(seed, ORDERS))
    half, most = len(words) // 2, len(words) * 9 // 10
    sink = Sink()
    env = {"PUSH_THREADS": str(THREADS), "GETT_READ_TIMEOUT": "60"}
    with RedisServer() as server, sink.serve() as gett:
        kit = make_kit(server, pos_adapter=f"{__name__}:Pos", gett_store_id=str(uuid4()))
        with Worker(server, gett, env) as first, Worker(server, gett, env) as second:
            first.wait_working()
            second.wait_working()
            for said in words[:half]:
                say_durably(kit, said)
                Pos.said[said.order] = said
            sink.open.clear()
            for said in words[half:most]:
                say_durably(kit, said)
                Pos.said[said.order] = said
            # A lease whose sender never heard of it would lapse in time; after the flush it would be under way for ever.
            delayed = kit.keys.delayed
            soon(lambda: THREADS <= sink.held == kit.redis.zcard(delayed), "every lease to be at its sender")
            heads = [json.loads(head) for head in kit.redis.eval(EMPTY, 0, kit.keys.prefix)]
            under_way = [(head["order"], head["body"]) for head in heads]
            assert len(under_way) >= THREADS
            assert kit.lanes.counts() == {}
            sink.open.set()
            # Whoever sends now has lost its lease; what comes after it must come after it.
            soon(lambda: all(map(sink.has_got, under_way)), "what was under way to arrive")
            for said in words[most:]:
                say_durably(kit, said)
                Pos.said[said.order] = said
            (store,) = kit.stores
            report = kit.reconciler.reconcile(store)
            assert report.failures == []
            assert report.counts[ComparisonOutcome.APPENDED] > 0
            soon(lambda: not kit.lanes.all_waiting(), "everything to be told")
            account(kit)
            assert set(kit.reconciler.reconcile(store).counts) == {ComparisonOutcome.UP_TO_DATE}
    assert sink.steps_back() == []
    told = {order: arrival.step for order, arrival in sink.accepted().items()}
    assert told == {order: said.step for order, said in Pos.said.items()}
