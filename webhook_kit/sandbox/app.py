"""The sandbox as a WSGI application: all rooms on one page."""

from __future__ import annotations

from flask import Flask

from webhook_kit.sandbox import commerce, control, onboarding
from webhook_kit.sandbox.http import guard
from webhook_kit.sandbox.ingestion import Ingestion
from webhook_kit.sandbox.world import World

__all__ = ["create_app"]


def create_app(world: World) -> Flask:
    """Everything this Gett answers."""
    app = Flask("webhook_kit.sandbox")
    guard(app, world)
    app.register_blueprint(commerce.blueprint(world))
    app.register_blueprint(onboarding.blueprint(world, Ingestion(world)))
    app.register_blueprint(control.blueprint(world))
    return app
