"""Sessions of the console in Redis."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from webhook_kit.console.sessions import ConsoleSession, ConsoleSessions
from webhook_kit.kit import Kit
from webhook_kit.operations.actor import Role


@pytest.mark.parametrize(
    "record", ["not JSON", '"text"', "{}", '{"role": "owner"}', '{"role": "viewer", "colour": "red"}']
)
def test_session_of_another_version_has_ended(record: str, make_kit: Callable[..., Kit]) -> None:
    kit = make_kit()
    sessions = ConsoleSessions(kit.redis, kit.keys, kit.settings)
    cookie = sessions.begin(ConsoleSession("jo", Role.VIEWER, "password", [], time.time()))
    assert sessions.read(cookie, extend=False) is not None
    (key,) = kit.redis.keys(kit.keys.console_session("*"))
    kit.redis.set(key, record)
    assert sessions.read(cookie, extend=False) is None
