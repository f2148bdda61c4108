"""Words of the pages: moments, states and events for a person who is tired."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

from flask import Blueprint, g, request
from markupsafe import Markup, escape
from werkzeug.wrappers import Response

from webhook_kit.operations.timeline import TimelineEntry
from webhook_kit.storage.alerts import Alert

__all__ = ["ALERTS", "STATES", "aware", "deed", "is_raw", "moment", "register", "short", "with_query"]

_LONG = 24
"""Characters of a number of a POS that are shown at most."""

_HEX_ID = re.compile(r"[0-9a-fA-F-]{20,64}")

_SENTENCE = 240
_REQUEST = re.compile(r"\b(?:GET|POST|PUT|PATCH|DELETE) \S+")

STATES: Mapping[str, str] = {
    "claimed": "being checked",
    "calling": "being placed",
    "placed": "in the POS",
    "refused": "refused",
    "in_doubt": "in doubt",
    "released": "not placed",
    "damaged": "unreadable",
    "newer": "written by a newer version",
}
"""State of an order, in words."""

ALERTS: Mapping[str, tuple[str, str]] = {
    Alert.UNCONFIRMED: ("Orders not confirmed", "Call the restaurant: somebody has to accept the order in the POS."),
    Alert.NOT_CANCELLED: (
        "Orders not cancelled",
        "Look for the order in the POS, and cancel it there if it still exists.",
    ),
    Alert.UNKNOWN_ORDER: (
        "Orders that Gett does not know",
        "Ask Gett about the order; the restaurant may cook for nobody.",
    ),
    Alert.DUPLICATE: ("Orders that are twice in the POS", "Cancel one of both tickets in the POS."),
    Alert.POS_ID_REUSED: (
        "Numbers that the POS uses twice",
        "Nothing at once: the orderRef decides. Tell the POS vendor.",
    ),
    Alert.PLACED_AFTER_REFUSAL: (
        "Orders in the POS that were refused",
        "Cancel the ticket in the POS: the customer was told that there is no order.",
    ),
    Alert.STORE_STATUS: ("Stores with another status at Gett", "Open the store, ask Gett, and pause or resume it."),
    Alert.ONBOARDING: ("Onboardings that stopped", "Read the reason on the page of onboardings."),
    Alert.GETT_REDIRECTED: ("Gett's address redirects", "Correct GETT_API_URL."),
    Alert.DATA_LOSS: ("Redis has lost data", "Look at Redis first; then compare the newest orders with the POS."),
    Alert.WORKER: ("Workers that are silent", "Start the worker, or look why its platform does not."),
    Alert.CATALOG_DAMAGED: ("Catalogs that cannot be read", "Synchronize the catalog of the store again."),
    Alert.CATALOG: ("Catalogs that are not taken", "Correct the catalog in the POS, then synchronize it."),
}
"""Title of each kind of incident, and what to do first."""


def register(pages: Blueprint) -> None:
    """Add the filters and functions of the templates."""
    for name, function in (
        ("moment", moment),
        ("state", _state),
        ("event", _event),
        ("sentence", _sentence),
        ("details", _details),
        ("deed", deed),
        ("short", short),
    ):
        pages.add_app_template_filter(function, name)
    pages.add_app_template_global(with_query, "with_query")
    pages.add_app_template_test(is_raw, "raw")
    pages.after_app_request(_forget_said)


def aware(value: float | datetime | None) -> datetime | None:
    """Return a moment, given as such or in Unix seconds."""
    try:
        return datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else value
    except (ValueError, OverflowError, OSError):
        return None


def moment(value: float | datetime | None, kind: str = "at") -> Markup:
    """Return a moment in UTC; a script turns it into the viewer's zone.

    :param kind: ``ago``: the script adds how long ago that was; ``brief``: it writes that alone.
    """
    at = aware(value)
    if at is None:
        return Markup("–")
    shown = at.astimezone(UTC)
    today = shown.date() == datetime.now(UTC).date()
    text = shown.strftime("%H:%M:%S UTC" if today else "%d %b %H:%M UTC")
    return Markup('<time datetime="{}" class="{}">{}</time>').format(
        shown.isoformat(timespec="seconds").replace("+00:00", "Z"), kind, text
    )


def with_query(**changes: object) -> str:
    """Return the query of the current page with changes; None leaves a part out."""
    query = {name: value for name, value in request.args.items() if name not in changes}
    query |= {name: str(value) for name, value in changes.items() if value not in (None, "")}
    return f"?{urlencode(query)}"


def short(value: str) -> str:
    """Return the first characters of a long id; the whole id has to stand elsewhere on the page, or behind its link."""
    if _HEX_ID.fullmatch(value):
        return f"{value[:8]}…"
    return f"{value[:_LONG]}…" if len(value) > _LONG else value


def is_raw(value: str | None) -> bool:
    """Return True for a text of a program that hides the sentence in which it stands: a request with its address, or a long one."""
    return value is not None and (bool(_REQUEST.search(value)) or len(value) > _SENTENCE)


def _state(value: str) -> str:
    return STATES.get(value, value.replace("_", " "))


_EVENTS: Mapping[str, str] = {
    "received": "The order came from Gett",
    "claimed": "An attempt to place the order began",
    "calling": "The POS is being called",
    "looked_up": "The POS was asked if it has the order",
    "placed": "The order is in the POS",
    "refused": "The order was refused",
    "in_doubt": "The POS did not answer: the order is in doubt",
    "released": "The POS does not have the order; Gett's next attempt places it",
    "abandoned": "The call to the POS was given up",
    "answer_replayed": "Gett asked again and got the same answer",
    "other_content": "Gett sent the order again with other content, and was refused",
    "duplicate_ticket": "The POS reported a second ticket",
    "placed_after_refusal": "The POS has the order, although it was refused",
    "linked": "The order was linked to Gett's id",
    "restored": "The order was taken from the archive",
    "contact_data_removed": "The customer's data were removed",
    "left_out": "Further entries were left out",
    "appended": "An update for Gett was written down",
    "merged": "The update was merged into a newer one",
    "sent": "Gett took the update",
    "postponed": "Gett did not take the update; it is sent again later",
    "dead_lettered": "The update was given up",
    "replayed": "The update was put back into the queue",
    "discarded": "The update was discarded",
    "lapsed": "A process ended while it sent the update; it is sent again",
    "acted": "A person acted",
}


_LOOKED_UP: Mapping[str, str] = {
    "found": "The POS has it.",
    "not found": "The POS did not list it. It may list it later, so look yourself.",
    "failed": "The POS could not be asked.",
}
_FAILURES: Mapping[str, str] = {
    "ConnectionError": "the connection ended without an answer",
    "ConnectTimeout": "the POS could not be reached in time",
    "ReadTimeout": "no answer in time",
    "Timeout": "no answer in time",
    "TimeoutError": "no answer in time",
    "PosTimeout": "no answer in time",
    "SSLError": "the connection was not secure (TLS)",
}
"""Failures of a call to a POS, by the name of their class."""


def _details(entry: TimelineEntry) -> str:
    """Return the details of an entry of a timeline in one line."""
    if entry.event == "acted":
        return _act(entry.details)
    parts = [] if entry.update is None else [f"update {entry.update}"]
    for name, value in entry.details.items():
        if value == "":
            continue
        if name == "looked_up":
            parts.append(_LOOKED_UP.get(str(value), str(value)))
        elif name == "why":
            parts.append(_FAILURES.get(str(value), str(value)))
        else:
            unit = {"ms": "took {} ms", "seconds": "in {} s", "step": "{}"}.get(name)
            parts.append(unit.format(value) if unit else f"{name.replace('_', ' ')} {value}")
    return " · ".join(parts)


def _act(details: Mapping[str, str | int | float]) -> str:
    why, action = details.get("why"), deed(str(details.get("action", "")))
    return f"{details.get('who', 'somebody')} {action}{f': “{why}”' if why else ''}"


_DEEDS: Mapping[str, str] = {
    "settle_placed": "found the order in the POS",
    "settle_not_placed": "did not find the order in the POS",
    "link_order": "linked the order to Gett's id",
    "report_progress": "reported the progress of the order",
    "complete_order": "reported that the customer has the order",
    "cancel_order": "reported the order as cancelled",
    "forget_order": "removed the customer's data",
    "retry_now": "let a waiting update be sent before its time",
    "try_again_now": "let Gett check the API key again",
    "discard_updates": "discarded waiting updates",
    "replay_dead_letter": "put a dead letter back into the queue",
    "discard_dead_letter": "discarded a dead letter",
    "replay_matching": "began to put dead letters back into the queue",
    "discard_matching": "began to discard dead letters",
    "stop_job": "stopped a job",
    "log_in": "logged in",
    "log_out": "logged out",
    "pause_store": "paused the store",
    "resume_store": "resumed the store",
    "request_sync": "asked for the catalog",
    "sync_catalog": "synchronized the catalog",
    "sync_catalogs": "synchronized catalogs",
    "publish_catalog": "published the catalog again",
    "mark_unavailable": "marked an item unavailable",
    "mark_available": "marked an item available",
    "acknowledge_alert": "takes care of an alert",
    "acknowledge_incidents": "knows of incidents",
    "note_incidents": "noted something on incidents",
    "quiet_store": "wants no alerts about the store",
    "unquiet_store": "wants alerts about the store again",
}


def deed(action: str) -> str:
    """Return an action of a person in words that follow the name."""
    return _DEEDS.get(action, action.replace("_", " "))


def _sentence(value: str) -> str:
    return f"{value[:1].upper()}{value[1:].removesuffix('.')}."


def _event(value: str) -> Markup:
    return escape(_EVENTS.get(value, value.replace("_", " ").capitalize()))


def _forget_said(response: Response) -> Response:
    if g.pop("forget_said", False):
        response.delete_cookie("console_said", path="/")
    return response
