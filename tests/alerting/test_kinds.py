"""Every alert has a kind, a row in the table of rules, and a section of the runbook; and nothing else has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from webhook_kit.alerting.kinds import ALERT_KINDS, alert_kind
from webhook_kit.cli import _COMMANDS
from webhook_kit.storage.alerts import Alert

PAGE = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text()
ROWS = re.findall(r"^\| \[`(\w+)`\]\(#(\w+)\) \| (\w+) \| .+? \| (.+) \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("alert", list(Alert))
def test_each_alert_has_a_kind(alert: Alert) -> None:
    assert ALERT_KINDS[alert] is alert_kind(alert)


def test_the_table_and_the_runbook_equal_the_code() -> None:
    assert {(code, anchor, severity, end == "until acknowledged") for code, anchor, severity, end in ROWS} == {
        (alert, alert, kind.severity, not kind.ends) for alert, kind in ALERT_KINDS.items()
    }
    sections = re.findall(r"^#### (\w+)\n(.+?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert sorted(code for code, _ in sections) == sorted(Alert)
    for code, section in sections:
        assert re.search(r"\bLook:\s", section), code
        assert re.search(r"\bDo:\s", section), code


@pytest.mark.parametrize("alert", list(Alert))
def test_what_to_do_names_commands_that_exist(alert: Alert) -> None:
    for command in re.findall(r"`webhook-kit (\w+)", ALERT_KINDS[alert].todo):
        assert command in _COMMANDS


def test_a_code_of_a_newer_version_is_told_too() -> None:
    kind = alert_kind("pos_on_fire")
    assert (kind.sentence, kind.ends) == ("pos on fire", False)
