"""Problem documents: the body of every error that a caller can see (``gett-protocol.md §5``).

The kit answers Gett with them, and the sandbox answers partners and consumers with them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from http.client import responses
from uuid import uuid4

from webhook_kit.gett.models.order import ValidationError
from webhook_kit.gett.models.problem import ERROR_TYPE_BASE, ErrorCode, ProblemDetail
from webhook_kit.gett.models.session import SessionErrorCode

__all__ = ["FORMS", "Problem", "as_markdown", "unavailable"]

FORMS = ("application/problem+json", "application/json", "text/markdown")
"""Media types in which a problem document can be sent, the preferred one first."""

_ESCAPED_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")

_TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Content too large",
    415: "Unsupported media type",
    422: "Unprocessable entity",
    429: "Too many requests",
    500: "Internal error",
    503: "Service unavailable",
}


# The published example of this code has a title of its own, unlike that of its status.
_TITLES_OF_CODES = {ErrorCode.SESSION_USER_REQUIRED: "Bad request"}


class Problem(Exception):
    """An error response.

    :ivar final: the same request always gets this response, so it may be replayed.
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
        final: bool = False,
    ) -> None:
        """Create a problem.

        :param status: HTTP status; that of the code when None.
        :param retry_after: seconds until the request may be repeated; rounded up to whole seconds, at least 1.
        :param retryable: True if the same request may succeed later; that of the code when None.
        """
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.status = status or code.kind.status
        self.errors = list(errors)
        self.retry_after = None if retry_after is None else max(1, math.ceil(retry_after))
        self.retryable = code.kind.retryable if retryable is None else retryable
        self.final = final

    @classmethod
    def refusing(cls, violations: Sequence[ValidationError]) -> Problem:
        """Return the refusal of a placement: the first violation gives the code, all of them are listed.

        ``STORE_CLOSED`` comes before all others, because the customer can correct nothing else while the store is closed.
        """
        first = next((v for v in violations if v.code == ErrorCode.STORE_CLOSED), violations[0])
        code = ErrorCode(first.code) if first.code in set(ErrorCode) else ErrorCode.OTHER
        more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
        # A retryable refusal (a failed payment) is not final.
        return cls(code, f"{first.message}{more}", errors=violations, final=not code.kind.retryable)

    def document(
        self, *, instance: str, trace_id: str, request_id: str | None = None, now: datetime | None = None
    ) -> ProblemDetail:
        """Return the problem document for one request.

        :param instance: path of the request.
        :param request_id: a random one when None.
        :param now: its timestamp; the current time when None.
        """
        return ProblemDetail(
            type=f"{ERROR_TYPE_BASE}{self.code}",
            title=self._title(),
            status=self.status,
            detail=self.detail,
            instance=instance,
            error_code=self.code,
            error_category=self.code.kind.category,
            retryable=self.retryable,
            **({} if self.retry_after is None else {"retry_after": self.retry_after}),
            **({"errors": self.errors} if self.errors else {}),
            request_id=request_id or f"req_{uuid4().hex}",
            timestamp=now or datetime.now(UTC),
            trace_id=trace_id,
        )

    def _title(self) -> str:
        title = _TITLES_OF_CODES.get(self.code) if isinstance(self.code, ErrorCode) else None
        return title or _TITLES.get(self.status) or responses.get(self.status, "Error")


def unavailable(detail: str, *, retry_after: float = 30) -> Problem:
    """Return a 503: the same request may succeed after ``retry_after`` seconds."""
    return Problem(ErrorCode.SERVICE_UNAVAILABLE, detail, retry_after=retry_after)


def as_markdown(document: bytes) -> bytes:
    """Return a problem document as Markdown: all members as YAML front matter, then text for people."""
    members = json.loads(document)
    # JSON is valid YAML: each value is written as JSON, so that no text can add a line of its own.
    front = "\n".join(f"{name}: {_yaml(value)}" for name, value in members.items())
    lines = [f"---\n{front}\n---\n", f"# {members['title']}\n", f"{members.get('detail', '')}\n"]
    for error in members.get("errors", []):
        place = f" at `{error['jsonPath']}`" if error.get("jsonPath") else ""
        lines.append(f"- **{error['code']}**{place}: {error['message']}")
    return ("\n".join(lines) + "\n").encode()


def _yaml(value: object) -> str:
    """Return a value as JSON, with the characters escaped that YAML forbids or takes for the end of a line."""
    return _ESCAPED_IN_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(value, ensure_ascii=False))
