"""Kits that share a directory of stores in a real Redis, as two processes do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from webhook_kit.adapter import Store
from webhook_kit.kit import Kit
from webhook_kit.stores.cipher import new_key

KEY = new_key()
G1, G2, G3, G4, G5, G7, G9 = (f"{n}1111111-1111-4111-8111-111111111111" for n in (1, 2, 3, 4, 5, 7, 9))


@pytest.fixture
def kit_without_stores(make_kit: Callable[..., Kit]) -> Callable[..., Kit]:
    """Build kits without a configured store; given the ``key_prefix`` of another kit, a second process of its installation."""

    def make(**changes: Any) -> Kit:
        return make_kit(**{"pos_adapter": None, "gett_store_id": None, "webhook_kit_key": [KEY], **changes})

    return make


def make_store(store_id: str = "main", gett_id: str = G1, **members: Any) -> Store:
    return Store(store_id, gett_id, members.pop("adapter", "bogus"), name=members.pop("name", store_id), **members)
