"""The sandbox as a WSGI application: all rooms on one page."""

from __future__ import annotations

from flask import Flask, jsonify

from webhook_kit.sandbox import carts, checkout, commerce, control, marketfront, onboarding, orders, sessions
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.events import Events
from webhook_kit.sandbox.http import guard
from webhook_kit.sandbox.ingestion import Ingestion
from webhook_kit.sandbox.openapi import describe
from webhook_kit.sandbox.placement import PlacementRetries
from webhook_kit.sandbox.storefront import pages
from webhook_kit.sandbox.webhooks import Webhooks

__all__ = ["create_app"]


def create_app(world: SandboxContext) -> Flask:
    """Everything this Gett answers."""
    app = Flask("webhook_kit.sandbox")
    webhooks = Webhooks(world)
    events = Events(world, webhooks)
    app.url_map.merge_slashes = False  # an address with an empty id is none, and no other one's
    guard(app, world)
    for room in (
        commerce.blueprint(world, events),
        onboarding.blueprint(world, Ingestion(world)),
        sessions.blueprint(world),
        marketfront.blueprint(world),
        carts.blueprint(world),
        orders.blueprint(world, webhooks, PlacementRetries(world, webhooks, events)),
        checkout.blueprint(world),
        control.blueprint(world),
        pages.blueprint(world),
    ):
        app.register_blueprint(room)
    app.add_url_rule("/openapi.json", "openapi", lambda: jsonify(describe()))
    return app
