"""Audit log: bounded, in pages, and never the reason that an action fails."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

import pytest

from tests.operations.operations_helpers import ADA, EVE
from webhook_kit.errors import InvalidArgument
from webhook_kit.kit import Kit
from webhook_kit.operations import audit
from webhook_kit.operations.audit import list_audit, record


def test_entries_are_listed_newest_first_and_by_condition(kit: Kit) -> None:
    record(kit, ADA, "link_order", "o1", "typed wrong")
    record(kit, EVE, "link_order", "o2", "", "forbidden")
    record(kit, ADA, "retry_now", "order:o1", "\ud800" + "y" * 5_000)
    newest, middle, oldest = list_audit(kit).entries
    assert (newest.action, middle.who, oldest.subject) == ("retry_now", "eve", "o1")
    assert (oldest.via, oldest.why, oldest.result, oldest.failed) == ("console", "typed wrong", "ok", False)
    assert middle.failed
    assert len(newest.why) == 500
    assert [entry.action for entry in list_audit(kit, who="ada").entries] == ["retry_now", "link_order"]
    assert [entry.who for entry in list_audit(kit, action="link_order").entries] == ["eve", "ada"]
    assert [entry.who for entry in list_audit(kit, subject="o2").entries] == ["eve"]


def test_pages_have_no_gaps(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        record(kit, ADA, "link_order", str(number), "")
    monkeypatch.setattr(audit, "_READ", 3)
    seen: list[str] = []
    cursor, more = None, True
    while more:
        page = list_audit(kit, cursor=cursor, size=2)
        seen += [entry.subject for entry in page.entries]
        cursor, more = page.cursor, page.cursor is not None
    assert seen == list("6543210")


def test_entries_end_by_time(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(audit_ttl=60)
    kit.redis.xadd(kit.keys.audit, {"who": "old"}, id="1-1")
    record(kit, ADA, "link_order", "o1", "")
    assert [entry.who for entry in list_audit(kit).entries] == ["ada"]


def test_a_strange_cursor_is_refused(kit: Kit) -> None:
    for cursor in ("x", "-", "\ud800", "1-1-1"):
        with pytest.raises(InvalidArgument):
            list_audit(kit, cursor=cursor)


def test_a_failure_of_redis_is_logged(kit: Kit, events: list[MutableMapping[str, Any]]) -> None:
    kit.redis.set(kit.keys.audit, "not a stream")
    record(kit, ADA, "link_order", "o1", "why")
    logged = {event["event"]: event for event in events}
    assert logged["action_recorded"]["subject"] == "o1"
    assert logged["audit_not_recorded"]["who"] == "ada"
