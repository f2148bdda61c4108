"""The commands that tell Gett something: of an order, of a store, of everything that it was not told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from webhook_kit.adapter import StoreState
from webhook_kit.cli import main
from webhook_kit.kit import Kit
from webhook_kit.storage.alerts import Alert
from webhook_kit.testing.bogus import BogusAdapter

Run = Callable[..., Any]


def body(kit: Kit, lane: str) -> dict[str, Any]:
    found: dict[str, Any] = kit.lanes.waiting(lane)[-1]["body"]
    return found


def test_how_far_an_order_is(run: Run, kit: Kit) -> None:
    ran = run("order", "progress", "1", "--status", "preparing", "--ready-at", "2031-05-01T20:30:00+02:00")
    assert ran.out.startswith("order 1: the status preparing waits to be sent to Gett by a push worker; ")
    assert body(kit, "order:1") == {"status": "preparing", "estimatedReadyAt": "2031-05-01T18:30:00Z"}
    assert run("order", "complete", "1").out.startswith("order 1: the status completed waits to be sent to Gett")
    late = run("order", "progress", "1", "--status", "ready")
    assert late.status == 1
    assert late.err == "webhook-kit: order 1 is already `completed`; `ready` is rejected\n"
    assert run("order", "cancel", "2", "--reason", "no oven").status == 0
    assert body(kit, "order:2") == {"state": "cancelled", "cancelReason": "no oven"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("order", "progress", "1", "--status", "pending"),
        ("order", "progress", "1", "--status", "burnt"),
        ("order", "cancel", "1", "--reason", " "),
        ("stores", "pause", "main", "--reason", "too_tired"),
        ("stores", "pause", "main", "--reason", "too_busy", "--until", "2001-01-01T00:00:00Z"),
        ("stores", "pause", "typo", "--reason", "too_busy"),
        ("stores", "resume", "typo"),
        ("reconcile", "--store", "typo"),
    ],
)
def test_what_is_impossible_is_one_line(arguments: tuple[str, ...], run: Run, kit: Kit) -> None:
    ran = run(*arguments)
    assert ran.status == 1
    assert len(ran.err.splitlines()) == 1
    assert ran.err.startswith("webhook-kit: ")
    assert kit.lanes.all_waiting() == {}


@pytest.mark.parametrize("until", ["soon", "2031-05-01T18:30:00"])
def test_a_moment_needs_a_zone(until: str, run: Run) -> None:
    ran = run("stores", "pause", "main", "--reason", "too_busy", "--until", until)
    assert ran.status == 2
    assert "time zone" in ran.err


def test_a_store_is_paused_listed_and_resumed(run: Run, kit: Kit) -> None:
    ran = run("stores", "pause", "main", "--reason", "too_busy", "--until", "2031-05-01T18:30:00Z")
    assert ran.out == (
        "store main: the pause waits to be sent to Gett by a push worker; see webhook-kit outbox show store:main\n"
    )
    (row,) = json.loads(run("stores", "list", "--local", "--json").out)
    assert (row["store"], row["sent"], row["reason"], row["until"], row["pausedBy"]) == (
        "main",
        "paused",
        "too_busy",
        "2031-05-01T18:30:00Z",
        "person",
    )
    assert row["pending"] == "not sent yet"
    shown = run("stores", "list", "--local").out
    assert row["gettStoreId"] in shown
    assert run("stores", "resume", row["gettStoreId"]).status == 0
    assert body(kit, "store:main") == {"status": "online"}


def test_reconcile_prints_what_was_missing(run: Run, kit: Kit, tmp_path: Path) -> None:
    BogusAdapter.set_state(tmp_path / "pos.sqlite", "main", StoreState.DOWN)
    ran = run("reconcile", "--store", "main")
    assert ran.status == 0
    assert ran.out.splitlines() == [
        "main  store: last sent to Gett nothing, the POS reports down: appended",
        "1 stores compared: 1 appended",
    ]
    assert body(kit, "store:main")["status"] == "paused"


def test_reconcile_of_a_store_that_fails_is_non_zero(
    run: Run, monkeypatch: pytest.MonkeyPatch, events: list[Any]
) -> None:
    def store_status(*_: object) -> StoreState:
        raise RuntimeError("no answer")

    monkeypatch.setattr(BogusAdapter, "store_status", store_status)
    ran = run("reconcile")
    assert ran.status == 1
    assert "main  store_status failed: RuntimeError('no answer')" in ran.out.splitlines()


@pytest.mark.parametrize("about", ["setting", "worker", "store", "order"])
def test_incidents_of_every_subject_are_listed(
    about: Literal["setting", "worker", "store", "order"], run: Run, kit: Kit
) -> None:
    kit.alerts.raise_once(Alert.GETT_REDIRECTED, "SUBJECT", "why", about=about)
    assert f"gett_redirected: {about} SUBJECT, why" in run("order", "incidents").out


def test_incidents_of_the_watch_are_listed(run: Run, kit: Kit) -> None:
    kit.redis.lpush(
        kit.keys.incidents,
        json.dumps({"at": 0, "kind": "duplicate_ticket", "order": "1", "known": "a", "reported": "b"}),
    )
    kit.alerts.raise_once(Alert.UNKNOWN_ORDER, "2", "404")
    newest, oldest = run("order", "incidents").out.splitlines()
    assert newest.endswith("order_unknown_at_gett: order 2, 404")
    assert oldest.endswith("duplicate_ticket: order 1, known a, reported b")


@pytest.mark.parametrize(
    "arguments",
    [
        ("outbox",),
        ("outbox", "dead-letters"),
        ("order", "complete", "1"),
        ("stores", "list"),
        ("stores", "resume", "main"),
    ],
)
def test_without_redis_every_command_says_so_in_one_line(
    arguments: tuple[str, ...],
    make_kit: Callable[..., Kit],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kit = make_kit(redis_url="redis://127.0.0.1:1/0")
    monkeypatch.setattr(Kit, "from_env", classmethod(lambda _: kit))
    monkeypatch.setattr("sys.argv", ["webhook-kit", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    *where, line = capsys.readouterr().err.splitlines()
    assert [text[:7] for text in where] in ([], ["at http"])
    assert line.startswith("webhook-kit: REDIS_URL: Redis cannot be reached")


@pytest.mark.parametrize("arguments", [("order", "show"), ("order", "complete"), ("outbox", "show")])
def test_argument_that_is_not_utf_8_is_one_line(arguments: tuple[str, ...], run: Run) -> None:
    ran = run(*arguments, "\udcff")
    assert ran.status == 1
    (said,) = [line for line in ran.err.splitlines() if not line.startswith("at http")]
    assert said.startswith("webhook-kit: ")
    assert "not UTF-8" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ("stores", "add", "b", "--adapter", "bogus", "--option"),
        ("stores", "edit", "main", "--option"),
        ("sandbox", "options"),
    ],
)
def test_option_that_is_nested_too_deeply_is_refused(arguments: tuple[str, ...], run: Run) -> None:
    ran = run(*arguments, "x=" + "[" * 100_000)
    assert ran.status == 2
    assert ran.err.endswith("x: is nested too deeply\n")
