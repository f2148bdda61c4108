"""The traffic log: every request in both directions, with headers, bodies, response and duration."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

__all__ = ["TrafficLog", "redact_headers", "redact_payment"]

_CAPACITY = 10_000
_SECRET_HEADERS = {"authorization", "cookie"}
_SECRET_MEMBERS = {"payment", "cardToken", "cardNumber", "cvc", "bin", "expiration", "lastFour", "googleIdToken"}
_HIDDEN = "(hidden)"


class TrafficLog:
    """The last ten thousand entries, numbered from 1. Thread-safe.

    :ivar id: another one in each process, by which a reader that continues after a number notices a restart.
    """

    def __init__(self) -> None:
        self.id = uuid4().hex
        self._changed = threading.Condition()
        self._entries: deque[dict[str, Any]] = deque(maxlen=_CAPACITY)
        self._count = 0

    def append(self, kind: str, at: datetime, **members: Any) -> None:
        """Append an entry.

        :param kind: ``api_call`` (incoming), ``webhook``, ``order_event`` or ``catalog_pull`` (outgoing), or ``finding``
            (an inconsistency in a partner's response).
        """
        with self._changed:
            self._count += 1
            self._entries.append({"number": self._count, "kind": kind, "at": at.isoformat(), **members})
            self._changed.notify_all()

    def after(self, number: int, *, wait: float = 0.0, limit: int = 1_000) -> list[dict[str, Any]]:
        """Return the entries after an entry's number, oldest first.

        :param wait: seconds to wait for an entry if there is none.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._count > number, wait)
            return [entry for entry in self._entries if entry["number"] > number][:limit]

    def clear(self) -> None:
        """Delete all entries; numbering continues."""
        with self._changed:
            self._entries.clear()


def redact_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return headers with the values of credentials replaced."""
    return {name: _HIDDEN if name.lower() in _SECRET_HEADERS else value for name, value in headers}


def redact_payment(body: Any) -> Any:
    """Return JSON data with card data and payment tokens replaced, at any depth."""
    if isinstance(body, Mapping):
        return {
            name: _HIDDEN if name in _SECRET_MEMBERS and value is not None else redact_payment(value)
            for name, value in body.items()
        }
    return [redact_payment(entry) for entry in body] if isinstance(body, list) else body
