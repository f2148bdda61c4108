"""Signatures of Gett's webhooks, for tests."""

from __future__ import annotations

import time

from webhook_kit.gett.signing import signed_headers

__all__ = ["signed"]


def signed(body: bytes, secret: str, *, key: str | None = None, age: float = 0.0) -> dict[str, str]:
    """Return the headers with which Gett delivers this body: ``client.post(url, data=body, headers=signed(body, secret))``.

    :param body: exactly the bytes that are sent; the signature covers them.
    :param key: the ``Idempotency-Key``, which placeOrder requires.
    :param age: age of the signature in seconds; negative for the future. More than 300 in either direction is rejected.
    """
    headers = signed_headers(body, secret, now=time.time() - age)
    if key is not None:
        headers["Idempotency-Key"] = key
    return headers
