"""Limits of attempts to log in, by address and by name, counted in Redis before the password is looked at."""

from __future__ import annotations

import hashlib
from ipaddress import IPv6Address, ip_address, ip_network

import redis

from webhook_kit.storage.keys import Keys

__all__ = ["LoginThrottle"]

_WINDOW = 900
"""Seconds for which attempts are counted, from the first."""

_PER_ADDRESS = 20
_PER_NAME = 10
_RECORDED = 30
"""Failures within the window that are worth an entry of the audit log, which others must not be able to fill."""


class LoginThrottle:
    """Attempts of the last minutes."""

    def __init__(self, connection: redis.Redis, keys: Keys) -> None:
        self._redis = connection
        self._keys = keys

    def wait(self, address: str, name: str | None = None) -> int:
        """Count an attempt, and return 0 if it may be made, else the seconds until one may.

        :param name: as it was typed; None if none is.
        """
        return self._count(self._counted(address, name or "")[: 1 if name is None else 2])

    def worth_recording(self) -> bool:
        """Count a failure, and return True if there were not many."""
        return not self._count([(self._key("failures", ""), _RECORDED)])

    def forget(self, address: str, name: str) -> None:
        """Take back an attempt that was right, and forget the wrong ones for the name."""
        (by_address, _), (by_name, _) = self._counted(address, name)
        with self._redis.pipeline() as pipeline:
            pipeline.delete(by_name)
            pipeline.decr(by_address)
            pipeline.expire(by_address, _WINDOW)
            pipeline.execute()

    def allow(self, name: str) -> None:
        """Forget all attempts for a name."""
        self._redis.delete(self._counted("", name)[1][0])

    def _count(self, counted: list[tuple[str, int]]) -> int:
        with self._redis.pipeline() as pipeline:
            for key, _ in counted:
                pipeline.set(key, 0, ex=_WINDOW, nx=True)
                pipeline.incr(key)
                pipeline.ttl(key)
            replies = pipeline.execute()
        return max(
            int(left) if int(count) > limit else 0
            for (_, limit), count, left in zip(counted, replies[1::3], replies[2::3], strict=True)
        )

    def _counted(self, address: str, name: str) -> list[tuple[str, int]]:
        return [
            (self._key("address", _network(address)), _PER_ADDRESS),
            (self._key("name", name.lower()), _PER_NAME),
        ]

    def _key(self, kind: str, value: str) -> str:
        # Of a fixed length, whatever somebody typed; nobody's password that was typed as a name is stored.
        digest = hashlib.sha256(f"{kind}:{value}".encode("utf-8", "surrogatepass")).hexdigest()
        return self._keys.console_attempts(digest)


def _network(address: str) -> str:
    """Return an address, or of IPv6 its network of 64 bits: a single customer has as many addresses."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or ip_network(f"{parsed}/64", strict=False))
    return str(parsed)
