"""The sandbox as a WSGI application."""

from __future__ import annotations

from flask import Flask, jsonify

from webhook_kit.sandbox import carts, checkout, commerce, control, marketfront, onboarding, orders, sessions
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.http import install_hooks
from webhook_kit.sandbox.ingestion import Ingestion
from webhook_kit.sandbox.openapi import describe
from webhook_kit.sandbox.order_events import OrderEvents
from webhook_kit.sandbox.placement import PlacementRetries
from webhook_kit.sandbox.storefront import pages
from webhook_kit.sandbox.webhooks import Webhooks

__all__ = ["create_app"]


def create_app(context: SandboxContext) -> Flask:
    """Return the application that serves every API and page of a sandbox."""
    app = Flask("webhook_kit.sandbox", static_folder=None)
    webhooks = Webhooks(context)
    events = OrderEvents(context, webhooks)
    app.url_map.merge_slashes = False  # a path with an empty id is not found, instead of another path
    install_hooks(app, context)
    for blueprint in (
        commerce.blueprint(context, events),
        onboarding.blueprint(context, Ingestion(context)),
        sessions.blueprint(context),
        marketfront.blueprint(context),
        carts.blueprint(context),
        orders.blueprint(context, webhooks, PlacementRetries(context, webhooks, events)),
        checkout.blueprint(context),
        control.blueprint(context),
        pages.blueprint(context),
    ):
        app.register_blueprint(blueprint)
    app.add_url_rule("/openapi.json", "openapi", lambda: jsonify(describe()))
    return app
