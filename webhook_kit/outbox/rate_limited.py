"""Writes whose answer somebody waits for: registering a store, editing it. They draw on the same quota as the updates.

Such a call is made once. Only a 429 is repeated, for Gett has done nothing then; after any other failure the caller decides.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import redis

from webhook_kit.errors import GettPermanent, GettRateLimited, GettRetriable, GettUnauthorized
from webhook_kit.logs import logger
from webhook_kit.outbox.quota import Quota, SendingState
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.scripts import Script

__all__ = ["RateLimitedClient"]

log = logger("outbox")

_LONGEST_WAIT = 1.0
"""Seconds after which the quota is asked again at the latest: what Gett says meanwhile may shorten a wait."""

_Result = TypeVar("_Result")


class RateLimitedClient:
    """Calls that write at Gett outside the lanes.

    Unlike an update, such a call goes out although the circuit is open or Gett refused the key: a person who has put the key right
    wants to see so, and its success lets everything else go on.
    """

    def __init__(self, connection: redis.Redis, keys: Keys, gate: SendingState, quota: Quota) -> None:
        self._keys = keys
        self._gate = gate
        self._quota = quota
        self._take_place = Script(connection, keys, "webhook_kit.outbox/take_place")
        self._move_place = Script(connection, keys, "webhook_kit.outbox/move_place")

    def call(self, write: Callable[[], _Result], *, patience: float = 90.0) -> _Result:
        """Wait for the quota, make the call, and learn from its answer.

        :param write: makes exactly one HTTP request (a method of :class:`~webhook_kit.gett.client.GettClient`).
        :param patience: seconds to wait for the quota at most.
        :raises GettRateLimited: when the quota left no room for so long.
        :raises GettError: whatever the call raises.
        """
        until = time.monotonic() + patience
        while True:
            booked = self._wait(until)
            try:
                result = write()
            except GettRateLimited as limited:
                wait = limited.retry_after or 1.0
                self._learn(self._gate.record_rate_limited, wait)
                if time.monotonic() + wait >= until:
                    raise
                continue
            except GettUnauthorized as refused:
                self._learn(self._gate.halt, str(refused))
                raise
            except GettRetriable:
                self._learn(self._gate.record_failure)
                raise
            except GettPermanent:
                self._learn(self._gate.record_response)
                raise
            else:
                self._learn(self._gate.record_response)
                return result
            finally:
                self._learn(self._move_place, self._keys.sends, place=booked)

    @staticmethod
    def _learn(note: Callable[..., object], *words: object, **named: object) -> None:
        """Note what an answer teaches; what Gett said matters more than that Redis could not be told of it."""
        try:
            note(*words, **named)
        except redis.RedisError as error:
            log.warning("answer not noted", error=type(error).__name__)

    def _wait(self, until: float) -> str:
        quota = self._quota
        while True:
            wait, booked = self._take_place(self._keys.sending, self._keys.sends, quota=quota.arguments)
            if (seconds := float(text(wait)) / 1000) <= 0:
                return text(booked)
            if time.monotonic() + seconds >= until:
                raise GettRateLimited(
                    f"Gett's quota of writes is used up for another {seconds:.0f} s", retry_after=seconds
                )
            time.sleep(min(seconds, _LONGEST_WAIT))
