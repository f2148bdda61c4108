"""Constants, error responses and signatures of the fake Square."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

Json = dict[str, Any]

TOKEN = "sandbox-token"
WEBHOOK_URL = "https://kit.example/pos/square/events"
SIGNATURE_KEY = "square-signature-key"
LOCATION = "LMAIN"


class SquareFailure(Exception):
    """A response in Square's error format."""

    def __init__(self, status: int, code: str, detail: str, field: str | None = None) -> None:
        category = {401: "AUTHENTICATION_ERROR", 429: "RATE_LIMIT_ERROR"}.get(status, "INVALID_REQUEST_ERROR")
        category = "API_ERROR" if status >= 500 else category
        self.status = status
        self.body = {
            "errors": [{"category": category, "code": code, "detail": detail, **({"field": field} if field else {})}]
        }


def signed(body: bytes, key: str = SIGNATURE_KEY) -> dict[str, str]:
    """Return the header with which Square sends this body."""
    digest = hmac.new(key.encode(), WEBHOOK_URL.encode() + body, hashlib.sha256).digest()
    return {"x-square-hmacsha256-signature": base64.b64encode(digest).decode()}
