"""The books at rest: each update and each alert is accounted for, and a person can see what is left."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.alerting.receiver import Receiver
from tests.storm.installation import Installation

__all__ = ["Books", "judge_books"]


@dataclass(frozen=True, slots=True)
class Books:
    """Updates and alerts as the installation lists them, and as its alert channel has got them.

    :ivar counts: updates that were appended, and that ended in each way.
    :ivar waiting: updates that wait, by lane.
    :ivar dead_letters: as ``webhook-kit outbox dead-letters`` lists them.
    :ivar alerts: as ``webhook-kit alerts`` lists those that are open.
    :ivar messages: alerts as the channel got them.
    :ivar lost_at: the moment of the last loss of Redis, Unix seconds; 0 without one.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)
    dead_letters: Sequence[Mapping[str, Any]] = ()
    alerts: Sequence[Mapping[str, Any]] = ()
    messages: Sequence[Mapping[str, Any]] = ()
    lost_at: float = 0.0

    @classmethod
    def of(cls, installation: Installation, channel: Receiver) -> Books:
        """Read them, as an operator does."""
        kit = installation.kit
        return cls(
            counts=kit.lanes.counts(),
            waiting={lane: len(kit.lanes.waiting(lane)) for lane in kit.lanes.all_waiting()},
            dead_letters=json.loads(installation.cli("outbox", "dead-letters", "--json")),
            alerts=json.loads(installation.cli("alerts", "--json", "--limit", "5000"))["alerts"],
            messages=channel.documents(),
            lost_at=max((loss.end for loss in installation.losses), default=0.0),
        )


def judge_books(books: Books) -> Iterator[str]:
    """Yield what does not add up."""
    ended = {name: books.counts.get(name, 0) for name in ("sent", "merged", "dead_letters", "discarded")}
    waiting = sum(books.waiting.values())
    if waiting:
        yield f"{waiting} updates still wait: {sorted(books.waiting)[:5]}"
    if books.counts.get("appended", 0) != sum(ended.values()) + waiting:
        yield f"of {books.counts.get('appended', 0)} updates {waiting} wait, and these have ended: {ended}"
    if len(books.dead_letters) != ended["dead_letters"]:
        yield f"{ended['dead_letters']} updates were given up, and a person sees {len(books.dead_letters)} of them"
    told = {message["id"] for message in books.messages}
    over = {message["id"] for message in books.messages if message["type"] == "alert.resolved"}
    if books.dead_letters and not any(message["code"] == "dead_letters" for message in books.messages):
        yield f"nobody was told of {len(books.dead_letters)} dead letters"
    seen = {alert["id"]: alert for alert in books.alerts}
    for id, alert in seen.items():
        deliveries = [each for each in alert["deliveries"] if each["told"] or each["waits"] or each["givenUp"]]
        if id not in told or not any(each["told"] for each in deliveries):
            yield f"nobody was told of the alert {alert['code']} {alert['subject']}: {alert['deliveries']}"
    for message in books.messages:
        opened = datetime.fromisoformat(message["openedAt"]).timestamp()
        # An alert of before a loss of Redis may be lost with it; its channel has told of it.
        if message["type"] == "alert.opened" and message["id"] not in over | set(seen) and opened > books.lost_at:
            yield f"the alert {message['code']} {message['subject']} was opened, and is neither open nor over"
