"""Gett's webhooks: whole requests, and signed bodies of each call."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from urllib.parse import unquote

from itsdangerous.encoding import base64_encode

from tests.fuzz.mutation import split
from tests.fuzz.oracle import Fault, Target
from tests.fuzz.surroundings import MARK, SECRET, Answer, Surroundings
from webhook_kit.console.app import PATH
from webhook_kit.errors import InvalidSignature
from webhook_kit.gett.models.order import ExternalOrder
from webhook_kit.gett.signing import signed_headers, verify, verify_authorization
from webhook_kit.placement.token import TokenRefused, Tokens
from webhook_kit.storage.formats import NewerFormat
from webhook_kit.webhooks.parsing import MAX_BYTES
from webhook_kit_http.signing import claimed_store, verify_event

__all__ = ["NAMES", "request_of", "targets"]

NAMES = ("signature", "web_request", "validate_order", "place_order", "order_event", "token")

_ORDER = ExternalOrder.model_validate(
    {"cart": {"storeId": "s", "lineItems": [{"itemId": "cola"}]}, "fulfillmentType": "Pickup"}
)
_TOKENS = Tokens(["key"])
_REFUSED = frozenset({400, 401, 403, 404, 405, 408, 409, 413, 415, 422})
"""Statuses with which a request may be refused: the POS, Redis and the catalog are reachable, so that there is no 503."""


def targets(surroundings: Surroundings) -> Iterator[Target]:
    """Yield the targets of this module."""
    yield Target("signature", _signature, (InvalidSignature,), parts=4)
    yield Target("web_request", partial(_web_request, surroundings), parts=2, most=64_000)
    for name, call in (
        ("validate_order", "validateOrder"),
        ("place_order", "placeOrder"),
        ("order_event", "orderEvents"),
    ):
        yield Target(name, partial(_webhook, surroundings, call), most=MAX_BYTES)
    yield Target("token", _token, most=MAX_BYTES)


def request_of(data: bytes) -> tuple[str, str, list[tuple[str, str]], bytes]:
    """Return method, target, headers and body of a request that is written as one, with a line of hyphens before its body."""
    head, body = split(data, 2)
    first, *lines = head.decode("latin-1").replace("\r", "").split("\n")
    method, _, target = first.partition(" ")
    named = (line.partition(":") for line in lines)
    headers = [
        (name.strip(), value.strip())
        for name, _, value in named
        if name.strip().isascii() and name.strip().isprintable()
    ]
    return method.upper() or "GET", target or "/", [header for header in headers if header[0]], body


def require_answer(answer: Answer) -> int:
    """Raise a fault unless an answer is a success or a refusal of the protocol; return its size."""
    if answer.status == 200:
        if answer.type == "application/json":
            answer.json()
    elif answer.status in _REFUSED:
        answer.require_problem()
    elif answer.status not in (204, 302, 303, 304, 308):
        raise Fault(f"{answer.status}: {answer.body[:300]!r}")
    return len(answer.body)


def _signature(data: bytes) -> int:
    signature, timestamp, store, body = split(data, 4)
    texts = [each.decode("utf-8", "surrogateescape") for each in (signature, timestamp, store)]
    headers = dict(zip(("signature", "timestamp", "store"), texts, strict=True))
    claimed_store(headers)
    for check in (
        partial(verify, body, texts[0], texts[1], [SECRET, "é"]),
        partial(verify_authorization, texts[0], [SECRET, "é"]),
        partial(verify_event, headers, body, [SECRET]),
    ):
        try:
            check()
        except InvalidSignature:
            continue
        if SECRET not in texts[0]:
            raise Fault("a signature was accepted that nobody made")
    return 0


def _web_request(surroundings: Surroundings, data: bytes) -> int:
    method, target, headers, body = request_of(data)
    answer = surroundings.request(method, target, headers, body)
    if method == "HEAD":
        return len(answer.body)
    if answer.status == 503 and answer.type == "application/json" and "sendingz" in target:
        return len(answer.body)  # there is no worker
    if answer.type == "text/html" and answer.status in _REFUSED and _is_page(target):
        if f"<{MARK}".encode() in answer.body:
            raise Fault("a text of the request is written as HTML")
        return len(answer.body)
    return require_answer(answer)


def _is_page(target: str) -> bool:
    """Return True if a request is for the console, which tells a person in a page that it refuses."""
    return unquote(target.partition("?")[0]).startswith(f"{PATH}/")


def _webhook(surroundings: Surroundings, call: str, data: bytes) -> int:
    """Deliver a signed body twice: the second answer to a placement that succeeded is the first one."""
    key = hashlib.sha256(data).hexdigest()
    headers = [*signed_headers(data, SECRET).items(), ("Idempotency-Key", key[:36])]
    path = f"{surroundings.kit.settings.webhook_prefix}/{call}"
    answer = surroundings.request("POST", path, headers, data)
    if call == "placeOrder" and answer.status == 200:
        again = surroundings.request("POST", path, headers, data)
        if (again.status, again.body) != (200, answer.body):
            raise Fault(f"a replay is answered with {again.status} {again.body[:200]!r}")
    return require_answer(answer)


def _token(data: bytes) -> int:
    """Read a token as it is, and as the payload of one that was signed with the right key: by another version, perhaps."""
    for token in (data.decode("utf-8", "surrogateescape"), _TOKENS._signer.sign(base64_encode(data)).decode()):
        try:
            _TOKENS.read(token, _ORDER)
        except (TokenRefused, NewerFormat):
            continue
    return 0
