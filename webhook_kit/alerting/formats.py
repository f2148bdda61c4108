"""Bodies of alerts in the formats of Slack, Microsoft Teams and PagerDuty.

Nothing in them is read as markup: an id of an order comes from outside.
"""

from __future__ import annotations

from typing import Any

from webhook_kit.alerting.message import AlertEvent, AlertMessage, timestamp

__all__ = ["pagerduty", "slack", "teams"]

_SLACK_TEXT = 2_900
"""Characters of a section's text; Slack refuses more than 3,000."""

_PAGERDUTY_SUMMARY = 1_000
"""Characters of a summary; PagerDuty refuses more than 1,024."""

_MARKS = {
    AlertEvent.RESOLVED: ":white_check_mark:",
    AlertEvent.ACKNOWLEDGED: ":eyes:",
    AlertEvent.TEST: ":wrench:",
}


def slack(message: AlertMessage) -> dict[str, Any]:
    """Return the body for an incoming webhook of Slack: a text for notifications, and blocks."""
    mark = _MARKS.get(message.event, ":rotating_light:" if message.severity == "critical" else ":warning:")
    link = f"\n<{message.link}|Open in the console>" if message.link else ""
    facts = "\n".join(f"{name}: {value}" for name, value in message.facts if name != "Console")
    return {
        "text": _escaped(message.title)[:_SLACK_TEXT],
        "blocks": [
            _section(f"{mark} *{_escaped(message.title).replace('*', '∗')}*{link}"),
            {"type": "section", "text": {"type": "plain_text", "text": facts[:_SLACK_TEXT], "emoji": False}},
        ],
    }


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:_SLACK_TEXT], "verbatim": True}}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def teams(message: AlertMessage) -> dict[str, Any]:
    """Return the body for a Workflows webhook of Teams: a message with an Adaptive Card."""
    colour = {AlertEvent.RESOLVED: "Good", AlertEvent.TEST: "Default"}.get(message.event, "Attention")
    title = {"type": "TextRun", "text": message.title, "weight": "Bolder", "size": "Medium", "color": colour}
    # A RichTextBlock, because a TextBlock and a FactSet read Markdown.
    body: list[dict[str, Any]] = [{"type": "RichTextBlock", "inlines": [title]}]
    for name, value in message.facts:
        runs = [{"type": "TextRun", "text": f"{name}: ", "weight": "Bolder"}, {"type": "TextRun", "text": value}]
        body.append({"type": "RichTextBlock", "inlines": runs})
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "actions": [{"type": "Action.OpenUrl", "title": "Open in the console", "url": message.link}]
        if message.link
        else [],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def pagerduty(message: AlertMessage, routing_key: str) -> dict[str, Any]:
    """Return the body for PagerDuty's Events API v2. The id of the alert is the key by which it tells repetitions."""
    actions = {AlertEvent.ACKNOWLEDGED: "acknowledge", AlertEvent.RESOLVED: "resolve"}
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": actions.get(message.event, "trigger"),
        "dedup_key": message.id,
    }
    if message.event in actions:
        return event
    summary = f"{message.sentence} ({message.subject})"
    event["payload"] = {
        "summary": summary if len(summary) <= _PAGERDUTY_SUMMARY else summary[: _PAGERDUTY_SUMMARY - 1] + "…",
        "source": message.store or message.subject,
        "severity": "info" if message.event is AlertEvent.TEST else message.severity.value,
        "timestamp": timestamp(message.opened),
        "component": message.about,
        "class": message.code,
        "custom_details": dict(message.facts),
    }
    event["client"] = "webhook-kit"
    if message.link:
        event["client_url"] = message.link
        event["links"] = [{"href": message.link, "text": "Open in the console"}]
    return event
