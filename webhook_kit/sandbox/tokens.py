"""Session tokens: JSON Web Tokens signed by this Gett, and how the caller of a marketplace call is known by one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from flask import request

from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.models.session import SessionErrorCode
from webhook_kit.gett.problems import Problem
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.state import SessionRecord

__all__ = ["authenticate_session", "create_token", "unverified_claims"]

_HEADER = {"alg": "HS256", "typ": "JWT"}


def create_token(context: SandboxContext, session: SessionRecord) -> str:
    """The token of a session; ``jti`` is the session's id, ``Id`` the user's."""
    claims: dict[str, Any] = {
        "jti": session.session_id,
        "sub": session.partner_user_id,
        "exp": int(session.expires_at.timestamp()),
    }
    if session.user_id is not None:
        claims["Id"] = session.user_id
    signed = f"{_part(_HEADER)}.{_part(claims)}"
    return f"{signed}.{_signature(context, signed)}"


def authenticate_session(context: SandboxContext) -> SessionRecord:
    """The session whose token the running call carries.

    :raises Problem: 401 ``UNAUTHENTICATED`` without one, else the session errors of ``gett-protocol.md §5``.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem(ErrorCode.UNAUTHENTICATED, "send Authorization: Bearer <a session's token, or the API key>")
    signed, _, signature = token.rpartition(".")
    if not hmac.compare_digest(signature.encode(errors="replace"), _signature(context, signed).encode()):
        raise Problem(SessionErrorCode.SESSION_INVALID, "the session token is malformed or revoked")
    with context.lock:
        session = context.state.sessions.get(str(unverified_claims(token).get("jti")))
        if session is None:
            raise Problem(SessionErrorCode.SESSION_NOT_FOUND, "the session does not exist: create a new one")
        if session.expires_at <= context.clock.now():
            raise Problem(SessionErrorCode.SESSION_EXPIRED, "the session token has expired: create a new session")
        return session


def unverified_claims(token: str) -> dict[str, Any]:
    """What a token says, unproven; nothing when it is none."""
    try:
        middle = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except (IndexError, ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _part(data: dict[str, Any]) -> str:
    return _text(json.dumps(data, separators=(",", ":")).encode())


def _signature(context: SandboxContext, signed: str) -> str:
    key = context.random.fixed("session tokens")
    return _text(hmac.new(key, signed.encode(errors="replace"), hashlib.sha256).digest())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
