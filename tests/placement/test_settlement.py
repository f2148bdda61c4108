"""Settlement: whatever fails while an outcome is recorded, the order is settled or in doubt, and can be settled later."""

from __future__ import annotations

import threading
from collections.abc import Callable, MutableMapping
from typing import Any
from uuid import uuid4

import pytest
import redis

from tests.webhooks.scripted_pos import TOTAL, scripted_pos
from tests.webhooks.webhook_client import WebhookClient, expect_problem, order
from webhook_kit.adapter import Placed, Reason, Refused
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import Problem
from webhook_kit.kit import Kit
from webhook_kit.placement import placement, settlement
from webhook_kit.placement.claims import SettleResult
from webhook_kit.placement.idempotency_store import PlacementStore
from webhook_kit.placement.settlement import Settlement

Events = list[MutableMapping[str, Any]]

PLACED, REFUSED = Placed("T1"), Refused(Reason.OTHER, "no pizza today")

STEPS: dict[str, tuple[Any, str, Placed | Refused]] = {
    "receipt": (placement, "receipt", PLACED),
    "settle a ticket": (PlacementStore, "settle", PLACED),
    "violations": (placement, "as_violations", REFUSED),
    "problem": (Problem, "refusing", REFUSED),
    "document": (Problem, "document", REFUSED),
    "settle a refusal": (PlacementStore, "settle", REFUSED),
}


@pytest.mark.parametrize("raised", [TypeError("a bug"), UnicodeEncodeError("utf-8", "\ud83c", 0, 1, "no")], ids=repr)
@pytest.mark.parametrize("step", STEPS)
def test_error_in_one_step_leaves_the_order_in_doubt_without_a_lease(
    step: str,
    raised: Exception,
    make_client: Callable[..., WebhookClient],
    monkeypatch: pytest.MonkeyPatch,
    events: Events,
) -> None:
    owner, name, answer = STEPS[step]
    client = make_client(**scripted_pos(place_order=lambda *_: answer, find_order=lambda *_: None))
    key, original, renewed = str(uuid4()), getattr(owner, name), client.kit.placement_store._renewal._refs
    earlier = set(threading.enumerate()) - {
        threading.current_thread()
    }  # of earlier tests, which may still settle orders

    def fail(*arguments: Any, **named: Any) -> Any:
        if threading.current_thread() in earlier:
            return original(*arguments, **named)
        monkeypatch.setattr(owner, name, original)
        raise raised

    monkeypatch.setattr(owner, name, fail)
    expect_problem(client.place(order(**TOTAL), key), 503, ErrorCode.SERVICE_UNAVAILABLE)
    assert client.state(key) == "in_doubt"
    assert renewed == {}
    assert [event for event in events if event["log_level"] == "error" and event.get("order") == key]
    # The order can be settled afterwards.
    second = client.place(order(**TOTAL), key)
    assert second.status_code == (200 if answer is PLACED else 400), second.text


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda: Placed("A-\ud83d"), '"partnerOrderId":"A-\ufffd"'),
        (lambda: Refused(Reason.OTHER, "no pizza \ud83d today"), "no pizza \ufffd today"),
        (lambda: Refused(Reason.OTHER, "no", item_id="\ud83d", json_path="$.\ud83d"), '"itemId":"\ufffd"'),
    ],
    ids=["ticket id", "refusal", "names in a refusal"],
)
def test_half_an_emoji_in_the_pos_s_answer_is_settled_and_replayed(
    answer: Callable[[], Placed | Refused], expected: str, make_client: Callable[..., WebhookClient]
) -> None:
    client = make_client(**scripted_pos(place_order=lambda *_: answer()))
    key = str(uuid4())
    first, second = (client.place(order(**TOTAL), key) for _ in range(2))
    assert first.status_code == (200 if isinstance(answer(), Placed) else 400)
    assert expected in first.text
    assert second.data == first.data


class FakeTime:
    """Time that passes only while the settlement pauses."""

    def __init__(self) -> None:
        self.now, self.pauses = 1000.0, list[float]()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


class Records:
    """Records that a Redis which is away refuses a number of times."""

    def __init__(self, failures: int) -> None:
        self.failures, self.attempts = failures, 0

    def record(self) -> SettleResult:
        self.attempts += 1
        if self.attempts <= self.failures:
            raise redis.ConnectionError("away")
        return SettleResult.OK


@pytest.mark.parametrize("failures", [0, 1, 9])
def test_outcome_is_recorded_when_redis_is_back_and_the_answer_handed_over_before(
    failures: int, kit: Kit, monkeypatch: pytest.MonkeyPatch, events: Events
) -> None:
    clock, records, told = FakeTime(), Records(failures), list[int]()
    monkeypatch.setattr(settlement, "time", clock)
    trying = Settlement(kit.placement_store, kit.settings.model_copy(update={"pos_abandon_after": 30.0}))
    assert trying._keep_trying("g1", records.record, lambda: told.append(records.attempts)) is SettleResult.OK
    assert clock.pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0][:failures]
    assert told == ([1] if failures else [])
    assert [event["order"] for event in events if event["event"] == "settle_failed"] == ["g1"] * len(told)


def test_settlement_ends_when_redis_stays_away(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, records = FakeTime(), Records(1000)
    monkeypatch.setattr(settlement, "time", clock)
    trying = Settlement(kit.placement_store, kit.settings.model_copy(update={"pos_abandon_after": 7.0}))
    assert trying._keep_trying("g1", records.record) is None
    assert 7.0 < clock.now - 1000.0 <= 7.0 + 5.0
