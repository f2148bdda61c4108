"""Headers of every answer of the console."""

from __future__ import annotations

from flask import Response, request

from webhook_kit.console.guard import is_secure

__all__ = ["add_headers"]

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
}


def add_headers(response: Response) -> Response:
    """Add the headers, and an ETag to what can be polled: an unchanged answer is 304 without a body."""
    response.headers.update(_HEADERS)
    # With no-referrer, browsers send forms with the Origin null. Sec-Fetch-Site tells then, which they send over https alone.
    response.headers["Referrer-Policy"] = "no-referrer" if is_secure() else "same-origin"
    if request.endpoint == "static":
        # An address without a version: browsers ask each time, and get 304.
        response.headers["Cache-Control"] = "no-cache"
        return response
    response.headers["Cache-Control"] = "no-store"
    if request.method == "GET" and response.status_code == 200 and not response.direct_passthrough:
        response.add_etag()
        response.make_conditional(request)
    return response
