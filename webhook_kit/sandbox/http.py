"""The pipeline of every call: origin, API key, quota, faults and traffic log; parsing of bodies, responses."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import pydantic
from flask import Blueprint, Flask, Response, g, request
from pydantic.alias_generators import to_camel
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from webhook_kit.gett.models.base import Wire
from webhook_kit.gett.models.order import ValidationError
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.models.session import SessionErrorCode
from webhook_kit.gett.problems import Problem
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.origin import check_origin
from webhook_kit.sandbox.problems import problem_of_status, problem_response
from webhook_kit.sandbox.tokens import authenticate_session
from webhook_kit.sandbox.traffic_log import redact_headers, redact_payment
from webhook_kit.sandbox.update_log import RecordedUpdate

__all__ = ["MAX_BYTES", "body_errors", "install_hooks", "json_response", "make_blueprint", "parse_body", "read_body"]

MAX_BYTES = 1024 * 1024
"""Maximum size of a request's body [D]."""

_MAX_LOGGED = 64 * 1024  # bytes of a body; ten thousand catalogs in the log would not fit into memory
_STATE_BYTES = 256 * 1024 * 1024  # for loading a saved sandbox

W = TypeVar("W", bound=pydantic.BaseModel)


_UPDATES = {"setOrderStatus": "order_id", "setStoreStatus": "store_id"}


def install_hooks(app: Flask, context: SandboxContext) -> None:
    """Install authentication, quota, faults and traffic log on an application, and turn exceptions into problem documents."""
    hooks = _RequestHooks(context)
    # One more, because werkzeug cuts a body without a Content-Length at the limit, instead of refusing it.
    app.config["MAX_CONTENT_LENGTH"] = MAX_BYTES + 1
    app.before_request(hooks.begin)
    app.after_request(hooks.end)
    app.register_error_handler(Problem, hooks.problem)
    app.register_error_handler(HTTPException, hooks.http_error)


def make_blueprint(name: str, prefix: str, calls: Mapping[str, Callable[..., Response]]) -> Blueprint:
    """Return a blueprint from ``{"GET /stores/<store_id>": handler}``; the name of a call is its handler's, in camelCase."""
    blueprint = Blueprint(name, __name__, url_prefix=prefix)
    for route, handler in calls.items():
        method, _, path = route.partition(" ")
        blueprint.add_url_rule(path, to_camel(handler.__name__), handler, methods=[method])
    return blueprint


class _RequestHooks:
    def __init__(self, context: SandboxContext) -> None:
        self._context = context

    def begin(self) -> None:
        g.started, g.arrived = time.monotonic(), self._context.clock.now()
        g.authentic = _has_key(self._context)
        g.quota = None
        g.faults = {}
        g.session = None
        g.store_id = (request.view_args or {}).get("store_id")
        check_origin(self._context.hosts)
        if not _is_api():
            request.max_content_length = _STATE_BYTES
            return
        self._authenticate()
        if (request.content_length or 0) > MAX_BYTES:
            raise RequestEntityTooLarge
        _take_quota(self._context)
        _apply_faults(self._context)

    def _authenticate(self) -> None:
        if g.authentic:
            return
        if not request.path.startswith("/v1/marketplace/"):
            raise Problem(
                ErrorCode.UNAUTHENTICATED, "the API key is missing or wrong; send Authorization: Bearer <api key>"
            )
        if request.path == "/v1/marketplace/session/create":
            raise Problem(SessionErrorCode.INVALID_API_KEY, "a session is created with the API key")
        g.session = authenticate_session(self._context)

    def end(self, response: Response) -> Response:
        if not _is_api():
            return response
        if g.quota is not None:
            response.headers.update(g.quota.headers())
        _record(self._context, response)
        return _dropped_response() if "drop" in g.faults else response

    def problem(self, problem: Problem) -> Response:
        random = self._context.random
        ids = {"request_id": f"req_{random.hex('request', 24)}", "trace_id": random.hex("trace", 32)}
        return problem_response(problem, **ids, now=self._context.clock.now())

    def http_error(self, error: HTTPException) -> Response:
        response = self.problem(problem_of_status(error.code or 500, error.description or error.name))
        for name, value in error.get_headers():
            if name.lower() == "allow":
                response.headers[name] = value
        return response


def parse_body(model: type[W]) -> W:
    """Return the body of the current call.

    :raises Problem: 400 if it is not JSON, 413 if it is too large, 422 with every error if it does not fit the model.
    """
    try:
        return model.model_validate_json(read_body(), strict=True)
    except pydantic.ValidationError as error:
        errors = body_errors(error)
    raise Problem(ErrorCode.VALIDATION_FAILED, "the body is not valid", errors=errors)


def read_body() -> bytes:
    """Return the body of the current call.

    :raises RequestEntityTooLarge: if it is a call of Gett's APIs, and the body is larger than :data:`MAX_BYTES`.
    """
    body = request.get_data()
    if len(body) > MAX_BYTES and _is_api():
        raise RequestEntityTooLarge
    return body


def body_errors(error: pydantic.ValidationError) -> list[ValidationError]:
    """Return the errors of a body.

    :raises Problem: 400 if it is not JSON.
    """
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    if any(one["type"] == "json_invalid" for one in errors):
        raise Problem(ErrorCode.INVALID_REQUEST, "the body is not valid JSON")
    return [_body_error(one) for one in errors]


def json_response(data: Wire | Mapping[str, Any] | list[Wire], status: int = 200) -> Response:
    """Return a JSON response."""
    if isinstance(data, list):
        body: bytes = b"[" + b",".join(one.to_json() for one in data) + b"]"
    else:
        body = data.to_json() if isinstance(data, Wire) else json.dumps(data).encode()
    return Response(body, status, mimetype="application/json")


def _is_api() -> bool:
    """Return True if the current call belongs to Gett's APIs, and not to the control API or the storefront."""
    return request.path.startswith("/v1/")


def _has_key(context: SandboxContext) -> bool:
    """Return True if the current call carries the partner's API key."""
    header = request.headers.get("Authorization", "")
    return hmac.compare_digest(header.encode(errors="surrogatepass"), f"Bearer {context.api_key}".encode())


def _take_quota(context: SandboxContext) -> None:
    # [D] The quota counts calls of the partner organisation; calls of a consumer's session are not limited.
    if not g.authentic:
        return
    kind, limit = _kind(context)
    if limit:
        g.quota = context.quota.take(kind, limit)
        if g.quota.remaining < 0:
            session = request.path.startswith("/v1/marketplace/session/")
            raise Problem(
                SessionErrorCode.RATE_LIMITED if session else ErrorCode.RATE_LIMITED,
                f"more than {limit} {kind} a minute, over all keys and processes of the organisation",
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
        raise problem_of_status(fault.status or 500, "injected fault", retry_after=fault.seconds)
    if "expired_token" in g.faults and g.session is not None:
        raise Problem(SessionErrorCode.SESSION_EXPIRED, "the session token has expired: injected fault")


def _call() -> str:
    """Return the name of the current call."""
    return (request.endpoint or "").rpartition(".")[2]


def _record(context: SandboxContext, response: Response) -> None:
    if g.authentic and _call() in _UPDATES:
        subject = (request.view_args or {})[_UPDATES[_call()]]
        context.update_log.record(RecordedUpdate(subject, g.arrived, response.status_code, _update()))
    order_id = (request.view_args or {}).get("order_id")
    order = context.state.orders.get(order_id or "")
    context.append_log(
        "api_call",
        call=_call(),
        storeId=order.store_id if order else g.store_id,
        orderId=order_id,
        request={
            "method": request.method,
            "path": request.full_path.rstrip("?"),
            "headers": redact_headers(request.headers.items()),
            "body": _json(_request_bytes()),
        },
        response={
            "status": response.status_code,
            "headers": redact_headers(response.headers.items()),
            "body": _json(response.get_data()),
            "dropped": "drop" in g.faults,
        },
        seconds=round(time.monotonic() - g.started, 6),
    )


def _request_bytes() -> bytes:
    """Return the body of the current call; empty if it is too large or incomplete, which was answered already."""
    try:
        return read_body()
    except HTTPException:
        return b""


def _update() -> Any:
    """Return the body of an update as JSON data; None if it is not JSON."""
    try:
        return json.loads(_request_bytes())
    except (ValueError, RecursionError):
        return None


def _json(body: bytes) -> Any:
    """Return a body as it is logged."""
    if len(body) > _MAX_LOGGED:
        return f"({len(body)} bytes, not shown)"
    try:
        return redact_payment(json.loads(body)) if body else None
    except RecursionError:
        return "(nests too deeply)"  # the text may contain card data
    except ValueError:
        return body.decode(errors="replace")


def _body_error(error: Any) -> ValidationError:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"])
    message = error["msg"].removeprefix("Value error, ")
    return ValidationError(code=ErrorCode.INVALID_REQUEST, message=message, json_path=f"${path}")


def _dropped_response() -> Response:
    """Return a response that makes the server close the connection before it has written a byte."""

    def broken() -> Iterator[bytes]:
        raise ConnectionResetError("the response is dropped: injected fault")
        yield b""

    return Response(broken(), mimetype="application/json")
