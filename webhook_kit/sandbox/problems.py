"""Gett's error documents, in JSON and in Markdown (``gett-protocol.md §5``)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from http.client import responses

from flask import Response, request

from webhook_kit.gett.models.order import ValidationError
from webhook_kit.gett.models.problem import ERROR_TYPE_BASE, ErrorCode, ProblemDetail
from webhook_kit.gett.models.session import SessionErrorCode

__all__ = ["Problem", "of_status"]

_OF_STATUS = {
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
_SESSION_CATEGORIES = {400: "validation", 401: "authentication", 404: "not_found", 429: "rate_limit"}
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")


class Problem(Exception):
    """An answer that is an error.

    :ivar retry_after: seconds; given wherever the code says that a wait is known.
    """

    def __init__(
        self,
        code: ErrorCode | SessionErrorCode,
        detail: str,
        *,
        status: int | None = None,
        errors: Sequence[ValidationError] = (),
        retry_after: float | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        if isinstance(code, ErrorCode):
            self.status, self.category, self.retryable = code.kind
        else:
            self.status = code.status
            self.category = _SESSION_CATEGORIES[code.status]
            self.retryable = code is SessionErrorCode.RATE_LIMITED
        self.status = status or self.status
        self.retryable = self.retryable if retryable is None else retryable
        self.errors = list(errors)
        self.retry_after = None if retry_after is None else max(1, math.ceil(retry_after))

    def document(self, *, instance: str, request_id: str, trace_id: str, now: datetime | None = None) -> ProblemDetail:
        """The problem document for one call."""
        return ProblemDetail(
            type=f"{ERROR_TYPE_BASE}{self.code}",
            title=responses.get(self.status, str(self.status)),
            status=self.status,
            detail=self.detail,
            instance=instance,
            error_code=self.code,
            error_category=self.category,
            retryable=self.retryable,
            **({} if self.retry_after is None else {"retry_after": self.retry_after}),
            **({"errors": self.errors} if self.errors else {}),
            request_id=request_id,
            timestamp=now or datetime.now(UTC),
            trace_id=trace_id,
        )

    def response(self, *, request_id: str, trace_id: str, now: datetime) -> Response:
        """The answer to the running call, in the form it asks for."""
        document = self.document(instance=request.path, request_id=request_id, trace_id=trace_id, now=now).to_json()
        forms = ["application/problem+json", "application/json", "text/markdown"]
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        if request.accept_mimetypes.best_match(forms) == "text/markdown":
            return Response(_markdown(document), self.status, headers, content_type="text/markdown; charset=utf-8")
        return Response(document, self.status, headers, mimetype="application/problem+json")


def of_status(status: int, detail: str, *, retry_after: float = 1) -> Problem:
    """The problem that goes with an HTTP status; 429 and 503 say when to come again."""
    code = _OF_STATUS.get(status, ErrorCode.INVALID_REQUEST if status < 500 else ErrorCode.INTERNAL_ERROR)
    return Problem(code, detail, status=status, retry_after=retry_after if status in (429, 503) else None)


def _markdown(document: bytes) -> str:
    """All members as YAML front matter, then the text for people. JSON is YAML, so no text breaks out of its line."""
    members = json.loads(document)
    front = "\n".join(f"{name}: {_yaml(value)}" for name, value in members.items())
    lines = [f"---\n{front}\n---\n", f"# {members['title']}\n", f"{members['detail']}\n"]
    lines += [
        f"- **{error['code']}** at `{error.get('jsonPath', '$')}`: {error['message']}"
        for error in members.get("errors", [])
    ]
    return "\n".join(lines) + "\n"


def _yaml(value: object) -> str:
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
