"""Every alert has a kind, a row in the table of rules, and a section of the runbook; and nothing else has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from webhook_kit.alerting.composing import runbook
from webhook_kit.alerting.kinds import ALERT_KINDS, alert_kind
from webhook_kit.cli import _COMMANDS
from webhook_kit.storage.alerts import Alert

PAGE = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text()
ROWS = re.findall(r"^\| \[`(\w+)`\]\(#(\w+)\) \| (\w+) \| .+? \| (.+) \|$", PAGE, re.MULTILINE)
SECTIONS = dict(re.findall(r"^### (\w+)\n(.+?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL))
RULES = set(re.findall(r"^\| `\w+` \| \w+ \| \[(\w+)\]", PAGE, re.MULTILINE))
"""Sections about the rules for Prometheus; tests/operations/test_prometheus_rules.py compares them with the rules."""


@pytest.mark.parametrize("alert", list(Alert))
def test_each_alert_has_a_kind(alert: Alert) -> None:
    assert ALERT_KINDS[alert] is alert_kind(alert)


def test_the_table_equals_the_code() -> None:
    assert {(code, anchor, severity, end == "until acknowledged") for code, anchor, severity, end in ROWS} == {
        (alert, alert, kind.severity, not kind.ends) for alert, kind in ALERT_KINDS.items()
    }


def test_each_alert_has_a_section_and_no_section_is_about_nothing() -> None:
    assert set(SECTIONS) == set(Alert) | RULES


@pytest.mark.parametrize("section", sorted(SECTIONS))
def test_a_section_says_what_it_means_where_to_look_and_what_to_do(section: str) -> None:
    assert re.findall(r"^\* \*\*(\w+):\*\* \S", SECTIONS[section], re.MULTILINE) == ["Meaning", "Look", "Do"]


@pytest.mark.parametrize("alert", list(Alert))
def test_a_message_names_the_section_of_its_alert(alert: Alert) -> None:
    assert runbook(alert) == f"docs/runbook.md#{alert}"


@pytest.mark.parametrize("alert", list(Alert))
def test_what_to_do_names_commands_that_exist(alert: Alert) -> None:
    for command in re.findall(r"`webhook-kit (\w+)", ALERT_KINDS[alert].todo):
        assert command in _COMMANDS


def test_a_code_of_a_newer_version_is_told_too() -> None:
    kind = alert_kind("pos_on_fire")
    assert (kind.sentence, kind.ends) == ("pos on fire", False)
