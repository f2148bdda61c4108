"""Settlement of a POS call: its outcome is recorded, and its answer handed over to the request that waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import redis

from webhook_kit.logs import logger
from webhook_kit.placement.attempt import Attempt, PlacementResponse
from webhook_kit.placement.claims import AttemptOutcome, SettleResult
from webhook_kit.placement.idempotency_store import PlacementStore
from webhook_kit.pos.executor import PosCall
from webhook_kit.settings import Settings

__all__ = ["Settlement"]

log = logger("placement")


class Settlement:
    """Settles the attempts whose POS was called, in the thread of the call."""

    def __init__(self, records: PlacementStore, settings: Settings) -> None:
        self._records = records
        self._seconds = settings.pos_abandon_after

    def settle(
        self,
        attempt: Attempt,
        call: PosCall[PlacementResponse | None],
        record: Callable[[], SettleResult],
        result: PlacementResponse | BaseException,
    ) -> None:
        """Record an outcome, then hand over the result; while Redis cannot be reached, hand it over first and keep trying.

        If the outcome cannot be recorded for another reason, the order is in doubt: the POS may have it.

        :param record: records the outcome.
        """
        ref, answer = attempt.claim.ref, None
        try:
            settled = self._keep_trying(ref, record, lambda: _hand_over(call, result))
            if settled is SettleResult.OK:
                answer = result
            elif settled is SettleResult.DUPLICATE:
                log.error("duplicate_ticket_reported", order=ref, store=attempt.store.id)
        except Exception as error:
            log.exception("outcome_not_recorded", order=ref, store=attempt.store.id)
            answer = failure = error
            in_doubt = partial(self._records.settle, attempt.claim, AttemptOutcome.IN_DOUBT)
            self._keep_trying(ref, in_doubt, lambda: _hand_over(call, failure))
        finally:
            self._records.stop_renewal(attempt.claim)
        _hand_over(call, answer)

    def _keep_trying(
        self, ref: str, record: Callable[[], SettleResult], on_failure: Callable[[], None] = lambda: None
    ) -> SettleResult | None:
        """Record an outcome as soon as Redis can be reached. Return None if it stays out of reach.

        :param on_failure: called once, after the first failure.
        """
        pause, end, failed = 0.05, time.monotonic() + self._seconds, False
        while True:
            try:
                return record()
            except redis.RedisError as error:
                if not failed:
                    log.exception("settle_failed", order=ref, error=type(error).__name__)
                    on_failure()
                    failed = True
                if time.monotonic() > end:
                    return None
                time.sleep(pause)
                pause = min(pause * 2, 5.0)


def _hand_over(call: PosCall[PlacementResponse | None], result: PlacementResponse | BaseException | None) -> None:
    """End the call with a result, unless it has ended."""
    if isinstance(result, BaseException):
        call.fail(result)
    else:
        call.finish(result)
