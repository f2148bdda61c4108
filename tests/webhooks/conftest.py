"""The kit's webhooks as Gett meets them."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

import pytest

from tests.webhooks.gett_client import Partner
from webhook_kit.kit import Kit


@pytest.fixture(autouse=True)
def _quiet(events: list[MutableMapping[str, Any]]) -> None:
    """What goes wrong on purpose is not worth printing."""


@pytest.fixture
def make_partner(make_kit: Callable[..., Kit]) -> Callable[..., Partner]:
    return lambda **settings: Partner(make_kit(**settings))


@pytest.fixture
def partner(make_partner: Callable[..., Partner]) -> Partner:
    return make_partner()
