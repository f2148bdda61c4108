"""Rotation of the API key on either side first: no update is lost, and a right key sends at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any
from uuid import uuid4

import pytest

from tests.redis_cluster import KEY_TAG
from webhook_kit.kit import Kit
from webhook_kit.sandbox.local_gett import LocalGett


@pytest.fixture
def gett() -> Iterator[LocalGett]:
    local = LocalGett("", "secret", "old", str(uuid4()))
    with local.serve() as local.webhooks:
        yield local


@pytest.fixture
def make_worker(
    make_kit: Callable[..., Kit], gett: LocalGett, events: list[MutableMapping[str, Any]]
) -> Callable[[str], Kit]:
    prefix = f"{KEY_TAG}t{uuid4().hex}:"
    return lambda keys: make_kit(
        key_prefix=prefix, gett_api_key=keys, gett_api_url=gett.webhooks, gett_store_id=gett.store_id
    )


def send(kit: Kit) -> None:
    kit.dispatcher.drain(5, lambda: not kit.lanes.all_waiting())


def received(gett: LocalGett) -> list[str]:
    return [update.body["status"] for update in gett.update_log.updates("1")]


def test_both_keys_are_configured_while_gett_changes_over(
    make_worker: Callable[[str], Kit], gett: LocalGett, events: list[MutableMapping[str, Any]]
) -> None:
    worker = make_worker("new,old")
    worker.order_updates.progress("1", "confirmed")
    send(worker)
    gett.context.api_key = "new"
    worker.order_updates.progress("1", "preparing")
    send(worker)
    worker.order_updates.progress("1", "ready")
    send(worker)
    assert received(gett) == ["confirmed", "preparing", "ready"]
    assert worker.sending.halt_reason() is None
    refused = [event for event in events if event["event"] == "api_key_refused"]
    assert [event["key"] for event in refused] == ["1 of 2 in GETT_API_KEY", "2 of 2 in GETT_API_KEY"]
    assert "401" in refused[0]["why"]


def test_a_worker_with_the_right_key_sends_at_once_after_a_halt(
    make_worker: Callable[[str], Kit], gett: LocalGett
) -> None:
    before = make_worker("old")
    gett.context.api_key = "new"
    before.order_updates.progress("1", "confirmed")
    before.dispatcher.drain(0.5)
    assert received(gett) == []
    assert "401" in (before.sending.halt_reason() or "")
    after = make_worker("new,old")
    after.lanes.retry_now("order:1")
    send(after)
    assert received(gett) == ["confirmed"]
    assert after.sending.halt_reason() is None
