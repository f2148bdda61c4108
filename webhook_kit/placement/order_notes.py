"""Notes for the timeline of an order: of an attempt, which are recorded with its outcome, and of what happens apart from attempts."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import redis

from webhook_kit.outbox.archive import OrderScript
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.messagepack import Packable

__all__ = ["AttemptNotes", "OrderNotes"]


@dataclass(slots=True)
class AttemptNotes:
    """Notes of one attempt.

    :ivar look_ups: number of times that the POS was asked for the order's ticket.
    :ivar looked_up: result of the last time: ``found``, ``not found`` or ``failed``.
    :ivar call_ms: duration of the call that places the order (ms).
    :ivar why: code or type of the failure, if the attempt had no final outcome.
    """

    look_ups: int = 0
    looked_up: str | None = None
    call_ms: int | None = None
    why: str | None = None

    def begin_look_up(self) -> None:
        """Note that the POS is asked for the order's ticket."""
        self.look_ups += 1
        self.looked_up = "failed"

    def end_look_up(self, *, found: bool) -> None:
        """Note the result of the look-up."""
        self.looked_up = "found" if found else "not found"

    @contextmanager
    def timed_call(self) -> Iterator[None]:
        """Note the duration of the block, and the type of its failure."""
        started = time.monotonic()
        try:
            yield
        except BaseException as error:
            self.why = type(error).__name__
            raise
        finally:
            self.call_ms = round((time.monotonic() - started) * 1000)

    @property
    def arguments(self) -> dict[str, Packable]:
        """Arguments of ``settle.lua``."""
        return {
            "call_ms": self.call_ms,
            "why": self.why,
            "look_ups": self.look_ups or None,
            "looked_up": self.looked_up,
        }


class OrderNotes:
    """Adds entries to the timelines of orders."""

    def __init__(self, connection: redis.Redis, keys: Keys) -> None:
        self._keys = keys
        self._note = OrderScript(connection, keys, "webhook_kit.placement/note")

    def add(self, ref: str, event: str, details: Mapping[str, str], *, postpone: int | None = None) -> bool:
        """Add an entry. Return False if nothing is kept of the order.

        :param postpone: ms for which the order is kept out of the look-ups of orders in doubt.
        """
        added = self._note(
            self._keys.order(ref),
            self._keys.unsettled,
            ref=ref,
            lane=lane_name(Kind.ORDER, ref),
            event=event,
            details=json.dumps(dict(details)),
            postpone=postpone,
        )
        return bool(added)
