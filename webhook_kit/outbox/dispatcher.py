"""Sending: drain the lanes, and decide what each failure means.

===============================  =====================================================================================
what Gett says                   what happens to the update
===============================  =====================================================================================
2xx                              sent
429                              postponed until ``retryAfter``, with everything else; no attempt is charged
408, 425, 5xx, no answer         postponed: max(Retry-After, capped exponential with jitter); several in a row open the circuit
404, 409 while the order's young the same: Gett may not have read our answer to placeOrder yet
401, 403                         postponed; all sending stops, for a rotated key must not cost a single update
everything else                  buried: to the dead letters; the lane goes on
===============================  =====================================================================================

What has failed for long enough is buried too. Waiting for quota, an open circuit or a shutdown costs no attempt.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass

import redis

from webhook_kit.errors import (
    GettConflict,
    GettError,
    GettNotFound,
    GettRateLimited,
    GettRetriable,
    GettUnauthorized,
)
from webhook_kit.gett.client import GettClient
from webhook_kit.gett.models.store import CatalogSetNotification, OrderStatusUpdate, StoreStatusUpdate
from webhook_kit.logs import logger
from webhook_kit.outbox.lanes import Lanes, Lease, LeaseStatus
from webhook_kit.outbox.quota import SendingState
from webhook_kit.outbox.updates import Kind

__all__ = ["Dispatcher", "RetryPolicy", "lease_seconds"]

log = logger("outbox")

_LONGEST_ASKED = 3600.0
"""Seconds that Gett may ask us to wait; more is taken for a mistake."""


_GATHER = 0.003
"""Seconds to wait for more threads to come free: asking for work costs about as much as a send, so it is asked for several."""


def lease_seconds(connect_timeout: float, read_timeout: float) -> float:
    """How long a lane is leased: longer than a call and the record of its outcome take, so that two senders never hold one."""
    return 2 * (connect_timeout + read_timeout) + 4.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to try again, and when to give up.

    :ivar first: seconds before the first repetition; each further one doubles it.
    :ivar longest: seconds at most (``gett-protocol.md §5``: 1, 2, 4 … at most 30).
    :ivar young: seconds during which a 404 or 409 may only mean that Gett has not read our answer yet [D].
    :ivar give_up: seconds after which an update that keeps failing is buried.
    :ivar least_attempts: attempts it has had by then, at least.
    """

    first: float = 1.0
    longest: float = 30.0
    young: float = 900.0
    give_up: float = 4 * 3600.0
    least_attempts: int = 12

    def delay(self, attempts: int, retry_after: float | None) -> float:
        """Seconds to wait after so many failures."""
        exponential = min(self.longest, self.first * 2.0 ** min(attempts, 16))
        jittered = exponential * random.uniform(0.7, 1.0)  # noqa: S311 - spreads load, hides nothing
        return max(min(retry_after or 0.0, _LONGEST_ASKED), jittered)


class Dispatcher:
    """Drains the lanes with a few threads, each with an HTTP session of its own.

    :param lease: seconds for which a lane is leased; see :func:`lease_seconds`.
    :param look_again: seconds after which it looks again at the latest although a gate is closed: for something urgent.
    """

    def __init__(
        self,
        lanes: Lanes,
        gate: SendingState,
        client: GettClient,
        *,
        threads: int,
        retry: RetryPolicy | None = None,
        lease: float = lease_seconds(3.05, 10.0),
        look_again: float = 0.25,
    ) -> None:
        self._lanes = lanes
        self._gate = gate
        self._client = client
        self._threads = threads
        self._retry = retry or RetryPolicy()
        self._lease_ms = int(lease * 1000)
        self._look_again = look_again
        self._free = threading.Semaphore(threads)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="push")
        self._under_way: set[Future[None]] = set()

    def drain(self, seconds: float, stopping: Callable[[], bool] = lambda: False, *, wait: bool = True) -> int:
        """Send until nothing can be sent for a while, the time is up, or the process is told to stop.

        What is only leased is never left: a lease is taken when a thread is free.

        :param wait: also wait for what is being sent then; else its threads finish it by themselves, and whoever drains
            again meanwhile does so with the others.
        :return: how many updates were tried.
        """
        until = time.monotonic() + seconds
        tried, woken = 0, True
        try:
            while not stopping() and (left := until - time.monotonic()) > 0:
                free = self._take_free()
                if stopping():  # that may have taken a while
                    self._give_free(free)
                    break
                try:
                    found = self._lanes.lease(free, self._lease_ms, woken=woken)
                except BaseException:
                    self._give_free(free)
                    raise
                woken = False
                self._give_free(free - len(found.leases))
                for lease in found.leases:
                    self._submit(lease)
                tried += len(found.leases)
                # Fewer than asked for: to ask again at once would only be in the senders' way.
                if len(found.leases) < free and not self._idle_wait(found.verdict, found.wait, left):
                    break
        finally:
            if wait:
                self.finish()
        return tried

    def finish(self) -> None:
        """Wait until nothing is being sent; the time-outs of a call and of Redis bound it."""
        wait_for(self._under_way.copy())

    def _submit(self, lease: Lease) -> None:
        sending = self._pool.submit(self._guarded, lease)
        self._under_way.add(sending)
        sending.add_done_callback(self._under_way.discard)

    def _take_free(self) -> int:
        self._free.acquire()
        taken, until = 1, time.monotonic() + _GATHER
        while taken < self._threads:
            patience = until - time.monotonic() if taken < self._threads // 4 else 0.0
            if not self._free.acquire(timeout=max(patience, 0.0)):
                break
            taken += 1
        return taken

    def _give_free(self, count: int) -> None:
        if count > 0:
            self._free.release(count)

    def _idle_wait(self, verdict: LeaseStatus, wait: float, left: float) -> bool:
        """Wait a little for the gates; False when nothing is waiting: then the sweep or an append wakes the next job.

        Behind a closed gate the slice is waited out, for a job that ended at once would be woken again at once.
        """
        if verdict is LeaseStatus.IDLE and (wait < 0 or wait > 0.5):
            return False
        time.sleep(min(max(wait, 0.001), left, self._look_again))
        return True

    def _guarded(self, lease: Lease) -> None:
        try:
            self.send(lease)
        except redis.RedisError as error:
            # The lease runs out and the update is sent again: Gett takes the same status twice.
            log.warning("outcome not recorded", lane=lease.lane, error=type(error).__name__)
        except Exception:
            log.exception("outcome not recorded, for an unexpected reason", lane=lease.lane)
        finally:
            self._free.release()

    def send(self, lease: Lease) -> None:
        """Send one update and settle its lease."""
        try:
            self._deliver(lease)
        except GettError as error:
            if error.status is not None and 200 <= error.status < 300:  # taken, whatever was wrong with the answer
                self._lanes.acknowledge(lease, error.status)
            else:
                self._failed(lease, error)
        except Exception as error:
            log.exception("sending failed in an unexpected way", lane=lease.lane)
            unexpected = GettError(f"not sent: {type(error).__name__}")
            self._retry_or_dead_letter(lease, unexpected, again=not self._is_exhausted(lease))
        else:
            self._lanes.acknowledge(lease, 200)
            log.info("update sent", lane=lease.lane, update=lease.number)

    def _deliver(self, lease: Lease) -> None:
        if lease.kind is Kind.ORDER:
            self._client.set_order_status(lease.gett_id, OrderStatusUpdate.model_validate(lease.body))
        elif lease.kind is Kind.STORE:
            self._client.set_store_status(lease.gett_id, StoreStatusUpdate.model_validate(lease.body))
        else:
            self._client.notify_catalog(lease.store_id, CatalogSetNotification.model_validate(lease.body).callback_url)

    def _failed(self, lease: Lease, error: GettError) -> None:
        if isinstance(error, GettUnauthorized):
            self._gate.halt(str(error))
            self._postpone(lease, 1.0, error, charge=False)
            log.error("gett refuses the key: nothing is sent until it is right", why=str(error))
        elif isinstance(error, GettRateLimited):
            wait = min(error.retry_after or self._retry.first, _LONGEST_ASKED)
            self._gate.record_rate_limited(wait)
            self._postpone(lease, wait, error, charge=False)
        elif isinstance(error, GettNotFound | GettConflict):
            self._gate.record_response()
            young = lease.kind is Kind.ORDER and _age(lease) < self._retry.young
            self._retry_or_dead_letter(lease, error, again=young)
        elif isinstance(error, GettRetriable):
            self._gate.record_failure()
            self._retry_or_dead_letter(lease, error, again=not self._is_exhausted(lease))
        else:
            self._gate.record_response()
            self._retry_or_dead_letter(lease, error, again=False)

    def _is_exhausted(self, lease: Lease) -> bool:
        return _age(lease) > self._retry.give_up and lease.attempts >= self._retry.least_attempts

    def _retry_or_dead_letter(self, lease: Lease, error: GettError, *, again: bool) -> None:
        if again:
            self._postpone(lease, self._retry.delay(lease.attempts, error.retry_after), error, charge=True)
            return
        self._lanes.dead_letter(lease, str(error), error.status)
        log.error("update buried", lane=lease.lane, update=lease.number, why=str(error))

    def _postpone(self, lease: Lease, seconds: float, error: GettError, *, charge: bool) -> None:
        self._lanes.postpone(lease, seconds, str(error), charge=charge)
        log.warning("update postponed", lane=lease.lane, seconds=round(seconds, 2), why=str(error))


def _age(lease: Lease) -> float:
    return time.time() - lease.at
