"""What the receiver is measured against: web applications that do a named part of its work and nothing else."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

from webhook_kit.gett.models.order import ExternalOrder, PlaceOrderRequest
from webhook_kit.gett.signing import verify
from webhook_kit.settings import Settings
from webhook_kit.storage.connection import connect

__all__ = ["fastapi_echo", "flask_echo", "flask_record", "wsgi_bytes"]


def flask_echo() -> Flask:
    """Parse an order and dump it."""
    app = Flask(__name__)

    @app.post("/validateOrder")
    def validate() -> Response:
        order = ExternalOrder.from_json(request.get_data())
        return Response(order.to_json(), mimetype="application/json")

    return app


def flask_record() -> Flask:
    """Check the signature, parse, claim the key, store the order, dump it, store the answer: what one writes first.

    Three Redis round trips, one command each.
    """
    settings = Settings.from_env()
    secrets = [secret.get_secret_value() for secret in settings.gett_webhook_secrets]
    connection = connect(settings)
    app = Flask(__name__)

    @app.post("/placeOrder")
    def place() -> Response:
        raw = request.get_data()
        verify(raw, request.headers.get("Signature"), request.headers.get("Timestamp"), secrets)
        order = PlaceOrderRequest.from_json(raw)
        key = request.headers["Idempotency-Key"]
        if not connection.set(f"bare:claim:{key}", order.order_ref, nx=True, ex=86_400):
            return Response("placed before", 409)
        connection.set(f"bare:order:{order.order_ref}", raw, ex=86_400)
        answer = order.to_json()
        connection.set(f"bare:answer:{key}", answer, ex=86_400)
        return Response(answer, mimetype="application/json")

    return app


def fastapi_echo() -> Any:
    """Parse an order and dump it, as FastAPI's own documentation would."""
    # In the extra `bench`, which the type checker does without.
    app = import_module("fastapi").FastAPI()
    app.add_api_route("/validateOrder", _echo, methods=["POST"], response_model_exclude_unset=True)
    return app


async def _echo(order: ExternalOrder) -> ExternalOrder:
    return order


def wsgi_bytes() -> Any:
    """The bytes of the file ``BARE_BODY``, whatever is asked for: the least that a WSGI application can do."""
    body = Path(os.environ["BARE_BODY"]).read_bytes()
    headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip"), ("Content-Length", str(len(body)))]

    def serve(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", headers)
        return [body]

    return serve
