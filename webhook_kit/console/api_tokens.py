"""Tokens of the console's API. Only their SHA-256 is stored: a token is shown once, when it is made."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from dataclasses import dataclass

import redis

from webhook_kit.errors import Conflict, InvalidArgument, NotFound
from webhook_kit.operations.actor import Role
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys

__all__ = ["ApiToken", "ApiTokens"]

_NAME = re.compile(r"[A-Za-z0-9._@+-]{1,100}")
_FORM = re.compile(r"wkc_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class ApiToken:
    """Token.

    :ivar created: Unix seconds.
    :ivar expires: Unix seconds; None if it is valid until it is removed.
    """

    name: str
    role: Role
    created: float
    expires: float | None

    @property
    def expired(self) -> bool:
        """True if it is not valid any more."""
        return self.expires is not None and self.expires <= time.time()


class ApiTokens:
    """Tokens of an installation."""

    def __init__(self, connection: redis.Redis, keys: Keys) -> None:
        self._redis = connection
        self._key = keys.console_tokens

    def add(self, name: str, role: Role, expires: float | None = None) -> str:
        """Return a new token.

        :raises InvalidArgument: the name cannot be used, or the end is in the past.
        :raises Conflict: there is a token with this name.
        """
        if not _NAME.fullmatch(name):
            raise InvalidArgument("the name of a token has 1 to 100 letters, digits and . _ @ + -")
        if expires is not None and expires <= time.time():
            raise InvalidArgument("the end of the token is in the past")
        if any(token.name == name for token in self.list()):
            raise Conflict(f"token {name}: there is one already; remove it first, or choose another name")
        token = f"wkc_{secrets.token_urlsafe(32)}"
        record = {"name": name, "role": role.value, "created": time.time(), "expires": expires}
        self._redis.hset(self._key, _digest(token), json.dumps(record))
        return token

    def remove(self, name: str) -> None:
        """Remove a token.

        :raises NotFound: there is none with this name.
        """
        named = [digest for digest, token in self._all().items() if token.name == name]
        if not named:
            raise NotFound(f"token {name[:100]}: there is none; `webhook-kit console list-tokens` lists all")
        self._redis.hdel(self._key, *named)

    def list(self) -> list[ApiToken]:
        """Return all tokens by name, expired ones included."""
        return sorted(self._all().values(), key=lambda token: token.name)

    def verify(self, token: str) -> ApiToken | None:
        """Return what is known of a token; None if it is not valid."""
        record = self._redis.hget(self._key, _digest(token)) if _FORM.fullmatch(token) else None
        found = _token(record) if record else None
        return found if found and not found.expired else None

    def _all(self) -> dict[str, ApiToken]:
        return {text(digest): _token(record) for digest, record in self._redis.hgetall(self._key).items()}


def _token(record: str | bytes) -> ApiToken:
    fields = json.loads(record)
    return ApiToken(fields["name"], Role(fields["role"]), fields["created"], fields["expires"])


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
