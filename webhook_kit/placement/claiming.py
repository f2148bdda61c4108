"""Claim of an order by a webhook, which waits for a while when another attempt is under way."""

from __future__ import annotations

import time
from collections.abc import Callable

from webhook_kit.gett.models.order import PlaceOrderRequest, ValidationError
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import Problem
from webhook_kit.placement.attempt import PlacementResponse
from webhook_kit.placement.claims import AlreadyPlaced, Busy, Claim, ClaimResult, Replay, SignatureReplayed
from webhook_kit.placement.idempotency_store import PlacementStore
from webhook_kit.tracing import traced

__all__ = ["claim_or_answer"]


@traced("claim")
def claim_or_answer(
    records: PlacementStore, order: PlaceOrderRequest, claim_order: Callable[[], ClaimResult], deadline: float
) -> Claim | PlacementResponse:
    """Claim an order, or return its recorded answer.

    :param claim_order: tries once to claim it.
    :param deadline: monotonic time until which to wait while another attempt is under way.
    :raises Problem: the order cannot be claimed.
    """
    pause = 0.01
    while True:
        result = claim_order()
        if isinstance(result, Claim):
            return result
        if isinstance(result, Replay):
            if result.newly_linked:
                records.link(result.ref, result.newly_linked)
            return PlacementResponse(result.status, result.body, result.ref, replayed=True)
        if isinstance(result, AlreadyPlaced):
            raise Problem(
                ErrorCode.ORDER_ALREADY_PLACED,
                f"order {order.gett_order_id} was placed with other content, as {result.partner_order_id}",
            )
        if isinstance(result, SignatureReplayed):
            raise Problem(
                ErrorCode.UNAUTHENTICATED,
                "this signed body came before under another Idempotency-Key; send a retry with its first key",
            )
        if not isinstance(result, Busy):
            detail = "this Idempotency-Key was used for another order: use a fresh key for each order"
            error = ValidationError(code=ErrorCode.OTHER, message=detail, json_path="$")
            raise Problem(ErrorCode.VALIDATION_FAILED, detail, errors=[error])
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise Problem(ErrorCode.CONFLICT, "the same order is being placed right now", retryable=True, retry_after=5)
        time.sleep(min(pause, remaining))
        pause = min(pause * 1.5, 0.25)
