"""Texts of a message: one bounded line each, without secrets."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.alerting.examples import HOSTILE, message
from webhook_kit.alerting.message import AlertEvent, plain


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\nb\x00c", "a b\\u0000c"),
        ("https://user:pw@host/x?key=1", "https://…@host/x?…"),
        ("\ud83d", "\ufffd"),
        ("x" * 5000, "x" * 999 + "…"),
        ("\u202eabc", "\\u202eabc"),
    ],
)
def test_a_text_from_outside_is_one_safe_line(text: str, line: str) -> None:
    assert plain(text) == line
    assert plain(HOSTILE).encode()


def test_a_message_says_what_happened_to_what() -> None:
    assert message().title == "CRITICAL: the POS may or may not have an order (order-1)"
    assert message(event=AlertEvent.RESOLVED).title == "OVER: the POS may or may not have an order (order-1)"
    assert ("Store", "main") in message().facts
    assert "What to do" not in dict(message(event=AlertEvent.RESOLVED).facts)


def test_the_documented_json_has_the_members_of_a_message() -> None:
    page = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text()
    (block,) = re.findall(r'^```\n(\{\n  "type": "alert.+?)^```', page, re.MULTILINE | re.DOTALL)
    documented, sent = json.loads(block), message().document()
    assert list(documented) == list(sent)
    assert list(documented["subject"]) == list(sent["subject"])
    assert set(re.findall(r"`alert\.(\w+)`", page)) == {event.value for event in AlertEvent}
