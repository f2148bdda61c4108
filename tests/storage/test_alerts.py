"""An alert is raised once per subject, whichever reply of Redis is lost."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import pytest

from tests.storage.lost_replies import lost
from webhook_kit.kit import Kit
from webhook_kit.storage.alerts import Alert


@pytest.mark.parametrize("reply", [0, 1])
def test_an_alert_is_logged_counted_and_kept_once(reply: int, kit: Kit, events: list[MutableMapping[str, Any]]) -> None:
    with lost(kit, reply):
        assert kit.alerts.raise_once(Alert.DUPLICATE, "order-1", "two tickets")
    assert not kit.alerts.raise_once(Alert.DUPLICATE, "order-1", "two tickets")
    assert [event["event"] for event in events] == ["alert_raised"]
    assert kit.redis.hgetall(kit.keys.alert_counts) == {b"duplicate_ticket": b"1"}
    assert len(kit.placement_store.incidents()) == 1
    kit.alerts.clear(Alert.DUPLICATE, "order-1")
    assert kit.alerts.raise_once(Alert.DUPLICATE, "order-1", "two tickets")
