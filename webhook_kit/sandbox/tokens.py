"""Session tokens: JSON Web Tokens that this sandbox signs, and the session that a call's token belongs to."""

from __future__ import annotations

from typing import Any

import jwt
from flask import request

from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.models.session import SessionErrorCode
from webhook_kit.gett.problems import Problem
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.state import SessionRecord

__all__ = ["authenticate_session", "create_token", "unverified_claims"]

_ALGORITHM = "HS256"
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


def unverified_claims(token: str) -> dict[str, Any]:
    """Return the claims of a token without verifying its signature; empty if it is not a JSON Web Token."""
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except _INVALID:
        return {}
    return claims


def _key(context: SandboxContext) -> bytes:
    return context.random.fixed("session tokens")
