"""Writes at Gett whose response the caller waits for, such as the registration of a store. They count towards the same quota.

Such a call is made once. Only a 429 is repeated, because Gett has done nothing then; after any other failure the caller decides.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import redis

from webhook_kit.errors import GettPermanent, GettRateLimited, GettRetriable, GettUnauthorized
from webhook_kit.logs import logger
from webhook_kit.outbox.quota import Quota
from webhook_kit.outbox.sending_state import SendingState
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.scripts import Script

__all__ = ["RateLimitedClient"]

log = logger("outbox")

_LONGEST_WAIT = 1.0
"""Seconds between two checks of the quota at most: Gett's headers may shorten a wait meanwhile."""

Result = TypeVar("Result")


class RateLimitedClient:
    """Calls that write at Gett outside the lanes.

    Unlike an update, such a call is made although the circuit breaker is open or sending is halted: it shows a person who has
    replaced the API key that the key works, and its success ends the halt.
    """

    def __init__(self, connection: redis.Redis, keys: Keys, sending: SendingState, quota: Quota) -> None:
        self._keys = keys
        self._sending = sending
        self._quota = quota
        self._take_place = Script(connection, keys, "webhook_kit.outbox/take_place")
        self._move_place = Script(connection, keys, "webhook_kit.outbox/move_place")

    def call(self, write: Callable[[], Result], *, timeout: float = 90.0) -> Result:
        """Wait for the quota, make the call, and record the response in the sending state.

        :param write: makes exactly one HTTP request (a method of :class:`~webhook_kit.gett.client.GettClient`).
        :param timeout: seconds to wait for the quota at most.
        :raises GettRateLimited: if the quota stays used up for so long.
        :raises GettError: any error of the call.
        """
        deadline = time.monotonic() + timeout
        while True:
            place = self._wait_for_quota(deadline)
            try:
                result = write()
            except GettRateLimited as error:
                wait = error.retry_after or 1.0
                self._record(self._sending.record_rate_limited, wait)
                if time.monotonic() + wait >= deadline:
                    raise
                continue
            except GettUnauthorized as error:
                self._record(self._sending.halt, str(error))
                raise
            except GettRetriable:
                self._record(self._sending.record_failure)
                raise
            except GettPermanent:
                self._record(self._sending.record_response)
                raise
            else:
                self._record(self._sending.record_response)
                return result
            finally:
                self._record(self._move_place, self._keys.sends, place=place)

    @staticmethod
    def _record(method: Callable[..., object], *values: object, **named: object) -> None:
        """Record a response. A failure is logged only, so that the caller gets Gett's response."""
        try:
            method(*values, **named)
        except redis.RedisError as error:
            log.warning("response_not_recorded", error=type(error).__name__)
        except Exception:
            log.exception("response_not_recorded")

    def _wait_for_quota(self, deadline: float) -> str:
        """Return the call's entry in the window of sends."""
        quota = self._quota.script_argument
        while True:
            wait, place = self._take_place(self._keys.sending, self._keys.sends, quota=quota)
            if (seconds := float(text(wait)) / 1000) <= 0:
                return text(place)
            if time.monotonic() + seconds >= deadline:
                raise GettRateLimited(
                    f"Gett's quota of writes is used up for another {seconds:.0f} s", retry_after=seconds
                )
            time.sleep(min(seconds, _LONGEST_WAIT))
