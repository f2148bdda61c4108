"""Simulated payments, by the type of an order's payment (``gett-protocol.md §3``).

========================================  ==============================================
``cardToken`` or ``lastFour``             result of the payment [D]
========================================  ==============================================
``tok_declined``, ``0002``                400 ``PAYMENT_DECLINED``
``tok_failed``, ``0119``                  400 ``PAYMENT_FAILED``, which is retryable
``tok_invalid``                           400 ``PAYMENT_METHOD_INVALID``
========================================  ==============================================
"""

from __future__ import annotations

from webhook_kit.gett.models.order import PaymentInfo
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import Problem
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.sessions import current_user

__all__ = ["charge"]

_FAILURES = {
    "tok_declined": ErrorCode.PAYMENT_DECLINED,
    "0002": ErrorCode.PAYMENT_DECLINED,
    "tok_failed": ErrorCode.PAYMENT_FAILED,
    "0119": ErrorCode.PAYMENT_FAILED,
    "tok_invalid": ErrorCode.PAYMENT_METHOD_INVALID,
}


def charge(context: SandboxContext, payment: PaymentInfo | None) -> None:
    """Simulate a payment.

    :raises Problem: 400 with a payment code; 401 for a saved card without a user.
    """
    if payment is None:
        raise Problem(ErrorCode.PAYMENT_METHOD_INVALID, "an order needs a payment")
    card = payment.card_token
    if payment.type == "savedCard":
        user = current_user(context)
        saved = user.payments.get(payment.payment_id or "")
        if saved is None:
            raise Problem(ErrorCode.PAYMENT_METHOD_INVALID, "the user has no such card")
        user.last_payment_id = saved.payment_id
        card = saved.last_four
    code = _FAILURES.get(card or "") if payment.type != "gettPayment" else None
    if code is not None:
        raise Problem(code, "this test card always fails")
