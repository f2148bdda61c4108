"""Commands that show all stores ask Redis for many at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from unittest.mock import Mock
from uuid import uuid4

import pytest

from tests.cli.conftest import Ran
from webhook_kit.adapter import Store
from webhook_kit.gett.models.store import PauseReason
from webhook_kit.kit import Kit
from webhook_kit.stores import status


@pytest.mark.parametrize("arguments", [["stores", "list", "--local"], ["check"]], ids=" ".join)
def test_more_stores_take_no_more_round_trips(
    arguments: list[str], run: Callable[..., Ran], kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = kit.redis.connection_pool
    monkeypatch.setattr(pool, "get_connection", counted := Mock(wraps=pool.get_connection))

    def round_trips(count: int) -> int:
        for number in range(count):
            kit.stores.add(Store(f"{count}-{number}", str(uuid4()), "bogus"))
        counted.reset_mock()
        ran = run(*arguments)
        assert f"{count}-{count - 1}" in ran.out
        return counted.call_count

    few, many = round_trips(5), round_trips(45)
    assert many < few + 10  # on a slow machine the directory looks once more whether the stores have changed


def test_each_store_keeps_its_own_status_across_pages(
    run: Callable[..., Ran], kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "_PAGE", 2)
    for name in "abcd":
        kit.stores.add(Store(name, str(uuid4()), "bogus"))
    kit.store_status.pause("c", PauseReason.TOO_BUSY)
    kit.store_status.resume("d")
    rows = {row["store"]: row for row in json.loads(run("stores", "list", "--local", "--json").out)}
    shown = {store: (row["sent"], row["reason"], row["pausedBy"], row["pending"]) for store, row in rows.items()}
    nothing = (None, None, None, None)
    assert shown == dict.fromkeys(["main", "a", "b"], nothing) | {
        "c": ("paused", "too_busy", "person", "not sent yet"),
        "d": ("online", None, None, "not sent yet"),
    }
