"""Dispatcher: lease lanes, send their updates, and settle each lease by Gett's response."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for

import redis

from webhook_kit.errors import GettError, GettPermanent, GettRateLimited, GettRetriable, GettUnauthorized
from webhook_kit.gett.client import GettClient
from webhook_kit.gett.models.store import CatalogSetNotification, OrderStatusUpdate, StoreStatusUpdate
from webhook_kit.logs import logger
from webhook_kit.metrics.definitions import GETT_REQUESTS, SENDS, UPDATE_DELAY, status_class
from webhook_kit.outbox.lanes import Lanes, Lease, LeaseResult, LeaseStatus
from webhook_kit.outbox.retry_policy import FailedUpdate, RetryDecision, RetryPolicy
from webhook_kit.outbox.sending_state import SendingState
from webhook_kit.outbox.updates import Kind
from webhook_kit.storage.alerts import Alert, Alerts
from webhook_kit.tracing import ActiveSpan, span

__all__ = ["Dispatcher", "lease_seconds"]

log = logger("outbox")

_GATHER = 0.003
"""Seconds to wait for more free threads: a lease costs about as much as a send, so one call leases several lanes."""


def lease_seconds(connect_timeout: float, read_timeout: float) -> float:
    """Return the seconds for which a lane is leased: longer than a call and the record of its outcome take.

    A call begins in the first half of its lease and ends within it, so two senders never hold the same lane.
    """
    return 2 * (connect_timeout + read_timeout) + 4.0


class Dispatcher:
    """Sends the updates in the lanes with a few threads, each with its own HTTP session.

    :param lease: seconds for which a lane is leased; see :func:`lease_seconds`.
    :param recheck: seconds between two leases at most while nothing may be sent, so that an urgent update is found.
    """

    def __init__(
        self,
        lanes: Lanes,
        sending: SendingState,
        client: GettClient,
        *,
        threads: int,
        retry: RetryPolicy | None = None,
        lease: float = lease_seconds(3.05, 10.0),
        recheck: float = 0.25,
        alerts: Alerts | None = None,
    ) -> None:
        self._lanes = lanes
        self._sending = sending
        self._client = client
        self._threads = threads
        self._retry = retry or RetryPolicy()
        self._lease_ms = int(lease * 1000)
        self._recheck = recheck
        self._alerts = alerts
        self._latest_start = lease / 2
        self._free = threading.Semaphore(threads)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="push")
        self._in_flight: set[Future[None]] = set()

    def drain(self, seconds: float, stopping: Callable[[], bool] = lambda: False, *, wait: bool = True) -> int:
        """Send until nothing can be sent for a while, the time is up, or the process has to stop.

        A lane is leased only when a thread is free, so that every lease is used.

        :param stopping: returns True when the process has to stop.
        :param wait: also wait for the updates that are then being sent; else their threads finish them, and a next call
            of this method sends with the remaining threads.
        :return: the number of updates that were tried.
        """
        deadline = time.monotonic() + seconds
        tried, notified = 0, True
        try:
            while not stopping() and (remaining := deadline - time.monotonic()) > 0:
                free = self._acquire_threads()
                if stopping():  # acquiring may have taken a while
                    self._release_threads(free)
                    break
                try:
                    result = self._lanes.lease(free, self._lease_ms, notified=notified)
                except BaseException:
                    self._release_threads(free)
                    raise
                notified = False
                self._release_threads(free - len(result.leases))
                for lease in result.leases:
                    self._submit(lease)
                tried += len(result.leases)
                # Fewer leases than threads: another lease at once would only delay the senders.
                if len(result.leases) < free and not self._idle_wait(result, remaining):
                    break
        finally:
            if wait:
                self.finish()
        return tried

    def finish(self) -> None:
        """Wait until nothing is being sent. The timeouts of a call and of Redis limit the wait."""
        wait_for(self._in_flight.copy())

    def _submit(self, lease: Lease) -> None:
        future = self._pool.submit(self._send_and_log, lease)
        self._in_flight.add(future)
        future.add_done_callback(self._in_flight.discard)

    def _acquire_threads(self) -> int:
        self._free.acquire()
        acquired, deadline = 1, time.monotonic() + _GATHER
        while acquired < self._threads:
            timeout = deadline - time.monotonic() if acquired < self._threads // 4 else 0.0
            if not self._free.acquire(timeout=max(timeout, 0.0)):
                break
            acquired += 1
        return acquired

    def _release_threads(self, count: int) -> None:
        if count > 0:
            self._free.release(count)

    def _idle_wait(self, result: LeaseResult, remaining: float) -> bool:
        """Wait a little until something may be sent. Return False if nothing waits: the next append notifies a worker.

        While updates wait and may not be sent, the whole time is used: a job that ended at once would be queued again at once.
        """
        if result.status is LeaseStatus.IDLE and (result.wait < 0 or result.wait > 0.5):
            return False
        time.sleep(min(max(result.wait, 0.001), remaining, self._recheck))
        return True

    def _send_and_log(self, lease: Lease) -> None:
        try:
            self.send(lease)
        except redis.RedisError as error:
            # The lease ends and the update is sent again: Gett takes the same status twice.
            log.warning("outcome_not_recorded", lane=lease.lane, error=type(error).__name__)
        except Exception:
            log.exception("outcome_recording_failed", lane=lease.lane)
        finally:
            self._free.release()

    def send(self, lease: Lease) -> None:
        """Send one update and settle its lease.

        A failure while an outcome is recorded counts as a failed attempt, so that no update is tried for ever.

        :raises redis.RedisError: the outcome is not recorded; the attempt counts when the lease ends.
        """
        with span(f"push {lease.kind}", "client", link=lease.traceparent) as traced:
            traced.set(lane=lease.lane, update=lease.number, store=lease.store_id)
            self._send(lease, traced)

    def _send(self, lease: Lease, traced: ActiveSpan) -> None:
        if time.monotonic() - lease.leased > self._latest_start:
            # This process stood still. A call that began now could arrive after that of the next holder of the lane.
            log.warning("lease_too_old", lane=lease.lane, update=lease.number)
            self._lanes.postpone(lease, 0.0, "not sent: the lease was too old", charge=False)
            return
        try:
            self._lanes.acknowledge(lease, self._timed_status(lease, traced))
        except redis.RedisError:
            raise
        except GettError as error:
            self._record_sending_state(error)
            self._retry_or_dead_letter(lease, error)
        except Exception as error:
            log.exception("outcome_recording_failed", lane=lease.lane, update=lease.number)
            self._retry_or_dead_letter(lease, GettError(f"sent, but not recorded: {type(error).__name__}"))
        else:
            SENDS.count(lease.kind, "sent")
            log.info("update_sent", lane=lease.lane, update=lease.number)

    def _timed_status(self, lease: Lease, traced: ActiveSpan) -> int:
        started, status = time.monotonic(), None
        try:
            status = self._status(lease)
            UPDATE_DELAY.observe(lease.age + time.monotonic() - lease.leased, lease.kind)
        except GettError as error:
            status = error.status
            traced.fail(str(status or type(error).__name__))
            raise
        finally:
            traced.describe({"http.response.status_code": status})
            GETT_REQUESTS.observe(time.monotonic() - started, lease.kind, status_class(status))
        return status

    def _status(self, lease: Lease) -> int:
        """Send an update and return the status with which Gett took it.

        :raises GettError: Gett did not take it.
        """
        try:
            self._deliver(lease)
        except GettError as error:
            if error.status is None or not 200 <= error.status < 300:
                raise
            return error.status  # taken, although the response cannot be read
        except Exception as error:
            log.exception("update_failed", lane=lease.lane, update=lease.number)
            raise GettError(f"not sent: {type(error).__name__}") from error
        return 200

    def _deliver(self, lease: Lease) -> None:
        if lease.kind is Kind.ORDER:
            self._client.set_order_status(lease.gett_id, OrderStatusUpdate.model_validate(lease.body))
        elif lease.kind is Kind.STORE:
            self._client.set_store_status(lease.gett_id, StoreStatusUpdate.model_validate(lease.body))
        else:
            self._client.notify_catalog(lease.store_id, CatalogSetNotification.model_validate(lease.body).callback_url)

    def _record_sending_state(self, error: GettError) -> None:
        """Record for all lanes that Gett failed. When this fails, the update's own lane still gets the outcome."""
        try:
            if isinstance(error, GettUnauthorized):
                log.error("sending_halted", why=str(error))
                self._sending.halt(str(error))
            elif error.redirected:
                self._sending.record_failure()
                self._report_redirect(error)
            elif isinstance(error, GettRateLimited):
                self._sending.record_rate_limited(self._retry.rate_limited_delay(error))
            elif isinstance(error, GettRetriable):
                self._sending.record_failure()
            elif isinstance(error, GettPermanent):
                self._sending.record_response()
        except Exception:
            log.exception("sending_state_not_recorded", why=str(error))

    def _report_redirect(self, error: GettError) -> None:
        why = f"Gett's address answers with a redirect, which is not followed: correct GETT_API_URL ({error})"
        log.error("gett_redirected", why=why)
        if self._alerts is not None:
            self._alerts.raise_once(Alert.GETT_REDIRECTED, "GETT_API_URL", why, about="setting")

    def _retry_or_dead_letter(self, lease: Lease, error: GettError) -> None:
        update = FailedUpdate(lease.kind is Kind.ORDER, lease.age + time.monotonic() - lease.leased, lease.attempts)
        try:
            self._settle(lease, self._retry.decide(error, update), str(error), error)
        except redis.RedisError:
            raise
        except Exception as failure:
            log.exception("reason_not_recorded", lane=lease.lane, update=lease.number)
            decision = self._retry.decide_without_reason(update)
            self._settle(lease, decision, f"the reason could not be recorded: {type(failure).__name__}", None)

    def _settle(self, lease: Lease, decision: RetryDecision, why: str, error: GettError | None) -> None:
        status, code = (error.status, error.code) if error else (None, None)
        if decision.delay is None:
            self._lanes.dead_letter(lease, why, status, code)
            SENDS.count(lease.kind, "dead_lettered")
            log.error("update_dead_lettered", lane=lease.lane, update=lease.number, why=why)
        else:
            self._lanes.postpone(lease, decision.delay, why, charge=decision.counted, status=status, code=code)
            SENDS.count(lease.kind, "postponed")
            log.warning("update_postponed", lane=lease.lane, seconds=round(decision.delay, 2), why=why)
