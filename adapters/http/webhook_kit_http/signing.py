r"""Signatures of all messages between kit and POS; both sides sign by the same rule.

``Signature`` is the hex HMAC-SHA256, with the store's secret, of three lines and the raw body::

    <Timestamp>\n<Store>\n<METHOD> <path>\n<body>

``Timestamp`` is Unix seconds, at most 300 s from now; ``Store`` is the partner's id of the store, percent-encoded; both exactly as
in the headers. The path begins after the base URL and includes the query; for events it is always ``POST /events``. So a message
cannot be replayed as another one, for another store, or later.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from urllib.parse import quote, unquote

from webhook_kit import sign_message, verify_signature

__all__ = ["EVENTS", "claimed_store", "signed_headers", "verify_event"]

EVENTS = "POST /events"
"""The line with which events are signed, whatever the address of the kit is."""


def signed_headers(store_id: str, secret: str, call: str, body: bytes) -> dict[str, str]:
    """Return the headers that sign a call to the POS.

    :param call: method and path, ``GET /orders?since=…``.
    """
    timestamp, name = str(int(time.time())), quote(store_id, safe="")
    return {
        "Signature": sign_message(_message(timestamp, name, call, body), secret),
        "Timestamp": timestamp,
        "Store": name,
    }


def claimed_store(headers: Mapping[str, str]) -> str:
    """Return the id of the store that an event claims to come from; not verified."""
    return unquote(headers.get("store", ""))


def verify_event(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> None:
    """Verify the signature of an event.

    :param headers: names in lower case.
    :param secrets: the secrets of the store; one of them has signed.
    :raises InvalidSignature: when none of them has, or the event is too old.
    """
    timestamp = headers.get("timestamp", "")
    message = _message(timestamp, headers.get("store", ""), EVENTS, body)
    verify_signature(message, headers.get("signature"), timestamp, secrets)


def _message(timestamp: str, store: str, call: str, body: bytes) -> bytes:
    return f"{timestamp}\n{store}\n{call}\n".encode(errors="surrogatepass") + body
