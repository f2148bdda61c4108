"""Sessions: who is ordering, as far as the distribution partner knows (``gett-protocol.md §6``)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from webhook_kit.gett.models.base import Id, Listed, UtcTime, Wire
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
    """The codes of session errors: lower case, unlike all others (``§5``)."""

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
    """Where the consumer is by default. All but ``address2`` are required."""

    address1: Id = Field(repr=False)
    address2: str | None = Field(default=None, repr=False)
    city: Id = Field(repr=False)
    state: Id = Field(repr=False)
    postal_code: Id = Field(repr=False)


class SessionCreateRequest(Wire):
    """What the partner knows about the consumer; an empty one makes an anonymous session.

    That email, first and last name come all or none is Gett's rule and Gett's answer (``LEVEL_1_INCOMPLETE``); it is not
    enforced here, so that a server built on this model can give that answer. ``phone`` is E.164.
    """

    partner_user_id: str | None = None
    email: str | None = Field(default=None, repr=False)
    first_name: str | None = Field(default=None, repr=False)
    last_name: str | None = Field(default=None, repr=False)
    phone: str | None = Field(default=None, repr=False)
    address: SessionAddress | None = Field(default=None, repr=False)


class SessionCreateResponse(Wire):
    """A fresh session.

    ``level``: 0 anonymous, 1 identified, 2 with address and phone; 3 needs a payment and is never reached at creation.
    ``session_id`` is the token's ``jti``; ``partner_user_id`` is echoed, or minted by the server (``gen_<guid>``).
    """

    token: str = Field(repr=False, min_length=1, max_length=8192)
    expires_at: UtcTime
    partner_user_id: Id
    session_id: Id
    is_anonymous: bool
    level: Annotated[int, Field(ge=0, le=2)]


class FulfillmentContextDto(Wire):
    """How and where the session's order will be handed over. ``mode`` is a fulfillment type."""

    mode: Id
    # [D] Optional: a pickup has no address.
    address_id: str | None = None


class SetFulfillmentContextRequest(Wire):
    """Commit the session to a way of handing over. ``mode`` is a fulfillment type."""

    mode: Id
    # [D] Optional: a pickup has no address.
    address_id: str | None = None


class SessionMeUser(Wire):
    """The consumer behind an identified session, with what was used last."""

    user_id: Id
    email: str = Field(repr=False)
    first_name: str | None = Field(default=None, repr=False)
    last_name: str | None = Field(default=None, repr=False)
    phone: str | None = Field(default=None, repr=False)
    last_payment_id: str | None = Field(default=None, repr=False)
    last_user_address_id: str | None = None


class SessionMeResponse(Wire):
    """The session as it is now: ``level`` 0 to 3, and what the next levels still need.

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
    """Promote an anonymous session by a Google ID token."""

    google_id_token: str = Field(repr=False, min_length=1, max_length=8192)


class UpdateProfileRequest(Wire):
    """Give the session's user a phone number (E.164)."""

    phone: Id = Field(repr=False)
