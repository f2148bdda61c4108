"""The record of everything that went over the wire, in both directions: headers, bodies, answers, timing."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

__all__ = ["TrafficLog", "redact_headers", "redact_payment"]

_KEPT = 10_000
_SECRET_HEADERS = {"authorization", "cookie"}
_SECRET_MEMBERS = {"payment", "cardToken", "cardNumber", "cvc", "bin", "expiration", "lastFour", "googleIdToken"}
_HIDDEN = "(hidden)"


class TrafficLog:
    """The last ten thousand entries, numbered from 1. Used by many threads at once."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._entries: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self._count = 0

    def append(self, kind: str, at: datetime, **members: Any) -> None:
        """Add an entry: ``push`` (a call that came), ``webhook``, ``event`` (a call that went out) or ``pull``."""
        with self._changed:
            self._count += 1
            self._entries.append({"number": self._count, "kind": kind, "at": at.isoformat(), **members})
            self._changed.notify_all()

    def after(self, number: int, *, wait: float = 0.0, limit: int = 1_000) -> list[dict[str, Any]]:
        """The entries after that one, oldest first.

        :param wait: seconds to wait for one when there is none.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._count > number, wait)
            return [entry for entry in self._entries if entry["number"] > number][:limit]

    def clear(self) -> None:
        """Forget all; the numbers go on."""
        with self._changed:
            self._entries.clear()


def redact_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers without what would let somebody in."""
    return {name: _HIDDEN if name.lower() in _SECRET_HEADERS else value for name, value in headers}


def redact_payment(body: Any) -> Any:
    """JSON data without cards and tokens of payment, at any depth."""
    if isinstance(body, Mapping):
        return {
            name: _HIDDEN if name in _SECRET_MEMBERS and value is not None else redact_payment(value)
            for name, value in body.items()
        }
    return [redact_payment(entry) for entry in body] if isinstance(body, list) else body
