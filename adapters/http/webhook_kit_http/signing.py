r"""Who is speaking: both sides sign what they send, by one rule.

``Signature`` is the hex HMAC-SHA256, with the store's secret, of three lines and the raw body::

    <Timestamp>\n<Store>\n<METHOD> <path>\n<body>

``Timestamp`` is Unix seconds, at most 300 s from now; ``Store`` is the partner's id of the store, percent-encoded; both as they
stand in the headers. The path begins after the base URL and holds the query; for events it is always ``POST /events``. So no call can be
replayed as another one, at another store, or later.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import quote, unquote

from webhook_kit.adapter import Store
from webhook_kit.errors import ConfigurationError, InvalidSignature
from webhook_kit.gett.signing import sign, verify

__all__ = ["EVENTS", "sender", "signed_headers"]

EVENTS = "POST /events"
"""The line under which events are signed, whatever the kit's address is."""


def signed_headers(store: Store, call: str, body: bytes) -> dict[str, str]:
    """The headers that prove a call to the POS.

    :param call: method and path, ``GET /orders?since=…``.
    :raises ConfigurationError: when the store brings no secret.
    """
    timestamp, name = str(int(time.time())), quote(store.id, safe="")
    return {
        "Signature": sign(_message(timestamp, name, call, body), _secrets(store)[0]),
        "Timestamp": timestamp,
        "Store": name,
    }


def sender(headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Store:
    """The store whose POS sent an event.

    :param headers: names in lower case.
    :param stores: those that may send one, by the partner's own id.
    :raises InvalidSignature: when none of them has.
    """
    name = headers.get("store", "")
    store = stores.get(unquote(name))
    if store is None:
        raise InvalidSignature("the Store header is missing, or names no store that is served here")
    timestamp = headers.get("timestamp", "")
    verify(_message(timestamp, name, EVENTS, body), headers.get("signature"), timestamp, _secrets(store))
    return store


def _message(timestamp: str, store: str, call: str, body: bytes) -> bytes:
    return f"{timestamp}\n{store}\n{call}\n".encode(errors="surrogatepass") + body


def _secrets(store: Store) -> list[str]:
    """The first one signs, any one proves: that is how a secret is rotated."""
    found = [part.strip() for part in store.credentials.get("secret", "").split(",") if part.strip()]
    if not found:
        raise ConfigurationError(f"store {store.id}: credentials.secret is missing: what kit and POS both sign with")
    return found
