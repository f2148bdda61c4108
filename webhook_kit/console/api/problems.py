"""Problem documents of the console's API (RFC 9457)."""

from __future__ import annotations

import json

from flask import Response

__all__ = ["problem_response"]


def problem_response(status: int, title: str, detail: str) -> Response:
    """Return a problem document."""
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    answer = Response(json.dumps(document), status, content_type="application/problem+json")
    if status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="webhook-kit console"'
    return answer
