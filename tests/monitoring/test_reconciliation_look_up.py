"""Reconciliation with a POS that cannot list its orders: it is asked for each one that it has not confirmed."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any, ClassVar

import pytest

from tests.monitoring.stuck_orders import place
from webhook_kit.adapter import Placed, PlacedStatus, PosAdapter, Store
from webhook_kit.kit import Kit
from webhook_kit.monitoring.reconciliation import ComparisonOutcome
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.testing.bogus import BogusAdapter


class LookUpAdapter(BogusAdapter):
    """Returns the ticket that a test sets for each look-up, or raises it.

    :ivar ticket: None if the POS has none.
    """

    ticket: ClassVar[Any] = None
    orders_since = PosAdapter.orders_since
    store_status = PosAdapter.store_status

    def find_order(self, store: Store, order_ref: str) -> Placed | None:
        if isinstance(self.ticket, Exception):
            raise self.ticket
        ticket: Placed | None = self.ticket
        return ticket


@pytest.mark.parametrize(
    ("ticket", "outcomes_", "sent"),
    [
        (Placed("T1"), [ComparisonOutcome.APPENDED], ["confirmed"]),
        (Placed("T1", PlacedStatus.PENDING), [], []),
        (None, [ComparisonOutcome.MISSING], []),
        (RuntimeError("the POS is away"), [], []),
    ],
    ids=["confirmed", "pending", "unknown", "away"],
)
def test_a_pos_that_cannot_list_its_orders_is_asked_for_the_unconfirmed_ones(
    ticket: Any,
    outcomes_: list[ComparisonOutcome],
    sent: list[str],
    make_kit: Callable[..., Kit],
    monkeypatch: pytest.MonkeyPatch,
    events: list[MutableMapping[str, Any]],
) -> None:
    monkeypatch.setattr(LookUpAdapter, "ticket", ticket)
    kit = make_kit(pos_adapter=f"{__name__}:LookUpAdapter")
    ref = place(kit, "pending")
    (store,) = kit.stores
    report = kit.reconciler.reconcile(store)
    assert [each.outcome for each in report.comparisons] == outcomes_
    assert len(report.failures) == isinstance(ticket, Exception)
    waiting = kit.lanes.waiting(lane_name(Kind.ORDER, ref))
    assert [update["body"]["status"] for update in waiting] == sent
