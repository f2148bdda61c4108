"""Users who log in to the console with a password, kept in Redis. Only a hash of each password is stored."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from dataclasses import dataclass
from typing import Any

import redis
from werkzeug.security import check_password_hash, generate_password_hash

from webhook_kit.errors import InvalidArgument, NotFound, WebhookKitError
from webhook_kit.operations.actor import Role
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys

__all__ = ["ConsoleUser", "ConsoleUsers", "TooManyLogins"]

_NAME = re.compile(r"[A-Za-z0-9._@+-]{1,100}")
_SHORTEST = 12
_LONGEST = 200
_METHOD = "scrypt:32768:8:1"

_NOBODY = (
    "scrypt:32768:8:1$0123456789abcdef$"
    "0000000000000000000000000000000000000000000000000000000000000000"
    "0000000000000000000000000000000000000000000000000000000000000000"
)
"""Hash that no password has: an unknown name takes as long as a wrong password."""

_hashing = threading.BoundedSemaphore(2)
"""Each computation takes 32 MB for a moment: many at once must not take the memory with which orders are placed."""

_places = threading.BoundedSemaphore(6)
"""Log-ins that are computed or wait for it: many at once must not take the threads with which orders are received."""


class TooManyLogins(WebhookKitError):
    """Many passwords are being checked at this moment; the next attempt may succeed."""


@dataclass(frozen=True, slots=True)
class ConsoleUser:
    """User with a password.

    :ivar standing: text that changes with the password and the role: a session is valid for one of them only.
    :ivar created: moment at which the user was added (Unix seconds).
    """

    name: str
    role: Role
    standing: str
    created: float


class ConsoleUsers:
    """Users of an installation."""

    def __init__(self, connection: redis.Redis, keys: Keys) -> None:
        self._redis = connection
        self._key = keys.console_users

    def add(self, name: str, password: str, role: Role) -> None:
        """Add a user, or give one a new password and role.

        :raises InvalidArgument: the name or the password cannot be used.
        """
        if not _NAME.fullmatch(name):
            raise InvalidArgument("the name of a user has 1 to 100 letters, digits and . _ @ + -")
        if not _SHORTEST <= len(password) <= _LONGEST:
            raise InvalidArgument(f"the password should have {_SHORTEST} to {_LONGEST} characters")
        if password.lower() == name.lower():
            raise InvalidArgument("the password is the name; choose another one")
        record = {"hash": generate_password_hash(password, _METHOD), "role": role.value, "created": time.time()}
        self._redis.hset(self._key, name, json.dumps(record))

    def remove(self, name: str) -> None:
        """Remove a user.

        :raises NotFound: there is no such user.
        """
        if not self._redis.hdel(self._key, name):
            raise NotFound(f"user {name[:100]}: there is none; `webhook-kit console list-users` lists all")

    def list(self) -> list[ConsoleUser]:
        """Return all users by name."""
        found = self._redis.hgetall(self._key)
        return sorted(
            (_user(text(name), json.loads(record)) for name, record in found.items()), key=lambda user: user.name
        )

    def get(self, name: str) -> ConsoleUser | None:
        """Return a user, or None."""
        record = self._redis.hget(self._key, name) if _NAME.fullmatch(name) else None
        return _user(name, json.loads(record)) if record else None

    def verify(self, name: str, password: str) -> ConsoleUser | None:
        """Return the user whose password this is, or None. Both take the same time.

        :raises TooManyLogins: many others log in at this moment.
        """
        record = (
            json.loads(found)
            if (found := self._redis.hget(self._key, name) if _NAME.fullmatch(name) else None)
            else None
        )
        if not _places.acquire(blocking=False):
            raise TooManyLogins("too many people are logging in at this moment; try again")
        try:
            with _hashing:
                right = check_password_hash(record["hash"] if record else _NOBODY, password[:_LONGEST])
        finally:
            _places.release()
        return _user(name, record) if record and right and len(password) <= _LONGEST else None


def _user(name: str, record: dict[str, Any]) -> ConsoleUser:
    standing = hashlib.sha256(f"{record['hash']} {record['role']}".encode()).hexdigest()[:16]
    return ConsoleUser(name, Role(record["role"]), standing, record["created"])
