"""Planted losses of updates and alerts, each of which the judgement has to see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.storm.books import Books, judge_books

LETTER = {"number": 7, "lane": "order:1"}
TOLD = {"told": "open", "waits": False, "givenUp": False}
UNTOLD = {"told": "", "waits": True, "givenUp": False}
ALERT = {"id": "a1", "code": "dead_letters", "subject": "outbox", "deliveries": [TOLD]}
MESSAGE = {
    "type": "alert.opened",
    "id": "a1",
    "code": "dead_letters",
    "subject": {"id": "outbox"},
    "openedAt": "2030-05-01T18:30:00Z",
}
GOOD = Books(
    counts={"appended": 10, "sent": 6, "merged": 2, "dead_letters": 1, "discarded": 1},
    dead_letters=[LETTER],
    alerts=[ALERT],
    messages=[MESSAGE],
)


def test_books_that_add_up() -> None:
    assert list(judge_books(GOOD)) == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"counts": {**GOOD.counts, "sent": 5}}, "of 10 updates 0 wait"),
        ({"waiting": {"order:1": 1}, "counts": {**GOOD.counts, "sent": 5}}, "1 updates still wait: ['order:1']"),
        ({"dead_letters": []}, "1 updates were given up, and a person sees 0 of them"),
        ({"messages": [], "alerts": []}, "nobody was told of 1 dead letters"),
        ({"alerts": [{**ALERT, "deliveries": [UNTOLD]}]}, "nobody was told of the alert dead_letters"),
        ({"alerts": [ALERT, {**ALERT, "id": "a2"}]}, "nobody was told of the alert dead_letters"),
        ({"alerts": []}, "the alert dead_letters {'id': 'outbox'} was opened, and is neither open nor over"),
    ],
)
def test_a_planted_loss_is_seen(changes: dict[str, Any], complaint: str) -> None:
    assert any(line.startswith(complaint) for line in judge_books(replace(GOOD, **changes)))


def test_an_alert_of_before_a_loss_of_redis_may_be_lost_with_it() -> None:
    assert list(judge_books(replace(GOOD, alerts=[], lost_at=4e9))) == []
