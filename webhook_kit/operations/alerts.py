"""Open alerts and their channels, and what people do with them. The actions are in the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from webhook_kit.alerting import acknowledging, quiet, view
from webhook_kit.alerting.quiet import QuietStore
from webhook_kit.alerting.view import AlertChannelView, AlertView
from webhook_kit.errors import NotFound
from webhook_kit.kit import Kit
from webhook_kit.operations.actions import recorded
from webhook_kit.operations.actor import Actor

__all__ = [
    "acknowledge_alert",
    "count_open_alerts",
    "quiet_store",
    "read_alert_channels",
    "read_open_alerts",
    "read_quiet_stores",
    "unquiet_store",
]


def read_open_alerts(kit: Kit, *, start: int = 0, limit: int = 100) -> list[AlertView]:
    """Return the open alerts, the newest first.

    :raises redis.RedisError: Redis is not reachable.
    """
    return view.read_open_alerts(
        kit.redis, kit.keys, kit.alert_channels, kit.settings, kit.open_alerts, start=start, limit=limit
    )


def count_open_alerts(kit: Kit) -> int:
    """Return the number of open alerts.

    :raises redis.RedisError: Redis is not reachable.
    """
    return int(kit.redis.zcard(kit.keys.alerts_open))


def read_alert_channels(kit: Kit) -> Sequence[AlertChannelView]:
    """Return the state of the configured channels.

    :raises redis.RedisError: Redis is not reachable.
    """
    return view.read_channels(kit.redis, kit.keys, kit.alert_channels)


def read_quiet_stores(kit: Kit, *, limit: int = 100) -> list[QuietStore]:
    """Return the stores about which a person wants no alerts now.

    :raises redis.RedisError: Redis is not reachable.
    """
    return quiet.quiet_stores(kit.redis, kit.keys, limit)


def acknowledge_alert(kit: Kit, actor: Actor, alert_id: str, why: str = "") -> bool:
    """Acknowledge an alert, so that it is not repeated.

    :return: True if it is closed: nothing but a person could tell that it is over.
    :raises NotFound: it is not open.
    """
    with recorded(kit, actor, "acknowledge_alert", alert_id, why):
        return acknowledging.acknowledge_alert(kit.open_alerts, alert_id, actor.name)


def quiet_store(kit: Kit, actor: Actor, store_id: str, until: datetime, why: str = "") -> None:
    """Send no alerts about a store and its orders until a moment. What is still open then is sent.

    :raises NotFound: there is no such store.
    :raises InvalidArgument: the moment is past, or more than 90 days ahead.
    """
    with recorded(kit, actor, "quiet_store", store_id, why):
        quiet.quiet_store(kit.redis, kit.keys, kit.stores.get(store_id).id, until.timestamp())


def unquiet_store(kit: Kit, actor: Actor, store_id: str, why: str = "") -> None:
    """Send alerts about a store again, within a minute.

    :raises NotFound: the store is not quiet.
    """
    with recorded(kit, actor, "unquiet_store", store_id, why):
        store = kit.stores.by_id(store_id)  # one that was removed may be quiet still
        if not quiet.unquiet_store(kit.redis, kit.keys, store.id if store else store_id):
            raise NotFound(f"store {store_id[:200]} is not quiet")
