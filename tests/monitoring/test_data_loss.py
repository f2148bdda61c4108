"""A loss of data in Redis is noticed by running workers, and the stores whose orders a person has to check are named."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

import pytest

from webhook_kit.adapter import PosAdapter
from webhook_kit.kit import Kit
from webhook_kit.schedule import _check_data_loss
from webhook_kit.storage.connection import text
from webhook_kit.testing.bogus import BogusAdapter


class AdapterWithoutList(BogusAdapter):
    orders_since = PosAdapter.orders_since


def empty(kit: Kit) -> None:
    for key in kit.redis.scan_iter(f"{kit.keys.prefix}*"):
        kit.redis.delete(text(key))


def test_an_emptied_redis_is_noticed_once_by_all_workers(kit: Kit, events: list[MutableMapping[str, Any]]) -> None:
    other = Kit(kit.settings)
    for _ in range(3):
        assert not kit.data_loss.check()
        assert not other.data_loss.check()
    empty(kit)
    assert [kit.data_loss.check(), other.data_loss.check(), kit.data_loss.check()] == [True, False, False]
    assert [event["event"] for event in events].count("redis_lost_data") == 2
    (incident,) = kit.placement_store.incidents()
    assert incident["kind"] == "redis_lost_data"
    assert incident["why"] == (
        "Redis has lost data: it was emptied, or set back to an earlier state; the orders of all other stores are compared with "
        "their POS now"
    )


def test_a_redis_that_was_set_back_is_noticed(kit: Kit, events: list[MutableMapping[str, Any]]) -> None:
    for _ in range(5):
        assert not kit.data_loss.check()
    kit.redis.set(kit.keys.checkpoint, 2)
    assert kit.data_loss.check()


def test_a_restart_of_a_worker_is_no_loss(kit: Kit, events: list[MutableMapping[str, Any]]) -> None:
    assert not kit.data_loss.check()
    assert not Kit(kit.settings).data_loss.check()
    assert not kit.data_loss.check()
    assert kit.placement_store.incidents() == []


def test_stores_whose_orders_cannot_be_listed_are_named(
    make_kit: Callable[..., Kit], events: list[MutableMapping[str, Any]]
) -> None:
    kit = make_kit(pos_adapter=f"{__name__}:AdapterWithoutList")
    kit.data_loss.check()
    empty(kit)
    assert kit.data_loss.check()
    (incident,) = kit.placement_store.incidents()
    assert (
        "cannot list their orders (orders_since): main. Compare the open orders of their POS with Gett"
        in incident["why"]
    )


def test_a_worker_reconciles_every_store_at_once_after_a_loss(
    kit: Kit, events: list[MutableMapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    queued: list[tuple[object, ...]] = []
    monkeypatch.setattr("webhook_kit.schedule.enqueue_sync", lambda *arguments, **_: queued.append(arguments[1:]))
    _check_data_loss(kit)
    assert queued == []
    empty(kit)
    _check_data_loss(kit)
    assert queued == [("webhook_kit.worker.reconcile", "main")]
