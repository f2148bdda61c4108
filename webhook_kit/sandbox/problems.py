"""Responses of the sandbox that are errors (``gett-protocol.md §5``)."""

from __future__ import annotations

from datetime import datetime

from flask import Response, request

from webhook_kit.gett.models.order import ValidationError
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import FORMS, Problem, as_markdown

__all__ = ["invalid", "problem_of_status", "problem_response"]

_CODES = {
    401: ErrorCode.UNAUTHENTICATED,
    403: ErrorCode.FORBIDDEN,
    404: ErrorCode.NOT_FOUND,
    409: ErrorCode.CONFLICT,
    422: ErrorCode.VALIDATION_FAILED,
    429: ErrorCode.RATE_LIMITED,
    500: ErrorCode.INTERNAL_ERROR,
    502: ErrorCode.BAD_GATEWAY,
    503: ErrorCode.SERVICE_UNAVAILABLE,
}


def problem_of_status(status: int, detail: str, *, retry_after: float = 1) -> Problem:
    """Return the problem for an HTTP status; only 429 and 503 carry ``retry_after``."""
    code = _CODES.get(status, ErrorCode.INVALID_REQUEST if status < 500 else ErrorCode.INTERNAL_ERROR)
    return Problem(code, detail, status=status, retry_after=retry_after if status in (429, 503) else None)


def invalid(json_path: str, message: str) -> Problem:
    """Return the 422 for one member of the body."""
    error = ValidationError(code=ErrorCode.INVALID_REQUEST, message=message, json_path=json_path)
    return Problem(ErrorCode.VALIDATION_FAILED, message, errors=[error])


def problem_response(problem: Problem, *, request_id: str, trace_id: str, now: datetime) -> Response:
    """Return the response to the current request, in the form that its ``Accept`` header prefers."""
    document = problem.document(instance=request.path, request_id=request_id, trace_id=trace_id, now=now).to_json()
    headers = {} if problem.retry_after is None else {"Retry-After": str(problem.retry_after)}
    if request.accept_mimetypes.best_match(FORMS) == "text/markdown":
        return Response(as_markdown(document), problem.status, headers, mimetype="text/markdown")
    return Response(document, problem.status, headers, mimetype="application/problem+json")
