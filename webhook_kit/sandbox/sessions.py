"""Sessions: creation, identity, levels, and what the SDK adds to them (``gett-protocol.md §6``)."""

from __future__ import annotations

import re
from datetime import timedelta

import pydantic
from flask import Blueprint, Response, g, request

from webhook_kit.gett.models.order import ValidationError
from webhook_kit.gett.models.payment import AddressInput
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.models.session import (
    FulfillmentContextDto,
    HoistSessionRequest,
    SessionCreateRequest,
    SessionCreateResponse,
    SessionErrorCode,
    SessionMeResponse,
    SessionMeUser,
    SetFulfillmentContextRequest,
    UpdateProfileRequest,
)
from webhook_kit.gett.problems import Problem
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.geocoding import save_address
from webhook_kit.sandbox.http import body_errors, json_response, make_blueprint, parse_body
from webhook_kit.sandbox.state import SessionRecord, UserRecord
from webhook_kit.sandbox.tokens import create_token, unverified_claims

__all__ = ["blueprint", "current_session", "current_user"]

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"\+[1-9]\d{6,14}")  # E.164


def blueprint(context: SandboxContext) -> Blueprint:
    """The calls about sessions. Only the first two paths are the protocol's own; the rest is [D]."""
    calls = _Sessions(context)
    return make_blueprint(
        "sessions",
        "/v1/marketplace/session",
        {
            "POST /create": calls.create_session,
            "GET /me": calls.session_me,
            "POST /hoist": calls.hoist_session,
            "PUT /fulfillment-context": calls.set_fulfillment_context,
            "PATCH /profile": calls.update_profile,
        },
    )


def current_session() -> SessionRecord:
    """The session that the running call is made in.

    :raises Problem: 401 when it is made with the partner's key alone.
    """
    session: SessionRecord | None = g.session
    if session is None:
        raise Problem(SessionErrorCode.SESSION_INVALID, "this call needs a session's token, not the API key")
    return session


def current_user(context: SandboxContext) -> UserRecord:
    """The consumer behind the running call.

    :raises Problem: 401 ``SESSION_USER_REQUIRED``.
    """
    session: SessionRecord | None = g.session
    if session is None or session.user_id is None:
        raise Problem(
            ErrorCode.SESSION_USER_REQUIRED,
            "This endpoint requires a session minted with an email. Create one via POST /v1/marketplace/session/create.",
        )
    return context.state.users[session.user_id]


class _Sessions:
    def __init__(self, context: SandboxContext) -> None:
        self._context = context

    def create_session(self) -> Response:
        wanted = _wanted()
        given = [bool(part) for part in (wanted.email, wanted.first_name, wanted.last_name)]
        if any(given) and not all(given):
            raise Problem(ErrorCode.LEVEL_1_INCOMPLETE, "email, firstName and lastName come all or none")
        if wanted.email and not _EMAIL.fullmatch(wanted.email):
            raise Problem(SessionErrorCode.INVALID_EMAIL, "the email address is not valid")
        if wanted.phone:
            _check_phone(wanted.phone)
        context = self._context
        with context.lock:
            user = self._user(wanted) if wanted.email else None
            session = SessionRecord(
                session_id=context.random.uuid("session"),
                partner_user_id=wanted.partner_user_id or f"gen_{context.random.uuid('partner user')}",
                expires_at=context.clock.now() + timedelta(days=context.options.session_days),
                user_id=user.user_id if user else None,
            )
            context.state.sessions[session.session_id] = session
            created = SessionCreateResponse(
                token=create_token(context, session),
                expires_at=session.expires_at,
                partner_user_id=session.partner_user_id,
                session_id=session.session_id,
                is_anonymous=user is None,
                level=min(2, user.level()) if user else 0,
            )
        return json_response(created)

    def session_me(self) -> Response:
        with self._context.lock:
            return json_response(self._me(current_session()))

    def hoist_session(self) -> Response:
        """[D] What Google would vouch for is believed here as it stands; the answer is the session as it is then."""
        claims = unverified_claims(parse_body(HoistSessionRequest).google_id_token)
        names = {"email": "email", "first_name": "given_name", "last_name": "family_name"}
        given = {name: claims.get(claim) for name, claim in names.items()}
        if not all(isinstance(value, str) and value for value in given.values()):
            raise Problem(ErrorCode.INVALID_REQUEST, f"googleIdToken must carry {', '.join(names.values())}")
        with self._context.lock:
            session = current_session()
            session.user_id = self._user(SessionCreateRequest.model_validate(given)).user_id
            return json_response(self._me(session))

    def set_fulfillment_context(self) -> Response:
        wanted = parse_body(SetFulfillmentContextRequest)
        with self._context.lock:
            session = current_session()
            if wanted.address_id is not None:
                user = current_user(self._context)
                if wanted.address_id not in user.addresses:
                    raise Problem(ErrorCode.NOT_FOUND, "the user has no such address")
                user.last_user_address_id = wanted.address_id
            session.fulfillment = FulfillmentContextDto(mode=wanted.mode, address_id=wanted.address_id)
            return json_response(session.fulfillment)

    def update_profile(self) -> Response:
        wanted = parse_body(UpdateProfileRequest)
        _check_phone(wanted.phone)
        with self._context.lock:
            current_user(self._context).phone = wanted.phone
            return json_response(self._me(current_session()))

    def _user(self, wanted: SessionCreateRequest) -> UserRecord:
        """The one user with this email address, with what is new about him."""
        email = str(wanted.email)
        users = self._context.state.users
        user = next((one for one in users.values() if one.email.casefold() == email.casefold()), None)
        names = {"first_name": str(wanted.first_name), "last_name": str(wanted.last_name)}
        if user is None:
            user = UserRecord(user_id=self._context.random.uuid("user"), email=email, **names)
            users[user.user_id] = user
        user.first_name, user.last_name = names["first_name"], names["last_name"]
        user.phone = wanted.phone or user.phone
        if wanted.address is not None:
            given = wanted.address.to_wire()
            user.last_user_address_id = save_address(user, AddressInput.model_validate(given))
        return user

    def _me(self, session: SessionRecord) -> SessionMeResponse:
        me = SessionMeResponse(
            expires_at=session.expires_at,
            session_id=session.session_id,
            is_anonymous=session.user_id is None,
            level=0,
            level_missing=["address", "phone", "payment"],
            fulfillment_context=None,
            user=None,
        )
        if session.user_id is None:
            return me
        user = self._context.state.users[session.user_id]
        shown = SessionMeUser(
            user_id=user.user_id,
            email=user.email,
            first_name=user.first_name,
            last_name=user.last_name,
            phone=user.phone,
            last_payment_id=user.last_payment_id,
            last_user_address_id=user.last_user_address_id,
        )
        more = {"level": user.level(), "level_missing": user.missing(), "user": shown}
        return me.model_copy(update={**more, "fulfillment_context": session.fulfillment})


def _wanted() -> SessionCreateRequest:
    """The body of a creation; nothing at all is one, too."""
    raw = request.get_data() or b"{}"
    try:
        return SessionCreateRequest.from_json(raw)
    except pydantic.ValidationError as failure:
        mistakes = body_errors(failure)
    if all((mistake.json_path or "").startswith("$.address") for mistake in mistakes):
        raise Problem(SessionErrorCode.INVALID_ADDRESS, "the address is not valid", errors=mistakes)
    raise Problem(ErrorCode.VALIDATION_FAILED, "the body is not valid", errors=mistakes)


def _check_phone(phone: str) -> None:
    if not _PHONE.fullmatch(phone):
        error = ValidationError(code=SessionErrorCode.INVALID_PHONE, message="not E.164", json_path="$.phone")
        raise Problem(SessionErrorCode.INVALID_PHONE, "the phone number must be E.164: +15551234567", errors=[error])
