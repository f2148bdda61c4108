"""Answers to webhooks, and to those that failed: each error as a problem document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import FORMS, Problem, as_markdown
from webhook_kit.logs import logger
from webhook_kit.webhooks.current_call import WebhookCall

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

__all__ = ["WebhookAnswer", "document_answer", "error_answer"]

log = logger("app")


@dataclass(slots=True)
class WebhookAnswer:
    """Answer to a webhook. All of it is known before it is sent, so it needs none of what werkzeug's response can do.

    :ivar headers: all but Content-Type and Content-Length.
    """

    body: bytes
    content_type: str = "application/json"
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)

    def send(self, start_response: StartResponse) -> list[bytes]:
        """Send the head, and return the body."""
        headers = [("Content-Type", self.content_type), ("Content-Length", str(len(self.body))), *self.headers]
        start_response(f"{self.status} {HTTP_STATUS_CODES.get(self.status, '')}", headers)
        return [self.body]


def error_answer(error: Exception, call: WebhookCall) -> WebhookAnswer:
    """Return the answer to a webhook that raised an error, as Markdown if the caller prefers it."""
    if isinstance(error, HTTPException):  # of werkzeug itself, such as an unknown path or a wrong method
        code = ErrorCode.NOT_FOUND if error.code == 404 else ErrorCode.INVALID_REQUEST
        answer = _problem_answer(Problem(code, error.description or str(error), status=error.code), call)
        answer.headers += [(name, value) for name, value in error.get_headers() if name == "Allow"]
        return answer
    if isinstance(error, Problem):
        return _problem_answer(error, call)
    log.error("request_failed", exc_info=error)
    return _problem_answer(Problem(ErrorCode.INTERNAL_ERROR, "an unexpected error occurred; see the log"), call)


def document_answer(status: int, document: bytes, call: WebhookCall) -> WebhookAnswer:
    """Return an answer with a problem document, as Markdown if the caller prefers it."""
    if call.request.accept_mimetypes.best_match(FORMS) == "text/markdown":
        return WebhookAnswer(as_markdown(document), "text/markdown; charset=utf-8", status)
    return WebhookAnswer(document, FORMS[0], status)


def _problem_answer(problem: Problem, call: WebhookCall) -> WebhookAnswer:
    call.note(outcome="refused" if problem.status < 500 else "failed", code=problem.code.value)
    document = problem.document(instance=call.request.path, trace_id=call.trace)
    answer = document_answer(problem.status, document.to_json(), call)
    if problem.retry_after is not None:
        answer.headers.append(("Retry-After", str(problem.retry_after)))
    return answer
