"""Events and answers of POS systems, as their adapters parse them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from tests.fuzz.mutation import split
from tests.fuzz.oracle import Target
from tests.fuzz.pos import CannedAnswers
from tests.fuzz.surroundings import SECRET, Surroundings
from tests.fuzz.targets.webhooks import require_answer
from webhook_kit import sign_message
from webhook_kit.webhooks.parsing import MAX_BYTES
from webhook_kit_http.adapter import HttpAdapter
from webhook_kit_http.signing import EVENTS
from webhook_kit_odoo.adapter import OdooAdapter

__all__ = ["NAMES", "CannedOdoo", "targets"]

NAMES = ("pos_events", "http_events", "odoo_events", "square_events", "http_answers")

_ANSWERS = CannedAnswers()
_OF_ANSWERS = frozenset({"pos_event_parse_failed", "pos_event_result_rejected"})
"""Events that the kit logs of a POS that gives no usable answer to a question about an event."""
_SINCE = datetime(2026, 5, 1, tzinfo=UTC)


class CannedOdoo(OdooAdapter):
    """Odoo whose answers are part of the input."""

    http = _ANSWERS  # type: ignore[assignment] # a session as that of the kit


class _CannedHttp(HttpAdapter):
    http = _ANSWERS  # type: ignore[assignment]


def targets(surroundings: Surroundings) -> Iterator[Target]:
    """Yield the targets of this module."""
    for name, adapter, headers, parts in (
        ("pos_events", "tests.fuzz.pos:MemoryPos", _bogus_headers, 1),
        ("http_events", "webhook_kit_http.adapter:HttpAdapter", _http_headers, 1),
        ("odoo_events", f"{__name__}:CannedOdoo", _odoo_headers, 2),
        ("square_events", "webhook_kit_square.adapter:SquareAdapter", _square_headers, 1),
    ):
        run = partial(_event, surroundings, adapter, headers, parts)
        traces = _OF_ANSWERS if parts > 1 else frozenset()
        yield Target(name, run, parts=parts, most=MAX_BYTES, traces=traces)
    yield Target("http_answers", partial(_answers, surroundings), (Exception,), most=MAX_BYTES)


def _event(
    surroundings: Surroundings, adapter: str, headers: Callable[[bytes], dict[str, str]], parts: int, data: bytes
) -> int:
    """Deliver an event; the second part, if there is one, is each answer of the POS to the questions that follow."""
    body, *answers = split(data, parts)
    _ANSWERS.bodies = answers or [b""]
    path = f"/pos/{quote(adapter)}/events"
    answer = surroundings.request("POST", path, [*headers(body).items()], body)
    if parts > 1 and answer.status == 503:
        answer.require_problem()
        return len(answer.body)
    return require_answer(answer)


def _bogus_headers(_body: bytes) -> dict[str, str]:
    return {"X-Bogus-Secret": "bogus-secret"}


def _http_headers(body: bytes) -> dict[str, str]:
    timestamp, store = str(int(time.time())), quote("Łódź/1", safe="")
    message = f"{timestamp}\n{store}\n{EVENTS}\n".encode() + body
    return {"Signature": sign_message(message, SECRET), "Timestamp": timestamp, "Store": store}


def _odoo_headers(_body: bytes) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'odoo:{SECRET}'.encode()).decode()}"}


def _square_headers(body: bytes) -> dict[str, str]:
    url = "https://kit.example/pos/square/events"
    digest = hmac.new(SECRET.encode(), url.encode() + body, hashlib.sha256).digest()
    return {"x-square-hmacsha256-signature": base64.b64encode(digest).decode()}


def _answers(surroundings: Surroundings, data: bytes) -> int:
    """Let each call of a POS be answered with a text. The kit expects every exception of an adapter."""
    store: Any = surroundings.kit.stores.by_id("Łódź/1")
    adapter = _CannedHttp()
    _ANSWERS.bodies = [data]
    for call in (
        partial(adapter.fetch_catalog, store),
        partial(adapter.find_order, store, "ref"),
        partial(adapter.orders_since, store, _SINCE),
        partial(adapter.store_status, store),
    ):
        try:
            call()
        except Exception:  # noqa: BLE001 - as the kit's own executor does
            continue
    return 0
