"""Losing a chosen reply of Redis, or the whole process at it: the client has sent the command, and Redis has executed it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import redis

from webhook_kit.kit import Kit

__all__ = ["Killed", "Replies", "count_replies", "killed_at", "lost"]


class Killed(BaseException):
    """The process is killed; nothing that it does afterwards reaches Redis."""


class Replies:
    """Replies of Redis to a kit.

    :ivar number: number of replies so far, without those of a new connection's set-up.
    """

    def __init__(self) -> None:
        self.number = 0
        self.dead = False


@contextmanager
def _intercept(kit: Kit, on_reply: Callable[[Replies], None]) -> Iterator[Replies]:
    pool = kit.redis.connection_pool
    genuine: Any = pool.connection_class
    replies = Replies()

    class Intercepted(genuine):  # type: ignore[misc]
        setting_up = False

        def on_connect_check_health(self, *arguments: Any, **options: Any) -> None:
            self.setting_up = True
            try:
                super().on_connect_check_health(*arguments, **options)
            finally:
                self.setting_up = False

        def send_packed_command(self, *arguments: Any, **options: Any) -> None:
            if replies.dead:
                raise Killed
            super().send_packed_command(*arguments, **options)

        def read_response(self, *arguments: Any, **options: Any) -> Any:
            response = super().read_response(*arguments, **options)
            if not self.setting_up and self.pool is not None:  # else it only asks where the slot is
                replies.number += 1
                on_reply(replies)
            return response

    pool.disconnect()
    pool.reset()
    pool.connection_class = Intercepted
    try:
        yield replies
    finally:
        pool.connection_class = genuine
        pool.disconnect()
        pool.reset()


def count_replies(kit: Kit, action: Callable[[], object]) -> int:
    """Return the number of replies that an action gets."""
    with _intercept(kit, lambda _replies: None) as replies:
        action()
    return replies.number


@contextmanager
def lost(kit: Kit, first: int, times: int = 1) -> Iterator[None]:
    """Lose the replies from a number on (the first is 1), so many in a row."""

    def lose(replies: Replies) -> None:
        if first <= replies.number < first + times:
            raise redis.ConnectionError("the connection was closed before the reply arrived")

    with _intercept(kit, lose):
        yield


@contextmanager
def killed_at(kit: Kit, number: int) -> Iterator[None]:
    """Kill the process before it gets the reply of this number; :class:`Killed` ends the block."""

    def kill(replies: Replies) -> None:
        if replies.number == number:
            replies.dead = True
            raise Killed

    with _intercept(kit, kill):
        try:
            yield
        except Killed:
            return
