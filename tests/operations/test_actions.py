"""Actions of people: they need the role, they are in the audit log and in the order's timeline, also those that fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from tests.operations.operations_helpers import ADA, EVE, claim, dead_letter, in_doubt, place
from tests.webhooks.webhook_client import WebhookClient, order
from webhook_kit.errors import Conflict, Forbidden, InvalidArgument, InvalidTransition, NotFound
from webhook_kit.kit import Kit
from webhook_kit.operations import actions
from webhook_kit.operations.audit import AuditEntry, list_audit
from webhook_kit.operations.dead_letters import DeadLetterFilter
from webhook_kit.operations.incidents import incident_groups
from webhook_kit.operations.orders import find
from webhook_kit.operations.timeline import timeline
from webhook_kit.storage.alerts import Alert


def newest(kit: Kit) -> AuditEntry:
    return list_audit(kit).entries[0]


def acted(kit: Kit, ref: str) -> list[dict[str, object]]:
    return [dict(entry.details) for entry in timeline(kit, ref) if entry.event == "acted"]


def state(kit: Kit, ref: str) -> str:
    facts = find(kit, ref)
    assert facts is not None
    return facts.state


def test_an_order_in_doubt_is_settled_as_placed(make_client: Callable[..., WebhookClient]) -> None:
    client = make_client(options={"time_out": 0})
    body = client.validated(order("times-out"))
    assert client.place(body).status_code == 503
    kit, ref = client.kit, str(body["gettOrderId"])
    assert actions.settle_placed(kit, ADA, ref, "T-77", "seen on the screen") is None
    facts = find(kit, ref)
    assert facts is not None
    assert (facts.state, facts.pos_number, facts.progress) == ("placed", "T-77", "confirmed")
    entry = newest(kit)
    assert (entry.who, entry.via, entry.action, entry.subject) == ("ada", "console", "settle_placed", ref)
    assert (entry.why, entry.result) == ("seen on the screen", "ok")
    said = {"action": "settle_placed", "who": "ada", "via": "console", "why": "seen on the screen"}
    assert acted(kit, ref) == [said]
    with pytest.raises(InvalidTransition, match="settled already"):
        actions.settle_placed(kit, ADA, ref, "T-78")
    assert "settled already" in newest(kit).result
    assert len(acted(kit, ref)) == 1


def test_an_order_in_doubt_is_settled_as_not_placed(kit: Kit) -> None:
    in_doubt(kit, "a")
    actions.settle_not_placed(kit, ADA, "k-a")  # by its Idempotency-Key
    assert state(kit, "a") == "released"
    assert [entry.event for entry in timeline(kit, "a")] == ["received", "in_doubt", "released", "acted"]


def test_what_cannot_be_settled(kit: Kit) -> None:
    claim(kit, "busy", order=b"{}")
    in_doubt(kit, "never-sent")
    for error, ref, number in (
        (Conflict, "busy", "T"),
        (InvalidTransition, "never-sent", "T"),
        (NotFound, "x", "T"),
        (InvalidArgument, "never-sent", " "),
        (InvalidArgument, "never-sent\ud800", "T"),
    ):
        with pytest.raises(error):
            actions.settle_placed(kit, ADA, ref, number)
        assert newest(kit).failed


def test_a_viewer_changes_nothing(kit: Kit) -> None:
    in_doubt(kit, "a")
    with pytest.raises(Forbidden):
        actions.settle_not_placed(kit, EVE, "a")
    assert state(kit, "a") == "in_doubt"
    assert (newest(kit).who, newest(kit).result) == ("eve", "forbidden")


def test_an_order_is_linked(kit: Kit) -> None:
    kit.placement_store.claim(key="k", gett_id="", store_id="main", fingerprint="f")
    actions.link_order(kit, ADA, "k", "g-1", "from the mail")
    facts = find(kit, "g-1")
    assert facts is not None
    assert facts.ref == "k"
    assert acted(kit, "k")[0]["action"] == "link_order"


def test_progress_completion_and_cancellation(kit: Kit) -> None:
    place(kit, "a")
    actions.report_progress(kit, ADA, "a", "preparing")
    actions.complete_order(kit, ADA, "a")
    with pytest.raises(InvalidTransition):
        actions.cancel_order(kit, ADA, "a", "no")
    place(kit, "b")
    actions.cancel_order(kit, ADA, "b", "the oven is broken", "asked by phone")
    assert [entry["action"] for entry in acted(kit, "a")] == ["report_progress", "complete_order"]
    assert "oven" not in repr(timeline(kit, "b"))  # a text for the customer


def test_waiting_updates_are_retried_and_discarded(kit: Kit) -> None:
    place(kit, "a")
    kit.order_updates.progress("a", "ready")
    actions.retry_now(kit, ADA, "order:a")
    assert actions.discard_updates(kit, ADA, "order:a") == 1
    assert [entry["action"] for entry in acted(kit, "a")] == ["retry_now", "discard_updates"]
    for run in (actions.retry_now, actions.discard_updates):
        with pytest.raises(NotFound):
            run(kit, ADA, "order:x")
    with pytest.raises(NotFound):
        actions.discard_updates(kit, ADA, "order:a", 99)


def test_dead_letters_by_number_and_by_condition(kit: Kit) -> None:
    place(kit, "a")
    number = dead_letter(kit, "a")
    results = actions.replay_dead_letters(kit, ADA, [number, 999], "Gett is back")
    assert [result.value for result in results.values()] == ["ok", "unknown"]
    assert [entry.result for entry in list_audit(kit).entries] == ["unknown", "ok"]
    (replayed,) = [entry for entry in timeline(kit, "a") if entry.event == "replayed"]
    assert replayed.details["who"] == "ada"
    job = actions.discard_matching(kit, ADA, DeadLetterFilter(status=422), "old")
    assert (newest(kit).action, newest(kit).subject) == ("discard_matching", "status 422")
    actions.stop_job(kit, ADA, job.id)
    assert (newest(kit).action, newest(kit).subject) == ("stop_job", job.id)
    with pytest.raises(Forbidden):
        actions.replay_matching(kit, EVE, DeadLetterFilter())


def test_incidents_are_acknowledged_and_noted(kit: Kit) -> None:
    kit.alerts.raise_once(Alert.UNCONFIRMED, "a", "not confirmed")
    (group,) = incident_groups(kit)
    actions.note_incidents(kit, ADA, group.id, "they are looking")
    actions.acknowledge_incidents(kit, ADA, group.id)
    (known,) = incident_groups(kit)
    assert not known.open
    assert [note.text for note in known.notes] == ["they are looking"]
    with pytest.raises(InvalidArgument):
        actions.note_incidents(kit, ADA, group.id, " ")


def test_a_timeline_that_cannot_be_written_fails_nothing(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    in_doubt(kit, "a")

    def fail(*_: object) -> None:
        raise redis.ConnectionError

    monkeypatch.setattr(kit.placement_store.notes, "add", fail)
    actions.settle_not_placed(kit, ADA, "a")
    assert state(kit, "a") == "released"
    assert newest(kit).result == "ok"


def test_an_action_on_an_archived_order_is_in_its_timeline(client: WebhookClient) -> None:
    kit, body = client.kit, client.validated(order())
    assert client.place(body).status_code == 200
    ref = str(body["gettOrderId"])
    actions.complete_order(kit, ADA, ref)
    for lease in kit.lanes.lease(9, 60_000).leases:
        kit.lanes.acknowledge(lease, 200)
    assert kit.redis.exists(kit.keys.archive(ref))
    actions.link_order(kit, ADA, ref, ref)
    assert [entry["action"] for entry in acted(kit, ref)] == ["complete_order", "link_order"]
    assert kit.redis.ttl(kit.keys.history(f"order:{ref}")) > 0
    kit.order_archive.archive_resting(-1)
    assert len(acted(kit, ref)) == 2
