"""Webhooks as Gett signs them, for tests."""

from __future__ import annotations

import time

from webhook_kit.gett.signing import signed_headers

__all__ = ["signed"]


def signed(body: bytes, secret: str, *, key: str | None = None, age: float = 0.0) -> dict[str, str]:
    """The headers with which Gett would deliver this body: ``client.post(url, data=body, headers=signed(body, secret))``.

    :param body: the very bytes that are sent; the signature is over them.
    :param key: the ``Idempotency-Key``, which placeOrder needs.
    :param age: how many seconds ago it was signed; negative is in the future. More than 300 either way is refused.
    """
    headers = signed_headers(body, secret, now=time.time() - age)
    if key is not None:
        headers["Idempotency-Key"] = key
    return headers
