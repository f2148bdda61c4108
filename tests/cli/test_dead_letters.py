"""``webhook-kit outbox dead-letters``: by store and status, and in the background."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

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
    assert run("outbox", "dead-letters", "discard", "--store", "harbour", "--note", "old").out.strip() == "1 discarded"
    assert listed(run) == ["order:a"]
    (entry,) = list_audit(kit).entries
    assert (entry.action, entry.why) == ("discard_dead_letter", "old")


def test_many_in_the_background(run: Run, kit: Kit) -> None:
    dead_letter(kit, "a")
    assert run("outbox", "jobs").out.strip() == "no jobs"
    assert "for 1 dead letters" in run("outbox", "dead-letters", "discard", "--all", "--background").out
    (job,) = json.loads(run("outbox", "jobs", "--json").out)
    assert (job["state"], job["done"], job["total"], job["action"]) == ("running", 0, 1, "discard")
    dead_letter_jobs.work(kit)
    assert listed(run) == []
    assert "done" in run("outbox", "jobs").out
    assert f"job {job['id']} is done: 1 done, 0 failed" in run("outbox", "stop-job", job["id"]).out
    assert run("outbox", "stop-job", "x").status == 1
