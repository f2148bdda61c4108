"""Reports to Sentry, built from an allow-list: types of exceptions and where they were raised, and ids.

Texts of exceptions stay in the log: a vendor's code may quote a body in them. The kit has a client of its own, so it neither uses
nor changes the ``sentry_sdk.init`` of a vendor's code.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, cast

from sentry_sdk import Client
from sentry_sdk.types import Event, Hint
from sentry_sdk.utils import event_from_exception

__all__ = ["SentryReporter"]

_EVENT = (
    "event_id",
    "timestamp",
    "level",
    "logger",
    "platform",
    "release",
    "environment",
    "sdk",
    "tags",
    "transaction",
)
_FRAME = ("filename", "function", "module", "lineno", "in_app")
_WITHHELD = "the text is in the log"


class SentryReporter:
    """Sends exceptions to a Sentry server. ``send_default_pii`` is off unless it is set, and setting it is deprecated.

    :param dsn: address of the project, with its key.
    """

    def __init__(self, dsn: str) -> None:
        self._client = Client(
            dsn=dsn,
            release=f"webhook-kit@{version('webhook-kit')}",
            default_integrations=False,
            auto_enabling_integrations=False,
            include_local_variables=False,
            include_source_context=False,
            max_request_body_size="never",
            max_breadcrumbs=0,
            server_name="",
            auto_session_tracking=False,
            send_client_reports=False,
            before_send=_allowed,
        )

    def report(self, error: BaseException, context: dict[str, str]) -> None:
        """Send an exception, and wait until it is sent or some seconds have passed."""
        event, hint = event_from_exception(error, client_options=self._client.options)
        tags = {name: value for name, value in context.items() if name not in ("component", "event")}
        event |= {"logger": context.get("component", ""), "transaction": context.get("event", ""), "tags": tags}
        self._client.capture_event(event, hint)
        self._client.flush()


def _allowed(event: Event, _: Hint) -> Event:
    """Return the members of an event that are sent."""
    allowed: dict[str, Any] = {name: value for name, value in event.items() if name in _EVENT}
    raised = event.get("exception", {}).get("values") or []
    allowed["exception"] = {"values": [_exception(one) for one in raised]}
    return cast("Event", allowed)


def _exception(raised: dict[str, Any]) -> dict[str, Any]:
    frames = (raised.get("stacktrace") or {}).get("frames") or []
    return {
        "type": raised.get("type"),
        "module": raised.get("module"),
        "value": _WITHHELD,
        "stacktrace": {"frames": [{name: frame[name] for name in _FRAME if name in frame} for frame in frames]},
    }
