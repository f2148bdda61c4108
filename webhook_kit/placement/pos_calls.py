"""Calls to an order's POS and their answers in Gett's terms.

An outage or an unusable answer becomes 503, a refusal becomes violations. ``place_order`` alone passes its errors on,
because they decide if the order is in doubt.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from webhook_kit.adapter import Placed, PosAdapter, Refusal, Refused, Store, placement_key
from webhook_kit.errors import PosUnavailable, Unsupported
from webhook_kit.gett.models.order import PlaceOrderRequest, ValidationError
from webhook_kit.gett.problems import Problem, unavailable
from webhook_kit.logs import logger
from webhook_kit.pos.executor import PosExecutor

__all__ = ["as_violations", "ask_pos", "find_order", "place_order", "unusable_answer"]

log = logger("placement")

T = TypeVar("T")


def ask_pos(executor: PosExecutor, store: Store, method: str, call: Callable[[], T], *, deadline: float) -> T:
    """Make a POS call without side effects while a webhook waits.

    :param method: the adapter's method, for the log and the metrics.
    :param deadline: monotonic time by which the answer is needed.
    :raises Problem: 503 for every failure; the traceback is in the log only.
    :raises Unsupported: when the adapter does not offer the method for this store.
    """
    try:
        return executor.run(store.id, method, call, deadline=deadline - time.monotonic())
    except Unsupported:
        raise
    except PosUnavailable as error:
        raise unavailable(str(error), retry_after=error.retry_after) from error
    except Exception as error:
        log.exception("pos_call_failed", call=method, store=store.id)
        raise unavailable("the POS gave no usable answer") from error


def find_order(executor: PosExecutor, adapter: PosAdapter, store: Store, ref: str, *, deadline: float) -> Placed | None:
    """Return the ticket that the POS has for an order, or None.

    :raises Problem: 503 when the POS gives no usable answer.
    """
    try:
        ticket = ask_pos(executor, store, "find_order", lambda: adapter.find_order(store, ref), deadline=deadline)
    except Unsupported as error:  # without a look-up the promise of one ticket per order does not hold
        raise unusable_answer(store, "find_order() raised Unsupported, although the adapter has it") from error
    if ticket is not None and not isinstance(ticket, Placed):
        raise unusable_answer(store, f"find_order() returned {type(ticket).__name__}")
    return ticket


def place_order(adapter: PosAdapter, store: Store, order: PlaceOrderRequest) -> Placed | Refused:
    """Place an order, in the thread of the call.

    :raises TypeError: when the adapter returns neither; the order is in doubt then.
    """
    result = adapter.place_order(store, order, placement_key(store, order.order_ref))
    if not isinstance(result, Placed | Refused):
        raise TypeError(f"place_order() returned {type(result).__name__}, not Placed or Refused")
    return result


def as_violations(refusals: Iterable[Refusal]) -> tuple[ValidationError, ...]:
    """Return a POS's refusals as Gett's validation errors (``gett-protocol.md §3``)."""
    return tuple(
        ValidationError(
            code=refusal.reason.code,
            message=refusal.message,
            **({} if refusal.item_id is None else {"item_id": refusal.item_id}),
            **({} if refusal.json_path is None else {"json_path": refusal.json_path}),
        )
        for refusal in refusals
    )


def unusable_answer(store: Store, complaint: str) -> Problem:
    """Log what is wrong with an adapter's return value, and return the 503 for it."""
    log.error("pos_answer_rejected", store=store.id, adapter=store.adapter, complaint=complaint)
    return unavailable("the POS gave no usable answer")
