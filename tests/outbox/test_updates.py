"""Updates: their bodies, ranks and urgency, and the arguments that are rejected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from webhook_kit.errors import InvalidArgument
from webhook_kit.outbox.updates import (
    Urgency,
    catalog_changed,
    order_ended,
    order_progress,
    store_online,
    store_paused,
)

SOON = datetime.now(UTC) + timedelta(hours=1)


@pytest.mark.parametrize("status", ["pending", "eaten", "", "Ready"])
def test_a_status_that_is_never_sent_is_rejected(status: str) -> None:
    with pytest.raises(InvalidArgument):
        order_progress(status)


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_a_cancellation_without_a_reason_is_rejected(reason: str | None) -> None:
    with pytest.raises(InvalidArgument, match="cancelReason"):
        order_ended("cancelled", reason)


@pytest.mark.parametrize("state", ["open", "lost", "confirmed"])
def test_any_end_but_completed_and_cancelled_is_rejected(state: str) -> None:
    with pytest.raises(InvalidArgument, match="completed or cancelled"):
        order_ended(state)


@pytest.mark.parametrize("reason", [None, "", "tired"])
def test_a_pause_without_a_valid_reason_is_rejected(reason: str | None) -> None:
    with pytest.raises(InvalidArgument):
        store_paused(reason)


def test_a_pause_that_ends_in_the_past_is_rejected() -> None:
    with pytest.raises(InvalidArgument, match="in the past"):
        store_paused("too_busy", datetime.now(UTC) - timedelta(seconds=1))


def test_a_time_without_a_zone_is_rejected() -> None:
    naive = SOON.replace(tzinfo=None)
    with pytest.raises(InvalidArgument, match="no time zone"):
        store_paused("too_busy", naive)
    with pytest.raises(InvalidArgument, match="no time zone"):
        order_progress("confirmed", naive)


@pytest.mark.parametrize("url", ["", "catalog", "ftp://example.org/catalog"])
def test_a_catalog_address_that_is_not_a_url_is_rejected(url: str) -> None:
    with pytest.raises(InvalidArgument):
        catalog_changed(url)


def test_times_are_sent_in_utc() -> None:
    noon = datetime(2099, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert order_progress("confirmed", noon).body == {
        "status": "confirmed",
        "estimatedReadyAt": "2099-07-01T10:00:00Z",
    }
    assert store_paused("too_busy", noon).body["resumeAt"] == "2099-07-01T10:00:00Z"


def test_a_body_has_only_the_given_fields() -> None:
    assert order_progress("ready").body == {"status": "ready"}
    assert order_ended("completed").body == {"state": "completed"}
    assert order_ended("cancelled", "no dough").body == {"state": "cancelled", "cancelReason": "no dough"}
    assert store_online().body == {"status": "online"}


def test_ranks_rise_with_the_steps_of_an_order() -> None:
    steps = [order_progress(status) for status in ("confirmed", "preparing", "ready", "inTransit")]
    ranks = [update.rank for update in (*steps, order_ended("completed"), order_ended("cancelled", "no dough"))]
    assert ranks == sorted(set(ranks))


def test_cancellations_and_pauses_are_urgent_and_catalogs_come_last() -> None:
    assert order_ended("cancelled", "no dough").urgency == store_paused("other").urgency == Urgency.NOW
    assert {order_progress("ready").urgency, order_ended("completed").urgency} == {Urgency.PROGRESS}
    assert catalog_changed("https://example.org/catalog").urgency == Urgency.CATALOG


def test_the_same_update_has_the_same_text() -> None:
    assert order_progress("ready", SOON).text == order_progress("ready", SOON).text
    assert order_progress("ready", SOON).text != order_progress("ready").text
