"""What every call goes through: key, quota, faults, and the record; and how bodies are read and answers written."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import pydantic
from flask import Blueprint, Flask, Response, g, request
from pydantic.alias_generators import to_camel
from werkzeug.exceptions import HTTPException

from webhook_kit.gett.models.base import Wire
from webhook_kit.gett.models.order import ValidationError
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.models.session import SessionErrorCode
from webhook_kit.gett.problems import Problem
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.problems import problem_of_status, problem_response
from webhook_kit.sandbox.tokens import authenticate_session
from webhook_kit.sandbox.traffic_log import redact_headers, redact_payment
from webhook_kit.sandbox.update_log import RecordedUpdate

__all__ = ["MAX_BYTES", "body_errors", "install_hooks", "json_response", "make_blueprint", "parse_body"]

MAX_BYTES = 1024 * 1024
"""Size of a request's body [D]."""

_STATE_BYTES = 256 * 1024 * 1024  # a whole sandbox that is loaded

W = TypeVar("W", bound=pydantic.BaseModel)


_UPDATES = {"setOrderStatus": "order_id", "setStoreStatus": "store_id"}


def install_hooks(app: Flask, context: SandboxContext) -> None:
    """Put every call of an application through quota, faults and the record; each exception becomes a problem document."""
    watch = _RequestHooks(context)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BYTES
    app.before_request(watch.begin)
    app.after_request(watch.end)
    app.register_error_handler(Problem, watch.problem)
    app.register_error_handler(HTTPException, watch.failed)


def make_blueprint(name: str, prefix: str, calls: Mapping[str, Callable[..., Response]]) -> Blueprint:
    """A blueprint from ``{"GET /stores/<store_id>": handler}``; a call's name is its handler's, in camelCase."""
    blueprint = Blueprint(name, __name__, url_prefix=prefix)
    for route, handler in calls.items():
        method, _, path = route.partition(" ")
        blueprint.add_url_rule(path, to_camel(handler.__name__), handler, methods=[method])
    return blueprint


class _RequestHooks:
    def __init__(self, context: SandboxContext) -> None:
        self._context = context

    def begin(self) -> None:
        g.begun, g.arrived = time.monotonic(), self._context.clock.now()
        g.authentic = _has_key(self._context)
        g.quota = None
        g.faults = {}
        g.session = None
        g.store_id = (request.view_args or {}).get("store_id")
        if not request.path.startswith("/v1/"):
            request.max_content_length = _STATE_BYTES
            return
        self._authenticate()
        _take_quota(self._context)
        _apply_faults(self._context)

    def _authenticate(self) -> None:
        if g.authentic:
            return
        if not request.path.startswith("/v1/marketplace/"):
            raise Problem(
                ErrorCode.UNAUTHENTICATED, "the API key is missing or wrong: send Authorization: Bearer <api key>"
            )
        if request.path == "/v1/marketplace/session/create":
            raise Problem(SessionErrorCode.INVALID_API_KEY, "a session is created with the API key")
        g.session = authenticate_session(self._context)

    def end(self, response: Response) -> Response:
        if not request.path.startswith("/v1/"):
            return response
        if g.quota is not None:
            response.headers.update(g.quota.headers())
        _record(self._context, response)
        return _dropped() if "drop" in g.faults else response

    def problem(self, failure: Problem) -> Response:
        random = self._context.random
        ids = {"request_id": f"req_{random.hex('request', 24)}", "trace_id": random.hex("trace", 32)}
        return problem_response(failure, **ids, now=self._context.clock.now())

    def failed(self, failure: HTTPException) -> Response:
        response = self.problem(problem_of_status(failure.code or 500, failure.description or failure.name))
        for name, value in failure.get_headers():
            if name.lower() == "allow":
                response.headers[name] = value
        return response


def parse_body(model: type[W]) -> W:
    """The body of the running call.

    :raises Problem: 400 when it is no JSON, 413 when it is too large, 422 with every mistake when its shape is wrong.
    """
    try:
        return model.model_validate_json(request.get_data(), strict=True)
    except pydantic.ValidationError as failure:
        mistakes = body_errors(failure)
    raise Problem(ErrorCode.VALIDATION_FAILED, "the body is not valid", errors=mistakes)


def body_errors(failure: pydantic.ValidationError) -> list[ValidationError]:
    """What is wrong with a body, one by one.

    :raises Problem: 400 when it is no JSON at all.
    """
    mistakes = failure.errors(include_url=False, include_input=False, include_context=False)
    if any(mistake["type"] == "json_invalid" for mistake in mistakes):
        raise Problem(ErrorCode.INVALID_REQUEST, "the body is no JSON")
    return [_mistake(mistake) for mistake in mistakes]


def json_response(what: Wire | Mapping[str, Any] | list[Wire], status: int = 200) -> Response:
    """A JSON answer."""
    if isinstance(what, list):
        body: bytes = b"[" + b",".join(one.to_json() for one in what) + b"]"
    else:
        body = what.to_json() if isinstance(what, Wire) else json.dumps(what).encode()
    return Response(body, status, mimetype="application/json")


def _has_key(context: SandboxContext) -> bool:
    """Whether the running call carries the partner's API key."""
    given = request.headers.get("Authorization", "")
    return hmac.compare_digest(given.encode(errors="surrogatepass"), f"Bearer {context.api_key}".encode())


def _take_quota(context: SandboxContext) -> None:
    # [D] The quota is the partner organisation's; a consumer's session has none of its own.
    if not g.authentic:
        return
    kind, limit = _kind(context)
    if limit:
        g.quota = context.quota.take(kind, limit)
        if g.quota.remaining < 0:
            session = request.path.startswith("/v1/marketplace/session/")
            raise Problem(
                SessionErrorCode.RATE_LIMITED if session else ErrorCode.RATE_LIMITED,
                f"more than {limit} {kind} a minute, all keys and processes of the organisation together",
                retry_after=g.quota.seconds,
            )


def _kind(context: SandboxContext) -> tuple[str, int]:
    if request.path == "/v1/marketplace/stores/discover":
        return "discoveries", context.options.discoveries_per_minute
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return "reads", context.options.reads_per_minute
    return "writes", context.options.writes_per_minute


def _apply_faults(context: SandboxContext) -> None:
    g.faults = context.faults.select(_call(), g.store_id)
    if "delay" in g.faults:
        time.sleep(g.faults["delay"].seconds)
    if "status" in g.faults:
        fault = g.faults["status"]
        raise problem_of_status(fault.status or 500, "a fault on demand", retry_after=fault.seconds)
    if "expired_token" in g.faults and g.session is not None:
        raise Problem(SessionErrorCode.SESSION_EXPIRED, "the session token has expired: a fault on demand")


def _call() -> str:
    """The running call's name."""
    return (request.endpoint or "").rpartition(".")[2]


def _record(context: SandboxContext, response: Response) -> None:
    if g.authentic and _call() in _UPDATES:
        subject = (request.view_args or {})[_UPDATES[_call()]]
        body = request.get_json(force=True, silent=True)
        context.update_log.record(RecordedUpdate(subject, g.arrived, response.status_code, body))
    context.append_log(
        "api_call",
        call=_call(),
        storeId=g.store_id,
        request={
            "method": request.method,
            "path": request.full_path.rstrip("?"),
            "headers": redact_headers(request.headers.items()),
            "body": _json(request.get_data(cache=True)) if request.content_length else None,
        },
        response={
            "status": response.status_code,
            "headers": redact_headers(response.headers.items()),
            "body": _json(response.get_data()),
            "dropped": "drop" in g.faults,
        },
        seconds=round(time.monotonic() - g.begun, 6),
    )


def _json(body: bytes) -> Any:
    try:
        return redact_payment(json.loads(body)) if body else None
    except (ValueError, RecursionError):
        return body.decode(errors="replace")


def _mistake(mistake: Any) -> ValidationError:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in mistake["loc"])
    message = mistake["msg"].removeprefix("Value error, ")
    return ValidationError(code=ErrorCode.INVALID_REQUEST, message=message, json_path=f"${path}")


def _dropped() -> Response:
    """An answer that never comes: the server finds the connection broken before it has written a byte."""

    def broken() -> Iterator[bytes]:
        raise ConnectionResetError("the answer is dropped: a fault on demand")
        yield b""

    return Response(broken(), mimetype="application/json")
