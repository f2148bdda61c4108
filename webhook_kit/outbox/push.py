"""Sending: drain what is due, one lane at a time, and decide what each failure means."""

from __future__ import annotations

import random
import time

from webhook_kit.errors import GettConflict, GettNotFound, GettPermanent, GettRetriable, GettUnauthorized
from webhook_kit.gett.client import GettClient
from webhook_kit.gett.models.store import OrderStatusUpdate
from webhook_kit.logs import logger
from webhook_kit.outbox.lanes import Lanes, Leased

__all__ = ["Pusher"]

log = logger("outbox")

_LEASE_MS = 30_000
"""Outlasts the client's full time-out, so that two senders never hold one lane."""

_LONGEST_DELAY = 30.0
"""Seconds: Gett asks for 1, 2, 4 … at most 30 (``gett-protocol.md §5``)."""

_YOUNG = 900.0
"""Seconds during which Gett may not have read our answer to placeOrder yet, so that a 404 or 409 is worth repeating [D]."""


class Pusher:
    """Sends the heads of lanes to Gett."""

    def __init__(self, lanes: Lanes, client: GettClient) -> None:
        self._lanes = lanes
        self._client = client

    def drain(self, seconds: float) -> int:
        """Send until nothing is due or the time is up.

        :return: how many updates were tried.
        """
        self._lanes.woken()
        until = time.monotonic() + seconds
        tried = 0
        while time.monotonic() < until and (leased := self._lanes.lease(_LEASE_MS)) is not None:
            self._send(leased)
            tried += 1
        return tried

    def _send(self, leased: Leased) -> None:
        age = time.time() - float(leased.update.get("at", 0))
        try:
            self._client.set_order_status(leased.gett_order_id, OrderStatusUpdate.model_validate(leased.update["body"]))
        except GettUnauthorized as error:
            # The key is wrong, not the update: it must not cost a single one.
            self._postpone(leased, error, 60.0)
        except (GettNotFound, GettConflict) as error:
            if age < _YOUNG:
                self._postpone(leased, error, _backoff(leased.attempts, error.retry_after))
            else:
                self._bury(leased, error)
        except GettRetriable as error:
            self._postpone(leased, error, _backoff(leased.attempts, error.retry_after))
        except GettPermanent as error:
            self._bury(leased, error)
        else:
            self._lanes.acknowledge(leased)
            log.info("update sent", order=leased.ref, update=leased.update["body"])

    def _postpone(self, leased: Leased, error: Exception, seconds: float) -> None:
        self._lanes.postpone(leased, seconds)
        log.warning("update postponed", order=leased.ref, seconds=round(seconds, 1), why=str(error))

    def _bury(self, leased: Leased, error: Exception) -> None:
        self._lanes.bury(leased, str(error))
        log.error("update refused for good", order=leased.ref, update=leased.update["body"], why=str(error))


def _backoff(attempts: int, retry_after: float | None) -> float:
    exponential = min(_LONGEST_DELAY, 2.0 ** min(attempts, 10))
    return max(retry_after or 0.0, exponential * random.uniform(0.75, 1.0))  # noqa: S311 - spreads load, hides nothing
