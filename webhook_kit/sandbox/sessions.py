"""Sessions: creation, identity, levels, fulfillment context and profile (``gett-protocol.md §6``)."""

from __future__ import annotations

import re
from datetime import timedelta

import pydantic
from flask import Blueprint, Response, g

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
from webhook_kit.sandbox.fulfillment import fulfillment_kind
from webhook_kit.sandbox.geocoding import save_address
from webhook_kit.sandbox.http import body_errors, json_response, make_blueprint, parse_body, read_body
from webhook_kit.sandbox.problems import invalid
from webhook_kit.sandbox.state import SessionRecord, UserRecord
from webhook_kit.sandbox.tokens import create_token, google_identity

__all__ = ["blueprint", "current_session", "current_user"]

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"\+[1-9]\d{6,14}")  # E.164


def blueprint(context: SandboxContext) -> Blueprint:
    """Return the calls about sessions. The protocol defines the first two paths only; the others are [D]."""
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
    """Return the session of the current call.

    :raises Problem: 401 if the call carries the partner's key instead of a session's token.
    """
    session: SessionRecord | None = g.session
    if session is None:
        raise Problem(SessionErrorCode.SESSION_INVALID, "this call needs a session's token, not the API key")
    return session


def current_user(context: SandboxContext) -> UserRecord:
    """Return the user of the current call's session.

    :raises Problem: 401 ``SESSION_USER_REQUIRED``.
    """
    session: SessionRecord | None = g.session
    if session is None or session.user_id is None:
        raise Problem(
            ErrorCode.SESSION_USER_REQUIRED,
            # as published
            "This endpoint requires a session JWT minted with an email. "
            "Create one via POST /v1/marketplace/session/create.",
        )
    return context.state.users[session.user_id]


class _Sessions:
    def __init__(self, context: SandboxContext) -> None:
        self._context = context

    def create_session(self) -> Response:
        body = _parse_session_body()
        present = [bool(part and part.strip()) for part in (body.email, body.first_name, body.last_name)]
        if any(present) and not all(present):
            raise Problem(ErrorCode.LEVEL_1_INCOMPLETE, "send all of email, firstName and lastName, or none of them")
        if all(present) and not _EMAIL.fullmatch(body.email or ""):
            error = ValidationError(code=SessionErrorCode.INVALID_EMAIL, message="not valid", json_path="$.email")
            raise Problem(SessionErrorCode.INVALID_EMAIL, "the email address is not valid", errors=[error])
        if body.phone:
            _check_phone(body.phone)
        context = self._context
        with context.lock:
            user = self._find_or_create_user(body) if all(present) else None
            session = SessionRecord(
                session_id=context.random.uuid("session"),
                partner_user_id=body.partner_user_id or f"gen_{context.random.uuid('partner user')}",
                expires_at=context.clock.now() + timedelta(days=context.options.session_days),
                user_id=user.user_id if user else None,
                phone=body.phone,
                address=body.address,
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
        """Give an anonymous session its user. The signature of the Google token is not verified [D]."""
        identity = google_identity(self._context, parse_body(HoistSessionRequest).google_id_token)
        with self._context.lock:
            session = current_session()
            known = {"phone": session.phone, "address": session.address}
            user = self._find_or_create_user(SessionCreateRequest(**identity, **known))
            if session.user_id not in (None, user.user_id):
                session.fulfillment = None  # its address belongs to the other user
            session.user_id = user.user_id
            return json_response(self._me(session))

    def set_fulfillment_context(self) -> Response:
        body = parse_body(SetFulfillmentContextRequest)
        _check_fulfillment(body)
        with self._context.lock:
            session = current_session()
            if body.address_id is not None:
                user = current_user(self._context)
                if body.address_id not in user.addresses:
                    raise Problem(ErrorCode.NOT_FOUND, "the user has no such address")
                user.last_user_address_id = body.address_id
            session.fulfillment = FulfillmentContextDto(mode=body.mode, address_id=body.address_id)
            return json_response(session.fulfillment)

    def update_profile(self) -> Response:
        body = parse_body(UpdateProfileRequest)
        _check_phone(body.phone)
        with self._context.lock:
            current_user(self._context).phone = body.phone
            return json_response(self._me(current_session()))

    def _find_or_create_user(self, body: SessionCreateRequest) -> UserRecord:
        """Return the user with this email address, created or updated."""
        email = str(body.email)
        users = self._context.state.users
        user = next((one for one in users.values() if one.email.casefold() == email.casefold()), None)
        names = {"first_name": str(body.first_name), "last_name": str(body.last_name)}
        if user is None:
            user = UserRecord(user_id=self._context.random.uuid("user"), email=email, **names)
            users[user.user_id] = user
        user.first_name, user.last_name = names["first_name"], names["last_name"]
        user.phone = body.phone or user.phone
        if body.address is not None:
            address = AddressInput.model_validate(body.address.to_wire())
            save_address(user, address)
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
        members = {"level": user.level(), "level_missing": user.missing(), "user": shown}
        return me.model_copy(update={**members, "fulfillment_context": session.fulfillment})


def _parse_session_body() -> SessionCreateRequest:
    """Return the body of a session creation; an empty one is valid."""
    raw = read_body() or b"{}"
    try:
        return SessionCreateRequest.from_json(raw)
    except pydantic.ValidationError as error:
        errors = body_errors(error)
    if all((one.json_path or "").startswith("$.address") for one in errors):
        raise Problem(SessionErrorCode.INVALID_ADDRESS, "the address is not valid", errors=errors)
    raise Problem(ErrorCode.VALIDATION_FAILED, "the body is not valid", errors=errors)


def _check_fulfillment(body: SetFulfillmentContextRequest) -> None:
    kind = fulfillment_kind(body.mode)
    if kind is None:
        raise invalid("$.mode", f"“{body.mode}” is not a fulfillment mode; send DeliveryByMerchant or Pickup")
    if kind == "delivery" and body.address_id is None:
        raise invalid("$.addressId", "a delivery needs the id of one of the user's addresses")


def _check_phone(phone: str) -> None:
    if not _PHONE.fullmatch(phone):
        error = ValidationError(code=SessionErrorCode.INVALID_PHONE, message="not E.164", json_path="$.phone")
        raise Problem(SessionErrorCode.INVALID_PHONE, "the phone number must be E.164: +15551234567", errors=[error])
