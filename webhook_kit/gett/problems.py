"""Problem documents: what every error that a caller can see looks like (``gett-protocol.md §5``)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

from webhook_kit.gett.models.order import ValidationError
from webhook_kit.gett.models.problem import ERROR_TYPE_BASE, ErrorCode, ProblemDetail

__all__ = ["Problem", "as_markdown", "unavailable"]

_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")

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


class Problem(Exception):
    """A webhook's answer that is an error.

    :ivar final: the same request will always be answered so, and may be replayed.
    :ivar rendered: the document, once it has been recorded for replay.
    """

    def __init__(
        self,
        code: ErrorCode,
        detail: str,
        *,
        status: int | None = None,
        errors: Sequence[ValidationError] = (),
        retry_after: float | None = None,
        retryable: bool | None = None,
        final: bool = False,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.status = status or code.kind.status
        self.errors = list(errors)
        self.retry_after = None if retry_after is None else max(1, math.ceil(retry_after))
        self.retryable = code.kind.retryable if retryable is None else retryable
        self.final = final
        self.rendered: bytes | None = None

    @classmethod
    def refusing(cls, violations: Sequence[ValidationError]) -> Problem:
        """The refusal of a placement: the first violation names the code, all of them are listed.

        A closed store comes before whatever else is wrong, because nothing else can be mended while it is closed.
        """
        first = next((v for v in violations if v.code == ErrorCode.STORE_CLOSED), violations[0])
        code = ErrorCode(first.code) if first.code in set(ErrorCode) else ErrorCode.OTHER
        more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
        # What may be repeated (a failed payment) is no final answer.
        return cls(code, f"{first.message}{more}", errors=violations, final=not code.kind.retryable)

    def document(self, *, instance: str, trace_id: str) -> ProblemDetail:
        """The problem document for one request."""
        return ProblemDetail(
            type=f"{ERROR_TYPE_BASE}{self.code}",
            title=_TITLES.get(self.status, "Error"),
            status=self.status,
            detail=self.detail,
            instance=instance,
            error_code=self.code,
            error_category=self.code.kind.category,
            retryable=self.retryable,
            **({} if self.retry_after is None else {"retry_after": self.retry_after}),
            **({"errors": self.errors} if self.errors else {}),
            request_id=f"req_{uuid4().hex}",
            timestamp=datetime.now(UTC),
            trace_id=trace_id,
        )


def unavailable(detail: str, *, retry_after: float = 30) -> Problem:
    """Not now; the same request may well succeed later."""
    return Problem(ErrorCode.SERVICE_UNAVAILABLE, detail, retry_after=retry_after)


def as_markdown(document: bytes) -> bytes:
    """The same document for ``Accept: text/markdown``: all members as YAML front matter, then the text for people."""
    members = json.loads(document)
    # JSON is YAML: every value is written as JSON, so that no text can break out of its line.
    front = "\n".join(f"{name}: {_yaml(value)}" for name, value in members.items())
    lines = [f"---\n{front}\n---\n", f"# {members['title']}\n", f"{members.get('detail', '')}\n"]
    for error in members.get("errors", []):
        place = f" at `{error['jsonPath']}`" if error.get("jsonPath") else ""
        lines.append(f"- **{error['code']}**{place}: {error['message']}")
    return ("\n".join(lines) + "\n").encode()


def _yaml(value: object) -> str:
    """A value as JSON, with what YAML does not take literally, or takes for the end of a line, escaped as well."""
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
