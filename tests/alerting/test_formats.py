"""Bodies for Slack, Teams and PagerDuty against what each service documents, with hostile ids in them.

The schemas are written from the services' documentation: Slack "Sending messages using incoming webhooks" and "Block Kit: section
block"; Microsoft "Create incoming webhooks with Workflows" and "Adaptive Cards 1.4: RichTextBlock, TextRun, Action.OpenUrl";
PagerDuty "Events API v2: Send an alert event".
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest

from tests.alerting.examples import HOSTILE, message
from webhook_kit.alert_fields import AlertSeverity
from webhook_kit.alerting.formats import pagerduty, slack, teams
from webhook_kit.alerting.message import AlertEvent, plain

KEY = "R" * 32


def closed(required: list[str], properties: dict[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    assert set(properties) == {*required, *optional}
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


def const(value: object) -> dict[str, Any]:
    return {"const": value}


def text(most: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": most}


URL = {"type": "string", "pattern": "^https?://"}
SLACK_TEXT = {
    "oneOf": [
        closed(["type", "text", "verbatim"], {"type": const("mrkdwn"), "text": text(3000), "verbatim": const(True)}),
        closed(["type", "text", "emoji"], {"type": const("plain_text"), "text": text(3000), "emoji": const(False)}),
    ]
}
SLACK = closed(
    ["text", "blocks"],
    {
        "text": text(40_000),
        "blocks": {
            "type": "array",
            "minItems": 1,
            "maxItems": 50,
            "items": closed(["type", "text"], {"type": const("section"), "text": SLACK_TEXT}),
        },
    },
)
RUN = closed(
    ["type", "text"],
    {
        "type": const("TextRun"),
        "text": {"type": "string", "minLength": 1},
        "weight": {"enum": ["Default", "Lighter", "Bolder"]},
        "size": {"enum": ["Default", "Small", "Medium", "Large", "ExtraLarge"]},
        "color": {"enum": ["Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention"]},
    },
    ("weight", "size", "color"),
)
CARD = closed(
    ["$schema", "type", "version", "body", "actions"],
    {
        "$schema": const("http://adaptivecards.io/schemas/adaptive-card.json"),
        "type": const("AdaptiveCard"),
        "version": {"enum": ["1.2", "1.3", "1.4", "1.5"]},
        "body": {
            "type": "array",
            "minItems": 1,
            "items": closed(
                ["type", "inlines"],
                {"type": const("RichTextBlock"), "inlines": {"type": "array", "minItems": 1, "items": RUN}},
            ),
        },
        "actions": {
            "type": "array",
            "items": closed(
                ["type", "title", "url"], {"type": const("Action.OpenUrl"), "title": text(100), "url": URL}
            ),
        },
    },
)
TEAMS = closed(
    ["type", "attachments"],
    {
        "type": const("message"),
        "attachments": {
            "type": "array",
            "minItems": 1,
            "items": closed(
                ["contentType", "contentUrl", "content"],
                {
                    "contentType": const("application/vnd.microsoft.card.adaptive"),
                    "contentUrl": const(None),
                    "content": CARD,
                },
            ),
        },
    },
)
COMMON = {"routing_key": {"type": "string", "pattern": "^[A-Za-z0-9]{32}$"}, "dedup_key": text(255)}
PAGERDUTY = {
    "oneOf": [
        closed(
            ["routing_key", "event_action", "dedup_key"],
            {**COMMON, "event_action": {"enum": ["acknowledge", "resolve"]}},
        ),
        closed(
            ["routing_key", "event_action", "dedup_key", "payload", "client"],
            {
                **COMMON,
                "event_action": const("trigger"),
                "payload": closed(
                    ["summary", "source", "severity", "timestamp", "component", "class", "custom_details"],
                    {
                        "summary": text(1024),
                        "source": text(1024),
                        "severity": {"enum": ["critical", "warning", "error", "info"]},
                        "timestamp": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
                        "component": text(255),
                        "class": text(255),
                        "custom_details": {"type": "object"},
                    },
                ),
                "client": text(255),
                "client_url": URL,
                "links": {"type": "array", "items": closed(["href", "text"], {"href": URL, "text": text(255)})},
            },
            ("client_url", "links"),
        ),
    ]
}
LONG = message(subject="s" * 2000, sentence="x" * 3000, detail="d" * 1000)
HOSTILE_ONE = message(subject=plain(HOSTILE), detail=plain(HOSTILE), store=plain(HOSTILE))
NO_LINK = message(link="", severity=AlertSeverity.WARNING, store="")


@pytest.mark.parametrize("event", list(AlertEvent))
@pytest.mark.parametrize("example", [message(), LONG, HOSTILE_ONE, NO_LINK], ids=["usual", "long", "hostile", "bare"])
def test_each_body_is_what_its_service_documents(example: Any, event: AlertEvent) -> None:
    sent = replace(example, event=event, by="ann" if event is AlertEvent.ACKNOWLEDGED else "")
    for body, schema in ((slack(sent), SLACK), (teams(sent), TEAMS), (pagerduty(sent, KEY), PAGERDUTY)):
        on_the_wire = json.loads(json.dumps(body, ensure_ascii=False).encode())
        jsonschema_rs.validator_for(schema).validate(on_the_wire)
    assert len(json.dumps(teams(sent))) < 28_000


def test_an_id_is_not_read_as_markup() -> None:
    """Slack's mrkdwn gets neither a mention nor a link nor bold; Teams' text runs have no markup at all."""
    blocks = slack(HOSTILE_ONE)["blocks"]
    assert "<!channel>" not in blocks[0]["text"]["text"]
    assert "&lt;!channel&gt;" in blocks[0]["text"]["text"]
    assert [block["text"]["type"] for block in blocks] == ["mrkdwn", "plain_text"]
    assert blocks[0]["text"]["text"].count("*") == 2
    assert "<!channel>" not in slack(HOSTILE_ONE)["text"]


def test_pagerduty_tells_the_events_of_one_alert_by_its_id() -> None:
    bodies = [pagerduty(message(event=event, number=n), KEY) for n, event in enumerate(AlertEvent)]
    assert {body["dedup_key"] for body in bodies} == {"order_in_doubt-0123456789"}
    actions = {event: body["event_action"] for event, body in zip(AlertEvent, bodies, strict=True)}
    assert (actions[AlertEvent.OPENED], actions[AlertEvent.REPEATED]) == ("trigger", "trigger")
    assert (actions[AlertEvent.ACKNOWLEDGED], actions[AlertEvent.RESOLVED]) == ("acknowledge", "resolve")
