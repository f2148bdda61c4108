"""``webhook-kit archive``, and orders that only the archive has."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.operations.operations_helpers import place
from webhook_kit.errors import ConfigurationError
from webhook_kit.kit import Kit
from webhook_kit.operations.archive import open_archive, queue
from webhook_kit.operations.archive.writer import ArchiveWriter
from webhook_kit.settings import Settings

Run = Callable[..., Any]


@pytest.fixture
def kit(make_kit: Callable[..., Kit], archive_url: str) -> Kit:
    return make_kit(archive_url=archive_url)


def test_the_tables_are_made_and_the_state_is_shown(run: Run, kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "_SETTLE_MS", 0)
    before = run("archive", "status", "--json")
    assert before.status == 1
    assert "webhook-kit archive migrate" in json.loads(before.out)["unavailable"]
    assert "webhook-kit archive migrate" in run("archive", "status").err
    assert run("archive", "migrate").out == "the tables of the archive were created, version 1\n"
    assert run("archive", "migrate").out == "the tables of the archive are of version 1; nothing to do\n"
    assert "no sync worker has written to the archive yet" in run("archive", "status").out
    archive = open_archive(kit.settings)
    writer = ArchiveWriter(kit, archive)
    writer.run()
    place(kit, "a")
    kit.redis.zrem(kit.keys.unconfirmed, "a")
    kit.order_archive.archive_now("a")
    waiting = json.loads(run("archive", "status", "--json").out)
    assert (waiting["waiting"], waiting["rows"]) == (1, {"orders": 0, "updates": 0, "audit": 0})
    assert waiting["left"] > 0
    assert "1 orders wait, the oldest for " in run("archive", "status").out
    writer.run()
    status = run("archive", "status")
    assert status.out.splitlines() == ["no order waits", "orders   1 rows", "updates  0 rows", "audit    0 rows"]
    shown = json.loads(run("order", "show", "a", "--json").out)
    kit.redis.delete(kit.keys.archive("a"), kit.keys.by_key("k-a"), kit.keys.pos_order("main", "T-a"))
    old = json.loads(run("order", "show", "T-a", "--json").out)
    assert old.pop("archived").startswith("20")
    assert old == shown
    assert json.loads(run("order", "timeline", "a", "--json").out) == shown["timeline"]
    assert "archived           20" in run("order", "show", "a").out
    assert run("order", "show", "unknown").err == "webhook-kit: order unknown is unknown here\n"
    archive.close()


def test_without_an_address_it_is_said(make_kit: Callable[..., Kit]) -> None:
    with pytest.raises(ConfigurationError, match=r"ARCHIVE_URL is not set.*see the page The long-term archive"):
        open_archive(Settings())


def test_an_archive_that_is_away_is_one_line(run: Run, kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    away = Settings(archive_url="postgres://u:topsecret@127.0.0.1:1/d").archive_url
    monkeypatch.setattr(kit, "settings", kit.settings.model_copy(update={"archive_url": away}))
    for command in (("order", "show", "x"), ("archive", "migrate"), ("order", "forget", "x")):
        ran = run(*command)
        assert ran.status == 1
        assert ran.err.startswith("webhook-kit: the archive cannot be used: ")
        assert ran.err.count("\n") == 1
        assert "topsecret" not in ran.err
