"""Sentinels: servers that watch a primary with its replicas, and name the one that is the primary now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection
from redis.retry import Retry

from webhook_kit.redis_address import SentinelAddress
from webhook_kit.storage.faults import NoSentinel, PrimaryUnknown
from webhook_kit.storage.pool import Address

__all__ = ["SentinelView", "Sentinels"]

_PATIENCE = 0.5
"""Seconds to wait for a connection to a sentinel, and for its answer. An order waits for it when its connection is new."""


@dataclass(frozen=True, slots=True)
class SentinelView:
    """Knowledge of one sentinel.

    :ivar failure: why it does not answer; empty if it does.
    :ivar state: fields of the primary; empty if the sentinel does not know it.
    :ivar replicas: number of replicas that are not down.
    :ivar quorum: why no fail-over could be made; empty if one could.
    """

    sentinel: str
    failure: str = ""
    state: Mapping[str, str] | None = None
    replicas: int = 0
    quorum: str = ""

    @property
    def primary(self) -> str:
        """Host and port of the primary; empty if the sentinel does not name one."""
        return f"{self.state['ip']}:{self.state['port']}" if self.state else ""

    @property
    def others(self) -> int:
        """Number of the other sentinels that watch the same primary."""
        return int(self.state.get("num-other-sentinels", 0)) if self.state else 0


class Sentinels:
    """The sentinels of one primary.

    A connection is opened for each question: one that hangs or ends is not met twice. A sentinel that gives no answer, or a wrong
    one, is asked last from then on.

    :param tls: options of redis-py for TLS; none without it.
    """

    verify_role = True

    def __init__(self, address: SentinelAddress, tls: Mapping[str, Any], *, timeout: float) -> None:
        self.primary = address.primary
        self._sentinels = list(address.sentinels)
        self._named: tuple[Address, Address] | None = None  # the primary, and the sentinel that has named it
        self._connection_class = SSLConnection if tls else Connection
        patience = min(_PATIENCE, timeout)
        self._options: dict[str, Any] = {
            "username": address.username,
            "password": address.password,
            "socket_connect_timeout": patience,
            "socket_timeout": patience,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
            **tls,
        }

    def address(self) -> Address:
        """Return the address of the primary.

        :raises NoSentinel: no sentinel answers.
        :raises PrimaryUnknown: no sentinel knows the primary.
        """
        failures: list[str] = []
        without: list[Address] = []
        for sentinel in list(self._sentinels):
            try:
                reply = self._ask(sentinel, "GET-MASTER-ADDR-BY-NAME", self.primary)
            except redis.RedisError as error:
                failures.append(f"{_shown(sentinel)}: {_words(error)}")
            else:
                if reply is not None:
                    self._named = (_text(reply[0]), int(reply[1])), sentinel
                    return self._named[0]
                without.append(sentinel)
            self._ask_last(sentinel)
        if without:
            known = ", ".join(sorted(self._known(without[0]))) or "none"
            raise PrimaryUnknown(f"the sentinels know no primary {self.primary}; they know: {known}")
        raise NoSentinel(f"no sentinel answers: {'; '.join(failures)}")

    def leave(self, address: Address, error: Exception) -> None:  # noqa: ARG002 - the error does not tell more
        """Take notice that this server is not the primary, or cannot be reached: another sentinel may know better."""
        if self._named is not None and self._named[0] == address:
            self._ask_last(self._named[1])

    def views(self) -> list[SentinelView]:
        """Return what each sentinel knows."""
        return [self._view(sentinel) for sentinel in sorted(self._sentinels)]

    def _view(self, sentinel: Address) -> SentinelView:
        name = _shown(sentinel)
        try:
            state = next((each for each in self._masters(sentinel) if each.get("name") == self.primary), None)
            if state is None:
                return SentinelView(name)
            replicas = [_fields(each) for each in self._ask(sentinel, "REPLICAS", self.primary)]
        except redis.RedisError as error:
            return SentinelView(name, _words(error))
        usable = sum("down" not in replica["flags"] and "disconnected" not in replica["flags"] for replica in replicas)
        return SentinelView(name, state=state, replicas=usable, quorum=self._quorum_failure(sentinel))

    def _quorum_failure(self, sentinel: Address) -> str:
        try:
            self._ask(sentinel, "CKQUORUM", self.primary)
        except redis.ResponseError as error:
            return _words(error)
        except redis.RedisError:
            return ""  # it was just there
        return ""

    def _known(self, sentinel: Address) -> list[str]:
        try:
            return [each["name"] for each in self._masters(sentinel)]
        except redis.RedisError:
            return []

    def _masters(self, sentinel: Address) -> list[dict[str, str]]:
        return [_fields(each) for each in self._ask(sentinel, "MASTERS")]

    def _ask(self, sentinel: Address, *words: str) -> Any:
        host, port = sentinel
        connection = self._connection_class(host=host, port=port, **self._options)
        try:
            connection.connect()  # type: ignore[no-untyped-call] # redis-py leaves it untyped
            connection.send_command("SENTINEL", *words)  # type: ignore[no-untyped-call]
            return connection.read_response()
        finally:
            connection.disconnect()  # type: ignore[no-untyped-call]

    def _ask_last(self, sentinel: Address) -> None:
        # Replaced as a whole: other threads read it.
        self._sentinels = [*(each for each in self._sentinels if each != sentinel), sentinel]


def _shown(address: Address) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _words(error: redis.RedisError) -> str:
    return " ".join(str(error).split())


def _text(value: bytes) -> str:
    return value.decode(errors="replace")


def _fields(reply: list[bytes]) -> dict[str, str]:
    """Return a flat list of names and values as a dict."""
    texts = [_text(each) for each in reply]
    return dict(zip(texts[::2], texts[1::2], strict=True))
