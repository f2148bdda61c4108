"""``webhook-kit alerts``."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import SecretStr

from tests.alerting.receiver import receiving
from tests.cli.conftest import Ran
from webhook_kit.alert_fields import AlertTarget
from webhook_kit.kit import Kit


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
