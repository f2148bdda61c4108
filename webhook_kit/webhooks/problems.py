"""Answers to webhooks that failed: each error as a problem document."""

from __future__ import annotations

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import FORMS, Problem, as_markdown
from webhook_kit.logs import logger
from webhook_kit.webhooks.current_call import WebhookCall

__all__ = ["document_response", "error_response"]

log = logger("app")


def error_response(error: Exception, call: WebhookCall) -> Response:
    """Return the answer to a webhook that raised an error, as Markdown if the caller prefers it."""
    if isinstance(error, HTTPException):  # of werkzeug itself, such as an unknown path or a wrong method
        code = ErrorCode.NOT_FOUND if error.code == 404 else ErrorCode.INVALID_REQUEST
        response = _problem_response(Problem(code, error.description or str(error), status=error.code), call)
        response.headers.extend((name, value) for name, value in error.get_headers() if name == "Allow")
        return response
    if isinstance(error, Problem):
        return _problem_response(error, call)
    log.error("request_failed", exc_info=error)
    return _problem_response(Problem(ErrorCode.INTERNAL_ERROR, "an unexpected error occurred; see the log"), call)


def document_response(status: int, document: bytes, call: WebhookCall) -> Response:
    """Return a response with a problem document, as Markdown if the caller prefers it."""
    if call.request.accept_mimetypes.best_match(FORMS) == "text/markdown":
        return Response(as_markdown(document), status, mimetype="text/markdown")
    return Response(document, status, mimetype=FORMS[0])


def _problem_response(problem: Problem, call: WebhookCall) -> Response:
    call.note(outcome="refused" if problem.status < 500 else "failed", code=problem.code.value)
    document = problem.document(instance=call.request.path, trace_id=call.trace)
    response = document_response(problem.status, document.to_json(), call)
    if problem.retry_after is not None:
        response.headers["Retry-After"] = str(problem.retry_after)
    return response
