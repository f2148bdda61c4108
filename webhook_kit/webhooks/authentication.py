"""Authentication of Gett's webhooks by signature and time, or by a static header (``gett-protocol.md §3``)."""

from __future__ import annotations

from werkzeug.wrappers import Request

from webhook_kit.errors import InvalidSignature
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import Problem
from webhook_kit.gett.signing import verify, verify_authorization
from webhook_kit.logs import logger
from webhook_kit.settings import Settings
from webhook_kit.storage.clock import ClockWatch

__all__ = ["verify_webhook"]

log = logger("webhooks")

_clocks = ClockWatch()


def verify_webhook(settings: Settings, request: Request, raw: bytes) -> bool:
    """Verify a request's signature or its Authorization header; either is enough where both are configured.

    :return: True if it was the signature.
    :raises Problem: 401.
    """
    if settings.allow_unsigned_webhooks:
        return False
    secrets = [secret.get_secret_value() for secret in settings.gett_webhook_secrets]
    accepted = [value.get_secret_value() for value in settings.gett_webhook_authorization]
    try:
        if accepted and not secrets:
            verify_authorization(request.headers.get("Authorization"), accepted)
            return False
        if accepted and _is_authorized(request, accepted):
            return False
        verify(raw, request.headers.get("Signature"), request.headers.get("Timestamp"), secrets)
        _clocks.observe("Gett", float(request.headers["Timestamp"]))
    except InvalidSignature as error:
        log.warning("webhook_not_authentic", path=request.path, why=str(error))
        raise Problem(ErrorCode.UNAUTHENTICATED, str(error)) from error
    return True


def _is_authorized(request: Request, accepted: list[str]) -> bool:
    try:
        verify_authorization(request.headers.get("Authorization"), accepted)
    except InvalidSignature:
        return False
    return True
