"""``webhook-kit outbox``: what waits and why, and a person's hand on it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from webhook_kit.kit import Kit
from webhook_kit.monitoring.worker_life import WorkerKind
from webhook_kit.outbox.lanes import Lease
from webhook_kit.outbox.updates import order_progress
from webhook_kit.storage.clock import save_gett_difference

Run = Callable[..., Any]


def lease(kit: Kit) -> Lease:
    (found,) = kit.lanes.lease(1, 60_000).leases
    return found


def bury(kit: Kit, ref: str, why: str = "422: no", status: int = 422) -> int:
    """A dead letter, by its number."""
    kit.order_updates.progress(ref, "confirmed")
    found = lease(kit)
    assert found.lane == f"order:{ref}"
    kit.lanes.dead_letter(found, why, status)
    return found.number


# -- what waits --------------------------------------------------------------------------------------------------------


def test_nothing_waits(run: Run, kit: Kit) -> None:
    kit.worker_life.give_sign(WorkerKind.PUSH)
    ran = run("outbox")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "nothing is pending",
        "quota: 0 of 100 writes in the last minute",
        "updates: none yet",
    ]


def test_what_waits_since_when_and_why(run: Run, kit: Kit) -> None:
    kit.order_updates.progress("slow", "confirmed")
    kit.lanes.postpone(lease(kit), 30, "503: [bold]try later[/]", charge=True)
    kit.order_updates.progress("sending", "confirmed")
    lease(kit)
    kit.order_updates.progress("fresh", "confirmed")
    ran = run("outbox")
    lines = {line.split()[0]: line for line in ran.out.splitlines()}
    assert "delayed" in lines["order:slow"]
    assert "503: [bold]try later[/]" in lines["order:slow"]
    assert "being sent" in lines["order:sending"]
    assert "ready" in lines["order:fresh"]
    assert lines["quota:"].startswith("quota: 2 of 100")
    found = json.loads(run("outbox", "--json").out)
    slow = next(one for one in found["lanes"] if one["lane"] == "order:slow")
    assert (slow["updates"], slow["attempts"], slow["state"]) == (1, 1, "delayed")
    assert found["counts"]["appended"] == found["waiting"] == 3
    assert len(json.loads(run("outbox", "--json", "--limit", 1).out)["lanes"]) == 1
    assert "… and 2 more" in run("outbox", "--limit", 1).out


def test_an_order_without_a_gett_id_says_what_it_waits_for(run: Run, kit: Kit) -> None:
    kit.lanes.append("order:x", order_progress("ready"), store_id="main")
    ran = run("outbox")
    assert "unlinked" in ran.out
    assert "order link" in ran.out


@pytest.mark.parametrize(
    ("event", "word"),
    [
        (lambda kit: kit.sending.halt("401: bad key"), "HALTED: Gett refuses the key: 401: bad key"),
        (lambda kit: kit.sending.record_rate_limited(30), "rate limited: Gett asked to wait"),
        (lambda kit: [kit.sending.record_failure() for _ in range(9)], "circuit breaker open: Gett fails"),
    ],
)
def test_closed_gates_are_named(event: Callable[[Kit], object], word: str, run: Run, kit: Kit) -> None:
    event(kit)
    assert word in run("outbox").out


def test_a_missing_push_worker_is_the_reason_for_what_waits(run: Run, kit: Kit) -> None:
    kit.order_updates.progress("1", "confirmed")
    assert "NOT SENDING: no push worker is running (last sign of life: none so far)" in run("outbox").out
    assert json.loads(run("outbox", "--json").out)["sending"]["pushWorkerSeconds"] is None
    assert "warning: no push worker is running" in run("order", "progress", "1", "--status", "ready").err
    assert "warning: no push worker is running" in run("stores", "pause", "main", "--reason", "too_busy").err
    assert "warning: no sync worker is running" in run("catalog", "status").err
    kit.worker_life.give_sign(WorkerKind.PUSH)
    assert "NOT SENDING" not in run("outbox").out
    assert run("order", "complete", "1").err == ""


def test_check_tells_of_workers_and_of_a_clock_that_differs(
    run: Run, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit.worker_life.give_sign(WorkerKind.PUSH)
    ran = run("check", "--offline")
    assert ran.status == 0
    assert ran.err == ""
    assert "push worker: last sign of life" in ran.out
    assert "no sync worker is running" in ran.out
    kit.worker_life.give_sign(WorkerKind.SYNC, ["held-events"])
    assert "s ago; tasks that do not end, restart it: held-events" in run("check").err
    save_gett_difference(kit.redis, kit.keys, 400)
    assert (
        "warning: a worker's clock is 400 s ahead of the clock of Gett; correct it\n" in run("check", "--offline").err
    )
    true_time = time.time
    monkeypatch.setattr(time, "time", lambda: true_time() - 1200)
    assert "warning: this host's clock is 1200 s behind the clock of Redis" in run("check").err


def test_a_lanes_history(run: Run, kit: Kit) -> None:
    kit.order_updates.progress("1", "confirmed")
    kit.lanes.acknowledge(lease(kit), 202)
    kit.order_updates.progress("1", "ready")
    for name in ("1", "order:1"):
        words = [line.split()[1] for line in run("outbox", "show", name).out.splitlines()[1:]]
        assert words == ["appended", "sent", "appended", "2"], name
    found = json.loads(run("outbox", "show", "1", "--json").out)
    assert [note["event"] for note in found["history"]] == ["appended", "sent", "appended"]
    assert found["waiting"][0]["body"] == {"status": "ready"}


def test_unclog_sends_now(run: Run, kit: Kit) -> None:
    kit.order_updates.progress("1", "confirmed")
    kit.lanes.postpone(lease(kit), 3600, "503", charge=True)
    assert run("outbox", "retry", "1").out == "order:1 is due now; a push worker sends it\n"
    assert lease(kit).lane == "order:1"


def test_drop_takes_one_or_all(run: Run, kit: Kit) -> None:
    kit.order_updates.progress("1", "confirmed")
    sending = lease(kit)
    kit.order_updates.progress("1", "ready")
    (_, ready) = kit.lanes.waiting("order:1")
    for number in (99, sending.number):
        missing = run("outbox", "discard", "1", "--update", number)
        assert missing.status == 1
        assert missing.err == f"webhook-kit: update {number} does not wait in order:1, or is being sent\n"
    assert run("outbox", "discard", "1", "--update", ready["id"]).out == "1 discarded from order:1\n"
    assert [update["id"] for update in kit.lanes.waiting("order:1")] == [sending.number]
    kit.lanes.postpone(sending, 60, "503", charge=True)
    assert run("outbox", "discard", "1").out == "1 discarded from order:1\n"
    assert kit.lanes.all_waiting() == {}


@pytest.mark.parametrize("command", ["show", "retry", "discard"])
def test_an_unknown_lane_is_one_line(command: str, run: Run) -> None:
    ran = run("outbox", command, "order:typo")
    assert (ran.status, ran.err) == (1, "webhook-kit: there is no lane order:typo\n")


# -- dead letters ------------------------------------------------------------------------------------------------------


def test_dead_letters_by_lane_reason_and_age(run: Run, kit: Kit) -> None:
    assert run("outbox", "dead-letters").out == "no dead letters\n"
    bury(kit, "1", "404: no such order", 404)
    bury(kit, "2", "422: [red]no[/]")
    assert "422: [red]no[/]" in run("outbox", "dead-letters").out

    def lanes(*filters: object) -> list[str]:
        return [letter["lane"] for letter in json.loads(run("outbox", "dead-letters", "--json", *filters).out)]

    assert lanes() == ["order:1", "order:2"]
    assert lanes("--lane", "1") == lanes("--why", "NO SUCH") == ["order:1"]
    assert lanes("--why", "no", "--lane", "order:2") == ["order:2"]
    assert lanes("--older-than", 3600) == []
    assert lanes("--older-than", 0) == ["order:1", "order:2"]
    (first, _) = json.loads(run("outbox", "dead-letters", "--json").out)
    assert first["update"] == {"status": "confirmed"}
    assert first["status"] == 404


def test_replay_by_number(run: Run, kit: Kit) -> None:
    number = bury(kit, "1")
    assert run("outbox", "dead-letters", "replay", number).out == "1 replayed; a push worker sends them\n"
    assert lease(kit).number == number
    again = run("outbox", "dead-letters", "replay", number)
    assert (again.status, again.err) == (1, f"{number}: not replayed: there is no dead letter of that number\n")


def test_replay_never_goes_back(run: Run, kit: Kit) -> None:
    old = bury(kit, "1")
    kit.order_updates.progress("1", "ready")
    kit.lanes.acknowledge(lease(kit), 202)
    ran = run("outbox", "dead-letters", "replay", "--all")
    assert (ran.status, ran.out) == (1, "0 replayed\n")
    assert ran.err == f"{old}: not replayed: Gett took a newer update\n"


def test_an_old_pause_is_not_replayed_after_a_newer_word(run: Run, kit: Kit) -> None:
    kit.store_status.pause("main", "too_busy")
    kit.lanes.dead_letter(lease(kit), "422", 422)
    kit.store_status.resume("main")
    kit.lanes.acknowledge(lease(kit), 200)
    ran = run("outbox", "dead-letters", "replay", "--all")
    assert (ran.status, ran.out) == (1, "0 replayed\n")


def test_replay_and_forget_by_condition(run: Run, kit: Kit) -> None:
    numbers = [bury(kit, "1", "timeout", 0), bury(kit, "2"), bury(kit, "3")]
    assert run("outbox", "dead-letters", "replay", "--why", "timeout").out == "1 replayed; a push worker sends them\n"
    assert run("outbox", "dead-letters", "discard", numbers[1]).out == "1 discarded\n"
    assert run("outbox", "dead-letters", "discard", "--all", "--yes").out == "1 discarded\n"
    assert kit.dead_letters.find() == []
    assert kit.lanes.counts()["discarded"] == 2


@pytest.mark.parametrize("command", ["replay", "discard"])
@pytest.mark.parametrize("choice", [(), ("1", "--all"), ("--all", "--why", "x"), ("1", "--lane", "order:1")])
def test_which_letters_has_to_be_said_in_one_way(command: str, choice: tuple[str, ...], run: Run, kit: Kit) -> None:
    bury(kit, "1")
    ran = run("outbox", "dead-letters", command, *choice)
    assert ran.status == 2
    assert "select dead letters" in ran.err
    assert len(kit.dead_letters.find()) == 1
