"""Creation and verification of the signatures of Gett's webhooks (``gett-protocol.md §3``).

``Signature`` is the hex HMAC-SHA256 of the raw body alone, with the webhook secret; ``Timestamp`` is Unix seconds.
Several secrets are accepted at the same time, so that they can be rotated. Every comparison takes constant time.
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
    """Return the ``Signature`` header for a body."""
    return hmac.new(secret.encode(errors="surrogateescape"), body, hashlib.sha256).hexdigest()


def signed_headers(body: bytes, secret: str, *, now: float | None = None) -> dict[str, str]:
    """Return the headers with which Gett delivers a webhook.

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
    """Verify that a webhook is from Gett and recent.

    :param body: the raw bytes as received.
    :param secrets: all secrets that are currently valid.
    :raises InvalidSignature: when the signature or the timestamp is missing or wrong; the message names it.
    """
    if not signature:
        raise InvalidSignature("the Signature header is missing")
    if not timestamp or not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        raise InvalidSignature("the Timestamp header is missing or is not Unix seconds")
    received = _bytes(signature.strip().lower())
    # All secrets are tried, so that the duration does not reveal which one matched. An empty secret never matches.
    if not any([hmac.compare_digest(sign(body, secret).encode(), received) for secret in secrets if secret]):  # noqa: C419
        raise InvalidSignature("the Signature does not match the body")
    age = (time.time() if now is None else now) - int(timestamp)
    if abs(age) > MAX_AGE_SECONDS:
        raise InvalidSignature(
            f"the Signature is right, but the Timestamp is {abs(age):.0f} s {'behind' if age > 0 else 'ahead of'} the clock of "
            f"this host; at most {MAX_AGE_SECONDS} s are allowed. The request is old, or one of the two clocks is wrong"
        )


def verify_authorization(header: str | None, accepted: Iterable[str]) -> None:
    """Verify a webhook by its static ``Authorization`` header.

    :raises InvalidSignature: when it is missing or wrong.
    """
    candidate = _bytes(header or "")
    # An empty accepted value would match a request without the header.
    if not any([hmac.compare_digest(_bytes(value), candidate) for value in accepted if value]):  # noqa: C419
        raise InvalidSignature("the Authorization header is missing or wrong")


def _bytes(header: str) -> bytes:
    """Return any header as bytes: ``compare_digest`` needs ASCII or bytes, and UTF-8 cannot encode lone surrogates."""
    return header.encode(errors="surrogatepass")
