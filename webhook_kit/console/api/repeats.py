"""Repeated requests for one action: a client that got no answer sends it again with the same ``Idempotency-Key``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import redis

from webhook_kit.errors import Conflict, InvalidArgument, OperationRejected
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys

__all__ = ["RepeatedRequests"]

_SECONDS = 86_400
_RUNNING = "running"


class RepeatedRequests:
    """Results of the requests of a day that had a key."""

    def __init__(self, connection: redis.Redis, keys: Keys) -> None:
        self._redis = connection
        self._keys = keys

    def once(self, who: str, key: str, request: str, run: Callable[[], Any]) -> tuple[Any, bool]:
        """Run an action, or return the result of an earlier request with this key, and True if it is that.

        An action that was rejected has changed nothing, so that its key may be used again. After any other failure nobody knows,
        and the key stays taken.

        :param request: the action and its arguments.
        :raises InvalidArgument: the key is too long, or was sent with another request.
        :raises Conflict: a request with this key has not ended, or how it ended is not known.
        """
        if not 0 < len(key) <= 200 or not key.isprintable():
            raise InvalidArgument("Idempotency-Key: should have 1 to 200 printable characters")
        name = self._keys.console_request(_digest(who, key))
        fingerprint = _digest(request)
        if not self._redis.set(name, json.dumps([fingerprint, _RUNNING]), nx=True, ex=_SECONDS):
            return self._earlier(name, fingerprint), True
        try:
            result = run()
        except OperationRejected:
            self._redis.delete(name)
            raise
        self._redis.set(name, json.dumps([fingerprint, "done", result]), ex=_SECONDS)
        return result, False

    def _earlier(self, name: str, fingerprint: str) -> Any:
        of, state, *result = json.loads(text(self._redis.get(name)) or json.dumps([fingerprint, _RUNNING]))
        if of != fingerprint:
            raise InvalidArgument("Idempotency-Key: was used for another request")
        if state == _RUNNING:
            raise Conflict(
                "a request with this Idempotency-Key has not ended; the audit log tells if it was carried out"
            )
        return result[0]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
