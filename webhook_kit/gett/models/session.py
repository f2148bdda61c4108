"""Sessions of consumers at a distribution partner (``gett-protocol.md §6``)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from webhook_kit.gett.models.base import Filled, Id, Listed, UtcTime, Wire
from webhook_kit.gett.models.problem import ErrorKind

__all__ = [
    "FulfillmentContextDto",
    "HoistSessionRequest",
    "SessionAddress",
    "SessionCreateRequest",
    "SessionCreateResponse",
    "SessionErrorCode",
    "SessionMeResponse",
    "SessionMeUser",
    "SetFulfillmentContextRequest",
    "UpdateProfileRequest",
]


class SessionErrorCode(StrEnum):
    """Codes of session errors, in lower case, unlike all others (``§5``)."""

    INVALID_API_KEY = "invalid_api_key"
    INVALID_EMAIL = "invalid_email"
    INVALID_PHONE = "invalid_phone"
    INVALID_ADDRESS = "invalid_address"
    RATE_LIMITED = "rate_limited"
    SESSION_EXPIRED = "session_expired"
    SESSION_INVALID = "session_invalid"
    SESSION_NOT_FOUND = "session_not_found"

    @property
    def kind(self) -> ErrorKind:
        """Status, category and retryability of the code."""
        return _KINDS[self]


_AUTHENTICATION = ErrorKind(401, "authentication", retryable=False)
_VALIDATION = ErrorKind(400, "validation", retryable=False)

_KINDS: dict[SessionErrorCode, ErrorKind] = {
    SessionErrorCode.INVALID_API_KEY: _AUTHENTICATION,
    SessionErrorCode.INVALID_EMAIL: _VALIDATION,
    SessionErrorCode.INVALID_PHONE: _VALIDATION,
    SessionErrorCode.INVALID_ADDRESS: _VALIDATION,
    SessionErrorCode.RATE_LIMITED: ErrorKind(429, "rate_limit", retryable=True),
    SessionErrorCode.SESSION_EXPIRED: _AUTHENTICATION,
    SessionErrorCode.SESSION_INVALID: _AUTHENTICATION,
    SessionErrorCode.SESSION_NOT_FOUND: ErrorKind(404, "not_found", retryable=False),
}


class SessionAddress(Wire):
    """Default address of the consumer. All members but ``address2`` are required."""

    address1: Filled = Field(repr=False)
    address2: str | None = Field(default=None, repr=False)
    city: Filled = Field(repr=False)
    state: Filled = Field(repr=False)
    postal_code: Filled = Field(repr=False)


class SessionCreateRequest(Wire):
    """The partner's data about the consumer; without any, the session is anonymous.

    Email, first and last name are all required or all absent. Gett checks this rule (``LEVEL_1_INCOMPLETE``), and the model
    does not, so that a server that uses the model can return that error. ``phone`` is E.164.
    """

    partner_user_id: str | None = None
    email: str | None = Field(default=None, repr=False)
    first_name: str | None = Field(default=None, repr=False)
    last_name: str | None = Field(default=None, repr=False)
    phone: str | None = Field(default=None, repr=False)
    address: SessionAddress | None = Field(default=None, repr=False)


class SessionCreateResponse(Wire):
    """A new session.

    ``level``: 0 anonymous, 1 identified, 2 with address and phone; 3 needs a payment, which no new session has.
    ``session_id`` is the token's ``jti``; ``partner_user_id`` is that of the request, or generated (``gen_<guid>``).
    """

    token: str = Field(repr=False, min_length=1, max_length=8192)
    expires_at: UtcTime
    partner_user_id: Id
    session_id: Id
    is_anonymous: bool
    level: Annotated[int, Field(ge=0, le=2)]


class FulfillmentContextDto(Wire):
    """Fulfillment type (``mode``) and address of the session's order."""

    mode: Id
    # [D] Optional: a pickup has no address.
    address_id: str | None = None


class SetFulfillmentContextRequest(Wire):
    """Fulfillment type (``mode``) and address to set for the session."""

    mode: Id
    # [D] Optional: a pickup has no address.
    address_id: str | None = None


class SessionMeUser(Wire):
    """The consumer of an identified session, with the payment and address used last."""

    user_id: Id
    email: str = Field(repr=False)
    first_name: str | None = Field(default=None, repr=False)
    last_name: str | None = Field(default=None, repr=False)
    phone: str | None = Field(default=None, repr=False)
    last_payment_id: str | None = Field(default=None, repr=False)
    last_user_address_id: str | None = None


class SessionMeResponse(Wire):
    """The current session: ``level`` 0 to 3, and the data missing for the next levels.

    ``fulfillment_context`` and ``user`` are null while the session is anonymous.
    """

    expires_at: UtcTime
    session_id: Id
    is_anonymous: bool
    level: Annotated[int, Field(ge=0, le=3)]
    level_missing: Listed[Literal["address", "phone", "payment"]] = Field(default_factory=list)
    fulfillment_context: FulfillmentContextDto | None = None
    user: SessionMeUser | None = None


class HoistSessionRequest(Wire):
    """A Google ID token that gives an anonymous session its user."""

    google_id_token: str = Field(repr=False, min_length=1, max_length=8192)


class UpdateProfileRequest(Wire):
    """A phone number (E.164) to set for the session's user."""

    phone: Id = Field(repr=False)
