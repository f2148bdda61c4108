"""An order of a later version is written by that version."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import pytest

from tests.operations.archive.archive_env import ArchiveEnv
from webhook_kit.storage import formats
from webhook_kit.storage.clock import redis_time


def test_a_newer_order_waits_for_a_worker_of_its_version(
    env: ArchiveEnv, events: list[MutableMapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "_last_logged", float("-inf"))  # an earlier test may have met a newer record
    kit, ref = env.kit, env.ended()
    archive = kit.redis.get(kit.keys.archive(ref))
    assert isinstance(archive, bytes)
    kit.redis.set(kit.keys.archive(ref), b"%d" % (formats.ARCHIVE + 1) + archive[1:])
    env.writer.run()
    env.writer.run()
    assert env.orders() == {}
    assert "newer_record_left_alone" in [event["event"] for event in events]
    kit.redis.set(kit.keys.archive(ref), archive)
    assert kit.redis.zadd(
        kit.keys.archiving_due, {ref: (redis_time(kit.redis) - 60) * 1000}, xx=True, ch=True
    )  # its pause is over
    env.writer.run()
    assert list(env.orders()) == [ref]
