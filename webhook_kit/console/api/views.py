"""Views of the API: arguments in, JSON out. The gate has let the caller in before."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, NotFound, UnsupportedMediaType

from webhook_kit.console.api.endpoints import ACTIONS, READS, Endpoint
from webhook_kit.console.api.openapi import describe
from webhook_kit.console.api.plain import plain
from webhook_kit.console.api.repeats import RepeatedRequests
from webhook_kit.console.context import console, current_actor
from webhook_kit.texts import well_formed_json

__all__ = ["api_views"]


def api_views() -> Blueprint:
    """Return ``/api/v1`` and ``/api/openapi.json``."""
    api = Blueprint("api", __name__, url_prefix="/api")
    api.add_url_rule("/openapi.json", "openapi", lambda: _json(describe()))
    for endpoint in READS:
        api.add_url_rule(f"/v1{endpoint.path}", endpoint.name, _read(endpoint))
    for endpoint in ACTIONS:
        api.add_url_rule(f"/v1{endpoint.path}", endpoint.name, _action(endpoint), methods=["POST"])
    return api


def _read(endpoint: Endpoint) -> Any:
    def view() -> Response:
        given = {name: values[0] if len(values) == 1 else values for name, values in request.args.lists()}
        kit = console().kit
        found = endpoint.function(kit, **endpoint.arguments.read(kit, given))
        if found is None:
            raise NotFound("there is none")
        return _json(plain(found))

    return view


def _action(endpoint: Endpoint) -> Any:
    def view() -> Response:
        kit, actor = console().kit, current_actor()
        arguments = endpoint.arguments.read(kit, given := _body())
        key = request.headers.get("Idempotency-Key")

        def run() -> Any:
            return plain(endpoint.function(kit, actor, **arguments))

        if key is None:
            return _json({"result": run()})
        repeats = RepeatedRequests(kit.redis, kit.keys)
        asked = json.dumps([endpoint.name, given], sort_keys=True)
        result, earlier = repeats.once(f"{actor.via} {actor.name}", key, asked, run)
        answer = _json({"result": result})
        if earlier:
            answer.headers["Idempotent-Replayed"] = "true"
        return answer

    return view


def _body() -> dict[str, Any]:
    if not request.is_json:
        raise UnsupportedMediaType("send a JSON object as application/json")
    try:
        body = json.loads(well_formed_json(request.get_data()))
    except (ValueError, RecursionError):
        raise BadRequest("the body is not JSON") from None
    if not isinstance(body, dict):
        raise BadRequest("the body should be a JSON object")
    return body


def _json(value: Any) -> Response:
    return Response(json.dumps(value, separators=(",", ":")), content_type="application/json")
