"""Pause and resume of stores at Gett."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.stores.conftest import make_store
from webhook_kit.errors import InvalidTransition
from webhook_kit.kit import Kit


def test_store_that_is_not_at_gett_cannot_be_paused_or_resumed(kit_without_stores: Callable[..., Kit]) -> None:
    kit = kit_without_stores()
    kit.stores.add(make_store("new", ""))
    with pytest.raises(InvalidTransition, match="not at Gett yet"):
        kit.store_status.pause("new", "too_busy")
    with pytest.raises(InvalidTransition, match="not at Gett yet"):
        kit.store_status.resume("new")
    assert kit.lanes.all_waiting() == {}
