"""A console with passwords."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.console.console_client import ConsoleClient
from webhook_kit.kit import Kit


@pytest.fixture(autouse=True)
def _quiet(events: list[object]) -> None:
    """Keep the log lines of these tests out of the output."""


@pytest.fixture(autouse=True)
def _cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webhook_kit.console.users._METHOD", "scrypt:1024:8:1")
    monkeypatch.setattr("webhook_kit.console.users._NOBODY", "scrypt:1024:8:1$0123456789abcdef$00")


@pytest.fixture
def make_console(make_kit: Callable[..., Kit]) -> Callable[..., ConsoleClient]:
    """``make_console(console_session_idle=60)``: a browser at a console with these settings."""
    return lambda **settings: ConsoleClient(make_kit(**{"console_passwords": True} | settings))


@pytest.fixture
def console(make_console: Callable[..., ConsoleClient]) -> ConsoleClient:
    return make_console()
