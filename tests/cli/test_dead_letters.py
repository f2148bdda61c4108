"""``webhook-kit outbox dead-letters``: by store and status, and in the background."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.operations.operations_helpers import dead_letter
from webhook_kit.kit import Kit
from webhook_kit.operations import dead_letter_jobs
from webhook_kit.operations.audit import list_audit

Run = Callable[..., Any]


def listed(run: Run, *options: object) -> list[str]:
    return [letter["lane"] for letter in json.loads(run("outbox", "dead-letters", "--json", *options).out)]


def test_dead_letters_by_store_and_status(run: Run, kit: Kit) -> None:
    dead_letter(kit, "a", status=409)
    dead_letter(kit, "b", "harbour", status=None)
    assert listed(run) == ["order:a", "order:b"]
    assert listed(run, "--store", "harbour") == listed(run, "--status", 0) == ["order:b"]
    assert (
        run("outbox", "dead-letters", "discard", "--store", "harbour", "--note", "old", "--yes").out.strip()
        == "1 discarded"
    )
    assert listed(run) == ["order:a"]
    (entry,) = list_audit(kit).entries
    assert (entry.action, entry.why) == ("discard_dead_letter", "old")


def test_many_in_the_background(run: Run, kit: Kit) -> None:
    dead_letter(kit, "a")
    assert run("outbox", "jobs").out.strip() == "no jobs"
    assert "for 1 dead letters" in run("outbox", "dead-letters", "discard", "--all", "--background", "--yes").out
    (job,) = json.loads(run("outbox", "jobs", "--json").out)
    assert (job["state"], job["done"], job["total"], job["action"]) == ("running", 0, 1, "discard")
    dead_letter_jobs.work(kit)
    assert listed(run) == []
    assert "done" in run("outbox", "jobs").out
    assert f"job {job['id']} is done: 1 done, 0 failed" in run("outbox", "stop-job", job["id"]).out
    assert run("outbox", "stop-job", "x").status == 1


@pytest.mark.parametrize("options", [("--all",), ("--store", "main"), ("--all", "--background")])
@pytest.mark.parametrize("answer", ["n\n", ""])
def test_many_are_not_discarded_without_a_confirmation(
    options: tuple[str, ...], answer: str, run: Run, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        dead_letter(kit, name)
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    ran = run("outbox", "dead-letters", "discard", *options)
    assert (ran.status, "discard 2 dead letters" in ran.err) == (1, True)
    assert listed(run) == ["order:a", "order:b"]
    assert run("outbox", "jobs").out.strip() == "no jobs"
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert run("outbox", "dead-letters", "discard", *options).status == 0
