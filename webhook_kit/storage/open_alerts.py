"""Open alerts: each is opened once, and resolved when it is over. What a channel hears of them is the matter of ``alerting``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import redis

from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.messagepack import Packable
from webhook_kit.storage.scripts import Script

__all__ = ["AlertSubject", "AlertSubjectKind", "OpenAlerts", "alert_id"]

AlertSubjectKind = Literal["order", "store", "setting", "worker", "outbox"]
"""Kind of the subject of an alert."""

_LONGEST_WHY = 2_000


def alert_id(code: str, subject: str) -> str:
    """Return the id of the alert of a code about a subject: always the same one."""
    return f"{code}-{hashlib.sha256(subject.encode(errors='replace')).hexdigest()[:10]}"


@dataclass(frozen=True, slots=True)
class AlertSubject:
    """Alert to open.

    :ivar subject: an orderRef, a store's id, the name of a setting or a kind of worker, as ``about`` says.
    :ivar store: id of the store, if there is one; that of an order is found by itself.
    :ivar why: the reason.
    """

    code: str
    subject: str
    about: AlertSubjectKind
    why: str
    store: str = ""

    @property
    def id(self) -> str:
        """Id of the alert."""
        return alert_id(self.code, self.subject)

    def fields(self) -> dict[str, Packable]:
        """Return the argument ``alert`` of the scripts."""
        return {
            "code": self.code,
            "subject": self.subject,
            "about": self.about,
            "store": self.store or (self.subject if self.about == "store" else ""),
            "why": self.why[:_LONGEST_WHY],
        }


class OpenAlerts:
    """Opens, acknowledges, repeats and resolves alerts.

    :param clock: returns Unix seconds; None: the time of the Redis server.
    """

    def __init__(self, connection: redis.Redis, keys: Keys, clock: Callable[[], float] | None = None) -> None:
        self._redis = connection
        self._keys = keys
        self._clock = clock or (lambda: redis_time(connection))
        self._change = Script(connection, keys, "webhook_kit.storage/change_alert")

    def now(self) -> float:
        """Return Unix seconds by the clock of the alerts."""
        return self._clock()

    def open(self, alert: AlertSubject) -> bool:
        """Open an alert. Return False if it is open already, or too many are open."""
        return self._run("open", alert.id, alert=alert.fields()) == 1

    def resolve(self, alert_id: str) -> bool:
        """Resolve an alert. Return False if it is not open."""
        return self._run("resolve", alert_id) == 1

    def acknowledge(self, alert_id: str, who: str) -> bool:
        """Acknowledge an alert: it is not repeated any more. Return False if it is not open."""
        return self._run("acknowledge", alert_id, who=who) == 1

    def repeat(self, alert_id: str) -> bool:
        """Repeat an alert. Return False if it is not open, or acknowledged."""
        return self._run("repeat", alert_id) == 1

    def ids(self) -> list[str]:
        """Return the ids of the open alerts, the newest first."""
        return [text(each) for each in self._redis.zrevrange(self._keys.alerts_open, 0, -1)]

    def read(self, alert_ids: Iterable[str]) -> dict[str, Mapping[str, str]]:
        """Return the fields of alerts by their ids (``alert_state.lua``)."""
        ids = list(alert_ids)
        with self._redis.pipeline(transaction=False) as pipeline:
            for each in ids:
                pipeline.hgetall(self._keys.alert(each))
            replies = pipeline.execute()
        return {
            each: {text(name): text(value) for name, value in reply.items()}
            for each, reply in zip(ids, replies, strict=True)
            if reply
        }

    def _run(self, action: str, alert_id: str, **arguments: Packable) -> int:
        now = int(self._clock() * 1000)
        return int(self._change(self._keys.alert(alert_id), action=action, id=alert_id, now=now, **arguments))
