"""Signatures of Gett's webhooks, both ways (``gett-protocol.md §3``).

``Signature`` is the hex HMAC-SHA256 of the raw body alone, with the webhook secret; ``Timestamp`` is Unix seconds.
Several secrets are accepted at once, so that they can be rotated; every comparison takes constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterable

from webhook_kit.errors import InvalidSignature

__all__ = ["API_VERSION", "MAX_AGE_SECONDS", "sign", "signed_headers", "verify", "verify_authorization"]

MAX_AGE_SECONDS = 300
API_VERSION = "2026-01-30"


def sign(body: bytes, secret: str) -> str:
    """The ``Signature`` header for a body."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def signed_headers(body: bytes, secret: str, *, now: float | None = None) -> dict[str, str]:
    """The headers with which Gett delivers a webhook.

    :param now: Unix seconds; the current time when None.
    """
    return {
        "Content-Type": "application/json",
        "Signature": sign(body, secret),
        "Timestamp": str(int(time.time() if now is None else now)),
        "API-Version": API_VERSION,
    }


def verify(
    body: bytes, signature: str | None, timestamp: str | None, secrets: Iterable[str], *, now: float | None = None
) -> None:
    """Prove that a webhook is Gett's and fresh.

    :param body: the raw bytes as received.
    :param secrets: every secret that is valid now.
    :raises InvalidSignature: saying which of the two does not hold.
    """
    if not signature:
        raise InvalidSignature("the Signature header is missing")
    if not timestamp or not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        raise InvalidSignature("the Timestamp header is missing or is not Unix seconds")
    if abs((time.time() if now is None else now) - int(timestamp)) > MAX_AGE_SECONDS:
        raise InvalidSignature(f"the Timestamp is more than {MAX_AGE_SECONDS} s from now")
    given = _bytes(signature.strip().lower())
    # Every secret is tried, so that the time taken does not tell which one was right. An empty one proves nothing.
    if not any([hmac.compare_digest(sign(body, secret).encode(), given) for secret in secrets if secret]):  # noqa: C419
        raise InvalidSignature("the Signature does not match the body")


def verify_authorization(given: str | None, accepted: Iterable[str]) -> None:
    """Prove a webhook by its static ``Authorization`` header.

    :raises InvalidSignature: when it is missing or wrong.
    """
    candidate = _bytes(given or "")
    # An empty accepted value would let in whoever sends no header at all.
    if not any([hmac.compare_digest(_bytes(value), candidate) for value in accepted if value]):  # noqa: C419
        raise InvalidSignature("the Authorization header is missing or wrong")


def _bytes(header: str) -> bytes:
    """``compare_digest`` refuses non-ASCII text, and plain encoding refuses half a surrogate pair: take any header."""
    return header.encode(errors="surrogatepass")
