"""Records of onboardings that another version has written."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

import pytest

from webhook_kit.kit import Kit
from webhook_kit.storage import formats
from webhook_kit.storage.formats import NewerFormat
from webhook_kit.stores.onboarding.record import OnboardingRecords, Progress, Step


@pytest.fixture(autouse=True)
def _quiet(events: list[MutableMapping[str, Any]]) -> list[MutableMapping[str, Any]]:
    return events


def _records(kit: Kit) -> OnboardingRecords:
    return OnboardingRecords(kit.redis, kit.keys, keep=100)


def test_newer_onboarding_is_neither_continued_nor_given_up(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(public_url="https://pos.example.org")
    records = _records(kit)
    for store_id in ("main", "other"):
        records.save(Progress(store_id, Step.REGISTERING))
    records.follow("main")
    key = kit.keys.onboarding("main")
    assert kit.redis.hset(key, mapping={"format": formats.ONBOARDING + 1, "step": "a new step", "more": "x"}) == 1
    before = kit.redis.hgetall(key)
    with pytest.raises(NewerFormat):
        records.read("main")
    kit.onboarding.advance_all()
    assert records.followed() == ["main"]
    assert kit.redis.hgetall(key) == before
    assert [progress.store_id for progress in records.recent(0, 10)] == ["other"]


def test_record_without_a_mark_is_read(kit: Kit) -> None:
    _records(kit).save(Progress("main", Step.REGISTERED))
    kit.redis.hdel(kit.keys.onboarding("main"), "format")
    progress = _records(kit).read("main")
    assert progress is not None
    assert progress.step is Step.REGISTERED
