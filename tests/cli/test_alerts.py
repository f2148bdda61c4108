"""``webhook-kit alerts``."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from pydantic import SecretStr

from tests.alerting.receiver import receiving
from tests.cli.conftest import Ran
from webhook_kit.alert_fields import AlertTarget
from webhook_kit.kit import Kit
from webhook_kit.operations.audit import list_audit
from webhook_kit.storage.alerts import Alert
from webhook_kit.storage.open_alerts import AlertSubject, alert_id


def configure(kit: Kit, monkeypatch: pytest.MonkeyPatch, *urls: str) -> None:
    changes = {"alert_slack": [AlertTarget(SecretStr(url)) for url in urls], "alert_allow_private": True}
    monkeypatch.setattr(kit, "settings", kit.settings.model_copy(update=changes))


def test_a_test_message_goes_to_each_channel_and_each_outcome_is_printed(
    run: Callable[..., Ran], kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as works, receiving(404, b"no_service") as broken:
        configure(kit, monkeypatch, works.url, broken.url)
        ran = run("alerts", "test")
        assert ran.status == 1
        assert ran.out.splitlines() == [
            "slack 1 (127.0.0.1): taken (gets warning and above)",
            "slack 2 (127.0.0.1): FAILED: 127.0.0.1 answered 404 no_service",
        ]
        assert "TEST: this is a test" in works.documents()[0]["text"]
        assert run("alerts", "test", "--channel", "slack 1").status == 0
        assert (len(works.received), len(broken.received)) == (2, 1)
        unknown = run("alerts", "test", "--channel", "pager")
        assert (unknown.status, "no channel is named pager" in unknown.err) == (1, True)


def test_without_a_channel_the_settings_are_named(run: Callable[..., Ran]) -> None:
    ran = run("alerts", "test")
    assert (ran.status, "ALERT_SLACK" in ran.err) == (1, True)


def send_all(kit: Kit) -> None:
    kit.alert_delivery.queue_changes()
    for channel in kit.alert_channels:
        kit.alert_delivery.deliver(channel)


def test_open_alerts_are_listed_with_who_was_told_and_the_last_error(
    run: Callable[..., Ran], kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as works, receiving(404, b"no_service") as broken:
        configure(kit, monkeypatch, works.url, broken.url)
        assert run("alerts").out.startswith("no open alerts")
        kit.open_alerts.open(AlertSubject(Alert.IN_DOUBT, "order-1", "order", "in doubt since noon", "main"))
        send_all(kit)
        ran = run("alerts")
        assert "order_in_doubt-" in ran.out
        assert "critical" in ran.out
        assert "slack 1 (127.0.0.1), slack 2 (127.0.0.1) (waiting)" in ran.out
        assert "127.0.0.1 answered 404 no_service" in ran.out
        assert "channel slack 2 (127.0.0.1): 1 waiting, FAILING for" in ran.out
        assert "s3cret" not in ran.out
        document = json.loads(run("alerts", "--json").out)
        (alert,) = document["alerts"]
        assert (document["open"], alert["subject"], alert["store"], alert["why"]) == (
            1,
            "order-1",
            "main",
            "in doubt since noon",
        )
        assert [(each["channel"], each["told"], each["waits"]) for each in alert["deliveries"]] == [
            ("slack 1 (127.0.0.1)", "open", False),
            ("slack 2 (127.0.0.1)", "", True),
        ]
        assert [each["waiting"] for each in document["channels"]] == [0, 1]


def test_an_alert_is_acknowledged_by_its_id(run: Callable[..., Ran], kit: Kit) -> None:
    kit.open_alerts.open(AlertSubject(Alert.IN_DOUBT, "order-1", "order", "in doubt", "main"))
    kit.alerts.raise_once(Alert.DUPLICATE, "order-2", "known as 1, reported as 2")
    ran = run("alerts", "ack", alert_id(Alert.IN_DOUBT, "order-1"))
    assert (ran.status, "is acknowledged" in ran.out) == (0, True)
    assert "acknowledged by" in run("alerts").out
    assert "is closed" in run("alerts", "ack", alert_id(Alert.DUPLICATE, "order-2")).out
    assert "order-2" not in run("alerts").out
    unknown = run("alerts", "ack", "order_in_doubt-0000000000")
    assert (unknown.status, "is open" in unknown.err) == (1, True)


def test_a_store_is_quiet_until_a_time(run: Callable[..., Ran], kit: Kit) -> None:
    kit.open_alerts.open(AlertSubject(Alert.POS_DOWN, "main", "store", "down"))
    assert run("alerts", "quiet", "main", "--until", "2h").status == 0
    assert "store main is quiet until" in run("alerts").out
    assert json.loads(run("alerts", "--json").out)["quiet"][0]["store"] == "main"
    assert "no sync worker is running" in run("alerts").err
    assert run("alerts", "unquiet", "main").status == 0
    assert "quiet until" not in run("alerts").out
    assert run("alerts", "unquiet", "main").status == 1
    assert run("alerts", "quiet", "nowhere", "--until", "2h").status == 1
    for until in ("2000-01-01T00:00:00Z", "2999-01-01T00:00:00Z"):
        assert "has to be in the future" in run("alerts", "quiet", "main", "--until", until).err
    assert run("alerts", "quiet", "main", "--until", "tomorrow").status == 2


def test_what_a_person_does_is_in_the_audit_log(run: Callable[..., Ran], kit: Kit) -> None:
    kit.open_alerts.open(AlertSubject(Alert.IN_DOUBT, "order-1", "order", "in doubt", "main"))
    run("alerts", "ack", alert_id(Alert.IN_DOUBT, "order-1"), "--why", "calling them")
    run("alerts", "quiet", "main", "--until", "2h")
    run("alerts", "unquiet", "main")
    run("alerts", "ack", "nothing")
    entries = list_audit(kit).entries
    assert [(entry.action, entry.why, entry.failed) for entry in entries] == [
        ("acknowledge_alert", "", True),
        ("unquiet_store", "", False),
        ("quiet_store", "", False),
        ("acknowledge_alert", "calling them", False),
    ]
