"""Web application: order webhooks and published catalogs in front of the blueprints of the kit. ``webhook-kit serve`` serves it (``webhook_kit.server``).

It is an ordinary WSGI application (``gunicorn 'webhook_kit.app:create_app()'``), but another server gives each request a thread
before its body has arrived, and needs a proxy in front that receives whole requests.
"""

from __future__ import annotations

from typing import Any

import redis
from flask import Flask, Response, jsonify

from webhook_kit import error_reports
from webhook_kit.kit import Kit
from webhook_kit.logs import logger
from webhook_kit.operations.metrics_page import metrics_page
from webhook_kit.storage.faults import fault
from webhook_kit.storage.installation import installation_id
from webhook_kit.tracing import start_tracing
from webhook_kit.webhooks.current_call import current_call
from webhook_kit.webhooks.openapi import describe
from webhook_kit.webhooks.orders import OrderRoutes
from webhook_kit.webhooks.pos_events import pos_webhooks
from webhook_kit.webhooks.problems import error_answer
from webhook_kit.webhooks.published_catalogs import PublishedCatalogs

__all__ = ["create_app"]

log = logger("app")


def create_app(kit: Kit | None = None) -> Flask:
    """Return the WSGI application.

    Order webhooks and published catalogs are answered in front of Flask, so hooks such as ``before_request`` do not see them. To see
    every request, wrap ``wsgi_app``.

    :param kit: parts of the installation; built from the environment if None. Its process then writes its metrics to Redis; an
        application that passes a kit calls ``kit.metrics.start()`` itself.
    :raises ConfigurationError: with one line per mistake of the configuration.
    """
    if kit is None:
        kit = Kit.from_env()
        kit.metrics.start()
    kit.settings.require_authenticity()
    error_reports.start(kit.settings)
    start_tracing("webhook-kit-web")
    app = Flask("webhook_kit")
    app.register_blueprint(pos_webhooks(kit.pos_events))
    app.register_blueprint(metrics_page(kit))
    catalogs = PublishedCatalogs(app.wsgi_app, kit.publisher, kit.catalog_urls, kit.catalog_damage.report_published)
    app.wsgi_app = OrderRoutes(kit.order_webhooks, catalogs)  # type: ignore[method-assign] # Flask's own way
    if kit.settings.console:
        from webhook_kit.console.app import mounted  # here: an installation without a console loads none of it

        app.wsgi_app = mounted(app.wsgi_app, kit)  # type: ignore[method-assign,assignment] # Flask's own way
    app.register_error_handler(Exception, _failed)
    description = describe(kit.settings)
    # Parts that only a request would build: their imports, RQ above all, must not take the time of a first order.
    _ = kit.trial_write, kit.sending, kit.worker_life, kit.worker_notification.script_parts()

    @app.get("/healthz")
    def healthz() -> Response:
        """Liveness: the process responds."""
        return jsonify(status="ok")

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        """Readiness: orders can be placed, which takes a Redis that can be written to."""
        try:
            kit.clock_watch.observe("Redis", kit.trial_write.run())
            installation = installation_id(kit.redis, kit.keys)
        except redis.RedisError as error:
            log.warning("not_ready", redis=fault(error), error=str(error))
            return jsonify(status="not ready", redis=fault(error)), 503
        in_flight = kit.pos_executor.in_flight()
        return jsonify(status="ready", redis="ok", posCallsInFlight=in_flight, installation=installation), 200

    @app.get("/sendingz")
    def sendingz() -> tuple[Response, int]:
        """Updates are sent to Gett, and workers run. No signal for routing: orders are received all the same."""
        state = _sending(kit)
        return jsonify(state), 200 if state["status"] == "ok" else 503

    @app.get("/openapi.json")
    def openapi() -> Response:
        """OpenAPI document of the webhooks."""
        return jsonify(description)

    if kit.settings.allow_unsigned_webhooks:
        log.warning("unsigned_webhooks_allowed", why="ALLOW_UNSIGNED_WEBHOOKS is set; for development only")
    stores = sum(1 for _ in kit.stores)
    if not stores:
        log.warning("no_stores_found", why="every order is refused until a store is configured or onboarded")
    log.info("application_created", stores=stores, prefix=kit.settings.webhook_prefix or "/")
    return app


def _sending(kit: Kit) -> dict[str, Any]:
    """Return the state of sending; ``status`` is ``ok`` if updates are sent."""
    try:
        halted, signs = kit.sending.halt_reason(), kit.worker_life.last_signs().values()
    except redis.RedisError as error:
        return {"status": "unknown", "redis": fault(error)}
    workers = {sign.kind.value: sign.age and round(sign.age, 1) for sign in signs}
    if halted is not None:  # Gett's own words are in the log and in `webhook-kit outbox`, not for everybody
        return {"status": "halted", "why": "Gett refuses the API key", "workers": workers}
    if missing := [sign.kind for sign in signs if sign.missing]:
        why = f"no sign of life of {' and '.join(missing)}"
        return {"status": "no worker", "why": why, "workers": workers}
    return {"status": "ok", "workers": workers}


def _failed(error: Exception) -> Response:
    answer = error_answer(error, current_call())
    return Response(answer.body, answer.status, answer.headers, content_type=answer.content_type)
