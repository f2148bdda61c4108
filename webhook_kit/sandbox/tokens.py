"""Session tokens: JSON Web Tokens that this sandbox signs, and the session that a call's token belongs to."""

from __future__ import annotations

from typing import Any

import jwt
from flask import request

from webhook_kit.gett.models.order import ValidationError
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.models.session import SessionErrorCode
from webhook_kit.gett.problems import Problem
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.state import SessionRecord

__all__ = ["authenticate_session", "create_token", "google_identity"]

_ALGORITHM = "HS256"
_GOOGLE_NAMES = {"email": "email", "first_name": "given_name", "last_name": "family_name"}
# Older versions of PyJWT let the JSON parser's error for deep nesting through.
_INVALID = (jwt.InvalidTokenError, RecursionError)


def create_token(context: SandboxContext, session: SessionRecord) -> str:
    """Return the token of a session; ``jti`` is the session's id, ``Id`` the user's."""
    claims: dict[str, Any] = {
        "jti": session.session_id,
        "sub": session.partner_user_id,
        "exp": int(session.expires_at.timestamp()),
    }
    if session.user_id is not None:
        claims["Id"] = session.user_id
    return jwt.encode(claims, _key(context), _ALGORITHM)


def authenticate_session(context: SandboxContext) -> SessionRecord:
    """Return the session whose token the current call carries.

    :raises Problem: 401 ``UNAUTHENTICATED`` without a token, else the session errors of ``gett-protocol.md §5``.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem(ErrorCode.UNAUTHENTICATED, "send Authorization: Bearer <a session's token, or the API key>")
    try:
        # The session expires by the sandbox's clock, which is compared below.
        claims = jwt.decode(token, _key(context), [_ALGORITHM], {"verify_exp": False})
    except _INVALID as error:
        raise Problem(SessionErrorCode.SESSION_INVALID, "the session token is malformed or revoked") from error
    with context.lock:
        session = context.state.sessions.get(claims["jti"])
        if session is None:
            raise Problem(SessionErrorCode.SESSION_NOT_FOUND, "the session does not exist; create a new one")
        if session.expires_at <= context.clock.now():
            raise Problem(SessionErrorCode.SESSION_EXPIRED, "the session token has expired; create a new session")
        return session


def google_identity(context: SandboxContext, token: str) -> dict[str, str]:
    """Return ``email``, ``first_name`` and ``last_name`` of a Google ID token. Its signature is not verified [D].

    :raises Problem: 400 if the token is malformed, has expired, is for another audience, or lacks a name.
    """
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except _INVALID:
        raise _invalid_google_token("is not a JSON Web Token") from None
    if not _lies_ahead(claims.get("exp"), context.clock.now().timestamp()):
        raise _invalid_google_token("has expired, or carries no exp")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if not any(one in context.options.google_client_ids for one in audiences):
        raise _invalid_google_token(f"must have an aud among {', '.join(context.options.google_client_ids)}")
    names = {name: claims.get(claim) for name, claim in _GOOGLE_NAMES.items()}
    identity = {name: value for name, value in names.items() if isinstance(value, str) and value.strip()}
    if len(identity) < len(names):
        raise _invalid_google_token(f"must carry {', '.join(_GOOGLE_NAMES.values())}")
    return identity


def _lies_ahead(expiry: Any, now: float) -> bool:
    return isinstance(expiry, int | float) and not isinstance(expiry, bool) and expiry > now


def _invalid_google_token(mistake: str) -> Problem:
    message = f"googleIdToken {mistake}"
    error = ValidationError(code=ErrorCode.INVALID_REQUEST, message=message, json_path="$.googleIdToken")
    return Problem(ErrorCode.INVALID_REQUEST, message, errors=[error])


def _key(context: SandboxContext) -> bytes:
    return context.random.fixed("session tokens")
