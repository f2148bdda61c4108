"""The web application: one page that wires the blueprints.

``granian --interface wsgi --factory webhook_kit.app:create_app`` or ``gunicorn 'webhook_kit.app:create_app()'``.
"""

from __future__ import annotations

import redis
from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import Problem
from webhook_kit.kit import Kit
from webhook_kit.logs import logger
from webhook_kit.webhooks.openapi import describe
from webhook_kit.webhooks.orders import order_webhooks, problem_response
from webhook_kit.webhooks.pos_events import pos_webhooks
from webhook_kit.webhooks.published_catalogs import PublishedCatalogs

__all__ = ["create_app"]

log = logger("app")


def create_app(kit: Kit | None = None) -> Flask:
    """The WSGI application.

    :param kit: the parts; read from the environment when None.
    :raises ConfigurationError: with every mistake of the configuration at once.
    """
    kit = kit or Kit.from_env()
    kit.settings.require_authenticity()
    app = Flask("webhook_kit")
    app.register_blueprint(order_webhooks(kit.order_webhooks))
    app.register_blueprint(pos_webhooks(kit.pos_events))
    app.wsgi_app = PublishedCatalogs(app.wsgi_app, kit.publisher, kit.catalog_urls)  # type: ignore[method-assign] # Flask's own way
    app.register_error_handler(Problem, problem_response)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)
    description = describe(kit.settings)

    @app.get("/healthz")
    def healthz() -> Response:
        """Alive: the process answers."""
        return jsonify(status="ok")

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        """Ready: orders can be placed, and Gett can be told about them."""
        try:
            halted = kit.sending.halt_reason()
        except redis.RedisError as error:
            return jsonify(status="not ready", redis=type(error).__name__, sending="unknown"), 503
        if halted is not None:
            return jsonify(status="not ready", redis="ok", sending=f"halted: {halted}"), 503
        return jsonify(status="ready", redis="ok", sending="ok", posCallsInFlight=kit.pos_executor.in_flight()), 200

    @app.get("/openapi.json")
    def openapi() -> Response:
        """The description of the kit's own webhooks."""
        return jsonify(description)

    if kit.settings.allow_unsigned_webhooks:
        log.warning("UNSIGNED WEBHOOKS ARE ACCEPTED: anybody can send orders; for development only")
    stores = [store.id for store in kit.stores]
    if not stores:
        log.warning("no store yet: every order is refused until one is onboarded or configured")
    log.info("serving", stores=stores, prefix=kit.settings.webhook_prefix or "/")
    return app


def _http_error(error: HTTPException) -> Response:
    """What Flask itself refuses: unknown paths, wrong methods."""
    code = ErrorCode.NOT_FOUND if error.code == 404 else ErrorCode.INVALID_REQUEST
    response = problem_response(Problem(code, error.description or str(error), status=error.code))
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    log.error("unexpected", exc_info=error)
    return problem_response(Problem(ErrorCode.INTERNAL_ERROR, "something unexpected happened; it is in the log"))
