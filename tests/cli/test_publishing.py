"""``webhook-kit catalog sync``, ``publish``, ``status``, ``out`` and ``back``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from webhook_kit.kit import Kit
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.bogus_catalog import bogus_catalog

Run = Callable[..., Any]


@pytest.fixture
def kit(make_kit: Callable[..., Kit]) -> Kit:
    return make_kit(public_url="https://pos.example.org")


def test_menus_are_synchronised_by_store_or_all_at_once(run: Run) -> None:
    ran = run("catalog", "sync", "main")
    assert (ran.status, ran.out.splitlines()[-1]) == (0, "1 published")
    assert ran.out.splitlines()[1] == (
        "main: the notification waits to be sent to Gett by a push worker; see webhook-kit outbox show catalog:main"
    )
    assert run("catalog", "sync", "--all").out.splitlines()[-1] == "1 unchanged"
    assert run("catalog", "publish", "main").out.splitlines()[-1] == "1 published"


@pytest.mark.parametrize("arguments", [("sync",), ("sync", "main", "--all"), ("publish",)])
def test_which_stores_has_to_be_said_in_one_way(arguments: tuple[str, ...], run: Run) -> None:
    ran = run("catalog", *arguments)
    assert (ran.status, "--all" in ran.err) == (2, True)


def test_a_store_that_nobody_knows_is_one_line(run: Run) -> None:
    ran = run("catalog", "sync", "elsewhere")
    why = "webhook-kit: unknown store: elsewhere; `webhook-kit stores list` shows all"
    assert (ran.status, ran.err.splitlines()) == (1, [why])


def test_the_operator_sees_why_a_menu_was_not_taken(run: Run, kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    run("catalog", "sync", "--all")
    broken = bogus_catalog()
    broken = broken.model_copy(deep=True)
    broken.items["burger"].modifier_group_ids.append("nothing")
    monkeypatch.setattr(BogusAdapter, "fetch_catalog", lambda *_: broken)
    ran = run("catalog", "sync", "--all")
    assert (ran.status, ran.out.splitlines()[-1]) == (1, "1 failed")
    assert "$.items['burger'].modifierGroupIds" in ran.out
    shown = run("catalog", "status")
    assert shown.status == 0
    for word in ("main", "failed", "last failure", "$.items['burger'].modifierGroupIds", "'nothing'"):
        assert word in shown.out
    (known,) = json.loads(run("catalog", "status", "main", "--json").out)
    assert (known["store_id"], known["outcome"], known["items"]) == ("main", "failed", len(broken.items))
    assert known["published"] == kit.publisher.current("main").version  # type: ignore[union-attr] # it is published


def test_status_before_anything_was_synchronised(run: Run) -> None:
    (known,) = json.loads(run("catalog", "status", "--json").out)
    assert (known["version"], known["published"], known["failed"], known["unavailable"]) == (None, None, None, {})
    assert "main" in run("catalog", "status").out


def test_items_run_out_and_are_back(run: Run, kit: Kit) -> None:
    run("catalog", "sync", "--all")
    assert run("catalog", "mark-unavailable", "main", "salad", "cola").out.splitlines() == [
        "salad of store main is unavailable",
        "cola of store main is unavailable",
        "orders are checked against this at once; a sync worker publishes the catalog after 10 s",
    ]
    assert "(it was already)" in run("catalog", "mark-unavailable", "main", "cola").out
    assert kit.availability.unavailable_items("main").keys() == {"salad", "cola"}
    assert run("catalog", "mark-available", "main", "salad").out.splitlines()[0] == "salad of store main is available"
    assert "(it was already)" in run("catalog", "mark-available", "main", "salad").out
    assert run("catalog", "mark-unavailable", "main", "mint", "--until", "2999-01-01T00:00:00Z").status == 0
    (known,) = json.loads(run("catalog", "status", "--json").out)
    assert known["unavailable"] == {"cola": None, "mint": "2999-01-01T00:00:00+00:00"}


def test_a_slip_of_the_pen_does_not_pass(run: Run, kit: Kit) -> None:
    run("catalog", "sync", "--all")
    ran = run("catalog", "mark-unavailable", "main", "salad", "collar")
    assert (ran.status, "not in the catalog of store main: collar" in ran.err) == (1, True)
    assert kit.availability.unavailable_items("main") == {}, "all of it or nothing"
    assert run("catalog", "mark-unavailable", "main", "salad", "--until", "tomorrow").status == 2
