"""Clients of the kit's webhooks."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

import pytest

from tests.webhooks.webhook_client import WebhookClient
from webhook_kit.kit import Kit


@pytest.fixture(autouse=True)
def _quiet(events: list[MutableMapping[str, Any]]) -> None:
    """Capture the log, so that errors that a test provokes are not printed."""


@pytest.fixture
def make_client(make_kit: Callable[..., Kit]) -> Callable[..., WebhookClient]:
    return lambda **settings: WebhookClient(make_kit(**settings))


@pytest.fixture
def client(make_client: Callable[..., WebhookClient]) -> WebhookClient:
    return make_client()
