"""The storefront's files, and the call that creates its session.

The page calls the Marketfront API with a session's token, as any consumer does. This blueprint is its distribution partner,
so that the API key stays on the server.
"""

from __future__ import annotations

import re
from pathlib import Path

import requests
from flask import Blueprint, Response, request, send_from_directory

from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.marketfront import store_stem
from webhook_kit.sandbox.problems import problem_of_status

__all__ = ["blueprint"]

# A catalog holds foreign text: it must not run as code, and only pictures are loaded from other sites.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src {pictures}; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}
_STATIC = Path(__file__).parent / "static"
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?(?=[/?#]|$)", re.IGNORECASE | re.ASCII)
_MAX_HOSTS = 50  # of pictures, because a header has a limited size
_TIMEOUT = 30.0


def blueprint(context: SandboxContext) -> Blueprint:
    """Return the page at ``/`` and ``/store/{stem}``, its files below ``/__storefront/static/``, and ``POST /__storefront/session``."""
    calls = _Storefront(context)
    pages = Blueprint("storefront", __name__, static_folder="static", static_url_path="/__storefront/static")
    pages.add_url_rule("/", "index", calls.start_page)
    pages.add_url_rule("/store/<stem>", "store", calls.store_page)
    pages.add_url_rule("/__storefront/session", "session", calls.create_session, methods=["POST"])
    pages.after_request(calls.add_headers)
    return pages


class _Storefront:
    def __init__(self, context: SandboxContext) -> None:
        self._context = context

    def start_page(self) -> Response:
        """Return the page."""
        return send_from_directory(_STATIC, "index.html")

    def store_page(self, stem: str) -> Response:
        """Return the page, which shows the store of its URL (``gett-protocol.md §6``); with 404 if there is none."""
        with self._context.lock:
            known = any(store_stem(record) == stem for record in self._context.state.stores.values())
        page = send_from_directory(_STATIC, "index.html")
        page.status_code = 200 if known else 404
        return page

    def create_session(self) -> Response:
        """Return the response of ``session/create``, called over HTTP, so that quota, faults and traffic log apply."""
        # Never use the Host header here: a forged one would receive the API key.
        host, port = request.environ["SERVER_NAME"], request.environ["SERVER_PORT"]
        headers = {"Authorization": f"Bearer {self._context.api_key}", "Content-Type": "application/json"}
        try:
            with requests.Session() as session:
                session.trust_env = False  # no proxy for the loopback
                created = session.post(
                    f"http://{host}:{port}/v1/marketplace/session/create",
                    data=request.get_data(),
                    headers=headers,
                    timeout=_TIMEOUT,
                )
        except requests.RequestException as error:
            raise problem_of_status(502, f"the session could not be created ({type(error).__name__})") from error
        return Response(created.content, created.status_code, content_type=created.headers.get("Content-Type"))

    def add_headers(self, response: Response) -> Response:
        """Add the headers of all files, and to a page its policy."""
        is_page = request.endpoint in ("storefront.index", "storefront.store")
        hosts = self._picture_hosts() if is_page else []
        response.headers.update(_HEADERS)
        response.headers["Content-Security-Policy"] = _POLICY.format(pictures=" ".join(["'self'", *hosts]))
        # A browser that finds the page unchanged would keep the policy of its last visit.
        response.headers["Cache-Control"] = "no-store" if is_page else "no-cache"
        # The system's table of media types may be wrong, and a browser runs no module with a wrong type.
        suffix = ".html" if is_page else Path(request.path).suffix
        if suffix in _TYPES and (is_page or response.status_code == 200):
            response.mimetype = _TYPES[suffix]
        return response

    def _picture_hosts(self) -> list[str]:
        """Return the origins of the pictures that stores and their catalogs name."""
        with self._context.lock:
            state = self._context.state
            urls = {
                url for record in state.stores.values() for url in (record.listing.image_url, record.store.logo_url)
            }
            catalogs = [state.catalogs.get(record.catalog_set_id or "") for record in state.stores.values()]
            urls |= {item.image_url for catalog in catalogs if catalog for item in catalog.items.values()}
        return sorted({origin for url in urls if url and (origin := _origin(url))})[:_MAX_HOSTS]


def _origin(url: str) -> str:
    """Return scheme, host and port of a picture's URL; empty if it is not a plain http or https URL."""
    found = _ORIGIN.match(url)
    return found[0].lower() if found else ""
