"""Incidents by cause: counted, acknowledged and noted."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.operations.operations_helpers import ADA
from webhook_kit.errors import NotFound
from webhook_kit.kit import Kit
from webhook_kit.operations.incidents import IncidentSubject, acknowledge, add_note, incident_groups
from webhook_kit.storage.alerts import Alert
from webhook_kit.storage.connection import text


def unconfirmed(kit: Kit, ref: str, minutes: int = 5) -> None:
    kit.alerts.raise_once(Alert.UNCONFIRMED, ref, f"the POS did not confirm it within {minutes} min, ticket {uuid4()}")


def test_incidents_of_one_cause_are_one_group(kit: Kit) -> None:
    for ref in "abc":
        unconfirmed(kit, ref, ord(ref))
    kit.alerts.raise_once(Alert.CATALOG, "main", "the catalog has errors", about="store")
    catalog, orders = incident_groups(kit)
    assert (catalog.kind, catalog.count, catalog.subjects) == (Alert.CATALOG, 1, (IncidentSubject("store", "main"),))
    assert (orders.kind, orders.count) == (Alert.UNCONFIRMED, 3)
    assert [subject.id for subject in orders.subjects] == ["c", "b", "a"]
    assert "99 min" in orders.why
    assert orders.oldest <= orders.newest
    assert orders.open


def test_an_acknowledged_group_opens_again_with_a_newer_incident(kit: Kit) -> None:
    unconfirmed(kit, "a")
    (group,) = incident_groups(kit)
    acknowledge(kit, ADA, group.id, "I call them \ud800")
    (known,) = incident_groups(kit)
    assert not known.open
    assert known.acknowledged is not None
    assert (known.acknowledged.who, known.acknowledged.text) == ("ada", "I call them \ufffd")
    entry = text(kit.redis.lindex(kit.keys.incidents, 0))
    later = str(int(known.acknowledged.at.timestamp() * 1000) + 1_000)
    at = str(int(known.newest.timestamp() * 1000))
    kit.redis.lpush(kit.keys.incidents, entry.replace(at, later))
    (again,) = incident_groups(kit)
    assert again.open
    assert again.id == group.id


def test_notes_are_kept_newest_first_and_bounded(kit: Kit) -> None:
    unconfirmed(kit, "a")
    (group,) = incident_groups(kit)
    for number in range(25):
        add_note(kit, ADA, group.id, f"note {number} {'x' * 5_000}")
    (noted,) = incident_groups(kit)
    assert len(noted.notes) == 20
    assert noted.notes[0].text.startswith("note 24")
    assert len(noted.notes[0].text) <= 1_000
    assert kit.redis.ttl(kit.keys.incident(group.id)) > 0


def test_an_unknown_group(kit: Kit) -> None:
    with pytest.raises(NotFound):
        acknowledge(kit, ADA, "x", "")
    with pytest.raises(NotFound):
        add_note(kit, ADA, "x", "y")
