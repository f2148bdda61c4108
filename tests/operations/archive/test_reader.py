"""An order from the archive is shown as it was in Redis."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any

import pytest

from tests.operations.archive.archive_env import ArchiveEnv
from tests.operations.operations_helpers import ADA
from webhook_kit.errors import NotFound
from webhook_kit.kit import Kit
from webhook_kit.operations import audit
from webhook_kit.operations.archive.reader import find_old
from webhook_kit.operations.forget import forget_order
from webhook_kit.operations.orders import find
from webhook_kit.operations.timeline import timeline


@pytest.fixture(autouse=True)
def _quiet(events: list[MutableMapping[str, Any]]) -> list[MutableMapping[str, Any]]:
    return events


@pytest.mark.parametrize("end", ["ended", "refuse"])
def test_facts_and_timeline_are_those_of_redis(env: ArchiveEnv, end: str) -> None:
    ref = getattr(env, end)()
    env.rest()
    env.writer.run()
    facts = find(env.kit, ref)
    [old] = find_old(env.kit, f" {ref} ")
    assert facts is not None
    assert replace(old.facts, refusal=None) == replace(facts, refusal=None)
    assert list(old.timeline) == timeline(env.kit, ref)
    if facts.refusal is not None and old.facts.refusal is not None:
        assert old.facts.refusal.code == facts.refusal.code
        assert [each["itemId"] for each in old.facts.refusal.violations] == ["no such item"]
    else:
        assert facts.refusal is old.facts.refusal
    if facts.pos_number:
        assert [each.facts.ref for each in find_old(env.kit, facts.pos_number)] == [ref]


@pytest.mark.parametrize("name", ["", " ", "x" * 1001, "\0", "\ud83d", "' OR 1=1 --", "%"])
def test_a_text_that_is_no_id_finds_nothing(env: ArchiveEnv, name: str) -> None:
    env.ended()
    env.writer.run()
    assert find_old(env.kit, name) == []


def test_without_an_archive_there_is_nothing(kit: Kit) -> None:
    assert find_old(kit, "x") == []


def test_an_order_that_only_the_archive_has_is_forgotten_there(env: ArchiveEnv) -> None:
    ref = env.ended()
    audit.record(env.kit, ADA, "retry_now", ref, "Jane called")
    env.writer.run()
    for key in (env.kit.keys.archive(ref), env.kit.keys.by_key(find_old(env.kit, ref)[0].facts.idempotency_keys[0])):
        env.kit.redis.delete(key)
    assert find(env.kit, ref) is None
    assert forget_order(env.kit, ADA, ref, why="request", dry_run=True).removed == ("reasons in the archive",)
    forget_order(env.kit, ADA, ref, why="request")
    env.writer.run()
    assert [row["why"] for row in env.rows("SELECT why FROM webhook_kit.audit ORDER BY id")] == ["removed", "request"]
    with pytest.raises(NotFound):
        forget_order(env.kit, ADA, "unknown")
