"""Baselines of the receiver: web applications that do a part of its work and nothing else."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import redis
from flask import Flask, Response, request

from webhook_kit.gett.models.order import ExternalOrder, PlaceOrderRequest
from webhook_kit.gett.signing import verify
from webhook_kit.settings import Settings

__all__ = ["fastapi_echo", "flask_echo", "flask_record", "wsgi_bytes"]


def flask_echo() -> Flask:
    """Parse an order and serialize it."""
    app = Flask(__name__)

    @app.post("/validateOrder")
    def validate() -> Response:
        order = ExternalOrder.from_json(request.get_data())
        return Response(order.to_json(), mimetype="application/json")

    return app


def flask_record() -> Flask:
    """A first version of placeOrder: verify, parse, claim the key, store the order, serialize it, store the response.

    Three Redis round trips of one command each, with redis-py's own client, as in an application without the kit.
    """
    settings = Settings.from_env()
    secrets = [secret.get_secret_value() for secret in settings.gett_webhook_secrets]
    connection = redis.Redis.from_url(settings.redis_url)
    app = Flask(__name__)

    @app.post("/placeOrder")
    def place() -> Response:
        raw = request.get_data()
        verify(raw, request.headers.get("Signature"), request.headers.get("Timestamp"), secrets)
        order = PlaceOrderRequest.from_json(raw)
        key = request.headers["Idempotency-Key"]
        if not connection.set(f"bare:claim:{key}", order.order_ref, nx=True, ex=86_400):
            return Response("duplicate", 409)
        connection.set(f"bare:order:{order.order_ref}", raw, ex=86_400)
        response = order.to_json()
        connection.set(f"bare:response:{key}", response, ex=86_400)
        return Response(response, mimetype="application/json")

    return app


def fastapi_echo() -> Any:
    """Parse an order and serialize it, in the way of FastAPI's documentation."""
    # FastAPI is in the extra `bench`, which is not installed for the type checker.
    app = import_module("fastapi").FastAPI()
    app.add_api_route("/validateOrder", _echo, methods=["POST"], response_model_exclude_unset=True)
    return app


async def _echo(order: ExternalOrder) -> ExternalOrder:
    return order


def wsgi_bytes() -> Any:
    """Return the bytes of the file ``BARE_BODY`` for every request: the minimum of a WSGI application."""
    body = Path(os.environ["BARE_BODY"]).read_bytes()
    headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip"), ("Content-Length", str(len(body)))]

    def serve(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", headers)
        return [body]

    return serve
