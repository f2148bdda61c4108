"""A directory on a real Redis, and the same directory as another process would have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from webhook_kit.adapter import Store
from webhook_kit.kit import Kit
from webhook_kit.stores.cipher import new_key

KEY = new_key()


@pytest.fixture
def empty(make_kit: Callable[..., Kit]) -> Callable[..., Kit]:
    """``empty()``: a kit without a configured store; with ``key_prefix`` of another kit, its sister process."""

    def make(**changes: Any) -> Kit:
        return make_kit(**{"pos_adapter": None, "gett_store_id": None, "webhook_kit_key": [KEY], **changes})

    return make


def a_store(store_id: str = "main", gett_id: str = "g1", **members: Any) -> Store:
    return Store(store_id, gett_id, members.pop("adapter", "bogus"), name=members.pop("name", store_id), **members)
