"""Health tells if a channel does not take alerts."""

from __future__ import annotations

import pytest

from tests.alerting.alert_env import AlertEnv, Recorder, in_doubt, refused
from webhook_kit.kit import Kit
from webhook_kit.operations.health import read_health


def test_a_channel_that_fails_is_a_finding_until_it_takes_a_message(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = Recorder("slack 1 (hooks.slack.com)")
    monkeypatch.setitem(kit.__dict__, "alert_channels", [channel.channel])
    channel.fails = [refused()]
    env = AlertEnv(kit, channel)
    env.open.open(in_doubt())
    env.run()
    health = read_health(kit)
    (finding,) = [each for each in health.findings if each.code == "alert_channel_fails"]
    assert finding.what == "Alerts do not reach slack 1 (hooks.slack.com): host answered 500."
    env.run(seconds=6)
    assert "alert_channel_fails" not in [each.code for each in read_health(kit).findings]
