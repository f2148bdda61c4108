"""The storefront's files, and the session it orders with.

The page is a consumer like any other: it calls the Marketfront API with a session's token. Behind it stands a distribution
partner, which is this blueprint: the API key stays here.
"""

from __future__ import annotations

import requests
from flask import Blueprint, Response, request

from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.problems import problem_of_status

__all__ = ["blueprint"]

_HEADERS = {
    # Menus are other people's text: nothing in them may run, and nothing is loaded from elsewhere.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}
_TIMEOUT = 30.0


def blueprint(context: SandboxContext) -> Blueprint:
    """The page at ``/``, its files below ``/__storefront/static/``, and ``POST /__storefront/session``."""
    calls = _Storefront(context)
    pages = Blueprint("storefront", __name__, static_folder="static", static_url_path="/__storefront/static")
    pages.add_url_rule("/", "index", lambda: pages.send_static_file("index.html"))
    pages.add_url_rule("/__storefront/session", "session", calls.create_session, methods=["POST"])
    pages.after_request(_guarded)
    return pages


class _Storefront:
    def __init__(self, context: SandboxContext) -> None:
        self._context = context

    def create_session(self) -> Response:
        """What ``session/create`` answers. It is called over the wire, so quota, faults and the record see it."""
        # The address is the server's own: a Host header that somebody made up must not be sent the key.
        host, port = request.environ["SERVER_NAME"], request.environ["SERVER_PORT"]
        headers = {"Authorization": f"Bearer {self._context.api_key}", "Content-Type": "application/json"}
        try:
            with requests.Session() as session:
                session.trust_env = False  # no proxy stands between us and the loopback
                created = session.post(
                    f"http://{host}:{port}/v1/marketplace/session/create",
                    data=request.get_data(),
                    headers=headers,
                    timeout=_TIMEOUT,
                )
        except requests.RequestException as failure:
            raise problem_of_status(502, f"the session could not be created ({type(failure).__name__})") from failure
        return Response(created.content, created.status_code, content_type=created.headers.get("Content-Type"))


def _guarded(response: Response) -> Response:
    response.headers.update(_HEADERS)
    # What the machine's own table of types says is not relied on: a module with a wrong one does not run.
    suffix = request.path[request.path.rfind(".") :] if "." in request.path else ".html" if request.path == "/" else ""
    if response.status_code == 200 and suffix in _TYPES:
        response.mimetype = _TYPES[suffix]
    return response
