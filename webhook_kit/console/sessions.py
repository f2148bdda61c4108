"""Sessions of the console: a signed cookie names a record in Redis, so that log-out ends a session wherever its cookie is."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from dataclasses import asdict, dataclass

import redis
from itsdangerous import BadSignature, Signer

from webhook_kit.operations.actor import Role
from webhook_kit.settings import Settings
from webhook_kit.storage.keys import Keys

__all__ = ["ConsoleSession", "ConsoleSessions"]


@dataclass(frozen=True, slots=True)
class ConsoleSession:
    """Log-in of one browser.

    :ivar way: the way of log-in: ``password`` or ``oidc``.
    :ivar standing: what the role rests on; the way of log-in knows if it still holds.
    :ivar began: Unix seconds.
    """

    name: str
    role: Role
    way: str
    standing: list[str]
    began: float


class ConsoleSessions:
    """Sessions of an installation."""

    def __init__(self, connection: redis.Redis, keys: Keys, settings: Settings) -> None:
        self._redis = connection
        self._keys = keys
        self._idle = settings.console_session_idle
        self._limit = settings.console_session_limit
        # itsdangerous signs with the last of its keys.
        signing = list(reversed(settings.console_keys()))
        self._signer = Signer(signing, salt="console session", digest_method=hashlib.sha256)
        self._csrf = Signer(signing, salt="console form", digest_method=hashlib.sha256)

    def begin(self, session: ConsoleSession) -> str:
        """Store a session under a new id, and return the value of its cookie."""
        id = secrets.token_urlsafe(32)
        record = json.dumps(asdict(session))
        self._redis.set(self._key(id), record, ex=min(self._idle, self._limit))
        return self._signer.sign(id).decode()

    def read(self, cookie: str, *, extend: bool) -> ConsoleSession | None:
        """Return the session of a cookie; None if it has ended, or its user was logged out everywhere.

        :param extend: count this request as use of the session.
        """
        id = self._id(cookie)
        if id is None:
            return None
        key = self._key(id)
        found = self._redis.getex(key, ex=self._idle) if extend else self._redis.get(key)
        if not found:
            return None
        try:
            record = json.loads(found)
            session = ConsoleSession(**{**record, "role": Role(record["role"])})
        except (ValueError, TypeError, LookupError):
            return None  # of another version: the user logs in again
        ended = self._redis.get(self._keys.console_logged_out(session.name))
        if session.began + self._limit <= time.time() or (ended and session.began <= float(ended)):
            self._redis.delete(key)
            return None
        return session

    def end(self, cookie: str) -> None:
        """End the session of a cookie, if there is one."""
        if (id := self._id(cookie)) is not None:
            self._redis.delete(self._key(id))

    def end_all(self, name: str) -> None:
        """End every session of a user."""
        self._redis.set(self._keys.console_logged_out(name), repr(time.time()), ex=self._limit)

    def is_first_visit(self, name: str) -> bool:
        """Return True if a user of a proxy, which has no session here, was not seen for as long as a session may be idle."""
        key = self._keys.console_visit(name)
        return self._redis.set(key, 1, ex=self._idle, get=True) is None

    def form_token(self, of: str) -> str:
        """Return the token that forms carry against forged requests: for a session's cookie, or a proxy's user."""
        return self._csrf.get_signature(of).decode()

    def is_form_token(self, token: str, of: str) -> bool:
        """Return True if a token was made for this cookie or user."""
        return token.isascii() and self._csrf.verify_signature(of, token)

    def _id(self, cookie: str) -> str | None:
        if not cookie.isascii() or len(cookie) > 200:
            return None
        try:
            return self._signer.unsign(cookie).decode()
        except BadSignature:
            return None

    def _key(self, id: str) -> str:
        # A copy of Redis's data must not be a way in.
        return self._keys.console_session(hashlib.sha256(id.encode()).hexdigest())
