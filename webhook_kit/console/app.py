"""Application of the console: an application of its own, mounted at ``/console`` by ``web`` or served alone.

Every request passes :func:`~webhook_kit.console.guard.admit`: a page that is not marked as public requires a log-in, and a method
that changes something requires an operator, the console's own origin and the token of its form.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import redis
from flask import Flask, make_response, redirect, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.middleware.proxy_fix import ProxyFix

from webhook_kit import error_reports
from webhook_kit.console.api.problems import problem_response
from webhook_kit.console.api.views import api_views
from webhook_kit.console.context import ConsoleContext, csrf_token, visitor
from webhook_kit.console.guard import admit, is_api
from webhook_kit.console.headers import add_headers
from webhook_kit.console.login import login_pages
from webhook_kit.console.pages import console_pages
from webhook_kit.console.users import TooManyLogins
from webhook_kit.errors import (
    ArchiveUnavailable,
    ConfigurationError,
    Conflict,
    Forbidden,
    InvalidArgument,
    InvalidTransition,
    NotFound,
    StoresUnavailable,
    WebhookKitError,
)
from webhook_kit.kit import Kit
from webhook_kit.logs import logger
from webhook_kit.storage.faults import fault
from webhook_kit.tracing import start_tracing

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["PATH", "create_console_app", "create_console_server", "mounted"]

log = logger("console")

PATH = "/console"
"""Path below which the console is served."""

_STATUSES: dict[type[WebhookKitError], int] = {
    InvalidArgument: 400,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    InvalidTransition: 409,
    ArchiveUnavailable: 503,
    StoresUnavailable: 503,
    TooManyLogins: 503,
}

_MAX_BODY = 64 * 1024
"""Bytes of a form at most."""


def create_console_app(kit: Kit) -> Flask:
    """Return the console.

    :raises ConfigurationError: no way to log in is configured, or it cannot be used.
    """
    ways = kit.settings.console_log_ins()
    if not ways:
        raise ConfigurationError(
            "the console has no way to log in; set CONSOLE_PASSWORDS=true, CONSOLE_OIDC_ISSUER or CONSOLE_PROXY_HEADER"
        )
    app = Flask("webhook_kit.console")
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = _MAX_BODY
    app.json.sort_keys = False  # type: ignore[attr-defined] # of Flask's default provider
    app.extensions["console"] = ConsoleContext(kit)
    app.before_request(admit)
    app.after_request(add_headers)
    app.context_processor(_in_every_template)
    app.register_blueprint(login_pages())
    app.register_blueprint(console_pages())
    app.register_blueprint(api_views())
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(WebhookKitError, _kit_error)
    app.register_error_handler(redis.RedisError, _redis_error)
    app.register_error_handler(Exception, _unexpected)
    if hops := kit.settings.console_trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign] # Flask's own way
    log.info("console_created", log_in=ways)
    return app


def mounted(below: WSGIApplication, kit: Kit) -> WSGIApplication:
    """Return an application that serves the console at its path, and everything else by another application."""
    console = create_console_app(kit).wsgi_app

    # Werkzeug's middleware for this takes quadratic time for a path of slashes, which anybody can send.
    def dispatch(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path != PATH and not path.startswith(f"{PATH}/"):
            return below(environ, start_response)
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + PATH
        environ["PATH_INFO"] = path.removeprefix(PATH)
        return console(environ, start_response)

    return dispatch


def create_console_server() -> Flask:
    """Return the application of a process that serves only the console.

    :raises ConfigurationError: with one line per mistake of the configuration.
    """
    kit = Kit.from_env()
    kit.metrics.start()
    error_reports.start(kit.settings)
    start_tracing("webhook-kit-console")
    app = Flask("webhook_kit.console.server", static_folder=None)
    app.wsgi_app = mounted(app.wsgi_app, kit)  # type: ignore[method-assign,assignment] # Flask's own way
    app.add_url_rule("/", "start", lambda: redirect(f"{PATH}/"))
    app.add_url_rule("/healthz", "healthz", lambda: {"status": "ok"})
    return app


def _in_every_template() -> dict[str, Any]:
    found = visitor()
    return {"actor": found.actor if found else None, "csrf_token": csrf_token}


def _http_error(error: HTTPException) -> Any:
    if error.response is not None:
        return error.response
    answer = make_response(_error(error.code or 500, error.name, error.description or ""))
    answer.headers.extend((name, value) for name, value in error.get_headers() if name == "Allow")
    return answer


def _kit_error(error: WebhookKitError) -> Any:
    status = next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), 502)
    return _error(status, HTTP_STATUS_CODES[status], str(error))


def _redis_error(error: redis.RedisError) -> Any:
    log.warning("console_request_failed", redis=fault(error), error=str(error))
    return _error(503, "Redis cannot be used", f"Nobody can log in and nothing can be shown: {fault(error).advice}.")


def _unexpected(error: Exception) -> Any:
    log.error("console_request_failed", exc_info=error, endpoint=request.endpoint)
    return _error(500, "Error", "An unexpected error occurred; see the log.")


def _error(status: int, title: str, detail: str) -> Any:
    if is_api():
        return problem_response(status, title, detail)
    return render_template("error.html", title=title, detail=detail), status
