"""Problem documents and the table of error codes (``gett-protocol.md §5``)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from pydantic import field_serializer

from webhook_kit.gett.models.base import UtcTime, Wire
from webhook_kit.gett.models.order import ValidationError

__all__ = ["ERROR_TYPE_BASE", "ErrorCode", "ErrorKind", "ProblemDetail"]

ERROR_TYPE_BASE = "https://developer.gett-tech.com/errors/"


class ErrorKind(NamedTuple):
    """HTTP status, category and retryability of an error code."""

    status: int
    category: str
    retryable: bool


class ErrorCode(StrEnum):
    """All ``errorCode`` values of the protocol."""

    INVALID_REQUEST = "INVALID_REQUEST"
    CART_EMPTY = "CART_EMPTY"
    CATALOGSET_REQUIRED = "CATALOGSET_REQUIRED"
    MODIFIER_REQUIRED = "MODIFIER_REQUIRED"
    ORDER_BELOW_MINIMUM = "ORDER_BELOW_MINIMUM"
    ORDER_TOTAL_DIFFERENT = "ORDER_TOTAL_DIFFERENT"
    ADDRESS_INVALID = "ADDRESS_INVALID"
    ADDRESS_OUT_OF_RANGE = "ADDRESS_OUT_OF_RANGE"
    MISSING_IDEMPOTENCY_KEY = "MISSING_IDEMPOTENCY_KEY"
    LEVEL_1_INCOMPLETE = "LEVEL_1_INCOMPLETE"
    STORE_CLOSED = "STORE_CLOSED"
    ITEM_UNAVAILABLE = "ITEM_UNAVAILABLE"
    PAYMENT_DECLINED = "PAYMENT_DECLINED"
    PAYMENT_METHOD_INVALID = "PAYMENT_METHOD_INVALID"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    SESSION_USER_REQUIRED = "SESSION_USER_REQUIRED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    STORE_NOT_FOUND = "STORE_NOT_FOUND"
    CATALOGSET_NOT_FOUND = "CATALOGSET_NOT_FOUND"
    CONFLICT = "CONFLICT"
    ORDER_ALREADY_PLACED = "ORDER_ALREADY_PLACED"
    VALIDATION_FAILED = "VALIDATION_FAILED"
    RATE_LIMITED = "RATE_LIMITED"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    BAD_GATEWAY = "BAD_GATEWAY"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    OTHER = "OTHER"

    @property
    def kind(self) -> ErrorKind:
        """Status, category and retryability of the code."""
        return _KINDS[self]


_VALIDATION = ErrorKind(400, "validation", retryable=False)
_AVAILABILITY = ErrorKind(400, "availability", retryable=False)
_NOT_FOUND = ErrorKind(404, "not_found", retryable=False)
_CONFLICT = ErrorKind(409, "conflict", retryable=False)

_KINDS: dict[ErrorCode, ErrorKind] = {
    ErrorCode.INVALID_REQUEST: _VALIDATION,
    ErrorCode.CART_EMPTY: _VALIDATION,
    ErrorCode.CATALOGSET_REQUIRED: _VALIDATION,
    ErrorCode.MODIFIER_REQUIRED: _VALIDATION,
    ErrorCode.ORDER_BELOW_MINIMUM: _VALIDATION,
    ErrorCode.ORDER_TOTAL_DIFFERENT: _VALIDATION,
    ErrorCode.ADDRESS_INVALID: _VALIDATION,
    ErrorCode.ADDRESS_OUT_OF_RANGE: _VALIDATION,
    ErrorCode.MISSING_IDEMPOTENCY_KEY: _VALIDATION,
    ErrorCode.LEVEL_1_INCOMPLETE: _VALIDATION,
    ErrorCode.STORE_CLOSED: _AVAILABILITY,
    ErrorCode.ITEM_UNAVAILABLE: _AVAILABILITY,
    ErrorCode.PAYMENT_DECLINED: ErrorKind(400, "payment", retryable=False),
    ErrorCode.PAYMENT_METHOD_INVALID: ErrorKind(400, "payment", retryable=False),
    ErrorCode.PAYMENT_FAILED: ErrorKind(400, "payment", retryable=True),
    ErrorCode.UNAUTHENTICATED: ErrorKind(401, "authentication", retryable=False),
    ErrorCode.SESSION_USER_REQUIRED: ErrorKind(401, "authentication", retryable=False),
    ErrorCode.FORBIDDEN: ErrorKind(403, "authorization", retryable=False),
    ErrorCode.NOT_FOUND: _NOT_FOUND,
    ErrorCode.STORE_NOT_FOUND: _NOT_FOUND,
    ErrorCode.CATALOGSET_NOT_FOUND: _NOT_FOUND,
    ErrorCode.CONFLICT: _CONFLICT,
    ErrorCode.ORDER_ALREADY_PLACED: _CONFLICT,
    ErrorCode.VALIDATION_FAILED: ErrorKind(422, "validation", retryable=False),
    ErrorCode.RATE_LIMITED: ErrorKind(429, "rate_limit", retryable=True),
    ErrorCode.INTERNAL_ERROR: ErrorKind(500, "server_error", retryable=True),
    ErrorCode.BAD_GATEWAY: ErrorKind(502, "server_error", retryable=True),
    ErrorCode.SERVICE_UNAVAILABLE: ErrorKind(503, "availability", retryable=True),
    # [D] The protocol gives OTHER no status; it is a business refusal like other validation errors.
    ErrorCode.OTHER: _VALIDATION,
}


class ProblemDetail(Wire):
    """An RFC 9457 problem document of Gett's API."""

    type: str
    title: str
    status: int
    detail: str | None = None
    instance: str | None = None
    error_code: str | None = None
    error_category: str | None = None
    retryable: bool | None = None
    retry_after: int | None = None
    errors: list[ValidationError] | None = None
    request_id: str | None = None
    timestamp: UtcTime | None = None
    trace_id: str | None = None

    @field_serializer("timestamp")
    def _in_milliseconds(self, timestamp: datetime | None) -> str | None:
        """Return the time as in the published examples: ``2026-04-27T14:30:00.000Z``."""
        return None if timestamp is None else timestamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")
